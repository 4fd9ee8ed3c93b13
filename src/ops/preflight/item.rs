//! One thing that was looked at: how it is, why it counts, and what to do.

use serde::Serialize;

use crate::failure::Failure;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The program kind.
    Kind,
    /// The program helm.
    Helm,
    /// Ports of 127.0.0.1.
    Ports,
    /// The version of the container engine.
    Engine,
    /// Processors that the engine may use.
    Processors,
    /// Memory that the engine may use.
    Memory,
    /// Free disk where the engine keeps its data.
    EngineDisk,
    /// Files that can still be made there.
    EngineInodes,
    /// Free disk where tstack keeps its state.
    StateDisk,
    /// Files that can still be made there.
    StateInodes,
    /// The kernel's limits of watched files.
    Inotify,
    /// The version of control groups.
    Cgroup,
    /// The clocks of this machine and of the engine.
    Clock,
    /// Proxies of the environment.
    Proxy,
    /// The path of the state folder.
    StatePath,
    /// Mirrors of registries.
    Mirror,
}

impl Subject {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 16] = [
        Self::Kind,
        Self::Helm,
        Self::Ports,
        Self::Engine,
        Self::Processors,
        Self::Memory,
        Self::EngineDisk,
        Self::EngineInodes,
        Self::StateDisk,
        Self::StateInodes,
        Self::Inotify,
        Self::Cgroup,
        Self::Clock,
        Self::Proxy,
        Self::StatePath,
        Self::Mirror,
    ];

    /// What it is called: `engine disk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Helm => "helm",
            Self::Ports => "ports",
            Self::Engine => "engine",
            Self::Processors => "processors",
            Self::Memory => "memory",
            Self::EngineDisk => "engine disk",
            Self::EngineInodes => "engine inodes",
            Self::StateDisk => "state disk",
            Self::StateInodes => "state inodes",
            Self::Inotify => "inotify",
            Self::Cgroup => "control groups",
            Self::Clock => "clock",
            Self::Proxy => "proxy",
            Self::StatePath => "state path",
            Self::Mirror => "mirrors",
        }
    }

    /// Why it counts, as the end of a sentence.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Kind => "kind makes the cluster",
            Self::Helm => "helm installs the charts of a stack",
            Self::Ports => "a stack is reached on ports of 127.0.0.1, and two programs cannot have the same",
            Self::Engine => "the cluster's node is a container of the engine",
            Self::Processors => "with fewer than a stack asks for, its pods are never placed on the node",
            Self::Memory => "with less than a stack asks for, the kernel ends its programs",
            Self::EngineDisk => "images and the cluster's data lie there, and a node whose disk is full ends its pods",
            Self::EngineInodes => "an image is tens of thousands of files, and a file system without inodes is full with space left",
            Self::StateDisk => "the record of what was made must be written before anything is made",
            Self::StateInodes => "a file system without inodes is full with space left",
            Self::Inotify => {
                "each program of a node that watches files takes of these limits, and ends with `too many open files` past them"
            }
            Self::Cgroup => "the kubelet of Kubernetes 1.35 and later refuses control groups v1 unless it is told otherwise",
            Self::Clock => "a certificate that is made on one clock must be valid on the other",
            Self::Proxy => "a program that sends requests for localhost to a proxy never reaches the stack",
            Self::StatePath => "the forwarder and the supervisor answer on a socket in the state folder, whose path may have 103 bytes",
            Self::Mirror => "images and charts are pulled from there",
        }
    }
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As needed.
    Ok,
    /// It cannot be told here, and nothing is concluded from that.
    Unknown,
    /// It may go wrong; told as a note.
    Warning,
    /// It cannot go well; nothing is begun.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What.
    pub subject: Subject,
    /// How it is.
    pub state: State,
    /// What was seen, one sentence without a full stop.
    pub what: String,
    /// The evidence, where there is more to say than why such a thing counts at all ([`Subject::meaning`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// What the person can do, each a whole imperative sentence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Item {
    fn new(subject: Subject, state: State, what: impl Into<String>) -> Self {
        Self { subject, state, what: what.into(), why: Vec::new(), hints: Vec::new() }
    }

    /// As needed.
    pub(super) fn ok(subject: Subject, what: impl Into<String>) -> Self {
        Self::new(subject, State::Ok, what)
    }

    /// It cannot be told here.
    pub(super) fn unknown(subject: Subject, what: impl Into<String>) -> Self {
        Self::new(subject, State::Unknown, what)
    }

    /// It may go wrong.
    pub(super) fn warning(subject: Subject, what: impl Into<String>) -> Self {
        Self::new(subject, State::Warning, what)
    }

    /// It cannot go well.
    pub(super) fn error(subject: Subject, what: impl Into<String>) -> Self {
        Self::new(subject, State::Error, what)
    }

    /// It cannot go well, in the words of who looked.
    pub(super) fn failed(subject: Subject, failure: Failure) -> Self {
        Self { why: failure.why, hints: failure.hints, ..Self::error(subject, failure.what) }
    }

    /// Adds a piece of evidence.
    pub(super) fn why(mut self, evidence: impl Into<String>) -> Self {
        self.why.push(evidence.into());
        self
    }

    /// Adds a remedy.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What a person is told of it beside a run that goes on.
    fn note(&self) -> String {
        let why = if self.why.is_empty() { self.subject.meaning().to_owned() } else { self.why.join("; ") };
        let hints = self.hints.iter().fold(String::new(), |text, hint| format!("{text} {hint}"));
        format!("{}: {why}.{hints}", self.what)
    }
}

/// The failure that tells every error at once; `None` where there is none.
pub(super) fn failure(items: &[Item]) -> Option<Failure> {
    let errors: Vec<&Item> = items.iter().filter(|item| item.state == State::Error).collect();
    let told = |failure: Failure, item: &Item| {
        item.hints.iter().fold(failure, |told, hint| if told.hints.contains(hint) { told } else { told.hint(hint) })
    };
    match errors.as_slice() {
        [] => None,
        [one] => Some(told(one.why.iter().fold(Failure::preflight(&one.what), Failure::why), one)),
        all => {
            let failure = Failure::preflight(format!("{} things are not as needed; nothing was changed", all.len()));
            Some(all.iter().fold(failure, |failure, item| {
                let evidence: Vec<&str> = std::iter::once(&item.what).chain(&item.why).map(String::as_str).collect();
                told(failure.why(evidence.join("\n")), item)
            }))
        }
    }
}

/// What is told of the warnings, one line each.
pub(super) fn notes(items: &[Item]) -> Vec<String> {
    items.iter().filter(|item| item.state == State::Warning).map(Item::note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_is_documented_with_its_meaning() {
        let page = include_str!("../../../docs/limits.md");
        for subject in Subject::ALL {
            let row = format!("| {} |", subject.name());
            let line = page.lines().find(|line| line.starts_with(&row));
            assert!(
                line.is_some_and(|line| line.contains(subject.meaning())),
                "docs/limits.md has no row for {}: {}",
                subject.name(),
                subject.meaning()
            );
        }
    }

    #[test]
    fn one_error_is_told_as_itself_and_several_at_once() {
        let disk = Item::error(Subject::StateDisk, "the disk is full").hint("Free some.");
        let ports = Item::error(Subject::Ports, "port 1 is taken").why("by init").hint("Free some.");
        let fine = Item::ok(Subject::Kind, "kind is there");
        assert_eq!(failure(std::slice::from_ref(&fine)), None);
        assert_eq!(
            failure(&[fine.clone(), ports.clone()]).unwrap(),
            Failure::preflight("port 1 is taken").why("by init").hint("Free some.")
        );
        let both = failure(&[disk, fine, ports]).unwrap();
        assert_eq!(both.what, "2 things are not as needed; nothing was changed");
        assert_eq!(both.why, ["the disk is full", "port 1 is taken\nby init"]);
        assert_eq!(both.hints, ["Free some."]);
    }

    #[test]
    fn a_warning_is_a_note_with_its_reason_and_remedy_and_stops_nothing() {
        let items =
            [Item::warning(Subject::Cgroup, "the engine has control groups v1").hint("Boot with v2."), Item::unknown(Subject::Clock, "x")];
        assert_eq!(failure(&items), None);
        let reason = Subject::Cgroup.meaning();
        assert_eq!(notes(&items), [format!("the engine has control groups v1: {reason}. Boot with v2.")]);
    }
}
