//! What a stack without a cluster does.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tstack::failure::Failure;
use tstack::stack::Object;

use crate::running::{Running, stack};
use crate::survives::trickle;

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_serves_its_requests_and_leaves_nothing() {
    let Some(running) = stack().await else { return };
    assert_eq!(running.get("/api/tasks", "someone").await, Ok(200));
    assert_eq!(running.get("/api/v2/tasks", "someone").await, Ok(200));
    assert_eq!(running.get("/health", "someone").await, Ok(404));
    assert!(TcpStream::connect(("127.0.0.1", running.https)).await.is_ok(), "https is listened on too");
    let mut anonymous = Vec::new();
    for _ in 0..12 {
        anonymous.push(running.get("/api/tasks", "").await.unwrap());
    }
    assert_eq!(anonymous.iter().filter(|code| **code == 200).count(), 10, "{anonymous:?}");
    let status = running.status().await;
    assert!(status.memory > 0 && status.notes.is_empty(), "{status:#?}");
    let names: Vec<&str> = status.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["envoy-gateway", "envoy/task-api/task-api-gateway", "task-api/task-api-v2/0", "task-api/task-api/0"]);
    running.end().await;
}

/// The objects of one kind, with one change each.
fn changed(running: &Running, kind: &str, change: impl Fn(&mut Value)) -> (String, Vec<Object>) {
    let all = running.objects();
    let (component, objects) = all.into_iter().find(|(_, objects)| objects.iter().any(|object| object.id.kind == kind)).unwrap();
    let mut objects: Vec<Object> = objects.into_iter().filter(|object| object.id.kind == kind).collect();
    for object in &mut objects {
        change(&mut object.value);
    }
    (component, objects)
}

/// Applies a change and waits for the verdict on it; how long that took.
async fn apply(running: &Running, change: (String, Vec<Object>)) -> (Result<(), Failure>, Duration) {
    let began = Instant::now();
    running.client.apply(&change.0, &change.1).await.unwrap();
    let verdict = running.until_ready(&[change]).await;
    (verdict, began.elapsed())
}

const LIMIT: &str = "/spec/rateLimit/local/rules/0/limit";

#[tokio::test(flavor = "multi_thread")]
async fn envoy_gateways_verdict_on_a_change_comes_with_its_reason() {
    let Some(running) = stack().await else { return };
    let policy = "BackendTrafficPolicy";
    let good = changed(&running, policy, |policy| policy.pointer_mut(LIMIT).unwrap()["requests"] = json!(7));
    let (verdict, took) = apply(&running, good).await;
    verdict.unwrap_or_else(|failure| panic!("{failure:#?}\n{}", running.logs()));
    eprintln!("a good change was judged in {took:?}");

    // a field that its schema does not know: the whole file is refused, and names no object
    let unknown = changed(&running, policy, |policy| policy.pointer_mut(LIMIT).unwrap()["unit"] = json!("Fortnight"));
    let (verdict, took) = apply(&running, unknown).await;
    let failure = verdict.unwrap_err();
    assert_eq!(failure.what, "BackendTrafficPolicy task-api/task-api-protection did not become ready");
    assert!(failure.why[0].contains("Envoy Gateway refuses it") && failure.why[0].contains("unit"), "{failure:#?}");
    eprintln!("a refusal was told in {took:?}: {}", failure.why[0]);
    assert_eq!(running.get("/api/tasks", "someone").await, Ok(200), "the configuration before is in force");

    // what only the translator finds
    let regex = changed(&running, policy, |policy| {
        policy["spec"]["rateLimit"]["local"]["rules"][1]["clientSelectors"][0]["headers"][0]["value"] = json!("(");
    });
    let (verdict, took) = apply(&running, regex).await;
    let failure = verdict.unwrap_err();
    assert!(failure.why[0].contains("Invalid"), "{failure:#?}");
    eprintln!("a rejection was told in {took:?}: {}", failure.why[0]);

    let (verdict, took) = apply(&running, changed(&running, policy, |_| ())).await;
    verdict.unwrap_or_else(|failure| panic!("{failure:#?}\n{}", running.logs()));
    eprintln!("the correction was judged in {took:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_deployment_is_replaced_without_a_lost_request_and_a_deleted_one_ends() {
    let Some(running) = stack().await else { return };
    let before = running.process("task-api/task-api/0").await.pid;
    let (stop, task) = trickle(running.port);
    let change = changed(&running, "Deployment", |deployment| {
        deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap().push(json!({"name": "X", "value": "1"}));
    });
    apply(&running, change.clone()).await.0.unwrap_or_else(|failure| panic!("{failure:#?}\n{}", running.logs()));
    stop.cancel();
    let told = task.await.unwrap();
    assert!(told.lost.is_empty(), "{told:?}\n{}", running.logs());
    assert_ne!(running.process("task-api/task-api/0").await.pid, before);

    let ids: Vec<_> = change.1.iter().map(|object| object.id.clone()).collect();
    running.client.delete_all(&ids).await.unwrap();
    assert!(running.status().await.processes.iter().all(|process| !process.name.starts_with("task-api/")), "answered when they ended");
    assert_eq!(running.client.get_all(&ids).await.unwrap(), [None, None]);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_again_and_again_is_told_with_its_last_words() {
    let Some(running) = stack().await else { return };
    let change = changed(&running, "Deployment", |deployment| {
        let env = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.push(json!({"name": "DRAIN_SECONDS", "value": "soon"}));
    });
    let failure = apply(&running, change).await.0.unwrap_err();
    assert!(failure.why.iter().any(|why| why.contains("DRAIN_SECONDS")), "{failure:#?}");
    assert_eq!(running.get("/api/tasks", "someone").await, Ok(200), "those before serve on");
    running.end().await;
}
