//! One line per event, for logs, pipes and CI: greppable, stable, no control characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use crate::event::{CheckOutcome, CheckReport, Event};
use crate::failure::FailureKind;

use super::failure::endings;
use super::run::{Run, State};
use super::{Paint, Renderer, duration, neutralise, plural};

/// A step tells a new reason to wait at most this often.
const BETWEEN_REASONS: Duration = Duration::from_secs(5);

/// Writes a line for each event that matters: `[  12.3s] done    install keda 2.21.0 (8.2 s)`.
pub struct Plain {
    to: Box<dyn Write + Send>,
    paint: Paint,
    run: Run,
    /// What each step last said that it waits for, and when.
    told: BTreeMap<String, (Duration, String)>,
}

impl Plain {
    /// A renderer that writes to `to`; `unicode` allows `…` and `│` in the evidence of failures.
    #[must_use]
    pub fn new(to: Box<dyn Write + Send>, unicode: bool) -> Self {
        Self { to, paint: Paint { color: false, unicode }, run: Run::default(), told: BTreeMap::new() }
    }

    fn line(&mut self, at: Duration, word: &str, text: &str) {
        let line = format!("[{:6.1}s] {word:<8}{text}", at.as_secs_f64());
        let _ = writeln!(self.to, "{}", line.trim_end());
    }

    /// Tells reasons that changed, also those that were held back at their time, for there is no clock to call later.
    fn reasons(&mut self, at: Duration) {
        let fresh: Vec<_> = self
            .run
            .running()
            .into_iter()
            .filter(|(id, _, _, reason)| {
                !reason.is_empty()
                    && self.told.get(*id).is_none_or(|(when, told)| told != reason && at.saturating_sub(*when) >= BETWEEN_REASONS)
            })
            .map(|(id, title, _, reason)| (id.to_owned(), format!("{title}: {reason}"), reason.to_owned()))
            .collect();
        for (id, text, reason) in fresh {
            self.line(at, "wait", &text);
            self.told.insert(id, (at, reason));
        }
    }
}

impl Renderer for Plain {
    fn on(&mut self, event: &Event, at: Duration) {
        self.run.on(event, at);
        match event {
            Event::PlanStarted { steps, .. } => {
                let text = format!("{}: {}", self.run.target, plural(steps.len(), "step"));
                self.line(at, &self.run.verb.clone(), &text);
            }
            Event::Note { text } => self.line(at, "note", &neutralise(text)),
            Event::LeftOut { what, reason } => {
                let text = format!("{}: {}", neutralise(what), neutralise(reason));
                self.line(at, "without", &text);
            }
            Event::StepStarted { id } => {
                let text = match self.run.cause(id) {
                    // why a check runs is plain to see
                    _ if is_check(id) => self.run.title(id).to_owned(),
                    "" => self.run.title(id).to_owned(),
                    cause => format!("{}: {cause}", self.run.title(id)),
                };
                self.line(at, "start", &text);
            }
            Event::StepNote { id, text } => {
                let text = format!("{}: {}", self.run.title(id), neutralise(text));
                self.line(at, "note", &text);
            }
            // the line of its result says all of it
            Event::StepDone { id, .. } if is_check(id) => {}
            Event::StepDone { id, took } => {
                let text = format!("{} ({})", self.run.title(id), duration(*took));
                self.line(at, "done", &text);
            }
            Event::StepFailed { id, took, failure } => {
                let text = format!("{} ({}): {}", self.run.title(id), duration(*took), neutralise(&failure.what));
                self.line(at, if failure.kind == FailureKind::Cancelled { "stopped" } else { "failed" }, &text);
            }
            Event::CheckDone { report, .. } => self.line(at, "check", &check_line(report)),
            Event::Cancelling => self.line(at, "cancel", "no new step starts, running steps end"),
            Event::PlanFinished { done, failed, skipped, took } => {
                self.line(at, "end", &end_line(*done, *failed, *skipped, *took));
                let text = endings(&self.run, self.paint);
                if !text.is_empty() {
                    let _ = write!(self.to, "\n{text}");
                }
            }
            // what did not run is told once, at the end
            Event::StepWaiting { .. } | Event::StepSkipped { .. } | Event::Unknown => {}
        }
        if self.run.count(|state| matches!(state, State::Running { .. })) > 0 {
            self.reasons(at);
        }
        let _ = self.to.flush();
    }
}

/// Whether a step is a single check of the stack (`check:NAME`, an id that is stable).
fn is_check(id: &str) -> bool {
    id.starts_with("check:")
}

/// `passed rate limit: 10 x 429 (0.4 s)`.
fn check_line(report: &CheckReport) -> String {
    let (name, seen, took) = (neutralise(&report.name), neutralise(&report.seen), duration(report.took));
    match report.outcome() {
        CheckOutcome::Passed => format!("passed {name}: {seen} ({took})"),
        CheckOutcome::Failed => format!("failed {name}: expected {}, seen {seen} ({took})", neutralise(&report.expected)),
        CheckOutcome::Skipped(reason) => format!("skipped {name}: {}", neutralise(reason)),
    }
}

/// `22 steps done, 1 m 12 s`, `5 steps done, 1 failed, 3 did not run, 50.1 s`.
pub(super) fn end_line(done: usize, failed: usize, skipped: usize, took: Duration) -> String {
    let mut text = format!("{} done", plural(done, "step"));
    if failed > 0 {
        let _ = write!(text, ", {failed} failed");
    }
    if skipped > 0 {
        let _ = write!(text, ", {skipped} did not run");
    }
    format!("{text}, {}", duration(took))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded::{Kept, broken, cancelled, good, play};

    fn shown(events: &[(u64, Event)]) -> String {
        let kept = Kept::default();
        play(&mut Plain::new(Box::new(kept.clone()), true), events);
        kept.text()
    }

    #[test]
    fn a_run_that_ends_well_is_a_line_per_event() {
        insta::assert_snapshot!(shown(&good()), @"
        [   0.0s] up      tstack-task-api: 5 steps
        [   0.0s] start   make cluster tstack-task-api: there is none
        [   0.5s] wait    make cluster tstack-task-api: Node tstack-task-api-control-plane: NotReady
        [  31.2s] done    make cluster tstack-task-api (31.2 s)
        [  31.2s] start   install cert-manager v1.19.1: not installed
        [  31.2s] start   install keda 2.21.0: not installed
        [  33.0s] wait    install keda 2.21.0: Deployment keda/keda-operator: 0 of 1 replicas available
        [  34.0s] note    install keda 2.21.0: a release stuck in pending-install was rolled back
        [  40.0s] done    install cert-manager v1.19.1 (8.8 s)
        [  43.6s] done    install keda 2.21.0 (12.4 s)
        [  43.6s] start   apply task-api: 12 objects are new
        [  45.0s] done    apply task-api (1.4 s)
        [  45.0s] start   run 2 checks: they never ran
        [  45.1s] check   passed https: 200 (41 ms)
        [  47.5s] done    run 2 checks (2.5 s)
        [  72.5s] end     5 steps done, 1 m 12 s
        ");
    }

    #[test]
    fn a_failure_is_told_once_in_full_with_what_it_held_up() {
        insta::assert_snapshot!(shown(&broken()), @r#"
        [   0.0s] up      tstack-task-api: 5 steps
        [   0.0s] start   make cluster tstack-task-api: there is none
        [  31.2s] done    make cluster tstack-task-api (31.2 s)
        [  31.2s] start   install cert-manager v1.19.1: not installed
        [  31.2s] start   install keda 2.21.0: not installed
        [  33.0s] wait    install keda 2.21.0: Deployment keda/keda-operator: 0 of 1 replicas available
        [  39.4s] failed  install keda 2.21.0 (8.2 s): Deployment keda/keda-operator did not become ready
        [  40.0s] done    install cert-manager v1.19.1 (8.8 s)
        [  40.0s] end     2 steps done, 1 failed, 2 did not run, 40.0 s

        error: Deployment keda/keda-operator did not become ready
          Pod keda/keda-operator-5c: container keda-operator is in CrashLoopBackOff, 4 restarts
          last lines of its log:
            │ ERROR cannot list ScaledObjects\x07
            │ panic: forbidden
          2 steps did not run because of this: apply task-api, run 2 checks

        help: look at it: kubectl -n keda describe pod keda-operator-5c
        "#);
    }

    #[test]
    fn a_cancelled_run_says_how_to_go_on() {
        insta::assert_snapshot!(shown(&cancelled()), @"
        [   0.0s] up      tstack-task-api: 5 steps
        [   0.0s] start   make cluster tstack-task-api: there is none
        [   0.5s] wait    make cluster tstack-task-api: Node tstack-task-api-control-plane: NotReady
        [   5.0s] done    make cluster tstack-task-api (5.0 s)
        [   5.0s] start   install cert-manager v1.19.1: not installed
        [   6.3s] cancel  no new step starts, running steps end
        [   6.4s] done    install cert-manager v1.19.1 (1.4 s)
        [   6.5s] end     2 steps done, 3 did not run, 6.5 s

        cancelled: 3 steps did not run

        help: `tstack up` again continues from here
        ");
    }

    #[test]
    fn no_control_character_is_written() {
        assert!(!shown(&broken()).chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn a_reason_that_changes_quickly_is_told_every_few_seconds() {
        let wait = |reason: &str| Event::StepWaiting { id: "a".into(), reason: reason.into() };
        let mut events = vec![(0, Event::StepStarted { id: "a".into() })];
        events.extend((0..100).map(|n| (n * 100, wait(&format!("try {n}")))));
        let text = shown(&events);
        assert_eq!(text.matches("] wait").count(), 2, "{text}");
    }

    #[test]
    fn a_reason_that_was_held_back_is_told_by_a_later_event_of_any_step() {
        let wait = |reason: &str| Event::StepWaiting { id: "a".into(), reason: reason.into() };
        let events = [
            (0, Event::StepStarted { id: "a".into() }),
            (10, wait("one")),
            (20, wait("two")),
            (9_000, Event::StepStarted { id: "b".into() }),
        ];
        let text = shown(&events);
        assert!(text.ends_with("[   9.0s] wait    a: two\n"), "{text}");
    }
}
