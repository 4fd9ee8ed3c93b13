//! Answers of Prometheus' HTTP API.

use serde_json::json;

use crate::checks::testing::{Bench, Scripted, failure, told_of};
use crate::event::CheckReport;
use crate::failure::{Failure, FailureKind};
use crate::stack::{CheckKind, PromqlCheck, ServiceFile};

const QUERY: &str = r#"sum(rate(http_requests_total{service="task-api"}[1m]))"#;

fn check() -> PromqlCheck {
    let service = ServiceFile { namespace: "monitoring".into(), name: "prometheus".into(), port: 9090, node_port: None };
    PromqlCheck { service, query: QUERY.into(), min: Some(1.0), max: None, within: None }
}

fn vector(values: &[&str]) -> String {
    let result: Vec<_> = values.iter().map(|value| json!({"metric": {"pod": value}, "value": [1, value]})).collect();
    json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string()
}

/// The answers in turn; the last one again and again.
async fn answers(answers: &[(u16, String)]) -> (CheckReport, Vec<String>) {
    let answers = answers.to_vec();
    let cluster = Scripted::service(move |asked, _| Ok(answers[asked.min(answers.len() - 1)].clone()));
    let bench = Bench::new().with_cluster(cluster);
    (bench.run(CheckKind::Promql(check())).await, bench.told())
}

#[tokio::test]
async fn a_value_within_the_bounds_passes() {
    let cluster = Scripted::service(|_, path| {
        assert_eq!(path, "/api/v1/query?query=sum%28rate%28http_requests_total%7Bservice%3D%22task-api%22%7D%5B1m%5D%29%29");
        Ok((200, vector(&["12.5"])))
    });
    let report = Bench::new().with_cluster(cluster).run(CheckKind::Promql(check())).await;
    assert_eq!((report.failure, report.seen.as_str(), report.expected.as_str()), (None, "12.5", "at least 1"));
}

#[tokio::test]
async fn a_scalar_is_a_value_too() {
    let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}).to_string();
    assert_eq!(answers(&[(200, scalar)]).await.0.failure, None);
}

#[tokio::test]
async fn a_value_that_is_scraped_late_passes() {
    let (report, told) = answers(&[(200, vector(&[])), (200, vector(&["0"])), (200, vector(&["3"]))]).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "3"));
    assert_eq!(told, [format!("`{QUERY}` gives no series"), format!("`{QUERY}` is 0, expected at least 1")]);
}

#[tokio::test]
async fn a_value_that_never_gets_there_fails_in_time() {
    for (value, seen) in [("0.5", "0.5"), ("NaN", "NaN")] {
        let (report, _) = answers(&[(200, vector(&[value]))]).await;
        assert_eq!((report.seen.as_str(), report.took.as_secs()), (seen, 30));
        assert_eq!(failure(&report).what, format!("`{QUERY}` is {seen}, expected at least 1"));
    }
}

#[tokio::test]
async fn no_series_fails_with_what_to_try() {
    let (report, _) = answers(&[(200, vector(&[]))]).await;
    assert_eq!(report.seen, "no series");
    assert!(told_of(&report).contains("a label in the query is wrong"));
}

#[tokio::test]
async fn many_series_fail_at_once() {
    let (report, told) = answers(&[(200, vector(&["1", "2"]))]).await;
    assert_eq!((report.seen.as_str(), told.len()), ("2 series", 0));
    assert!(told_of(&report).contains("{\"pod\":\"1\"}\n{\"pod\":\"2\"}") && told_of(&report).contains("sum(...)"));
}

#[tokio::test]
async fn prometheus_own_error_is_shown_at_once() {
    let error = json!({"status": "error", "errorType": "bad_data", "error": "1:4: parse error: unclosed left parenthesis"});
    let (report, told) = answers(&[(400, error.to_string())]).await;
    assert_eq!((report.seen.as_str(), told.len()), ("bad_data: 1:4: parse error: unclosed left parenthesis", 0));
    assert_eq!(failure(&report).what, format!("Prometheus refused the query `{QUERY}` with 400"));
}

#[tokio::test]
async fn what_is_no_prometheus_is_named() {
    let (report, _) = answers(&[(404, "404 page not found".into())]).await;
    let told = told_of(&report);
    assert!(
        told.contains("Service monitoring/prometheus:9090 answered 404, but not as Prometheus does") && told.contains("page not found"),
        "{told}"
    );
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_is_asked_again() {
    let cluster = Scripted::service(|asked, _| if asked == 0 { Err(Failure::step("no endpoints")) } else { Ok((200, vector(&["1"]))) });
    let bench = Bench::new().with_cluster(cluster);
    assert_eq!(bench.run(CheckKind::Promql(check())).await.failure, None);
    assert_eq!(bench.told(), ["no endpoints"]);
}

#[tokio::test]
async fn a_bad_duration_is_the_file_s_fault() {
    let check = PromqlCheck { within: Some("soon".into()), ..check() };
    let report = Bench::new().with_cluster(Scripted::service(|_, _| Ok((200, String::new())))).run(CheckKind::Promql(check)).await;
    assert_eq!(
        (failure(&report).kind, failure(&report).what.as_str()),
        (FailureKind::Usage, "`soon` is not a duration such as `90s`, `5m` or `1h30m`")
    );
}
