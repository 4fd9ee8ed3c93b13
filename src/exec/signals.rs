//! What a running step can say, and how it hears that it should stop.

use std::sync::Mutex;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::event::{CheckReport, Event};

/// The way out of a step: `step --events--> dispatcher's reader`.
#[derive(Debug)]
pub struct Signals {
    id: String,
    events_tx: UnboundedSender<Event>,
    /// Set when the user asked to stop.
    pub cancel: CancellationToken,
    reason: Mutex<String>,
}

impl Signals {
    pub(super) fn new(id: &str, events_tx: UnboundedSender<Event>, cancel: CancellationToken) -> Self {
        Self { id: id.to_owned(), events_tx, cancel, reason: Mutex::new(String::new()) }
    }

    /// Says what the step waits for. The same reason again is not repeated.
    pub fn waiting(&self, reason: impl Into<String>) {
        let reason = reason.into();
        let mut last = self.reason.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != reason {
            last.clone_from(&reason);
            drop(last);
            self.send(Event::StepWaiting { id: self.id.clone(), reason });
        }
    }

    /// Says something that a person should know though nothing failed.
    pub fn note(&self, text: impl Into<String>) {
        self.send(Event::StepNote { id: self.id.clone(), text: text.into() });
    }

    /// Gives the result of a check.
    pub fn check(&self, report: CheckReport) {
        self.send(Event::CheckDone { id: self.id.clone(), report });
    }

    /// The reason given last, empty when there was none.
    #[must_use]
    pub fn last_reason(&self) -> String {
        self.reason.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The reader may be gone when the run is torn down; nobody is left to tell then.
    fn send(&self, event: Event) {
        let _ = self.events_tx.send(event);
    }
}
