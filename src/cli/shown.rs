//! How this process shows things, decided once.

use std::sync::Arc;
use std::time::Duration;

use super::args::Global;
use crate::env::Env;
use crate::event::Event;
use crate::failure::Failure;
use crate::ops::{Listener, Setup, Told};
use crate::report::{self, Mode, Stream, Streams, Surroundings};

pub(super) struct Shown {
    pub mode: Mode,
    streams: Streams,
}

impl Shown {
    pub(super) fn new(global: &Global, env: &Env) -> Self {
        let read = Surroundings {
            ci: env.ci,
            no_color: env.no_color,
            term_dumb: env.term.as_deref() == Some("dumb"),
            utf8: env.utf8,
            ..Surroundings::default()
        };
        let mode = report::resolve(global.output, global.color, report::surroundings(read));
        Self { mode, streams: Streams::real() }
    }

    /// Whether data goes out as JSON.
    pub(super) fn json(&self) -> bool {
        self.mode.stream == Stream::Json
    }

    /// Writes data to stdout.
    pub(super) fn data(&mut self, text: &str) -> Result<(), Failure> {
        self.streams.data(text).map_err(|e| Failure::internal("cannot write to standard output").because(&e))
    }

    /// Writes for people, unless only failures are wanted.
    pub(super) fn say(&mut self, text: &str) {
        if self.mode.stream != Stream::Quiet {
            self.streams.say(text);
        }
    }

    /// Writes what somebody is asked, however things are shown.
    pub(super) fn ask(&mut self, text: &str) {
        self.streams.say(text);
    }

    /// A failure that no renderer has shown.
    pub(super) fn failure(&mut self, failure: &Failure) {
        if self.json() {
            let _ = self.streams.data(&report::json_line("failure", failure));
        } else {
            self.streams.say(&report::failure(failure, self.mode.stderr));
        }
    }

    /// Who is told of events: the renderer of this mode.
    pub(super) fn listener(&self, setup: &Setup) -> Listener {
        let began = setup.began;
        let now: Arc<dyn Fn() -> Duration + Send + Sync> = Arc::new(move || began.elapsed());
        let mut renderer = report::renderer(self.mode, now);
        Box::new(move |event: &Event, at| renderer.on(event, at))
    }

    /// The table of the checks, where a run had some.
    pub(super) fn checks(&mut self, told: &Told) -> Result<(), Failure> {
        if told.checks.is_empty() || self.json() || self.mode.stream == Stream::Quiet {
            return Ok(());
        }
        let ids: Vec<String> = told.checks.iter().map(|report| format!("check:{}", report.name)).collect();
        let took = told.outcome.times.iter().filter(|(id, _)| ids.contains(id)).map(|(_, took)| *took).sum();
        let table = report::checks(&told.checks, took, self.mode.width, self.mode.stdout);
        self.data(&table)
    }
}

/// The exit code of a run; its failures have been shown by the renderer.
pub(super) fn exit_code(told: &Told) -> u8 {
    told.outcome.failure().map_or(0, |failure| failure.kind.exit_code())
}
