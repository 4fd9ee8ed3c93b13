//! A run as its events tell it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::seconds;

/// One run of a verb; its times count from the first thing that it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// `up`, `verify`, …
    pub verb: String,
    /// The name of what it worked on.
    pub target: String,
    /// When it began; absent in the output of `--output json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The version of tstack; absent in the output of `--output json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The whole time, to the last event.
    #[serde(serialize_with = "seconds::serialize")]
    pub total: Duration,
    /// The time before the first step: a look at what is there, the plan, preflight.
    #[serde(serialize_with = "seconds::serialize")]
    pub before: Duration,
    /// Its steps, in the order of the plan. A run that first had to start a cluster made two plans, one after the other.
    #[serde(skip)]
    pub steps: Vec<Step>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step was done.
    Done,
    /// A step failed.
    Failed,
    /// The user stopped it.
    Cancelled,
    /// No end is recorded: it was killed, or it still runs.
    Unfinished,
}

impl Outcome {
    /// As people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unfinished => "no end is recorded",
        }
    }
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its id: `apply:keda`.
    pub id: String,
    /// What it does: `install keda 2.21.0`.
    pub title: String,
    /// How it came out.
    pub state: State,
    /// When it began; absent where it never did.
    #[serde(serialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub started: Option<Duration>,
    /// How long it ran, to the last event of the run where it has no end of its own.
    #[serde(serialize_with = "seconds::serialize")]
    pub took: Duration,
    /// Ids of the steps that had to be done before it.
    pub needs: Vec<String>,
    /// Ids of the steps that had to end before it.
    pub after: Vec<String>,
    /// Ids of the steps that had to begin before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// Steps of one lane ran one at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// What it said that it waited for, one after the other.
    pub waits: Vec<Wait>,
    /// The places, in the steps of the run, of those that it waited for before it began.
    #[serde(skip)]
    pub(super) behind: Vec<usize>,
    /// The place of the step of its lane that ran before it.
    #[serde(skip)]
    pub(super) turn: Option<usize>,
    /// The numbers of the events of its beginning and its end: times may be equal, these are not.
    #[serde(skip)]
    pub(super) order: (usize, usize),
}

impl Step {
    /// When it ended; `None` where it never began.
    #[must_use]
    pub fn ended(&self) -> Option<Duration> {
        self.started.map(|started| started + self.took)
    }

    /// What it waited for the longest.
    #[must_use]
    pub fn longest_wait(&self) -> Option<&Wait> {
        self.waits.iter().max_by_key(|wait| wait.lasted)
    }
}

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It ended well.
    Done,
    /// It ended badly.
    Failed,
    /// It did not run.
    Skipped,
    /// It was ended with another one that failed.
    GivenUp,
    /// It ran when the journal ends.
    Unfinished,
}

impl State {
    /// As people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "did not run",
            Self::GivenUp => "was given up",
            Self::Unfinished => "has no end",
        }
    }
}

/// What a step waited for, until it said something else or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Since when.
    #[serde(serialize_with = "seconds::serialize")]
    pub at: Duration,
    /// How long.
    #[serde(serialize_with = "seconds::serialize")]
    pub lasted: Duration,
    /// In the step's words; where numbers in it changed meanwhile, as they were at first.
    pub reason: String,
}

/// Seconds, where there are any.
#[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
pub(super) fn optional<S: serde::Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => seconds::serialize(value, to),
        None => to.serialize_none(),
    }
}
