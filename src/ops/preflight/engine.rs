//! The engine: its version, what it may use, its control groups, its clock.

use jiff::SignedDuration;

use super::item::{Item, Subject};
use crate::stack::{Cluster, ImageRef};
use crate::world::engine::Info;
use crate::world::machine;

/// The first version of Kubernetes whose kubelet refuses control groups v1 by default.
const FIRST_WITHOUT_V1: u64 = 35;
/// How far two clocks may be apart before it is told.
const APART: SignedDuration = SignedDuration::from_mins(1);
/// How far they may be apart at all: our certificates are valid from a day before they are made.
const TOO_FAR: SignedDuration = SignedDuration::from_hours(24);

/// Which engine it is. One that is too old was refused when it was connected to.
pub(super) fn version(info: &Info) -> Item {
    if info.podman {
        return Item::warning(Subject::Engine, format!("Podman {} answers as the engine", info.version))
            .why("tstack and its tests are made with Docker; kind calls its support of Podman experimental")
            .hint("Where something fails, try with Docker.");
    }
    Item::ok(Subject::Engine, format!("version {} (API {})", info.version, info.api_version))
}

/// Processors and memory.
pub(super) fn capacity(cluster: &Cluster, info: &Info) -> [Item; 2] {
    let processors = |n: u32| format!("{n} {}", if n == 1 { "processor" } else { "processors" });
    let cpus = match (info.cpus, cluster.min_cpus) {
        (0, _) => Item::unknown(Subject::Processors, "the engine does not say how many it has"),
        (has, needs) if has < needs => {
            Item::error(Subject::Processors, format!("the engine has {}; the stack needs {needs}", processors(has)))
                .hint("Give the engine more, or try with --set cluster.minimum.cpus=1.")
        }
        (has, _) => Item::ok(Subject::Processors, format!("the engine has {}", processors(has))),
    };
    let quantity = machine::quantity;
    let memory = match (info.memory, cluster.min_memory) {
        (0, _) => Item::unknown(Subject::Memory, "the engine does not say how much it has"),
        (has, needs) if has < needs => {
            Item::error(Subject::Memory, format!("the engine has {} of memory; the stack needs {}", quantity(has), quantity(needs)))
                .hint("Give the engine more (Docker Desktop: Settings, Resources).")
        }
        (has, _) => Item::ok(Subject::Memory, format!("the engine has {}", quantity(has))),
    };
    [cpus, memory]
}

/// Whether the kubelet of the node runs on the engine's control groups.
pub(super) fn cgroup(node: &ImageRef, info: &Info) -> Item {
    let subject = Subject::Cgroup;
    let minor = node.tag.as_deref().and_then(|tag| semver::Version::parse(tag.trim_start_matches('v')).ok()).map(|version| version.minor);
    let remedy = |item: Item| {
        item.hint("Choose a node image of Kubernetes 1.34 (--set cluster.image=docker.io/kindest/node:v1.34.4), or boot this machine with control groups v2 (the kernel's argument `systemd.unified_cgroup_hierarchy=1`).")
    };
    match (info.cgroup_version, minor) {
        (1, Some(minor)) if minor >= FIRST_WITHOUT_V1 => remedy(
            Item::warning(subject, format!("the engine has control groups v1, and the node image is of Kubernetes 1.{minor}"))
                .why(format!("{}; tstack tells it to go on (failCgroupV1), and its other programs may still end", subject.meaning())),
        ),
        (1, None) => {
            remedy(Item::warning(subject, format!("the engine has control groups v1, and {node} does not tell its version of Kubernetes")))
        }
        (1, Some(minor)) => Item::ok(subject, format!("v1, on which Kubernetes 1.{minor} runs")),
        (0, _) => Item::unknown(subject, "the engine does not say which version it has"),
        (version, _) => Item::ok(subject, format!("v{version}")),
    }
}

/// Whether the clocks agree. `file` is how far this machine's clock is behind the time of tstack's own file, which was made in the past.
pub(super) fn clock(info: &Info, file: Option<SignedDuration>) -> Item {
    let subject = Subject::Clock;
    if let Some(behind) = file.filter(|behind| *behind > TOO_FAR) {
        return Item::error(subject, format!("this machine's clock is at least {} behind", far(behind)))
            .why("the file of the program tstack itself is from later than now; certificates of others would not be valid yet")
            .hint("Set the clock: `sudo timedatectl set-ntp true`.");
    }
    let Some(ahead) = info.ahead else { return Item::unknown(subject, "the engine does not say what time it has") };
    let distance = ahead.abs();
    if distance <= APART {
        return Item::ok(subject, "the engine's clock agrees with this machine's");
    }
    let words = if ahead.is_positive() { "ahead of" } else { "behind" };
    let what = format!("the engine's clock is {} {words} this machine's", far(distance));
    let item = if distance > TOO_FAR { Item::error(subject, what) } else { Item::warning(subject, what) };
    item.hint(
        "Set both: `sudo timedatectl set-ntp true` here; an engine in a virtual machine takes the time of its host when it is restarted.",
    )
}

/// A stretch of time for people: `3 h`, `90 s`.
fn far(distance: SignedDuration) -> String {
    match distance.as_secs() {
        seconds if seconds >= 2 * 86_400 => format!("{} days", seconds / 86_400),
        seconds if seconds >= 2 * 3_600 => format!("{} h", seconds / 3_600),
        seconds if seconds >= 2 * 60 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::State;
    use super::*;

    fn with_cgroup(version: u8, image: &str) -> Item {
        cgroup(&ImageRef::parse(image).unwrap(), &Info { cgroup_version: version, ..Info::default() })
    }

    #[test]
    fn control_groups_v1_are_told_where_the_kubelet_refuses_them() {
        for (version, image, state) in [
            (2, "kindest/node:v1.36.0", State::Ok),
            (1, "kindest/node:v1.34.4", State::Ok),
            (1, "kindest/node:v1.35.0", State::Warning),
            (1, "kindest/node:mine", State::Warning),
            (0, "kindest/node:v1.35.0", State::Unknown),
        ] {
            assert_eq!(with_cgroup(version, image).state, state, "{version} {image}");
        }
        let item = with_cgroup(1, "kindest/node:v1.35.0");
        assert_eq!(item.what, "the engine has control groups v1, and the node image is of Kubernetes 1.35");
        assert!(item.why[0].contains("failCgroupV1") && item.hints[0].contains("v1.34.4"), "{item:?}");
    }

    fn apart(seconds: i64) -> Item {
        clock(&Info { ahead: Some(SignedDuration::from_secs(seconds)), ..Info::default() }, None)
    }

    #[test]
    fn clocks_that_are_apart_are_told_and_a_day_is_too_much() {
        assert_eq!(apart(0).state, State::Ok);
        assert_eq!(apart(-60).state, State::Ok);
        let some = apart(90);
        assert_eq!((some.state, some.what.as_str()), (State::Warning, "the engine's clock is 90 s ahead of this machine's"));
        assert_eq!(apart(-7200).what, "the engine's clock is 2 h behind this machine's");
        let much = apart(-86_400 * 3);
        assert_eq!((much.state, much.what.as_str()), (State::Error, "the engine's clock is 3 days behind this machine's"));
        assert!(much.hints[0].contains("timedatectl"), "{much:?}");
        assert_eq!(clock(&Info::default(), None).state, State::Unknown);
    }

    #[test]
    fn a_clock_before_the_program_was_made_is_wrong() {
        let item = clock(&Info::default(), Some(SignedDuration::from_hours(24 * 365)));
        assert_eq!((item.state, item.what.as_str()), (State::Error, "this machine's clock is at least 365 days behind"));
    }

    #[test]
    fn what_the_engine_may_use_is_held_against_what_the_stack_needs() {
        let cluster = Cluster { image: ImageRef::parse("a:1").unwrap(), ports: vec![], min_cpus: 4, min_memory: 4 << 30, min_disk: 0 };
        let states = |cpus, memory| capacity(&cluster, &Info { cpus, memory, ..Info::default() }).map(|item| item.state);
        assert_eq!(states(4, 4 << 30), [State::Ok, State::Ok]);
        assert_eq!(states(1, 1 << 30), [State::Error, State::Error]);
        assert_eq!(states(0, 0), [State::Unknown, State::Unknown]);
    }

    #[test]
    fn podman_is_told_as_what_it_is() {
        let item = version(&Info { podman: true, version: "5.4.0".into(), ..Info::default() });
        assert_eq!((item.state, item.what.as_str()), (State::Warning, "Podman 5.4.0 answers as the engine"));
    }
}
