//! What `up` takes instead of work: a snapshot of the stack, a baked node image.

use super::Keeping;
use super::session::{Session, before_the_first_step};
use crate::failure::Failure;
use crate::observe::{self, Kept};
use crate::plan::{self, ClusterFact, Observed, Plan, Restore};
use crate::snapshot::Baked;
use crate::stack::{ImageRef, Stack};
use crate::state::Target;

/// Whether the cluster is made from a snapshot.
#[derive(Default)]
pub(super) struct Restoring {
    /// How, where it is.
    pub plan: Option<Plan>,
    /// Why one that is there is not used.
    pub note: Option<String>,
}

/// Whether the cluster is yet to be made, by us and with this engine.
fn to_be_made(session: &Session) -> bool {
    matches!(session.record.target, Target::Kind { .. }) && matches!(session.sight.fact, ClusterFact::Absent | ClusterFact::HalfMade)
}

/// Decides whether the cluster is made from a snapshot.
///
/// # Errors
/// When the engine does not answer, and where a snapshot is asked for and none fits.
pub(super) async fn restore(session: &Session, stack: &Stack, keeping: Keeping) -> Result<Restoring, Failure> {
    let name = session.folder.name();
    let asked = keeping == Keeping::Snapshot;
    if keeping == Keeping::Nothing || !to_be_made(session) {
        if asked {
            return Err(Failure::preflight(format!("`{name}` is there already: nothing is restored over it"))
                .hint(format!("`tstack down --name {name}` removes it; its snapshots stay.")));
        }
        return Ok(Restoring::default());
    }
    let Some(engine) = &session.engine else { return Ok(Restoring::default()) };
    let wanted = observe::wanted_snapshot(stack, name);
    match observe::saved(engine, &wanted).await.map_err(before_the_first_step)? {
        Kept::Fits => {
            let replace = session.sight.fact == ClusterFact::HalfMade;
            let ports = stack.cluster.ports.clone();
            plan::restore(Restore { snapshot: wanted.name(), ports, replace }).map(|plan| Restoring { plan: Some(plan), note: None })
        }
        Kept::None if asked => Err(Failure::preflight(format!("there is no snapshot of `{name}` as the stack is now"))
            .why("a snapshot is of one name, stack, node image and set of images")
            .hint("`tstack snapshot list` shows those that are there; `tstack up`, then `tstack snapshot save` makes one.")),
        Kept::Unfit(why) if asked => Err(Failure::preflight(format!("the snapshot of `{name}` does not fit any more")).why(why)),
        Kept::None => Ok(Restoring::default()),
        Kept::Unfit(why) => Ok(Restoring { plan: None, note: Some(format!("The snapshot of `{name}` is not used: {why}.")) }),
    }
}

/// Takes the baked node image of a stack for its cluster, where the cluster is yet to be made and there is one.
///
/// # Errors
/// When the engine does not answer.
pub(super) async fn use_baked(session: &Session, stack: &Stack, observed: &mut Observed) -> Result<(), Failure> {
    let (Some(engine), true) = (&session.engine, to_be_made(session)) else { return Ok(()) };
    let wanted = Baked::of(stack);
    if observe::baked(engine, &wanted).await.map_err(before_the_first_step)? == Kept::Fits {
        observed.baked = ImageRef::parse(&wanted.name()).ok();
        observed.node_images = wanted.images().cloned().collect();
    }
    Ok(())
}
