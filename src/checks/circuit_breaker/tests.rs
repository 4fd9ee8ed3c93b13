//! The check against a breaker with a limit of requests in flight and a few that may wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, watch};

use crate::checks::testing::{Bench, failure, told_of};
use crate::failure::FailureKind;
use crate::stack::{CheckKind, CircuitBreakerCheck};
use crate::world::http::testing::{Handler, Reply, Seen, Server, at_once};

const OVERFLOW: &str = "upstream connect error or disconnect/reset before headers. reset reason: overflow";

/// A backend whose answers take until every request of the volley has come, behind a breaker. No time passes in it.
fn breaker(parallel: usize, pending: usize, volleys: [usize; 2]) -> Handler {
    let slots = Arc::new(Semaphore::new(parallel));
    let waiting = Arc::new(AtomicUsize::new(0));
    let arrived = Arc::new(watch::Sender::new(0_usize));
    Arc::new(move |_: Seen| {
        let (slots, waiting, arrived) = (Arc::clone(&slots), Arc::clone(&waiting), Arc::clone(&arrived));
        Box::pin(async move {
            let mut number = 0;
            arrived.send_modify(|count| {
                number = *count;
                *count += 1;
            });
            let all = if number < volleys[0] { volleys[0] } else { volleys[0] + volleys[1] };
            let slot = match slots.try_acquire() {
                Ok(slot) => slot,
                Err(_) if waiting.fetch_add(1, Ordering::SeqCst) < pending => {
                    let slot = slots.acquire().await.unwrap();
                    waiting.fetch_sub(1, Ordering::SeqCst);
                    slot
                }
                Err(_) => {
                    waiting.fetch_sub(1, Ordering::SeqCst);
                    return Some(Reply::new(503, OVERFLOW));
                }
            };
            arrived.subscribe().wait_for(|count| *count >= all).await.unwrap();
            drop(slot);
            Some(Reply::new(200, "done"))
        })
    })
}

fn check(server: &Server, below: u32, above: u32) -> CircuitBreakerCheck {
    let headers = BTreeMap::from([("x-user-id".to_owned(), "${unique}".to_owned())]);
    CircuitBreakerCheck { url: server.url("/api/tasks/slow"), headers, below, above }
}

#[tokio::test]
async fn a_breaker_that_opens_above_and_not_below_passes() {
    let server = Server::start(breaker(25, 5, [25, 60])).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 25, 60))).await;
    assert_eq!(report.failure, None);
    assert_eq!(report.expected, "25 at once: 25 x 200; 60 at once: some 503 overflow");
    assert_eq!(report.seen, "25 at once: 25 x 200; 60 at once: 30 x 200, 30 x 503 overflow");
    assert_eq!(server.connections(), 85);
}

#[tokio::test]
async fn a_breaker_that_refuses_below_the_limit_fails() {
    let server = Server::start(breaker(10, 5, [25, 60])).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 25, 60))).await;
    assert_eq!(report.seen, "25 at once: 15 x 200, 10 x 503 overflow");
    assert!(failure(&report).what.ends_with("refused requests below the limit: 15 x 200, 10 x 503 overflow of 25 at once"));
}

#[tokio::test]
async fn a_breaker_that_never_opens_fails() {
    let server = Server::start(breaker(1000, 5, [25, 60])).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 25, 60))).await;
    assert_eq!(report.seen, "25 at once: 25 x 200; 60 at once: 60 x 200");
    assert!(told_of(&report).contains("did not open") && told_of(&report).contains("about a second"), "{}", told_of(&report));
}

#[tokio::test]
async fn any_other_status_fails_with_its_remedy() {
    let server = Server::start(at_once(|seen| Reply::new(if seen.connection > 10 { 429 } else { 200 }, "local_rate_limited"))).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 8, 20))).await;
    assert_eq!(report.seen, "8 at once: 8 x 200; 20 at once: 2 x 200, 18 x 429");
    assert!(told_of(&report).contains("neither 200 nor 503 overflow") && told_of(&report).contains("`${unique}`"), "{}", told_of(&report));
}

#[tokio::test]
async fn a_503_for_another_reason_is_no_open_breaker() {
    let server = Server::start(at_once(|seen| Reply::new(if seen.connection > 8 { 503 } else { 200 }, "no healthy upstream"))).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 8, 20))).await;
    assert_eq!(report.seen, "8 at once: 8 x 200; 20 at once: 20 x 503");
    assert!(told_of(&report).contains("no ready pod"), "{}", told_of(&report));
}

#[tokio::test]
async fn requests_without_an_answer_are_counted() {
    let handler: Handler = Arc::new(|seen| Box::pin(async move { (seen.connection > 2).then(|| Reply::new(200, "")) }));
    let server = Server::start(handler).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 8, 20))).await;
    assert_eq!(report.seen, "8 at once: 6 x 200, 2 without answer");
    assert!(told_of(&report).contains("connection closed"), "{}", told_of(&report));
}

#[tokio::test]
async fn a_load_test_is_refused() {
    let server = Server::start(at_once(|_| Reply::new(200, ""))).await;
    let report = Bench::new().run(CheckKind::CircuitBreaker(check(&server, 25, 501))).await;
    assert_eq!((failure(&report).kind, server.connections()), (FailureKind::Usage, 0));
}
