//! The one pause between tries of this room: from 50 ms, doubling, never above 2 s.

use std::future::pending;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
/// DESIGN section 4: kubefwd's five minutes are what its users complain of most.
pub(super) const LONGEST: Duration = Duration::from_secs(2);

/// Grows with each pause; has no end, since a forwarder does not give up.
#[derive(Clone, Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) const fn new() -> Self {
        Self(FIRST)
    }

    /// Lets one pause go by. Only for tries whose success announces itself by nothing that could be watched.
    pub(super) async fn pause(&mut self) {
        let step = self.step();
        // what never comes is waited for: this is the room's only pause
        let _ = tokio::time::timeout(step, pending::<()>()).await;
    }

    /// The next pause's length.
    pub(super) fn step(&mut self) -> Duration {
        let step = self.0;
        self.0 = (step * 2).min(LONGEST);
        step
    }
}

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
}
