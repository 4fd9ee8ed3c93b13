//! What all paths have in common: unknown paths and methods, faults, probes, metrics.

use std::time::Duration;

use crate::service::Service;
use serde_json::json;

#[tokio::test]
async fn the_root_of_each_prefix_tells_the_deployment() {
    let service = Service::new();
    for path in ["/api", "/api/v1", "/api/v2"] {
        let about = service.get(path).await;
        assert_eq!(about.json(), json!({ "service": "task-api", "version": "v2" }));
        assert_eq!(about.header("x-api-version"), "v2");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let service = Service::new();
    for path in ["/", "/api/nope", "/api/v3/tasks", "/metrics/x", "/nope?status=200"] {
        service.get(path).await.problem(404, path.split('?').next().unwrap());
    }
    for (line, allow) in [
        ("DELETE /api/tasks", "GET,HEAD,POST"),
        ("POST /api/v1/tasks/1", "GET,HEAD,PUT,PATCH,DELETE"),
        ("POST /api/v2", "GET,HEAD"),
        ("BREW /health", "GET,HEAD"),
        ("PUT /ready", "GET,HEAD"),
        ("DELETE /metrics", "GET,HEAD"),
    ] {
        let answer = service.send(line, None).await;
        answer.problem(405, line.split(' ').nth(1).unwrap());
        assert_eq!(answer.header("allow"), allow, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_passes_before_the_answer() {
    let service = Service::new();
    let start = tokio::time::Instant::now();
    assert_eq!(service.get("/api/v1/tasks?delay_ms=30000").await.status, 200);
    assert_eq!(start.elapsed().as_secs(), 30);
    let failed = service.get("/api?delay_ms=1500&status=503").await;
    failed.problem(503, "/api");
    assert!(start.elapsed() >= Duration::from_millis(31_500));
}

#[tokio::test]
async fn a_status_replaces_the_answers_own() {
    let service = Service::new();
    for status in [400, 404, 418, 500, 503, 599] {
        let path = format!("/api/v2/tasks?status={status}");
        let problem = service.get(&path).await.problem(status, "/api/v2/tasks");
        assert_eq!(problem["title"], "Injected fault");
    }
    for status in [200, 202, 302] {
        let answer = service.get(&format!("/api/tasks?status={status}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["total"]), (status, &0.into()));
    }
    let empty = service.get("/api/tasks?status=204").await;
    assert_eq!((empty.status.as_u16(), empty.text.as_str()), (204, ""));
    service.get("/api/tasks/7?status=200").await.problem(404, "/api/tasks/7");

    let body = Some(json!({ "title": "never stored" }));
    service.send("POST /api/tasks?status=500", body).await.problem(500, "/api/tasks");
    assert_eq!(service.get("/api/tasks").await.json()["total"], 0);
}

#[tokio::test]
async fn faults_out_of_range_are_problems() {
    let service = Service::new();
    let wrong = service.get("/api/tasks?delay_ms=30001&status=199").await;
    let errors = json!([
        { "parameter": "delay_ms", "message": "must be a number from 0 to 30000" },
        { "parameter": "status", "message": "must be a number from 200 to 599" },
    ]);
    assert_eq!(wrong.problem(400, "/api/tasks")["errors"], errors);
    for query in ["delay_ms=", "delay_ms=-1", "delay_ms=1.5", "status=600", "status=ok"] {
        service.get(&format!("/api/v1?{query}")).await.problem(400, "/api/v1");
    }
}

#[tokio::test]
async fn readiness_ends_with_draining_while_health_does_not() {
    let service = Service::new();
    assert_eq!(service.get("/health").await.json(), json!({ "status": "ok", "version": "v2" }));
    assert_eq!(service.get("/ready").await.json()["status"], "ready");
    service.app.drain.begin();
    let ready = service.get("/ready").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["status"]), (503, &"draining".into()));
    assert_eq!(ready.header("connection"), "close");
    assert_eq!(service.get("/health").await.status, 200);
    assert_eq!(service.get("/api/tasks").await.status, 200);
}

#[tokio::test]
async fn metrics_count_api_requests_by_route() {
    let service = Service::new();
    for path in ["/api/v1/tasks/1", "/api/v1/tasks/2", "/api/tasks", "/api/nope", "/health"] {
        service.get(path).await;
    }
    service.send("BREW /api/tasks", None).await;
    let metrics = service.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let own = r#"service="task-api",version="v2""#;
    for line in [
        format!(
            r#"http_requests_total{{{own},method="GET",route="/api/v1/tasks/{{id}}",status="404"}} 2"#
        ),
        format!(r#"http_requests_total{{{own},method="GET",route="/api/tasks",status="200"}} 1"#),
        format!(
            r#"http_requests_total{{{own},method="GET",route="/api/v2/tasks",status="200"}} 0"#
        ),
        format!(r#"http_requests_total{{{own},method="GET",route="unmatched",status="404"}} 1"#),
        format!(r#"http_requests_total{{{own},method="OTHER",route="/api/tasks",status="405"}} 1"#),
        format!(
            r#"http_request_duration_seconds_count{{{own},method="GET",route="/api/v1/tasks/{{id}}"}} 2"#
        ),
        format!("http_requests_in_flight{{{own}}} 0"),
    ] {
        assert!(metrics.text.lines().any(|found| found == line), "{line}\n\n{}", metrics.text);
    }
    assert!(metrics.text.contains(&format!("process_start_time_seconds{{{own}}} 1")));
    assert!(!metrics.text.contains("/health"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_counted_and_not_left_in_flight() {
    let service = Service::new();
    let request = service.get("/api/tasks?delay_ms=5000");
    assert!(tokio::time::timeout(Duration::from_secs(1), request).await.is_err());
    let metrics = service.get("/metrics").await.text;
    assert!(metrics.contains(r#"route="/api/tasks",status="499"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"http_requests_in_flight{service="task-api",version="v2"} 0"#));
    assert_eq!(service.app.drain.in_flight(), 0);
}
