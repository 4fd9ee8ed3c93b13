//! What a stack without a cluster does.

use crate::running::stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_serves_its_requests_and_leaves_nothing() {
    let Some(running) = stack().await else { return };
    assert_eq!(running.get("/api/tasks", "someone").await, Ok(200));
    assert_eq!(running.get("/api/v2/tasks", "someone").await, Ok(200));
    assert_eq!(running.get("/health", "someone").await, Ok(404));
    let status = running.status().await;
    assert!(status.memory > 0 && status.notes.is_empty(), "{status:#?}");
    let names: Vec<&str> = status.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["envoy-gateway", "envoy/task-api/task-api-gateway", "task-api/task-api-v2/0", "task-api/task-api/0"]);
    running.end().await;
}
