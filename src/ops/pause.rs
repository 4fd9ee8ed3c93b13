//! `pause` and `resume`: a cluster rests and goes on, and keeps what it holds.

use tokio_util::sync::CancellationToken;

use super::drive::{Listener, Told, drive};
use super::session::{Programs, Session, Setup, Wanted};
use crate::failure::Failure;
use crate::plan::{self, ClusterFact};
use crate::state::Target;

/// Freezes the nodes of a cluster of ours, or stops them so that their memory is given back. `None` where they rest already.
///
/// # Errors
/// When there is no such cluster, it is not ours, or it cannot rest. A failed step is in the report, not here.
pub async fn pause(
    setup: &Setup,
    name: &str,
    release_memory: bool,
    mut listener: Listener,
    cancel: &CancellationToken,
) -> Result<Option<Told>, Failure> {
    let session = ours(setup, name, "pause").await?;
    let plan = plan::pause(&session.sight.fact, release_memory)?;
    run("pause", &session, &plan, &mut listener, cancel).await
}

/// Lets a paused or stopped cluster go on. `None` where it runs.
///
/// # Errors
/// As [`pause`].
pub async fn resume(setup: &Setup, name: &str, mut listener: Listener, cancel: &CancellationToken) -> Result<Option<Told>, Failure> {
    let session = ours(setup, name, "resume").await?;
    let plan = plan::start(&session.sight.fact)?;
    run("resume", &session, &plan, &mut listener, cancel).await
}

async fn run(
    verb: &str,
    session: &Session,
    plan: &plan::Plan,
    listener: &mut Listener,
    cancel: &CancellationToken,
) -> Result<Option<Told>, Failure> {
    if plan.is_empty() {
        return Ok(None);
    }
    let context = session.context(None, Programs::default());
    drive(verb, &session.target_name(), plan, context, listener, cancel).await.map(Some)
}

/// A session on a whole kind cluster of ours: no other can rest.
async fn ours(setup: &Setup, name: &str, verb: &str) -> Result<Session, Failure> {
    let session = Session::begin(setup, name, &Wanted::Own, Some(verb)).await?;
    match &session.record.target {
        Target::Host => {
            return Err(Failure::preflight(format!("`{name}` runs as processes on this machine: there is no cluster to {verb}"))
                .hint(format!("`tstack down --name {name}` ends them, and `tstack up --provider host` starts them anew within seconds.")));
        }
        Target::Context { context, .. } => {
            return Err(Failure::preflight(format!("`{name}` runs on the cluster of context `{context}`, which tstack did not make"))
                .hint("Pause it with the program that made it."));
        }
        Target::Kind { .. } => {}
    }
    let mut session = session;
    session.look().await?;
    match session.sight.fact {
        ClusterFact::Absent => {
            Err(Failure::preflight(format!("there is no cluster `{name}` to {verb}")).hint(format!("`tstack up --name {name}` makes it.")))
        }
        ClusterFact::HalfMade => Err(Failure::preflight(format!("the cluster `{name}` is only half made: an earlier run was ended"))
            .hint(format!("`tstack up --name {name}` makes it anew, `tstack down --name {name}` removes it."))),
        _ => Ok(session),
    }
}
