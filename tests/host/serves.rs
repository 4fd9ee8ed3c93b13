//! What a stack without a cluster does.

use tokio::net::TcpStream;

use crate::running::stack;

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
