//! Slow requests at once: none is refused below the limit, and some are above it.

use std::time::Duration;

use futures::future::{join_all, try_join_all};

use super::answers::Counts;
use super::outcome::{Backoff, Outcome, check_failure};
use super::request::{Endpoint, UNIQUE, headers};
use super::{Context, explain};
use crate::failure::Failure;
use crate::stack::CircuitBreakerCheck;
use crate::world::http::{Answer, Connection, HttpError};

/// More connections than this are a load test and no check.
const MOST: u32 = 500;

/// The requests of the first volley begin in groups of this size, this far apart. They are in flight together all the
/// same, since each takes about a second; but Envoy lets only a few requests wait for a *new* connection to the backend
/// (`maxPendingRequests`, 5 in the stack), so that many at the same instant would be refused by that other limit.
/// Measured on Envoy 1.39.1 without connections to the backend: 25 at one instant gave 18 x 503, in groups 25 x 200.
const GROUP: u32 = 4;
const GROUP_GAP: Duration = Duration::from_millis(15);

pub(super) async fn run(check: &CircuitBreakerCheck, context: &Context) -> Outcome {
    let expected = format!("{} at once: {} x 200; {} at once: some 503 overflow", check.below, check.below, check.above);
    if check.below.max(check.above) > MOST {
        let failure = Failure::usage(format!("a circuit breaker check sends at most {MOST} requests at once"));
        return Outcome::failed(expected, "nothing was sent", failure.hint("Lower `below` and `above` in the stack file."));
    }
    let endpoint = match Endpoint::of_url(&check.url, context) {
        Ok(endpoint) => endpoint,
        Err(failure) => return Outcome::failed(expected, "nothing was sent", failure),
    };
    let mut backoff = Backoff::new(context, context.settle);
    loop {
        let outcome = Outcome { expected: expected.clone(), ..once(check, &endpoint).await };
        if !backoff.heals(&outcome).await {
            return outcome;
        }
    }
}

async fn once(check: &CircuitBreakerCheck, endpoint: &Endpoint<'_>) -> Outcome {
    let below = match volley(check, endpoint, check.below, GROUP_GAP).await {
        Ok(volley) => volley,
        Err(outcome) => return outcome,
    };
    let seen = format!("{} at once: {below}", check.below);
    if below.counts.of(200) != check.below {
        let what = format!("{} refused requests below the limit: {below} of {} at once", check.url, check.below);
        let failure = below.explain(check_failure(what));
        return Outcome::failed("", seen, failure).transient(below.may_heal());
    }
    let above = match volley(check, endpoint, check.above, Duration::ZERO).await {
        Ok(volley) => volley,
        Err(outcome) => return Outcome { seen: format!("{seen}; {}", outcome.seen), ..outcome },
    };
    let seen = format!("{seen}; {} at once: {above}", check.above);
    let (passed, refused) = (above.counts.of(200), above.overflows);
    if passed + refused != check.above {
        let what = format!("{} answered some of {} at once with neither 200 nor 503 overflow: {above}", check.url, check.above);
        return Outcome::failed("", seen, above.explain(check_failure(what))).transient(above.may_heal());
    }
    if refused == 0 {
        let what = format!("{} refused none of {} requests at once, so the circuit breaker did not open", check.url, check.above);
        let failure = check_failure(what)
            .hint("See that the BackendTrafficPolicy with the circuit breaker is Accepted and targets this route.")
            .hint("See that the answer takes about a second; faster ones are never really at once.");
        // the policy may still be on its way to the proxy
        return Outcome::failed("", seen, failure).transient(true);
    }
    if passed < check.below {
        let what = format!("{} let only {passed} of {} at once pass, fewer than the {} it must", check.url, check.above, check.below);
        let failure = check_failure(what).hint("The breaker opens too early: compare its limits with `below` of the check.");
        return Outcome::failed("", seen, failure);
    }
    Outcome::passed("", seen)
}

/// The answers to requests that were in flight together.
#[derive(Default)]
struct Volley {
    counts: Counts,
    overflows: u32,
    /// The first answer that was neither 200 nor an overflow.
    odd: Option<Answer>,
    /// The first request that got no answer.
    unanswered: Option<HttpError>,
    lost: u32,
}

impl Volley {
    fn add(&mut self, result: Result<Answer, HttpError>) {
        match result {
            Ok(answer) => {
                self.counts.add(answer.status.as_u16());
                if explain::is_overflow(&answer) {
                    self.overflows += 1;
                } else if answer.status != 200 && self.odd.is_none() {
                    self.odd = Some(answer);
                }
            }
            Err(error) => {
                self.lost += 1;
                self.unanswered.get_or_insert(error);
            }
        }
    }

    /// Adds the most telling evidence.
    fn explain(&self, failure: Failure) -> Failure {
        if let Some(answer) = &self.odd {
            return explain::with_answer(failure, answer);
        }
        if let Some(error) = &self.unanswered {
            return failure
                .why(error.to_string())
                .hint("A request that gets no answer at all is not refused by the breaker: look at the gateway's log.");
        }
        failure
            .why("Envoy refused them with 503 overflow")
            .hint("See that no other load runs, and compare the breaker's limits with the check.")
    }

    fn may_heal(&self) -> bool {
        self.odd.as_ref().map_or_else(|| self.unanswered.as_ref().is_none_or(|e| e.transient), explain::may_heal)
    }
}

impl std::fmt::Display for Volley {
    /// `30 x 200, 30 x 503 overflow, 1 without answer`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.counts)?;
        match (self.overflows, self.counts.of(503)) {
            (0, _) => {}
            (all, refused) if all == refused => f.write_str(" overflow")?,
            (some, _) => write!(f, " ({some} of them overflow)")?,
        }
        if self.lost > 0 {
            write!(f, ", {} without answer", self.lost)?;
        }
        Ok(())
    }
}

/// Connects `count` times, then sends on all connections, and returns when the last answer has come: what follows finds
/// the breaker closed again.
async fn volley(check: &CircuitBreakerCheck, endpoint: &Endpoint<'_>, count: u32, gap: Duration) -> Result<Volley, Outcome> {
    let context = endpoint.context();
    let all = (0..count).map(|_| headers(&check.headers, UNIQUE, &(context.unique)())).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|failure| Outcome::failed("", "nothing was sent", failure))?;
    let open: Vec<Connection> = try_join_all((0..count).map(|_| endpoint.open()))
        .await
        .map_err(|error| Outcome::failed("", error.phase.to_string(), explain::unanswered(&error)).transient(error.transient))?;
    let sent = open.into_iter().zip(all).zip(0_u32..).map(|((mut connection, headers), number)| async move {
        if !gap.is_zero() {
            context.clock.pause(gap * (number / GROUP)).await;
        }
        endpoint.get(&mut connection, &headers).await
    });
    let mut volley = Volley::default();
    join_all(sent).await.into_iter().for_each(|result| volley.add(result));
    Ok(volley)
}

#[cfg(test)]
mod tests;
