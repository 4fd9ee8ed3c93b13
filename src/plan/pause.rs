//! The plan of `pause`; that of `resume` is the one that starts a cluster.

use std::time::Duration;

use super::{Action, ClusterFact, Plan, Step};
use crate::failure::Failure;

/// A node that is stopped is given its time to end by itself.
const STOP: Duration = Duration::from_mins(2);

/// Decides what `pause` does: nothing where the cluster rests already in the way that is asked for.
///
/// # Errors
/// Never; a defect of ours is reported as such.
pub fn pause(cluster: &ClusterFact, release_memory: bool) -> Result<Plan, Failure> {
    let rests = match cluster {
        ClusterFact::Stopped => true,
        ClusterFact::Paused => !release_memory,
        ClusterFact::Absent | ClusterFact::HalfMade | ClusterFact::Silent | ClusterFact::Running | ClusterFact::Named => false,
    };
    let title = if release_memory { "stop the cluster" } else { "pause the cluster" };
    let step = Step::new("cluster", title, Action::PauseCluster { release_memory }).because("asked for").within(STOP);
    Plan::new(if rests { vec![] } else { vec![step] }).map_err(|e| Failure::internal("the plan is not sound").because(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_rests_as_asked_is_left_alone() {
        let text = |fact, release| pause(&fact, release).unwrap().text();
        assert_eq!(text(ClusterFact::Running, false), "  1. pause the cluster  (asked for)\n");
        assert_eq!(text(ClusterFact::Paused, false), "");
        assert_eq!(text(ClusterFact::Paused, true), "  1. stop the cluster  (asked for)\n");
        assert_eq!(text(ClusterFact::Stopped, true), "");
        assert_eq!(text(ClusterFact::Stopped, false), "", "what is stopped uses even less");
    }
}
