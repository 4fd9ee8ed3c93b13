//! The time of day.
#![expect(clippy::disallowed_methods, reason = "the room that owns the clock")]

use std::time::{Duration, Instant};

/// When something began: the time of day, and what has gone by since, which no set clock changes.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The time of day then.
    pub time: jiff::Timestamp,
    at: Instant,
}

impl Start {
    /// It begins now.
    #[must_use]
    pub fn now() -> Self {
        Self { time: now(), at: Instant::now() }
    }

    /// How long ago.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.at.elapsed()
    }
}

/// Now.
#[must_use]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
