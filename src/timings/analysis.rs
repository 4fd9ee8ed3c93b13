//! What the times of one run come to.

use std::time::Duration;

use serde::Serialize;

use super::graph::Graph;
use super::help::{Help, helps};
use super::run::{Run, Step, optional};
use crate::event::seconds;

/// One run with its critical path, and what would help.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timings {
    /// Which run it is, counted from the last: 1 is the last.
    pub number: usize,
    /// The run, without its steps.
    #[serde(flatten)]
    pub run: Run,
    /// What the steps of the critical path took, all together.
    #[serde(serialize_with = "seconds::serialize")]
    pub on_path: Duration,
    /// The gaps between them, and before the first of them what goes beyond `before`.
    #[serde(serialize_with = "seconds::serialize")]
    pub between: Duration,
    /// The time after the last step. `before + onPath + between + afterwards = total`.
    #[serde(serialize_with = "seconds::serialize")]
    pub afterwards: Duration,
    /// The longest chain of needs by durations alone.
    #[serde(serialize_with = "seconds::serialize")]
    pub bound: Duration,
    /// `total / bound`; absent where no step took any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// The longest chain where steps of one lane come one after the other too; absent where no lane makes it longer.
    #[serde(serialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub in_turn: Option<Duration>,
    /// The critical path, in the order of time.
    pub critical_path: Vec<Link>,
    /// Every step, in the order in which they began; those that did not run are last.
    pub steps: Vec<Row>,
    /// What would help, the most first; empty where it did not end well.
    pub help: Vec<Help>,
}

/// One step of the critical path.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The step.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Whether it did not need the one before it, but waited for its turn: both are of one lane.
    pub in_turn: bool,
    /// The time from the end of the one before it to its start; for the first one, the time before the first step.
    #[serde(serialize_with = "seconds::serialize")]
    pub gap: Duration,
    /// How long it ran.
    #[serde(serialize_with = "seconds::serialize")]
    pub took: Duration,
}

/// One step with what the graph says of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// How much longer it could have taken without a later end, all else the same; absent where it did not run.
    #[serde(serialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub slack: Option<Duration>,
}

impl Timings {
    /// What the times of a run come to; `number` is its place, counted from the last.
    #[must_use]
    pub fn of(run: &Run, number: usize) -> Self {
        let graph = Graph::of(run);
        let path = graph.critical_path();
        let (slack, bound, in_turn) = (graph.slack(), graph.bound(false), graph.bound(true));
        let link = |place: &usize| {
            let Step { id, title, took, behind, .. } = run.steps[*place].clone();
            let in_turn = graph.last_behind(*place).is_some_and(|other| !behind.contains(&other));
            Link { id, title, in_turn, gap: graph.gap(*place), took }
        };
        let links: Vec<Link> = path.iter().map(link).collect();
        let on_path = links.iter().map(|link| link.took).sum();
        let gaps: Duration = links.iter().map(|link| link.gap).sum();
        // where no step began, all of it lies before the first
        let between = gaps.saturating_sub(run.before);
        let row = |(place, step): (usize, &Step)| Row { step: step.clone(), critical: path.contains(&place), slack: slack[place] };
        let mut steps: Vec<Row> = run.steps.iter().enumerate().map(row).collect();
        steps.sort_by_key(|row| row.step.order.0);
        Self {
            number,
            on_path,
            between,
            afterwards: run.total.saturating_sub(run.before + on_path + between),
            bound,
            ratio: (!bound.is_zero()).then(|| thousandths(run.total.div_duration_f64(bound))),
            in_turn: Some(in_turn).filter(|in_turn| *in_turn > bound),
            critical_path: links,
            steps,
            help: helps(run, &graph, &path),
            run: Run { steps: Vec::new(), ..run.clone() },
        }
    }
}

/// As many digits as the times have.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
