//! What happens while a plan runs, as data.
//!
//! Purpose: the one stream that renderers, the journal and `--output json` read.
//! Reads: nothing. Writes: nothing.
//! Must not: know who renders it or what runs it; depend on any room but `failure`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// One step, as a renderer needs it; the first event of a run carries them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Unique within the plan, stable between runs: `install:keda`.
    pub id: String,
    /// What the step does, in the imperative: `install keda 2.21.0`.
    pub title: String,
    /// Why it is in the plan: `not installed`.
    pub cause: String,
    /// Ids of the steps that must be done before it.
    pub needs: Vec<String>,
    /// Ids of the steps that must have ended before it, well or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Ids of the steps that must have begun before it: it watches what they make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// Steps of one lane run one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
}

/// The result of one check of the stack, as `up` and `verify` show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The check's name in the stack file.
    pub name: String,
    /// The kind of check: `http`, `rateLimit`, …
    pub kind: String,
    /// Whether it held.
    pub passed: bool,
    /// What was expected, short: `100 x 200, 10 x 429`.
    pub expected: String,
    /// What was seen, in the same words.
    pub seen: String,
    /// How long it took, in seconds.
    #[serde(with = "seconds")]
    pub took: Duration,
    /// Why it failed and what to do; absent when it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was not made, where what the stack runs on cannot make it; such a check has neither passed nor failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome<'a> {
    /// It held.
    Passed,
    /// It did not hold.
    Failed,
    /// It was not made, for this reason.
    Skipped(&'a str),
}

impl CheckReport {
    /// How it came out.
    #[must_use]
    pub fn outcome(&self) -> CheckOutcome<'_> {
        match &self.skipped {
            Some(reason) => CheckOutcome::Skipped(reason),
            None if self.passed => CheckOutcome::Passed,
            None => CheckOutcome::Failed,
        }
    }

    /// A check that is not made, for that reason.
    #[must_use]
    pub fn skip(name: &str, kind: &str, reason: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            passed: false,
            expected: String::new(),
            seen: String::new(),
            took: Duration::ZERO,
            failure: None,
            skipped: Some(reason.to_owned()),
        }
    }
}

/// One thing that happened. Names on the wire are stable; readers must accept names that they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all_fields = "camelCase")]
pub enum Event {
    /// Something that a person should know before anything runs: what was chosen for them, and why.
    #[serde(rename = "note")]
    Note {
        /// One sentence.
        text: String,
    },
    /// Something of the stack has no place on what the stack runs on.
    #[serde(rename = "leftOut")]
    LeftOut {
        /// The component, or the object, or the part of an object.
        what: String,
        /// Why, as one sentence.
        reason: String,
    },
    /// The plan is fixed and starts to run.
    #[serde(rename = "plan.started")]
    PlanStarted {
        /// `up`, `down` or `verify`.
        verb: String,
        /// The name of the cluster or context that the plan works on.
        target: String,
        /// Every step that will run, in a stable order.
        steps: Vec<StepInfo>,
    },
    /// A step began.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The step.
        id: String,
    },
    /// A running step waits for something; replaces the reason given before. May be dropped by a slow reader.
    #[serde(rename = "step.waiting")]
    StepWaiting {
        /// The step.
        id: String,
        /// What it waits for, and what is known of it.
        reason: String,
    },
    /// A step found something that a person should know though nothing failed.
    #[serde(rename = "step.note")]
    StepNote {
        /// The step.
        id: String,
        /// One sentence.
        text: String,
    },
    /// A step ended well.
    #[serde(rename = "step.done")]
    StepDone {
        /// The step.
        id: String,
        /// How long it ran, in seconds.
        #[serde(with = "seconds")]
        took: Duration,
    },
    /// A step ended badly.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// The step.
        id: String,
        /// How long it ran, in seconds.
        #[serde(with = "seconds")]
        took: Duration,
        /// What, why, and what to do.
        failure: Failure,
    },
    /// A step did not run, since a step that it needs failed or the run was cancelled.
    #[serde(rename = "step.skipped")]
    StepSkipped {
        /// The step.
        id: String,
        /// The step whose failure is the cause; empty after a cancel.
        because: String,
    },
    /// A check of the stack gave its result.
    #[serde(rename = "check.done")]
    CheckDone {
        /// The step that ran the check.
        id: String,
        /// Its result.
        report: CheckReport,
    },
    /// The user asked to stop: running steps end, no new one starts.
    #[serde(rename = "plan.cancelling")]
    Cancelling,
    /// The plan ended; nothing follows.
    #[serde(rename = "plan.finished")]
    PlanFinished {
        /// How many steps ended well.
        done: usize,
        /// How many failed.
        failed: usize,
        /// How many did not run.
        skipped: usize,
        /// The whole time, in seconds.
        #[serde(with = "seconds")]
        took: Duration,
    },
    /// An event of a newer tstack.
    #[serde(other, rename = "unknown")]
    Unknown,
}

/// Durations as seconds with a fraction, the unit that people and tools expect.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64((value.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let value = f64::deserialize(from)?;
        Duration::try_from_secs_f64(value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_a_round_trip() {
        let event = Event::StepDone { id: "cluster".into(), took: Duration::from_millis(1500) };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(text, r#"{"event":"step.done","id":"cluster","took":1.5}"#);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn an_event_of_a_newer_version_is_read_as_unknown() {
        let event: Event = serde_json::from_str(r#"{"event":"step.paused","id":"x"}"#).unwrap();
        assert_eq!(event, Event::Unknown);
    }
}
