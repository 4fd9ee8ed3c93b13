//! The arithmetic of a token bucket that refills continuously, as Envoy's local rate limit does since 1.31.
//!
//! A full bucket holds as many tokens as pass in a minute, and gains them evenly. So a run of `n` requests that begins with
//! a full bucket and lasts `t` seconds sees between `limit` and `limit + floor(limit * t / 60)` of them pass: never less,
//! since the bucket was full, and never more, since nothing else fills it. The run is measured at the client, from before
//! the first request to after the last answer, which is longer than the limiter saw: the bound stays true.

use std::time::Duration;

/// What a run says about the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As many passed as the limit says.
    Exact,
    /// So many more passed, and in the time of the run the bucket did gain as many.
    Refilled(u32),
    /// So many fewer passed: the bucket was not full at the beginning, or the limit is lower.
    NotFull(u32),
    /// So many more passed than the limit and the time explain.
    TooMany(u32),
}

/// A run to judge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// How many requests were sent.
    pub(super) requests: u32,
    /// How many of them passed.
    pub(super) passed: u32,
    /// From before the first request to after the last answer.
    pub(super) elapsed: Duration,
}

/// Judges a run against a limit of `per_minute`.
pub(super) fn judge(run: Run, per_minute: u32) -> Verdict {
    let ideal = run.requests.min(per_minute);
    let Some(more) = run.passed.checked_sub(ideal) else { return Verdict::NotFull(ideal - run.passed) };
    let explained = gained(per_minute, run.elapsed);
    match more {
        0 => Verdict::Exact,
        more if u128::from(more) <= explained => Verdict::Refilled(more),
        more => Verdict::TooMany(more - u32::try_from(explained).unwrap_or(u32::MAX)),
    }
}

/// How many whole tokens a bucket gains in that time. Whole numbers throughout: a rounded half token would be a wrong verdict.
pub(super) fn gained(per_minute: u32, time: Duration) -> u128 {
    u128::from(per_minute) * time.as_nanos() / MINUTE.as_nanos()
}

/// How long a bucket takes to gain so many tokens, rounded up to whole seconds.
pub(super) fn refill_time(per_minute: u32, tokens: u32) -> Duration {
    let seconds = (u64::from(tokens) * 60).div_ceil(u64::from(per_minute.max(1)));
    Duration::from_secs(seconds.min(MINUTE.as_secs()))
}

const MINUTE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(requests: u32, per_minute: u32, millis: u64, passed: u32) -> Verdict {
        judge(Run { requests, passed, elapsed: Duration::from_millis(millis) }, per_minute)
    }

    #[test]
    fn the_exact_count_is_required_of_a_run_faster_than_one_token() {
        assert_eq!(verdict(110, 100, 599, 100), Verdict::Exact);
        assert_eq!(verdict(110, 100, 599, 101), Verdict::TooMany(1));
        assert_eq!(verdict(110, 100, 599, 99), Verdict::NotFull(1));
    }

    #[test]
    fn a_slow_run_may_see_what_the_time_refilled() {
        assert_eq!(verdict(110, 100, 1400, 102), Verdict::Refilled(2));
        assert_eq!(verdict(110, 100, 1400, 103), Verdict::TooMany(1));
        assert_eq!(verdict(15, 10, 200, 10), Verdict::Exact);
    }

    #[test]
    fn below_the_limit_all_pass() {
        assert_eq!(verdict(20, 100, 10, 20), Verdict::Exact);
        assert_eq!(verdict(20, 100, 10, 19), Verdict::NotFull(1));
    }

    #[test]
    fn refilling_takes_a_minute_at_most() {
        assert_eq!(refill_time(10, 4), Duration::from_secs(24));
        assert_eq!(refill_time(100, 1), Duration::from_secs(1));
        assert_eq!(refill_time(10, 40), Duration::from_mins(1));
        assert_eq!(refill_time(0, 1), Duration::from_mins(1));
    }

    /// A bucket in whole numbers: one token is `60_000_000_000` units, and each nanosecond brings `per_minute` of them.
    fn simulate(per_minute: u32, gaps: &[u64]) -> (u32, Duration) {
        const TOKEN: u128 = 60_000_000_000;
        let full = u128::from(per_minute) * TOKEN;
        let (mut level, mut passed, mut time) = (full, 0, 0_u64);
        for gap in gaps {
            time += gap;
            level = (level + u128::from(per_minute) * u128::from(*gap)).min(full);
            if level >= TOKEN {
                level -= TOKEN;
                passed += 1;
            }
        }
        // the first request finds a full bucket whenever it comes
        (passed, Duration::from_nanos(time - gaps.first().copied().unwrap_or_default()))
    }

    proptest! {
        #[test]
        fn what_a_real_bucket_does_is_always_accepted(
            per_minute in 1_u32..400,
            gaps in prop::collection::vec(0_u64..80_000_000, 1..600),
        ) {
            let (passed, elapsed) = simulate(per_minute, &gaps);
            let run = Run { requests: u32::try_from(gaps.len()).unwrap(), passed, elapsed };
            let verdict = judge(run, per_minute);
            prop_assert!(matches!(verdict, Verdict::Exact | Verdict::Refilled(_)), "{verdict:?} for {run:?}");
        }

        #[test]
        fn a_count_that_no_bucket_gives_is_never_accepted(
            per_minute in 1_u32..400,
            over in 1_u32..400,
            millis in 0_u64..30_000,
            off in 1_u32..50,
        ) {
            let requests = per_minute + over + 1000;
            let most = per_minute + u32::try_from(gained(per_minute, Duration::from_millis(millis))).unwrap();
            prop_assert_eq!(verdict(requests, per_minute, millis, most + off), Verdict::TooMany(off));
            let few = per_minute.saturating_sub(off);
            prop_assert_eq!(verdict(requests, per_minute, millis, few), Verdict::NotFull(per_minute - few));
        }
    }
}
