//! Load against a Deployment that rises when enough requests have come, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::checks::ClusterView;
use crate::checks::testing::{Bench, Scripted, failure, told_of};
use crate::failure::Failure;
use crate::stack::{AutoscaleCheck, CheckKind, ObjectId, ServiceFile};
use crate::world::http::testing::{Reply, Server, at_once};

fn deployment(wanted: u32, ready: u32) -> Value {
    json!({"spec": {"replicas": wanted}, "status": {"readyReplicas": ready}})
}

/// After the first look, which finds one replica, each look waits for ten more requests.
struct Scaler {
    requests: watch::Receiver<usize>,
    looks: AtomicUsize,
    then: fn(usize) -> Result<Value, Failure>,
}

impl ClusterView for Scaler {
    fn get<'a>(&'a self, id: &'a ObjectId) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        assert_eq!(id.to_string(), "Deployment task-api/task-api-v1");
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.requests.clone().wait_for(|count| *count >= 10 * look).await.unwrap();
            (self.then)(look).map(Some)
        })
    }

    fn service_get<'a>(&'a self, _: &'a ServiceFile, _: &'a str) -> BoxFuture<'a, Result<(u16, String), Failure>> {
        unreachable!("the check asks no service")
    }
}

/// A server with that status, its users, and a bench whose Deployment follows the load.
async fn stage(status: u16, then: fn(usize) -> Result<Value, Failure>) -> (Server, Arc<Mutex<BTreeSet<String>>>, Bench) {
    let (count, requests) = watch::channel(0);
    let users: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let seen_users = Arc::clone(&users);
    let server = Server::start(at_once(move |seen| {
        seen_users.lock().unwrap().insert(seen.headers["x-user-id"].clone());
        count.send_modify(|count| *count += 1);
        Reply::new(status, "")
    }));
    (server.await, users, Bench::new().with_cluster(Scaler { requests, looks: AtomicUsize::new(0), then }))
}

fn check(url: String) -> AutoscaleCheck {
    AutoscaleCheck {
        url,
        headers: BTreeMap::from([("x-user-id".to_owned(), "load-${user}".to_owned())]),
        users: 5,
        requests_per_second: 2000,
        namespace: "task-api".into(),
        deployment: "task-api-v1".into(),
        within: Some("4s".into()),
    }
}

#[tokio::test]
async fn replicas_that_rise_and_are_ready_pass_and_the_load_ends() {
    let rises = |look| match look {
        0 => Ok(deployment(1, 1)),
        1 => Ok(deployment(3, 1)),
        2 => Err(Failure::step("the API server did not answer")),
        _ => Ok(deployment(3, 3)),
    };
    let (server, users, bench) = stage(200, rises).await;
    let report = bench.run(CheckKind::Autoscale(check(server.url("/api/tasks")))).await;
    assert_eq!(report.failure, None);
    assert_eq!(report.expected, "more than 1 replicas within 4 s");
    assert!(report.seen.starts_with("1 to 3 replicas, 3 ready, after "), "{}", report.seen);
    assert!(bench.told()[0].starts_with("1 s of 4 s: 3 replicas, 1 ready, "), "{:?}", bench.told());
    assert_eq!(bench.told()[1], "the API server did not answer");
    let all: BTreeSet<String> = (0..5).map(|n| format!("load-t-1-{n}")).collect();
    assert_eq!(*users.lock().unwrap(), all);
    assert!(server.connections() <= 16);
    server.all_ended().await;
}

#[tokio::test]
async fn replicas_that_never_rise_fail_and_the_load_ends() {
    let (server, _, bench) = stage(200, |_| Ok(deployment(1, 1))).await;
    let report = bench.run(CheckKind::Autoscale(check(server.url("/api/tasks")))).await;
    assert_eq!(failure(&report).what, "Deployment task-api/task-api-v1 still wants 1 replicas after 4 s of load");
    assert!(told_of(&report).contains("describe scaledobject,hpa"));
    server.all_ended().await;
}

#[tokio::test]
async fn new_pods_that_are_not_ready_fail() {
    let (server, _, bench) = stage(200, |look| Ok(deployment(if look == 0 { 1 } else { 4 }, 1))).await;
    let report = bench.run(CheckKind::Autoscale(check(server.url("/api/tasks")))).await;
    assert!(failure(&report).what.ends_with("was scaled from 1 to 4, but the new pods are not ready after 4 s"));
}

#[tokio::test]
async fn limited_requests_are_counted_and_explained() {
    let (server, _, bench) = stage(429, |_| Ok(deployment(1, 1))).await;
    let report = bench.run(CheckKind::Autoscale(check(server.url("/api/tasks")))).await;
    assert!(report.seen.contains(" x 429)"), "{}", report.seen);
    assert!(told_of(&report).contains("raise `users` above 5"));
}

#[tokio::test]
async fn a_deployment_that_is_not_there_gets_no_load() {
    let server = Server::start(at_once(|_| Reply::new(200, ""))).await;
    let bench = Bench::new().with_cluster(Scripted::objects(|_, _| Ok(None)));
    let report = bench.run(CheckKind::Autoscale(check(server.url("/")))).await;
    assert_eq!(failure(&report).what, "Deployment task-api/task-api-v1 does not exist");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_check_that_is_dropped_ends_its_load() {
    let (server, users, bench) = stage(200, |_| Ok(deployment(1, 1))).await;
    let endless = CheckKind::Autoscale(AutoscaleCheck { within: Some("24h".into()), ..check(server.url("/")) });
    let load = tokio::spawn(async move { bench.run(endless).await });
    while users.lock().unwrap().len() < 5 {
        tokio::task::yield_now().await;
    }
    load.abort();
    server.all_ended().await;
}
