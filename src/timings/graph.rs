//! The steps that ran, as a graph of times: who came behind whom, and when each would have ended if something had been otherwise.

use std::time::Duration;

use super::run::{Run, State, Step};

/// The steps of a run that began.
pub(super) struct Graph<'a> {
    steps: &'a [Step],
    /// Their places in the order in which they began: each after all that it came behind.
    order: Vec<usize>,
    /// For each step the time from the end of what it came behind and of the one before it in its lane, or from the beginning of the run, to its start.
    gaps: Vec<Duration>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let steps = &run.steps[..];
        let mut order: Vec<usize> = (0..steps.len()).filter(|place| steps[*place].started.is_some()).collect();
        order.sort_by_key(|place| steps[*place].order.0);
        let mut new = Self { steps, order, gaps: vec![Duration::ZERO; steps.len()] };
        let gap = |place: &usize| {
            let free = new.last_behind(*place).and_then(|other| steps[other].ended()).unwrap_or_default();
            (*place, steps[*place].started.unwrap_or_default().saturating_sub(free))
        };
        for (place, gap) in new.order.iter().map(gap).collect::<Vec<_>>() {
            new.gaps[place] = gap;
        }
        new
    }

    /// What had to end before a step: what it came behind, and with turns the one before it in its lane.
    fn before(&self, place: usize, turns: bool) -> impl Iterator<Item = usize> {
        let Step { behind, turn, .. } = &self.steps[place];
        behind.iter().copied().chain(turn.filter(|_| turns))
    }

    /// The step that ended last of those that had to end before a step.
    pub(super) fn last_behind(&self, place: usize) -> Option<usize> {
        self.before(place, true).max_by_key(|other| (self.steps[*other].ended(), self.steps[*other].order.1))
    }

    /// The time between the end of what had to end before a step and its start.
    pub(super) fn gap(&self, place: usize) -> Duration {
        self.gaps[place]
    }

    /// The step that ended last. One that was given up ended with the failure of another, which is the one that counts.
    fn last(&self) -> Option<usize> {
        let kept = self.order.iter().copied().filter(|place| self.steps[*place].state != State::GivenUp);
        kept.max_by_key(|place| (self.steps[*place].ended(), self.steps[*place].order))
    }

    /// When the last step ended; zero where none began.
    pub(super) fn end(&self) -> Duration {
        self.last().and_then(|place| self.steps[place].ended()).unwrap_or_default()
    }

    /// When the last step would have ended, had some steps taken no time, others no time but what they did not wait, and all else as
    /// long as it did.
    pub(super) fn end_without(&self, gone: &[usize], waiting: &[usize]) -> Duration {
        let took = |place: usize| {
            let Step { took, waits, .. } = &self.steps[place];
            match place {
                _ if gone.contains(&place) => Duration::ZERO,
                _ if waiting.contains(&place) => took.saturating_sub(waits.iter().map(|wait| wait.lasted).sum()),
                _ => *took,
            }
        };
        self.longest(took, |place| self.gaps[place], true)
    }

    /// The longest chain by durations alone: what the run would take if each step began at the instant at which all that it needs had
    /// ended, with nothing before and after. With turns, steps of one lane come one after the other, in the order in which they did.
    pub(super) fn bound(&self, turns: bool) -> Duration {
        self.longest(|place| self.steps[place].took, |_| Duration::ZERO, turns)
    }

    fn longest(&self, took: impl Fn(usize) -> Duration, gap: impl Fn(usize) -> Duration, turns: bool) -> Duration {
        let mut ends = vec![Duration::ZERO; self.steps.len()];
        for place in &self.order {
            let free = self.before(*place, turns).map(|other| ends[other]).max().unwrap_or_default();
            ends[*place] = free + gap(*place) + took(*place);
        }
        ends.into_iter().max().unwrap_or_default()
    }

    /// The critical path, in the order of time: back from the step that ended last.
    pub(super) fn critical_path(&self) -> Vec<usize> {
        let mut path: Vec<usize> = std::iter::successors(self.last(), |place| self.last_behind(*place)).collect();
        path.reverse();
        path
    }

    /// How much longer each step could have taken without a later end, all else the same; `None` for what did not run.
    pub(super) fn slack(&self) -> Vec<Option<Duration>> {
        let end = self.end();
        let mut latest = vec![end; self.steps.len()];
        let mut slack = vec![None; self.steps.len()];
        for place in self.order.iter().rev() {
            let step = &self.steps[*place];
            slack[*place] = step.ended().map(|ended| latest[*place].saturating_sub(ended));
            let start = latest[*place].saturating_sub(step.took + self.gaps[*place]);
            for other in self.before(*place, true) {
                latest[other] = latest[other].min(start);
            }
        }
        slack
    }
}
