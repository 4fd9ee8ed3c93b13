//! Many requests on kept-alive connections, and exactly how many pass.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::try_join_all;
use http::HeaderMap;

use super::answers::Counts;
use super::bucket::{self, Run, Verdict};
use super::outcome::{Backoff, Outcome, check_failure};
use super::request::{Endpoint, UNIQUE, can_be_unique, headers};
use super::{Context, explain};
use crate::failure::Failure;
use crate::stack::RateLimitCheck;
use crate::world::http::{Answer, Connection, HttpError};

/// How many connections the first run uses, and each repeated one: more are faster, and all stay far below the 25 requests
/// in flight at which the stack's circuit breaker would answer instead of the limiter.
const PIPES: [usize; 3] = [1, 5, 10];

pub(super) async fn run(check: &RateLimitCheck, context: &Context) -> Outcome {
    let passing = check.requests.min(check.per_minute);
    let expected = Counts::from_iter([(200, passing), (429, check.requests - passing)]).to_string();
    let endpoint = match Endpoint::of_url(&check.url, context) {
        Ok(endpoint) => endpoint,
        Err(failure) => return Outcome::failed(expected, "nothing was sent", failure),
    };
    let mut backoff = Backoff::new(context, context.settle);
    let mut slow = 0;
    let mut waited = false;
    loop {
        let headers = match headers(&check.headers, UNIQUE, &(context.unique)()) {
            Ok(headers) => headers,
            Err(failure) => return Outcome::failed(expected, "nothing was sent", failure),
        };
        let peek = check.shared && !waited;
        let outcome = match attempt(check, &endpoint, &headers, PIPES[slow], peek).await {
            Err(outcome) => Outcome { expected: expected.clone(), ..outcome },
            Ok(Seen::Missing(tokens)) => {
                wait_for_full(context, check.per_minute, tokens).await;
                waited = true;
                continue;
            }
            Ok(Seen::Ended(counts, elapsed)) => {
                let run = Run { requests: check.requests, passed: counts.of(200), elapsed };
                match bucket::judge(run, check.per_minute) {
                    Verdict::Exact => return Outcome::passed(expected, counts.to_string()),
                    Verdict::Refilled(more) if can_be_unique(&check.headers) && slow + 1 < PIPES.len() => {
                        slow += 1;
                        let took = elapsed.as_secs_f64();
                        (context.on_wait)(&format!("the run took {took:.1} s, in which the limiter refilled {more}: again, as a new user"));
                        continue;
                    }
                    Verdict::Refilled(more) => {
                        let seen = format!("{counts} (in {:.1} s, in which the limiter itself refilled {more})", elapsed.as_secs_f64());
                        return Outcome::passed(expected, seen);
                    }
                    Verdict::NotFull(_) if peek => {
                        wait_for_full(context, check.per_minute, check.per_minute).await;
                        waited = true;
                        continue;
                    }
                    Verdict::NotFull(fewer) => too_few(check, &expected, &counts, fewer),
                    Verdict::TooMany(more) => too_many(check, &expected, &counts, elapsed, more),
                }
            }
        };
        if !backoff.heals(&outcome).await {
            return outcome;
        }
    }
}

/// What a run of requests saw.
enum Seen {
    /// All were answered with 200 or 429, in that time.
    Ended(Counts, Duration),
    /// The first answer already said that the bucket lacked so many tokens; nothing more was sent.
    Missing(u32),
}

/// The tally of a run while it goes on.
#[derive(Default)]
struct Tally {
    sent: u32,
    counts: Counts,
    /// The first answer that was neither 200 nor 429.
    odd: Option<Answer>,
}

async fn attempt(check: &RateLimitCheck, endpoint: &Endpoint<'_>, headers: &HeaderMap, pipes: usize, peek: bool) -> Result<Seen, Outcome> {
    let context = endpoint.context();
    let tally = Mutex::new(Tally::default());
    let broken = |error: HttpError| {
        let seen = format!("{}, then {}", lock(&tally).counts, error.phase);
        let failure = explain::unanswered(&error).why(format!("request {} of {}", lock(&tally).sent, check.requests));
        Outcome::failed("", seen, failure).transient(error.transient)
    };
    // all connections are open before the first request, so that the time measured is the time of the requests
    let mut open = try_join_all((0..pipes).map(|_| endpoint.open())).await.map_err(broken)?;
    let started = context.clock.now();
    if let Some(first) = open.first_mut() {
        let answer = send(endpoint, first, headers, &tally).await.map_err(broken)?;
        if let Some(missing) = missing_before(&answer, check.per_minute).filter(|_| peek) {
            return Ok(Seen::Missing(missing));
        }
    }
    try_join_all(open.into_iter().map(|connection| pipe(check, endpoint, connection, headers, &tally))).await.map_err(broken)?;
    let elapsed = context.clock.now().saturating_sub(started);
    let tally = tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    match tally.odd {
        None => Ok(Seen::Ended(tally.counts, elapsed)),
        Some(answer) => {
            let failure = check_failure(format!("{} answered {}, neither 200 nor 429", check.url, answer.status.as_u16()));
            let transient = explain::may_heal(&answer);
            Err(Outcome::failed("", tally.counts.to_string(), explain::with_answer(failure, &answer)).transient(transient))
        }
    }
}

/// Sends requests over one connection until all of the run are sent.
async fn pipe(
    check: &RateLimitCheck,
    endpoint: &Endpoint<'_>,
    mut connection: Connection,
    headers: &HeaderMap,
    tally: &Mutex<Tally>,
) -> Result<(), HttpError> {
    while lock(tally).sent < check.requests {
        let answer = send(endpoint, &mut connection, headers, tally).await?;
        if !answer.reusable {
            connection = endpoint.open().await?;
        }
    }
    Ok(())
}

async fn send(
    endpoint: &Endpoint<'_>,
    connection: &mut Connection,
    headers: &HeaderMap,
    tally: &Mutex<Tally>,
) -> Result<Answer, HttpError> {
    // counted when it is sent, so that the pipes together never send one too many
    lock(tally).sent += 1;
    let answer = endpoint.get(connection, headers).await?;
    let mut tally = lock(tally);
    tally.counts.add(answer.status.as_u16());
    if !matches!(answer.status.as_u16(), 200 | 429) && tally.odd.is_none() {
        tally.odd = Some(answer.clone());
    }
    Ok(answer)
}

/// A panic elsewhere leaves the counts as they are, which is all that is read of them.
fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How many tokens the bucket lacked before its first request, by the limiter's own header; `None` where it was full or
/// the header is not there. A full bucket has one less than the limit left after the first request.
fn missing_before(first: &Answer, per_minute: u32) -> Option<u32> {
    let left: u32 = first.header("x-ratelimit-remaining")?.parse().ok()?;
    let before = if first.status == 429 { left } else { left.saturating_add(1) };
    // the token that was just taken must come back too
    (before < per_minute).then(|| per_minute - left)
}

/// Waits until a bucket that others spend too is full. Nothing tells when; the rate is known, so the time is.
async fn wait_for_full(context: &Context, per_minute: u32, missing: u32) {
    let ends = context.clock.now() + bucket::refill_time(per_minute, missing);
    loop {
        let left = ends.saturating_sub(context.clock.now());
        if left.is_zero() {
            return;
        }
        (context.on_wait)(&format!("the shared bucket refills: full in {} s", left.as_millis().div_ceil(1000)));
        context.clock.pause(left.min(Duration::from_secs(1))).await;
    }
}

fn too_few(check: &RateLimitCheck, expected: &str, counts: &Counts, fewer: u32) -> Outcome {
    let failure =
        check_failure(format!("{} let {fewer} requests fewer pass than the {} a minute of its limit", check.url, check.per_minute));
    Outcome::failed(expected, counts.to_string(), hint_for_few(failure, check))
}

fn hint_for_few(failure: Failure, check: &RateLimitCheck) -> Failure {
    if check.shared {
        failure.hint("Other clients spend the same bucket: stop them and verify again, or tell users apart by a header with `${unique}`.")
    } else if can_be_unique(&check.headers) {
        failure.hint(
            "A new user began without a full bucket: look for a second limit on this route, or a lower one in the BackendTrafficPolicy.",
        )
    } else {
        failure.hint("The bucket was not full: use `${unique}` in the header that tells users apart, or say `shared: true` to wait for it.")
    }
}

fn too_many(check: &RateLimitCheck, expected: &str, counts: &Counts, elapsed: Duration, more: u32) -> Outcome {
    let what = format!("{} let {more} requests more pass than its limit of {} a minute", check.url, check.per_minute);
    let refilled = bucket::gained(check.per_minute, elapsed);
    let why = format!("the run took {:.3} s, in which a limiter that refills evenly gains {refilled}", elapsed.as_secs_f64());
    let failure = check_failure(what).why(why);
    let failure = if counts.of(429) == 0 {
        failure.hint("No request was limited: see that the BackendTrafficPolicy is Accepted and targets this route.")
    } else {
        failure.hint("Each gateway replica has a bucket of its own, and so has each route: see that the gateway has one replica.")
    };
    // a limit that was just accepted reaches Envoy a moment later, and an update of the routes empties all counts
    Outcome::failed(expected, counts.to_string(), failure).transient(true)
}

#[cfg(test)]
mod tests;
