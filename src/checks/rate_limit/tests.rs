//! The check against a limiter that refills continuously, on a clock that the limiter itself moves.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::checks::testing::{Bench, TestClock, failure, told_of};
use crate::stack::{CheckKind, RateLimitCheck};
use crate::world::http::Limits;
use crate::world::http::testing::{Handler, Reply, Seen, Server, at_once};

/// What one token is, in units of which each nanosecond brings `per_minute`.
const TOKEN: u128 = 60_000_000_000;

/// One bucket for each value of `x-user-id`, and one for requests without it.
struct Limiter {
    clock: Arc<TestClock>,
    per_minute: u32,
    /// How long each request takes.
    step: Duration,
    levels: Mutex<HashMap<String, (u128, Duration)>>,
}

impl Limiter {
    fn new(bench: &Bench, per_minute: u32, step_millis: u64) -> Self {
        let step = Duration::from_millis(step_millis);
        Self { clock: Arc::clone(&bench.clock), per_minute, step, levels: Mutex::default() }
    }

    /// A bucket that others have left with so many tokens.
    fn with_left(self, tokens: u32) -> Self {
        self.levels.lock().unwrap().insert(String::new(), (u128::from(tokens) * TOKEN, Duration::ZERO));
        self
    }

    fn answer(&self, seen: &Seen) -> Reply {
        use crate::checks::Clock as _;
        self.clock.pass(self.step);
        let (now, rate) = (self.clock.now(), u128::from(self.per_minute));
        let mut levels = self.levels.lock().unwrap();
        let user = seen.headers.get("x-user-id").cloned().unwrap_or_default();
        let (level, last) = levels.entry(user).or_insert((rate * TOKEN, now));
        *level = (*level + now.saturating_sub(*last).as_nanos() * rate).min(rate * TOKEN);
        *last = now;
        let passes = *level >= TOKEN;
        if passes {
            *level -= TOKEN;
        }
        let reply = if passes { Reply::new(200, "[]") } else { Reply::new(429, "local_rate_limited") };
        reply.header("x-ratelimit-limit", self.per_minute).header("x-ratelimit-remaining", *level / TOKEN)
    }

    fn handler(self) -> Handler {
        at_once(move |seen| self.answer(&seen))
    }
}

fn per_user(server: &Server) -> RateLimitCheck {
    let headers = BTreeMap::from([("x-user-id".to_owned(), "${unique}".to_owned())]);
    RateLimitCheck { url: server.url("/api/tasks"), headers, requests: 110, per_minute: 100, shared: false }
}

fn anonymous(server: &Server) -> RateLimitCheck {
    RateLimitCheck { url: server.url("/api/tasks"), headers: BTreeMap::new(), requests: 15, per_minute: 10, shared: true }
}

#[tokio::test]
async fn the_limit_is_exact_on_one_kept_alive_connection() {
    let bench = Bench::new();
    let server = Server::start(Limiter::new(&bench, 100, 1).handler()).await;
    // a second run at once passes too, since it is another user
    for connections in 1..=2 {
        let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
        assert_eq!((report.failure, report.seen.as_str(), report.expected.as_str()), (None, "100 x 200, 10 x 429", "100 x 200, 10 x 429"));
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn a_server_that_ends_connections_is_connected_again() {
    let bench = Bench::new();
    let (limiter, count) = (Limiter::new(&bench, 100, 1), AtomicU32::new(0));
    let handler = at_once(move |seen| {
        let close = count.fetch_add(1, Ordering::SeqCst) % 10 == 9;
        Reply { close, ..limiter.answer(&seen) }
    });
    let server = Server::start(handler).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "100 x 200, 10 x 429"));
}

#[tokio::test]
async fn a_run_that_was_too_slow_to_tell_is_repeated_as_a_new_user() {
    let bench = Bench::new();
    let (slow, clock) = (Limiter::new(&bench, 100, 0), Arc::clone(&bench.clock));
    let handler = at_once(move |seen| {
        let first = seen.headers["x-user-id"] == "t-1";
        clock.pass(Duration::from_millis(if first { 20 } else { 1 }));
        slow.answer(&seen)
    });
    let server = Server::start(handler).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "100 x 200, 10 x 429"));
    assert_eq!(bench.told(), ["the run took 2.2 s, in which the limiter refilled 3: again, as a new user"]);
    assert_eq!(server.connections(), 1 + 5);
}

#[tokio::test]
async fn a_machine_that_stays_slow_passes_by_the_formula_and_says_so() {
    let bench = Bench::new();
    let server = Server::start(Limiter::new(&bench, 100, 20).handler()).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!(report.failure, None);
    assert_eq!(report.seen, "103 x 200, 7 x 429 (in 2.2 s, in which the limiter itself refilled 3)");
    assert_eq!(bench.told().len(), 2);
}

#[tokio::test]
async fn a_shared_bucket_that_is_not_full_is_waited_for() {
    let bench = Bench::new();
    let server = Server::start(Limiter::new(&bench, 10, 1).with_left(6).handler()).await;
    let report = bench.run(CheckKind::RateLimit(anonymous(&server))).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "10 x 200, 5 x 429"));
    assert_eq!(bench.told().first().unwrap(), "the shared bucket refills: full in 30 s");
    assert_eq!(bench.told().last().unwrap(), "the shared bucket refills: full in 1 s");
    assert_eq!(report.took.as_secs(), 30);
}

#[tokio::test]
async fn a_shared_bucket_that_is_full_is_not_waited_for_and_a_second_run_is_honest() {
    let bench = Bench::new();
    let server = Server::start(Limiter::new(&bench, 10, 1).handler()).await;
    for waited in [0, 60] {
        let report = bench.run(CheckKind::RateLimit(anonymous(&server))).await;
        assert_eq!((report.failure, report.seen.as_str(), report.took.as_secs()), (None, "10 x 200, 5 x 429", waited));
    }
}

#[tokio::test]
async fn without_headers_an_empty_shared_bucket_is_found_by_its_run() {
    let bench = Bench::new();
    let limiter = Limiter::new(&bench, 10, 1).with_left(3);
    let server = Server::start(at_once(move |seen| Reply { headers: Vec::new(), ..limiter.answer(&seen) })).await;
    let report = bench.run(CheckKind::RateLimit(anonymous(&server))).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "10 x 200, 5 x 429"));
    assert_eq!(bench.told().first().unwrap(), "the shared bucket refills: full in 60 s");
}

#[tokio::test]
async fn a_shared_bucket_that_others_keep_empty_fails_after_one_wait() {
    let bench = Bench::new();
    let server = Server::start(at_once(|_| Reply::new(429, "local_rate_limited"))).await;
    let report = bench.run(CheckKind::RateLimit(anonymous(&server))).await;
    assert_eq!((report.seen.as_str(), report.took.as_secs()), ("15 x 429", 60));
    assert!(told_of(&report).contains("let 10 requests fewer pass than the 10 a minute"), "{}", told_of(&report));
    assert!(told_of(&report).contains("Other clients spend the same bucket"));
}

#[tokio::test]
async fn no_limit_at_all_fails() {
    let bench = Bench::new();
    let server = Server::start(at_once(|_| Reply::new(200, "[]"))).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!(report.seen, "110 x 200");
    assert_eq!(failure(&report).what, format!("{} let 10 requests more pass than its limit of 100 a minute", server.url("/api/tasks")));
    assert!(told_of(&report).contains("gains 0") && told_of(&report).contains("No request was limited"));
}

#[tokio::test]
async fn a_limit_that_comes_late_is_waited_for_while_the_stack_settles() {
    let bench = Bench::new().settling();
    let limiter = Limiter::new(&bench, 100, 1);
    let handler = at_once(move |seen| if seen.headers["x-user-id"] == "t-1" { Reply::new(200, "[]") } else { limiter.answer(&seen) });
    let server = Server::start(handler).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "100 x 200, 10 x 429"));
    assert!(bench.told()[0].contains("let 10 requests more pass"), "{:?}", bench.told());
}

#[tokio::test]
async fn one_more_than_the_time_explains_fails() {
    let bench = Bench::new();
    // two gateway replicas give two buckets: 110 requests see both halves pass
    let (one, two, count) = (Limiter::new(&bench, 60, 1), Limiter::new(&bench, 60, 1), AtomicU32::new(0));
    let handler = at_once(move |seen| if count.fetch_add(1, Ordering::SeqCst) % 2 == 0 { one.answer(&seen) } else { two.answer(&seen) });
    let server = Server::start(handler).await;
    let check = RateLimitCheck { requests: 140, per_minute: 60, ..per_user(&server) };
    let report = bench.run(CheckKind::RateLimit(check)).await;
    assert_eq!(report.seen, "120 x 200, 20 x 429");
    assert!(told_of(&report).contains("one replica"), "{}", told_of(&report));
}

#[tokio::test]
async fn a_lower_limit_fails() {
    let bench = Bench::new();
    let server = Server::start(Limiter::new(&bench, 50, 1).handler()).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!(report.seen, "50 x 200, 60 x 429");
    assert!(told_of(&report).contains("look for a second limit on this route"), "{}", told_of(&report));
}

#[tokio::test]
async fn any_other_status_fails_and_is_named() {
    let bench = Bench::new();
    let (limiter, count) = (Limiter::new(&bench, 100, 1), AtomicU32::new(0));
    let broken = move |seen: Seen| if count.fetch_add(1, Ordering::SeqCst) == 36 { Reply::new(502, "bad") } else { limiter.answer(&seen) };
    let server = Server::start(at_once(broken)).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!(report.seen, "100 x 200, 9 x 429, 1 x 502");
    assert_eq!(report.expected, "100 x 200, 10 x 429");
    assert!(told_of(&report).contains("answered 502, neither 200 nor 429"));
}

#[tokio::test]
async fn a_server_that_stops_answering_is_named_with_the_request() {
    let mut bench = Bench::new();
    bench.context.limits = Limits { answer: Duration::from_millis(20), ..Limits::default() };
    let count = Arc::new(AtomicU32::new(0));
    let handler: Handler = Arc::new(move |_| {
        let answers = count.fetch_add(1, Ordering::SeqCst) < 3;
        Box::pin(async move { if answers { Some(Reply::new(200, "[]")) } else { std::future::pending().await } })
    });
    let server = Server::start(handler).await;
    let report = bench.run(CheckKind::RateLimit(per_user(&server))).await;
    assert_eq!(report.seen, "3 x 200, then no answer");
    assert_eq!(failure(&report).why, ["it did not come within 20ms", "request 4 of 110"]);
}
