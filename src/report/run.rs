//! What the events of a run add up to; the renderers' common ground.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::Event;
use crate::failure::{Failure, FailureKind};

use super::neutralise;

/// Where a step is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Queued,
    Running {
        since: Duration,
        reason: String,
    },
    Done,
    Failed(Failure),
    /// With the id of the step in its way, empty after a cancel.
    Skipped(String),
}

/// One step; its texts are safe to print.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) cause: String,
    pub(super) state: State,
}

/// A failure and the titles of all steps that it kept from running.
pub(super) struct Ending<'a> {
    pub(super) failure: &'a Failure,
    pub(super) skipped: Vec<&'a str>,
}

/// A run so far.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) verb: String,
    pub(super) target: String,
    pub(super) steps: Vec<Step>,
    pub(super) cancelled: bool,
    index: BTreeMap<String, usize>,
}

impl Run {
    /// Takes the next event.
    pub(super) fn on(&mut self, event: &Event, at: Duration) {
        match event {
            Event::PlanStarted { verb, target, steps } => {
                *self = Self { verb: neutralise(verb), target: neutralise(target), ..Self::default() };
                for step in steps {
                    self.add(&step.id, &step.title, &step.cause);
                }
            }
            Event::StepStarted { id } => self.set(id, State::Running { since: at, reason: String::new() }),
            Event::StepWaiting { id, reason: new } => {
                if let State::Running { reason, .. } = &mut self.step(id).state {
                    *reason = neutralise(new);
                }
            }
            Event::StepDone { id, .. } => self.set(id, State::Done),
            Event::StepFailed { id, failure, .. } => self.set(id, State::Failed(failure.clone())),
            Event::StepSkipped { id, because } => self.set(id, State::Skipped(because.clone())),
            Event::Cancelling => self.cancelled = true,
            Event::Note { .. }
            | Event::LeftOut { .. }
            | Event::StepNote { .. }
            | Event::CheckDone { .. }
            | Event::PlanFinished { .. }
            | Event::Unknown => {}
        }
    }

    fn add(&mut self, id: &str, title: &str, cause: &str) -> usize {
        self.index.insert(id.to_owned(), self.steps.len());
        self.steps.push(Step { id: id.to_owned(), title: neutralise(title), cause: neutralise(cause), state: State::Queued });
        self.steps.len() - 1
    }

    /// The step of that id; one that the plan did not name (a newer tstack, a cut journal) is shown by its id.
    fn step(&mut self, id: &str) -> &mut Step {
        let at = self.index.get(id).copied().unwrap_or_else(|| self.add(id, id, ""));
        &mut self.steps[at]
    }

    fn set(&mut self, id: &str, state: State) {
        self.step(id).state = state;
    }

    /// The step's title, or its id where the plan did not name it.
    pub(super) fn title<'a>(&'a self, id: &'a str) -> &'a str {
        self.index.get(id).map_or(id, |&at| &self.steps[at].title)
    }

    /// Why the step is in the plan.
    pub(super) fn cause(&self, id: &str) -> &str {
        self.index.get(id).map_or("", |&at| &self.steps[at].cause)
    }

    /// The steps that run now, the longest first: id, title, since when, what they wait for.
    pub(super) fn running(&self) -> Vec<(&str, &str, Duration, &str)> {
        let mut all: Vec<_> = self
            .steps
            .iter()
            .filter_map(|step| match &step.state {
                State::Running { since, reason } => Some((step.id.as_str(), step.title.as_str(), *since, reason.as_str())),
                _ => None,
            })
            .collect();
        all.sort_by_key(|(_, _, since, _)| *since);
        all
    }

    /// How many steps are in a state that `is` it.
    pub(super) fn count(&self, is: impl Fn(&State) -> bool) -> usize {
        self.steps.iter().filter(|step| is(&step.state)).count()
    }

    /// The step whose failure kept `id` from running, however far up.
    fn root<'a>(&'a self, id: &'a str) -> Option<&'a Failure> {
        let mut id = id;
        // at most as many hops as steps, so that a broken stream cannot make a circle
        for _ in 0..=self.steps.len() {
            match &self.steps[*self.index.get(id)?].state {
                State::Failed(failure) => return Some(failure),
                State::Skipped(because) => id = because,
                _ => return None,
            }
        }
        None
    }

    /// Each failure once (steps that fell to the same cause share one), with what it kept from running.
    /// Without the steps that ended early because the user asked for it.
    pub(super) fn endings(&self) -> Vec<Ending<'_>> {
        let mut endings: Vec<Ending<'_>> = Vec::new();
        for step in &self.steps {
            if let State::Failed(failure) = &step.state
                && !self.is_cancel(failure)
                && endings.iter().all(|end| end.failure != failure)
            {
                endings.push(Ending { failure, skipped: Vec::new() });
            }
        }
        for step in &self.steps {
            if let State::Skipped(because) = &step.state
                && let Some(root) = self.root(because)
                && let Some(end) = endings.iter_mut().find(|end| end.failure == root)
            {
                end.skipped.push(&step.title);
            }
        }
        endings
    }

    /// Whether a step ended so because the user stopped the run.
    fn is_cancel(&self, failure: &Failure) -> bool {
        self.cancelled && failure.kind == FailureKind::Cancelled
    }

    /// How many steps did not run though nothing in their way failed: the run was cancelled.
    pub(super) fn skipped_without_failure(&self) -> usize {
        self.count(|state| matches!(state, State::Skipped(because) if self.root(because).is_none_or(|root| self.is_cancel(root))))
    }
}
