//! The kernel's limits of watched files, which all nodes of a machine share.

use super::item::{Item, Subject};

/// What the processes of one node with the Task API's stack take, rounded up (docs/limits.md has the counts).
const INSTANCES: u64 = 40;
const WATCHES: u64 = 600;
/// What kind's documentation advises where there are several nodes.
const ADVICE: &str = "fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288";

/// Whether one node more fits beside those that run. The limits are `None` where the engine is not on this machine, or this is not Linux.
///
/// How much of them is taken can be seen by the superuser alone: it is estimated by the number of nodes. So only a limit that is too low for a
/// single node is an error.
pub(super) fn inotify(instances: Option<u64>, watches: Option<u64>, running: usize) -> Item {
    let subject = Subject::Inotify;
    let (Some(instances), Some(watches)) = (instances, watches) else {
        return Item::unknown(subject, "the limits are those of the machine that the engine runs on");
    };
    let seen = format!("fs.inotify.max_user_instances is {instances} and fs.inotify.max_user_watches {watches}");
    let nodes = u64::try_from(running).unwrap_or(u64::MAX).saturating_add(1);
    let enough = |nodes: u64| instances >= INSTANCES.saturating_mul(nodes) && watches >= WATCHES.saturating_mul(nodes);
    if enough(nodes) {
        return Item::ok(subject, seen);
    }
    let item = if enough(1) {
        let others = if running == 1 { "a node runs".to_owned() } else { format!("{running} nodes run") };
        Item::warning(subject, format!("{seen}, and {others} here already"))
    } else {
        Item::error(subject, format!("{seen}, which is too little for one node"))
    };
    item.why(format!("{}; a node takes about {INSTANCES} instances and {WATCHES} watches", subject.meaning()))
        .hint(format!("Raise them: `sudo sysctl {ADVICE}`; the same two in a file of /etc/sysctl.d stay over a restart."))
}

#[cfg(test)]
mod tests {
    use super::super::item::State;
    use super::*;

    #[test]
    fn the_limits_are_held_against_the_nodes_that_run_and_one_more() {
        let state = |instances, watches, running| inotify(Some(instances), Some(watches), running).state;
        assert_eq!(state(512, 524_288, 0), State::Ok);
        assert_eq!(state(128, 524_288, 0), State::Ok);
        assert_eq!(state(128, 524_288, 9), State::Warning);
        assert_eq!(state(512, WATCHES, 3), State::Warning);
        assert_eq!(state(INSTANCES - 1, 524_288, 0), State::Error);
        assert_eq!(state(512, 1, 0), State::Error);
        assert_eq!(inotify(None, Some(1), 0).state, State::Unknown);
    }

    #[test]
    fn what_is_told_names_the_limits_and_the_line_that_raises_them() {
        let item = inotify(Some(128), Some(524_288), 9);
        assert_eq!(item.what, "fs.inotify.max_user_instances is 128 and fs.inotify.max_user_watches 524288, and 9 nodes run here already");
        assert!(item.hints[0].contains("`sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288`"), "{item:?}");
    }
}
