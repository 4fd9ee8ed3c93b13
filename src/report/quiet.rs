//! Nothing, unless something failed.

use std::io::Write;
use std::time::Duration;

use crate::event::Event;

use super::failure::endings;
use super::run::Run;
use super::{Paint, Renderer};

/// Writes the failures of a run when it has ended.
pub struct Quiet {
    to: Box<dyn Write + Send>,
    paint: Paint,
    run: Run,
}

impl Quiet {
    /// A renderer that writes to `to`.
    #[must_use]
    pub fn new(to: Box<dyn Write + Send>, paint: Paint) -> Self {
        Self { to, paint, run: Run::default() }
    }
}

impl Renderer for Quiet {
    fn on(&mut self, event: &Event, at: Duration) {
        self.run.on(event, at);
        if matches!(event, Event::PlanFinished { .. }) {
            let _ = self.to.write_all(endings(&self.run, self.paint).as_bytes());
            let _ = self.to.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::recorded::{Kept, broken, cancelled, good, play};

    fn shown(events: &[(u64, Event)]) -> String {
        let kept = Kept::default();
        play(&mut Quiet::new(Box::new(kept.clone()), Paint { color: false, unicode: true }), events);
        kept.text()
    }

    #[test]
    fn a_good_run_is_silent() {
        assert_eq!(shown(&good()), "");
    }

    #[test]
    fn a_failure_is_not() {
        insta::assert_snapshot!(shown(&broken()), @r#"
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
    fn a_cancelled_run_says_so() {
        assert_eq!(shown(&cancelled()), "cancelled: 3 steps did not run\n\nhelp: `tstack up` again continues from here\n");
    }

    #[test]
    fn a_step_that_the_user_stopped_is_no_failure() {
        let mut events = cancelled();
        let stopped = crate::failure::Failure::new(crate::failure::FailureKind::Cancelled, "helm was stopped");
        events[6].1 = Event::StepFailed { id: "install:cert-manager".into(), took: Duration::from_secs(1), failure: stopped };
        events[7].1 = Event::StepSkipped { id: "install:keda".into(), because: "install:cert-manager".into() };
        assert_eq!(shown(&events), shown(&cancelled()));
    }

    #[test]
    fn steps_that_fell_to_the_same_cause_tell_it_once() {
        let failure = crate::failure::Failure::step("the engine went away");
        let failed = |id: &str| (9, Event::StepFailed { id: id.into(), took: Duration::from_secs(1), failure: failure.clone() });
        let end = Event::PlanFinished { done: 0, failed: 2, skipped: 0, took: Duration::from_secs(1) };
        assert_eq!(shown(&[failed("a"), failed("b"), (9, end)]), "error: the engine went away\n");
    }
}
