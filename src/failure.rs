//! What a person or a script is told when something does not work.
//!
//! Purpose: one shape for every error that reaches the edge: what failed, on which object, why, and what to do.
//! Reads: nothing. Writes: nothing.
//! Must not: print, exit, or hold a secret (callers redact before they build one).

use serde::{Deserialize, Serialize};

/// Why a run ended badly; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A defect of tstack itself.
    Internal,
    /// The command line or a file that the user wrote is wrong.
    Usage,
    /// The machine is not as needed; nothing was changed.
    Preflight,
    /// A step failed; `up` again resumes.
    Step,
    /// The stack runs, but a check on it failed.
    Check,
    /// There are changes to make (`plan --exit-code`).
    Pending,
    /// Another tstack holds this cluster.
    Held,
    /// The user cancelled.
    Cancelled,
}

impl FailureKind {
    /// The process exit code; the table of DESIGN section 5, which the README repeats.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Preflight => 3,
            Self::Step => 4,
            Self::Check => 5,
            Self::Pending => 6,
            Self::Held => 7,
            Self::Cancelled => 130,
        }
    }
}

/// One failure, ready to be shown to a person or written as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// Decides the exit code.
    pub kind: FailureKind,
    /// What failed, one sentence without a full stop: `Deployment keda/keda-operator did not become ready`.
    pub what: String,
    /// The evidence, most telling first: an event, log lines, a command line and its output. Each may hold several lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// What the person can do, each a whole imperative sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure without evidence or hints yet.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: Vec::new(), hints: Vec::new() }
    }

    /// A defect of ours.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, what)
    }

    /// The machine is not as needed, and nothing was changed.
    pub fn preflight(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Preflight, what)
    }

    /// A step of a plan failed.
    pub fn step(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Step, what)
    }

    /// The command line or a file is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, what)
    }

    /// Adds a piece of evidence.
    #[must_use]
    pub fn why(mut self, evidence: impl Into<String>) -> Self {
        let text = evidence.into();
        if !text.trim().is_empty() {
            self.why.push(text);
        }
        self
    }

    /// Adds the whole chain of causes of `error` as one piece of evidence.
    #[must_use]
    pub fn because(self, error: &dyn std::error::Error) -> Self {
        self.why(chain(error))
    }

    /// Adds a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// The messages of an error and of its sources, joined by `: `, each only once.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let part = source.to_string();
        // many libraries repeat their source's text in their own
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer: inner")]
    struct Outer(#[source] Inner);
    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner(#[source] std::io::Error);

    #[test]
    fn chain_names_each_cause_once() {
        let error = Outer(Inner(std::io::Error::other("disk full")));
        assert_eq!(chain(&error), "outer: inner: disk full");
    }

    #[test]
    fn empty_evidence_is_left_out() {
        assert!(Failure::step("x").why(" \n").why.is_empty());
    }
}
