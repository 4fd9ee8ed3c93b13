//! A Prometheus query and the bounds of its value.

use std::time::Duration;

use serde_json::Value;

use super::outcome::{Backoff, Outcome, check_failure, no_cluster};
use super::within::within;
use super::{ClusterView, Context};
use crate::failure::Failure;
use crate::stack::PromqlCheck;

/// The default of the stack file: a few scrapes.
const WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn run(check: &PromqlCheck, context: &Context) -> Outcome {
    let expected = expected(check);
    let Some(cluster) = context.cluster.as_deref() else { return no_cluster(expected) };
    let limit = match within(check.within.as_deref(), WITHIN) {
        Ok(limit) => limit,
        Err(failure) => return Outcome::failed(expected, "nothing was asked", failure),
    };
    let mut backoff = Backoff::new(context, limit);
    loop {
        let outcome = match ask(check, cluster).await {
            Ok(value) if check.min.is_none_or(|min| value >= min) && check.max.is_none_or(|max| value <= max) && !value.is_nan() => {
                return Outcome::passed(expected, value.to_string());
            }
            Ok(value) => {
                let failure = check_failure(format!("`{}` is {value}, expected {expected}", check.query));
                Outcome::failed(&expected, value.to_string(), failure).transient(true)
            }
            Err(Problem { seen, failure, lasting }) => Outcome::failed(&expected, seen, failure).transient(!lasting),
        };
        if !backoff.heals(&outcome).await {
            return outcome;
        }
    }
}

fn expected(check: &PromqlCheck) -> String {
    match (check.min, check.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "one value".to_owned(),
    }
}

/// Why there is no value.
struct Problem {
    seen: String,
    failure: Failure,
    /// Asking again gives the same.
    lasting: bool,
}

impl Problem {
    fn new(seen: impl Into<String>, failure: Failure) -> Self {
        Self { seen: seen.into(), failure, lasting: false }
    }
}

async fn ask(check: &PromqlCheck, cluster: &dyn ClusterView) -> Result<f64, Problem> {
    let path = format!("/api/v1/query?query={}", encode(&check.query));
    let (status, body) = cluster.service_get(&check.service, &path).await.map_err(|failure| Problem::new("no answer", failure))?;
    let service = format!("Service {}/{}:{}", check.service.namespace, check.service.name, check.service.port);
    let document: Value = serde_json::from_str(&body).map_err(|error| {
        let first: String = body.chars().take(300).collect();
        let failure = check_failure(format!("{service} answered {status}, but not as Prometheus does")).why(first).because(&error);
        Problem::new(format!("{status}, no JSON"), failure.hint("Check the service's name and port: it must be Prometheus."))
    })?;
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("status") != "success" {
        let own = format!("{}: {}", text("errorType"), text("error"));
        let own = if own == ": " { body.chars().take(300).collect() } else { own };
        let failure = check_failure(format!("Prometheus refused the query `{}` with {status}", check.query)).why(&own);
        // 400 is a query that it cannot read, 422 one that it cannot evaluate (its HTTP API)
        return Err(Problem { lasting: matches!(status, 400 | 422), ..Problem::new(own, failure) });
    }
    value(check, &document)
}

/// The value of the one series. A scalar is a value without series.
fn value(check: &PromqlCheck, document: &Value) -> Result<f64, Problem> {
    let result = document.pointer("/data/result").unwrap_or(&Value::Null);
    let kind = document.pointer("/data/resultType").and_then(Value::as_str).unwrap_or_default();
    let pair = match (kind, result.as_array().map(Vec::as_slice)) {
        ("scalar", _) => result.get(1),
        ("vector", Some([one])) => one.pointer("/value/1"),
        ("vector", Some([])) => {
            let failure = check_failure(format!("`{}` gives no series", check.query))
                .hint("The metric was not scraped yet, or a label in the query is wrong: try the query without its labels.");
            return Err(Problem::new("no series", failure));
        }
        ("vector", Some(many)) => {
            let labels: Vec<String> = many.iter().take(3).map(|series| series.get("metric").unwrap_or(&Value::Null).to_string()).collect();
            let failure = check_failure(format!("`{}` gives {} series, expected exactly one", check.query, many.len()));
            let failure = failure.why(labels.join("\n")).hint("Put `sum(...)` around the query, or name more labels.");
            return Err(Problem { lasting: true, ..Problem::new(format!("{} series", many.len()), failure) });
        }
        (other, _) => {
            let failure = check_failure(format!("`{}` gives a {other}, expected one value", check.query));
            return Err(Problem { lasting: true, ..Problem::new(format!("a {other}"), failure) });
        }
    };
    pair.and_then(Value::as_str).and_then(|text| text.parse().ok()).ok_or_else(|| {
        let failure = check_failure(format!("`{}` gives a value that is no number", check.query)).why(result.to_string());
        Problem::new("no number", failure)
    })
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 section 2.3.
fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests;
