//! One request, and what is said about each kind of wrong answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::checks::testing::{Bench, failure, told_of};
use crate::event::CheckReport;
use crate::failure::FailureKind;
use crate::stack::{CheckKind, HttpCheck};
use crate::world::http::testing::{Authority, Reply, Server, at_once, free_port};

fn check(url: String) -> HttpCheck {
    HttpCheck { url, headers: BTreeMap::new(), status: 200, json: BTreeMap::new() }
}

async fn answered(reply: Reply, json: &[(&str, Value)]) -> CheckReport {
    let server = Server::start(at_once(move |_| reply.clone())).await;
    let json = json.iter().map(|(pointer, value)| ((*pointer).to_owned(), value.clone())).collect();
    Bench::new().run(CheckKind::Http(HttpCheck { json, ..check(server.url("/api/tasks")) })).await
}

#[tokio::test]
async fn the_right_answer_passes() {
    let report = answered(Reply::new(200, r#"{"version":"v1"}"#), &[("/version", json!("v1"))]).await;
    assert_eq!(report.failure, None);
    assert_eq!((report.kind.as_str(), report.seen.as_str()), ("http", r#"200, /version = "v1""#));
    assert_eq!(report.expected, report.seen);
}

#[tokio::test]
async fn each_request_has_its_own_unique_text() {
    let server = Server::start(at_once(|seen| Reply::new(200, format!("\"{}\"", seen.headers["x-user-id"])))).await;
    let bench = Bench::new();
    for id in ["probe-t-1", "probe-t-2"] {
        let headers = BTreeMap::from([("x-user-id".to_owned(), "probe-${unique}".to_owned())]);
        let json = BTreeMap::from([(String::new(), json!(id))]);
        assert_eq!(bench.run(CheckKind::Http(HttpCheck { headers, json, ..check(server.url("/")) })).await.failure, None);
    }
}

#[tokio::test]
async fn a_wrong_status_shows_headers_body_and_remedy() {
    let overflow = "upstream connect error or disconnect/reset before headers. reset reason: overflow";
    for (reply, words) in [
        (Reply::new(404, "").header("server", "envoy"), vec!["answered 404, expected 200", "server: envoy", "No route matched"]),
        (Reply::new(500, ""), vec!["policy it rejected"]),
        (Reply::new(503, "no healthy upstream"), vec!["\nno healthy upstream", "no ready pod"]),
        (Reply::new(503, overflow), vec![overflow, "circuit breaker is open"]),
        (Reply::new(503, "reset reason: connection failure"), vec!["targetPort"]),
        (Reply::new(429, "local_rate_limited").header("x-ratelimit-limit", 10), vec!["x-ratelimit-limit: 10", "bucket is empty"]),
    ] {
        let told = told_of(&answered(reply, &[]).await);
        for word in words {
            assert!(told.contains(word), "{word}: {told}");
        }
    }
}

#[tokio::test]
async fn other_values_are_named_one_by_one() {
    let report = answered(Reply::new(200, r#"{"version":"v2"}"#), &[("/version", json!("v1")), ("/zone", json!(1))]).await;
    assert_eq!(report.seen, r#"200, /version is "v2", expected "v1"; /zone is not there, expected 1"#);
    assert_eq!(failure(&report).why[0], r#"/version is "v2", expected "v1""#);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_shown() {
    let report = answered(Reply::new(200, "<html>"), &[("/version", json!("v1"))]).await;
    let told = told_of(&report);
    assert!(told.contains("answered 200, but not with JSON") && told.contains("<html>") && told.contains("expected value"), "{told}");
}

#[tokio::test]
async fn a_port_without_a_listener_is_tried_again_only_while_the_stack_settles() {
    let url = format!("http://127.0.0.1:{}/", free_port().await);
    let bench = Bench::new().settling();
    let report = bench.run(CheckKind::Http(check(url.clone()))).await;
    assert_eq!((report.seen.as_str(), report.took.as_secs()), ("cannot connect", 10));
    assert!(told_of(&report).contains("Nothing listens on that port: run `tstack status`"));
    assert_eq!(bench.told()[0], format!("{url}: cannot connect"));

    let bench = Bench::new();
    let report = bench.run(CheckKind::Http(check(url))).await;
    assert!(!report.passed && report.took.is_zero() && bench.told().is_empty());
}

#[tokio::test]
async fn a_route_that_comes_late_passes() {
    let asked = AtomicU32::new(0);
    let server = Server::start(at_once(move |_| Reply::new(if asked.fetch_add(1, Ordering::SeqCst) < 3 { 404 } else { 200 }, ""))).await;
    let bench = Bench::new().settling();
    let report = bench.run(CheckKind::Http(check(server.url("/")))).await;
    assert_eq!(report.failure, None);
    assert_eq!(bench.told(), vec![format!("{} answered 404, expected 200", server.url("/")); 3]);
}

#[tokio::test]
async fn a_wrong_value_is_not_tried_again() {
    let server = Server::start(at_once(|_| Reply::new(200, "1"))).await;
    let bench = Bench::new().settling();
    let json = BTreeMap::from([(String::new(), json!(2))]);
    assert!(!bench.run(CheckKind::Http(HttpCheck { json, ..check(server.url("/")) })).await.passed);
    assert_eq!(bench.told(), [""; 0]);
}

#[tokio::test]
async fn https_trusts_the_cluster_s_ca_and_no_other() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (authority, passes) in [(&ours, true), (&theirs, false)] {
        let server = Server::start_tls(at_once(|_| Reply::new(200, "")), authority.leaf(&["127.0.0.1"])).await;
        let mut bench = Bench::new();
        bench.context.ca_pem = Some(ours.pem.clone());
        let report = bench.run(CheckKind::Http(check(server.url("/")))).await;
        assert_eq!(report.passed, passes);
        if !passes {
            let told = told_of(&report);
            assert!(told.contains("signed by CN=theirs") && told.contains("Another CA signed"), "{told}");
        }
    }
}

#[tokio::test]
async fn another_host_is_refused_before_anything_is_sent() {
    let report = Bench::new().settling().run(CheckKind::Http(check("http://example.com/".into()))).await;
    assert_eq!((report.seen.as_str(), failure(&report).kind), ("nothing was sent", FailureKind::Usage));
    assert!(told_of(&report).contains("`example.com` is not this machine"));
}

#[tokio::test]
async fn a_check_can_run_on_any_thread() {
    let report = tokio::spawn(async { Bench::new().run(CheckKind::Http(check("http://example.com/".into()))).await }).await.unwrap();
    assert!(!report.passed);
}
