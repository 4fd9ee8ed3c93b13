//! The pause between two tries of a call for whose success there is nothing to watch.
//!
//! Whether a webhook answers, an API server takes requests again or a kind is served shows only in the next call: no object
//! changes. So these calls, and no others, are tried again after a pause that grows.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::OnWait;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause: short enough for a person who waits.
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses of 100 ms, 200 ms and so on up to 2 s.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// Pauses, at most until the deadline; `false` when that has come.
    pub(super) async fn pause(&mut self, deadline: Instant) -> bool {
        let until = (Instant::now() + self.next).min(deadline);
        self.next = (self.next * 2).min(LONGEST);
        let _elapsed = timeout_at(until, std::future::pending::<()>()).await;
        Instant::now() < deadline
    }
}

/// Tells what is waited for, each text once until another comes.
pub(super) struct Waits<'a> {
    on_wait: OnWait<'a>,
    last: Mutex<String>,
}

impl<'a> Waits<'a> {
    pub(super) fn new(on_wait: OnWait<'a>) -> Self {
        Self { on_wait, last: Mutex::new(String::new()) }
    }

    pub(super) fn tell(&self, text: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            last.clone_from(&text);
            drop(last);
            (self.on_wait)(text);
        }
    }
}
