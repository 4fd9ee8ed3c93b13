//! What `/metrics` shows: requests, their latency, those in flight, and when the process started.

use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::{
    counter::Counter, family::Family, gauge::Gauge, histogram::Histogram,
};
use prometheus_client::registry::{Registry, Unit};

use crate::Shared;

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The route of requests that matched none, so that clients cannot invent series.
const UNMATCHED: &str = "unmatched";

/// Counted when the client went away before the answer was ready.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Upper bounds in seconds, from a read in memory to the longest `?delay_ms=`.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    method: &'static str,
    route: String,
    status: u16,
}

/// The metrics of this process, all labelled with its service and version.
pub struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    latency: Family<Operation, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Metrics {
    /// Metrics that start from zero, now.
    #[must_use]
    pub fn new(service: &str, version: &str) -> Self {
        let labels = [("service", service), ("version", version)];
        let labels = labels.map(|(name, value)| (name.into(), value.to_owned().into()));
        let mut registry = Registry::with_labels(labels.into_iter());
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let latency =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let help = "Time from the request to its answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, latency.clone());
        let in_flight = Gauge::default();
        registry.register("http_requests_in_flight", "Requests being answered", in_flight.clone());
        let started: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
        started
            .set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |age| age.as_secs_f64()));
        let help = "When the process started, in seconds since 1970";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, started);
        Self { registry, requests, latency, in_flight }
    }

    /// Shows an outcome at zero, so that a rate over it sees the first request as well.
    pub fn declare(&self, method: &Method, route: &str, status: u16) {
        let outcome = Outcome { method: known(method), route: route.to_owned(), status };
        drop(self.requests.get_or_create(&outcome));
    }

    /// All metrics as `OpenMetrics` text.
    ///
    /// # Errors
    /// None in practice: only writing to the string could fail.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).map(|()| out)
    }
}

/// Middleware: counts and times each request under its route.
pub async fn measure(
    State(app): State<Shared>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let operation = Operation { method: known(request.method()), route };
    app.metrics.in_flight.inc();
    let started = Instant::now();
    let mut seen =
        Seen { metrics: &app.metrics, operation, started, status: CLIENT_CLOSED_REQUEST };
    let response = next.run(request).await;
    seen.status = response.status().as_u16();
    response
}

/// A request being measured; recorded when dropped, so that cancelled requests count too.
struct Seen<'a> {
    metrics: &'a Metrics,
    operation: Operation,
    started: Instant,
    status: u16,
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        let Operation { method, route } = self.operation.clone();
        let outcome = Outcome { method, route, status: self.status };
        self.metrics.requests.get_or_create(&outcome).inc();
        let seconds = self.started.elapsed().as_secs_f64();
        self.metrics.latency.get_or_create(&self.operation).observe(seconds);
        self.metrics.in_flight.dec();
    }
}

/// The method as a label; methods of a client's own making share one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
