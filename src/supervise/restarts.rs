//! After which pause a program that ended is started again.

use std::time::Duration;

/// The first pause that is one, after a start at once.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);
/// Who ran so long ran well, and begins anew.
const WELL: Duration = Duration::from_secs(10);
/// So many ends in a row, with no time of readiness between them, are no accident.
const AGAIN_AND_AGAIN: u32 = 3;

/// The ends of one program.
#[derive(Clone, Debug, Default)]
pub(super) struct Restarts {
    in_a_row: u32,
}

impl Restarts {
    /// Counts an end; the pause until the next start.
    pub(super) fn ended(&mut self, ran_for: Duration) -> Duration {
        if ran_for >= WELL {
            self.in_a_row = 0;
        }
        self.in_a_row += 1;
        match self.in_a_row {
            1 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 2).min(16)).min(LONGEST),
        }
    }

    /// Whether it ended again and again.
    pub(super) fn is_hopeless(&self) -> bool {
        self.in_a_row >= AGAIN_AND_AGAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_is_at_once_and_the_pauses_double_up_to_ten_seconds() {
        let mut restarts = Restarts::default();
        let pauses: Vec<_> = (0..9).map(|_| restarts.ended(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(pauses, [0, 200, 400, 800, 1600, 3200, 6400, 10000, 10000]);
    }

    #[test]
    fn who_ran_well_begins_anew() {
        let mut restarts = Restarts::default();
        for _ in 0..5 {
            restarts.ended(Duration::ZERO);
        }
        assert!(restarts.is_hopeless());
        assert_eq!(restarts.ended(WELL), Duration::ZERO);
        assert!(!restarts.is_hopeless());
    }
}
