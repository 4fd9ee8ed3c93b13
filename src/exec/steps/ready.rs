//! Waits until what was applied does what it is for.

use tokio::time::Instant;

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::platform::Platform;
use crate::ready;
use crate::stack::{Component, ComponentKind, ObjectId};
use crate::world::kube::Verdict;

pub(super) async fn wait(context: &Context, component: &str, deadline: Instant, signals: &Signals) -> Result<(), Failure> {
    let platform = context.platform().await?;
    let ids = objects_of(platform, context.component(component)?).await?;
    let tell = |reason| signals.waiting(reason);
    tokio::select! {
        result = platform.await_ready(&ids, judge, deadline, &tell) => result,
        () = signals.cancel.cancelled() => Err(Failure::new(crate::failure::FailureKind::Cancelled, format!("{component}: cancelled"))),
    }
}

/// The objects that make a component: of a chart, those in its manifest.
///
/// # Errors
/// When the API server does not answer, or a release is gone.
async fn objects_of(platform: &Platform, component: &Component) -> Result<Vec<ObjectId>, Failure> {
    match &component.kind {
        ComponentKind::Helm(chart) => {
            let release = platform.cluster()?.release(&chart.namespace, &chart.release).await?;
            let release = release.ok_or_else(|| Failure::step(format!("release {} is no longer in {}", chart.release, chart.namespace)))?;
            Ok(release.manifest)
        }
        kind => Ok(kind.object_ids()),
    }
}

/// The judgement of an object in the words of the API server's room.
#[must_use]
pub fn judge(object: &serde_json::Value) -> Verdict {
    match ready::judge(object) {
        ready::Readiness::Ready => Verdict::Ready,
        ready::Readiness::Waiting(reason) => Verdict::Waiting(reason),
        ready::Readiness::Failed(reason) => Verdict::Failed(reason),
    }
}
