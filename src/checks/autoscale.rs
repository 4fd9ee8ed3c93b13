//! Load until the replicas of a Deployment rise.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use http::HeaderMap;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior};

use super::answers::Counts;
use super::outcome::{Outcome, check_failure, no_cluster};
use super::request::{Endpoint, USER, headers};
use super::within::within;
use super::{ClusterView, Context, explain};
use crate::failure::Failure;
use crate::stack::{AutoscaleCheck, ObjectId};
use crate::world::http::HttpError;

/// The default of the stack file: some polls of the scaler, then the start of a pod.
const WITHIN: Duration = Duration::from_mins(3);
/// How often the Deployment is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A connection carries one request at a time; at some milliseconds each, this many a second leave room.
const REQUESTS_PER_PIPE: u32 = 50;
/// Far below the 25 requests in flight at which the stack's circuit breaker opens.
const MOST_PIPES: u32 = 16;

pub(super) async fn run(check: &AutoscaleCheck, context: &Context) -> Outcome {
    let Some(cluster) = context.cluster.as_deref() else { return no_cluster("more replicas") };
    let id = ObjectId::new("apps/v1", "Deployment", &check.namespace, &check.deployment);
    let prepared = async {
        let limit = within(check.within.as_deref(), WITHIN)?;
        let endpoint = Endpoint::of_url(&check.url, context)?;
        // new users for each run: their buckets are full
        let prefix = (context.unique)();
        let users = (0..check.users.max(1)).map(|n| headers(&check.headers, USER, &format!("{prefix}-{n}")));
        let users = users.collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Failure>((limit, endpoint, users, Replicas::read(cluster, &id).await?))
    };
    let (limit, endpoint, users, start) = match prepared.await {
        Ok(prepared) => prepared,
        Err(failure) => return Outcome::failed("more replicas", "nothing was sent", failure),
    };
    let expected = format!("more than {} replicas within {} s", start.wanted.max(start.ready), limit.as_secs());
    let load = Load { tally: Arc::default(), users };
    let watch = rise(context, cluster, &id, start, limit, &load.tally);
    // the load is a part of this future, so it ends with it: when the replicas rise, when the time is up, and when it is dropped
    let result = tokio::select! {
        result = watch => result,
        never = load.run(&endpoint, check.requests_per_second) => match never {},
    };
    let tally = lock(&load.tally);
    match result {
        Ok(end) => Outcome::passed(expected, format!("{} to {end} after {tally}", start.wanted)),
        Err(Stopped { last, failure }) => Outcome::failed(expected, format!("{last} after {tally}"), explain_load(failure, &tally, check)),
    }
}

/// How many pods a Deployment wants and has.
#[derive(Clone, Copy, Debug)]
struct Replicas {
    wanted: u64,
    ready: u64,
}

impl Replicas {
    async fn read(cluster: &dyn ClusterView, id: &ObjectId) -> Result<Self, Failure> {
        let object = cluster.get(id).await?.ok_or_else(|| check_failure(format!("{id} does not exist")))?;
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64);
        // absent means 1 in the spec and 0 in the status (apps/v1)
        Ok(Self { wanted: number("/spec/replicas").unwrap_or(1), ready: number("/status/readyReplicas").unwrap_or(0) })
    }
}

impl std::fmt::Display for Replicas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} replicas, {} ready,", self.wanted, self.ready)
    }
}

/// Why the replicas did not rise.
struct Stopped {
    last: Replicas,
    failure: Failure,
}

async fn rise(
    context: &Context,
    cluster: &dyn ClusterView,
    id: &ObjectId,
    start: Replicas,
    limit: Duration,
    tally: &Mutex<Tally>,
) -> Result<Replicas, Stopped> {
    let began = context.clock.now();
    let mut last = start;
    loop {
        // ClusterView gives objects, not events; once a second is often enough beside a scaler that looks every 15 s
        context.clock.pause(LOOK).await;
        let read = Replicas::read(cluster, id).await;
        let passed = context.clock.now().saturating_sub(began);
        match read {
            Ok(now) => last = now,
            Err(failure) if passed >= limit => return Err(Stopped { last, failure }),
            // under load the API server may be slow for a moment
            Err(failure) => {
                (context.on_wait)(&failure.what);
                continue;
            }
        }
        if last.wanted > start.wanted && last.ready > start.ready {
            return Ok(last);
        }
        if passed >= limit {
            let what = if last.wanted > start.wanted {
                format!(
                    "{id} was scaled from {} to {}, but the new pods are not ready after {} s",
                    start.wanted,
                    last.wanted,
                    limit.as_secs()
                )
            } else {
                format!("{id} still wants {} replicas after {} s of load", last.wanted, limit.as_secs())
            };
            return Err(Stopped { last, failure: check_failure(what) });
        }
        (context.on_wait)(&format!("{} s of {} s: {last} {}", passed.as_secs(), limit.as_secs(), lock(tally)));
    }
}

fn explain_load(failure: Failure, tally: &Tally, check: &AutoscaleCheck) -> Failure {
    let failure = failure.why(format!("load: {tally}"));
    let failure = match &tally.lost {
        Some(error) => failure.why(explain::unanswered(error).why.join("\n")),
        None => failure,
    };
    if tally.counts.of(429) > tally.counts.of(200) {
        return failure
            .hint(format!("Most requests were limited: raise `users` above {}, so that each stays below its limit.", check.users));
    }
    failure
        .hint("See what the scaler reads: `kubectl describe scaledobject,hpa`, and ask Prometheus for the query of its trigger.")
        .hint("A Deployment that an earlier load has scaled to its maximum cannot rise: wait until it is scaled down.")
}

/// What came of the load so far.
#[derive(Debug, Default)]
struct Tally {
    counts: Counts,
    lost_count: u32,
    /// The latest request without an answer.
    lost: Option<HttpError>,
}

impl std::fmt::Display for Tally {
    /// `640 requests (600 x 200, 40 x 429)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} requests ({}", self.counts.total() + self.lost_count, self.counts)?;
        if self.lost_count > 0 {
            write!(f, ", {} without answer", self.lost_count)?;
        }
        f.write_str(")")
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests at a steady pace.
struct Load {
    tally: Arc<Mutex<Tally>>,
    users: Vec<HeaderMap>,
}

impl Load {
    /// Goes on until it is dropped.
    async fn run(&self, endpoint: &Endpoint<'_>, per_second: u32) -> std::convert::Infallible {
        let pipes = per_second.div_ceil(REQUESTS_PER_PIPE).clamp(1, MOST_PIPES);
        let period = Duration::from_secs(1) * pipes / per_second.max(1);
        join_all((0..pipes).map(|pipe| {
            // spread over one period, so that the pipes do not send at the same instant
            let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + period * pipe / pipes, period);
            // what could not be sent in time is left out: catching up would be a burst
            interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
            self.pipe(endpoint, interval, pipe, pipes)
        }))
        .await;
        std::future::pending().await
    }

    /// One connection; it takes every `pipes`-th user, so that all users come in turn.
    async fn pipe(&self, endpoint: &Endpoint<'_>, mut interval: Interval, pipe: u32, pipes: u32) {
        let mut connection = None;
        for number in (pipe as usize..).step_by(pipes as usize) {
            interval.tick().await;
            let answer = async {
                let mut open = match connection.take() {
                    Some(open) => open,
                    None => endpoint.open().await?,
                };
                let answer = endpoint.get(&mut open, &self.users[number % self.users.len()]).await?;
                if answer.reusable {
                    connection = Some(open);
                }
                Ok(answer)
            };
            let answer = answer.await;
            let mut tally = lock(&self.tally);
            match answer {
                Ok(answer) => tally.counts.add(answer.status.as_u16()),
                Err(error) => {
                    tally.lost_count += 1;
                    tally.lost = Some(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
