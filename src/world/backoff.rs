//! The one pause between tries, for questions to which the other side gives no event to watch: whether a webhook answers, a
//! port is free again, a lock is released shows only in the next try.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause: short enough for a person who waits (DESIGN section 4).
const LONGEST: Duration = Duration::from_secs(2);

/// Lets a time pass. The lint bans sleep so that every pause of the program comes through here.
pub async fn pause(time: Duration) {
    // what never comes is waited for
    let _ = timeout(time, pending::<()>()).await;
}

/// Pauses that double from 50 ms up to 2 s.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff {
    /// Begins with the shortest pause.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: FIRST, longest: LONGEST }
    }

    /// For what others wait for: no pause is longer than this.
    #[must_use]
    pub const fn up_to(longest: Duration) -> Self {
        Self { next: FIRST, longest }
    }

    /// Lets the next pause go by.
    pub async fn pause(&mut self) {
        pause(self.step()).await;
    }

    /// Lets the next pause go by, at most until the deadline; `false` when that has come.
    pub async fn pause_until(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        pause(self.step().min(left)).await;
        Instant::now() < deadline
    }

    /// The next pause's length.
    pub fn step(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.longest);
        step
    }
}

/// As kube's watchers ask for it; it has no end.
impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.step())
    }
}

impl kube::runtime::utils::Backoff for Backoff {
    fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_at_two_seconds() {
        let millis: Vec<_> = Backoff::new().take(8).map(|d| d.as_millis()).collect();
        assert_eq!(millis, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_goes_beyond_the_deadline() {
        let began = Instant::now();
        let deadline = began + Duration::from_secs(5);
        let mut backoff = Backoff::new();
        while backoff.pause_until(deadline).await {}
        assert_eq!(Instant::now(), deadline);
    }
}
