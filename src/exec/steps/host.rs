//! Without a cluster: programs of others, and the supervisor that runs them.

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::host::{Metrics, Wanted};
use crate::stack::{Exposure, ImageBuild};
use crate::supervise::Client;
use crate::world::{files, programs};

pub(super) async fn obtain(context: &Context, wanted: &Wanted, signals: &Signals) -> Result<(), Failure> {
    let wanted = crate::observe::wanted(wanted)?;
    let obtained = programs::obtain(&wanted, &context.engines.places, &signals.cancel, &|text| signals.waiting(text)).await?;
    // a mirror with another digest than the pinned one is passed over, and not in silence
    for passed_over in &obtained.passed_over {
        signals.note(format!("passed over: {passed_over}"));
    }
    signals.note(format!("it comes from {}", obtained.source));
    Ok(())
}

pub(super) async fn start(context: &Context, wanted: &[Wanted], exposures: Vec<Exposure>, metrics: Option<Metrics>) -> Result<(), Failure> {
    let stack = context.stack.as_ref().ok_or_else(|| Failure::internal("the plan starts a supervisor without a stack"))?;
    let spec = crate::observe::host_spec(stack, wanted, (exposures, metrics), &context.engines.places, &context.folder).await?;
    Client::start(&context.folder.path(), &spec, &context.engines.program).await.map(drop)
}

pub(super) async fn stop(context: &Context) -> Result<(), Failure> {
    Client::stop(&context.folder.path()).await.map(drop)
}

/// Writes the program of an image that the stack makes itself to where its processes find it.
pub(super) fn unpack(context: &Context, build: &ImageBuild) -> Result<(), Failure> {
    files::write_program(&context.folder.image_program(build.image.tag.as_deref().unwrap_or_default(), &build.program), &build.binary)
}
