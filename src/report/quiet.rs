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
        insta::assert_snapshot!(shown(&broken()), @"");
    }

    #[test]
    fn a_cancelled_run_says_so() {
        assert_eq!(shown(&cancelled()), "cancelled after 6.5 s; 3 steps did not run\n\nhelp: `tstack up` again continues from here\n");
    }
}
