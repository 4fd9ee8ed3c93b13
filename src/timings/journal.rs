//! The runs in a journal, or in the saved output of `--output json`.
//!
//! A line that cannot be read (the last one of a killed run, words of a newer tstack) is passed over: the others still tell the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::run::{Outcome, Run, State, Step, Wait};
use crate::event::{Event, StepInfo};

/// No run takes a year; what says so is damaged, and its sums would have no end.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Every run that made a plan, the oldest first.
#[must_use]
pub fn runs(text: &str) -> Vec<Run> {
    let mut all: Vec<Draft> = Vec::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if line["event"] == "run" {
            let head = Head::of(&line);
            // a second plan of one run names the same moment
            if all.last().is_none_or(|draft| draft.head != head) {
                all.push(Draft { head, ..Draft::default() });
            }
            continue;
        }
        let at = line["at"].as_f64().and_then(|at| Duration::try_from_secs_f64(at).ok()).filter(|at| *at < LONGEST);
        let (Some(at), Ok(event)) = (at, serde_json::from_value(line)) else { continue };
        // `--output json` has no line for a run: a new one is seen by its clock
        let begins = matches!(event, Event::PlanStarted { .. } | Event::Note { .. });
        if all.last().is_none_or(|draft| begins && at < draft.last) {
            all.push(Draft::default());
        }
        if let Some(draft) = all.last_mut() {
            draft.take(event, at);
        }
    }
    all.into_iter().filter(|draft| draft.plans > 0).map(Draft::finish).collect()
}

/// What the line of a run says.
#[derive(Debug, Default, PartialEq)]
struct Head {
    verb: String,
    time: Option<Timestamp>,
    version: Option<String>,
}

impl Head {
    fn of(line: &Value) -> Self {
        let text = |key: &str| line[key].as_str();
        let time = text("time").and_then(|time| time.parse().ok());
        Self { verb: text("verb").unwrap_or_default().to_owned(), time, version: text("version").map(str::to_owned) }
    }
}

/// A run that is being read.
#[derive(Debug, Default)]
struct Draft {
    head: Head,
    target: String,
    plans: usize,
    steps: Vec<Step>,
    /// Where the steps of the plan at hand begin.
    from: usize,
    /// The steps of the plan at hand, by id.
    places: BTreeMap<String, usize>,
    events: usize,
    last: Duration,
    cancelled: bool,
    /// How the plan at hand ended, once it has.
    ended: Option<Outcome>,
}

impl Draft {
    fn take(&mut self, event: Event, at: Duration) {
        self.events += 1;
        // a clock that went back would break every sum
        let at = at.max(self.last);
        self.last = at;
        match event {
            Event::PlanStarted { verb, target, steps } => self.plan(verb, target, steps),
            Event::StepStarted { id } => {
                let order = (self.events, usize::MAX);
                let step = self.step(&id);
                (step.started, step.order, step.state) = (Some(at), order, State::Unfinished);
            }
            Event::StepWaiting { id, reason } => {
                let step = self.step(&id);
                if step.waits.last().is_none_or(|wait| !alike(&wait.reason, &reason)) {
                    end_wait(step, at);
                    step.waits.push(Wait { at, lasted: Duration::ZERO, reason });
                }
            }
            Event::StepDone { id, .. } => self.end(&id, State::Done, at),
            Event::StepFailed { id, .. } => self.end(&id, State::Failed, at),
            // one that never began is as it was
            Event::StepSkipped { id, .. } => self.end(&id, State::GivenUp, at),
            Event::Cancelling => self.cancelled = true,
            Event::PlanFinished { failed, .. } => {
                self.ended = Some(match failed {
                    _ if self.cancelled => Outcome::Cancelled,
                    0 => Outcome::Done,
                    _ => Outcome::Failed,
                });
            }
            Event::Note { .. } | Event::LeftOut { .. } | Event::StepNote { .. } | Event::CheckDone { .. } | Event::Unknown => {}
        }
    }

    fn plan(&mut self, verb: String, target: String, steps: Vec<StepInfo>) {
        self.plans += 1;
        self.ended = None;
        if self.head.verb.is_empty() {
            self.head.verb = verb;
        }
        self.target = target;
        self.link();
        self.from = self.steps.len();
        self.places.clear();
        for info in steps {
            self.add(info);
        }
    }

    fn add(&mut self, info: StepInfo) -> usize {
        let place = self.steps.len();
        self.places.insert(info.id.clone(), place);
        let StepInfo { id, title, cause: _, needs, after, beside, lane } = info;
        self.steps.push(Step {
            id,
            title,
            state: State::Skipped,
            started: None,
            took: Duration::ZERO,
            needs,
            after,
            beside,
            lane,
            waits: Vec::new(),
            behind: Vec::new(),
            turn: None,
            order: (usize::MAX, usize::MAX),
        });
        place
    }

    /// The step of that id; one that the plan did not name (the journal of another tstack) is shown by its id.
    fn step(&mut self, id: &str) -> &mut Step {
        let known = self.places.get(id).copied();
        let place = known.unwrap_or_else(|| {
            let (id, title) = (id.to_owned(), id.to_owned());
            self.add(StepInfo { id, title, ..StepInfo::default() })
        });
        &mut self.steps[place]
    }

    fn end(&mut self, id: &str, state: State, at: Duration) {
        let number = self.events;
        let step = self.step(id);
        if let Some(started) = step.started {
            step.took = at.saturating_sub(started);
            step.order.1 = number;
            step.state = state;
            end_wait(step, at);
        }
    }

    /// Says of each step of the plan at hand which ones it came behind, as far as they ended before it began: what it needs and comes
    /// after, and what those that it runs beside came behind; where that is nothing, the whole plan before.
    fn link(&mut self) {
        for place in self.from..self.steps.len() {
            let ended_before = |other: &usize| self.steps[*other].order.1 < self.steps[place].order.0;
            let mut behind: Vec<usize> = self.named(place).into_iter().filter(ended_before).collect();
            if behind.is_empty() {
                behind = (0..self.from).filter(ended_before).collect();
            }
            let lane = |other: &usize| self.steps[place].lane.is_some() && self.steps[*other].lane == self.steps[place].lane;
            let turn = (self.from..self.steps.len()).filter(lane).filter(ended_before).max_by_key(|other| self.steps[*other].order.1);
            (self.steps[place].behind, self.steps[place].turn) = (behind, turn);
        }
    }

    /// The steps that a step names as its needs and what it comes after, and those that steps beside it name.
    fn named(&self, place: usize) -> Vec<usize> {
        let places = |ids: &[String]| ids.iter().filter_map(|id| self.places.get(id).copied()).collect::<Vec<_>>();
        let (mut beside, mut found) = (vec![place], BTreeSet::new());
        let mut at = 0;
        while let Some(place) = beside.get(at).copied() {
            let step = &self.steps[place];
            found.extend(places(&step.needs).into_iter().chain(places(&step.after)));
            for other in places(&step.beside) {
                if !beside.contains(&other) {
                    beside.push(other);
                }
            }
            at += 1;
        }
        found.into_iter().collect()
    }

    fn finish(mut self) -> Run {
        self.link();
        let total = self.last;
        for step in &mut self.steps {
            if let (State::Unfinished, Some(started)) = (step.state, step.started) {
                step.took = total.saturating_sub(started);
                end_wait(step, total);
            }
            // a step says nothing when it does not wait any more
            step.waits.retain(|wait| !wait.reason.is_empty());
        }
        let before = self.steps.iter().filter_map(|step| step.started).min().unwrap_or(total);
        let Head { verb, time, version } = self.head;
        let outcome = self.ended.unwrap_or(Outcome::Unfinished);
        Run { verb, target: self.target, time, version, outcome, total, before, steps: self.steps }
    }
}

/// Whether two reasons differ in numbers alone: a count that goes up, or seconds that go down, are one wait.
fn alike(a: &str, b: &str) -> bool {
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    words(a) == words(b)
}

/// The wait that a step is in ends.
fn end_wait(step: &mut Step, at: Duration) {
    if let Some(wait) = step.waits.last_mut() {
        wait.lasted = at.saturating_sub(wait.at);
    }
}
