//! Two runs side by side.

use std::time::Duration;

use serde::Serialize;

use super::analysis::{Row, Timings};
use super::run::{Run, optional};
use crate::event::seconds;

/// What differs between two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// How much longer the second took, in seconds; below zero where it was faster.
    pub longer: f64,
    /// Every step that ran in either, the biggest difference first.
    pub steps: Vec<Change>,
}

/// One of the two, without its steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Which run of its journal it is, counted from the last.
    pub number: usize,
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// The longest chain of needs by durations alone.
    #[serde(serialize_with = "seconds::serialize")]
    pub bound: Duration,
}

/// One step in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The step.
    pub id: String,
    /// What it does, in the second where it is there.
    pub title: String,
    /// How long it ran in the first; absent where it did not.
    #[serde(serialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub a: Option<Duration>,
    /// How long it ran in the second; absent where it did not.
    #[serde(serialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub b: Option<Duration>,
    /// How much longer it ran in the second, in seconds.
    pub longer: f64,
    /// Whether it is on the critical path of the second, or where it did not run there, of the first.
    pub critical: bool,
}

impl Comparison {
    /// Compares two runs.
    #[must_use]
    pub fn of(a: &Timings, b: &Timings) -> Self {
        let mut steps: Vec<Change> = ran(b).map(|row| change(find(a, row), Some(row), row)).collect();
        steps.extend(ran(a).filter(|row| find(b, row).is_none()).map(|row| change(Some(row), None, row)));
        steps.sort_by(|x, y| y.longer.abs().total_cmp(&x.longer.abs()));
        let side = |of: &Timings| Side { number: of.number, run: of.run.clone(), bound: of.bound };
        Self { longer: longer(a.run.total, b.run.total), a: side(a), b: side(b), steps }
    }
}

fn ran(of: &Timings) -> impl Iterator<Item = &Row> {
    of.steps.iter().filter(|row| row.step.started.is_some())
}

/// The same step in another run: the ids of steps are the same in every plan that does the same.
fn find<'a>(of: &'a Timings, row: &Row) -> Option<&'a Row> {
    ran(of).find(|other| other.step.id == row.step.id)
}

fn change(a: Option<&Row>, b: Option<&Row>, shown: &Row) -> Change {
    let (a, b) = (a.map(|row| row.step.took), b.map(|row| row.step.took));
    let longer = longer(a.unwrap_or_default(), b.unwrap_or_default());
    Change { id: shown.step.id.clone(), title: shown.step.title.clone(), a, b, longer, critical: shown.critical }
}

/// `b - a` in seconds.
fn longer(a: Duration, b: Duration) -> f64 {
    let between = a.abs_diff(b).as_secs_f64();
    if b < a { -between } else { between }
}
