//! Pauses between questions to which the other side gives no event to watch.
use std::time::Duration;

use tokio::time::Instant;

/// Pauses that double from a tenth of a second up to one second, until a deadline.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    deadline: Instant,
}

impl Backoff {
    /// Pauses until `deadline`.
    #[must_use]
    pub const fn until(deadline: Instant) -> Self {
        Self { next: Duration::from_millis(100), deadline }
    }

    /// Pauses; `false`, at once, when the deadline would pass meanwhile.
    pub async fn pause(&mut self) -> bool {
        let pause = self.next;
        if Instant::now() + pause >= self.deadline {
            return false;
        }
        self.next = (pause * 2).min(Duration::from_secs(1));
        // a timeout of nothing: the lint bans sleep so that every pause comes through here
        let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end_at_the_deadline() {
        let began = Instant::now();
        let mut backoff = Backoff::until(began + Duration::from_secs(5));
        let mut pauses = 0;
        while backoff.pause().await {
            pauses += 1;
        }
        assert_eq!(pauses, 7);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
