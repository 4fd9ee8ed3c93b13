//! Limits, health, retries and timeouts, as they are written and as they are used.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::words::{self, Span};

/// How many requests a client may make.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RateLimit {
    /// Where requests are counted: `local` in each Envoy, `global` in one Redis for all of them. Default: local.
    pub scope: Scope,
    /// The header that names the user; each of its values is counted apart. Default: x-user-id.
    #[schemars(with = "words::HeaderName")]
    pub user_header: String,
    /// Requests that each user may make in a unit. Default: 100.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub authenticated: u32,
    /// Requests that all clients without the header may make together in a unit. Default: 10.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub anonymous: u32,
    /// The unit. Default: Minute.
    pub unit: Unit,
    /// Users with a limit of their own, told by another header.
    #[schemars(length(max = 8))]
    pub tiers: Vec<Tier>,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            scope: Scope::Local,
            user_header: "x-user-id".into(),
            authenticated: 100,
            anonymous: 10,
            unit: Unit::Minute,
            tiers: Vec::new(),
        }
    }
}

/// Where requests are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// In each Envoy.
    #[default]
    Local,
    /// In one Redis.
    Global,
}

/// A unit of time of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Unit {
    Second,
    #[default]
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

impl Unit {
    /// As Envoy Gateway writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "Second",
            Self::Minute => "Minute",
            Self::Hour => "Hour",
            Self::Day => "Day",
            Self::Month => "Month",
            Self::Year => "Year",
        }
    }
}

/// Users with a limit of their own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tier {
    /// The header that tells the tier. Default: x-tier.
    #[serde(default = "x_tier")]
    #[schemars(with = "words::HeaderName")]
    pub header: String,
    /// Its value.
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
    /// Requests that each user of the tier may make in the unit.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub requests: u32,
}

fn x_tier() -> String {
    "x-tier".into()
}

/// How much work may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CircuitBreaker {
    /// Connections to the service. Default: 50.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub max_connections: u32,
    /// Requests under way. Default: 25.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub max_parallel_requests: u32,
    /// Requests that wait for a connection. Default: 5.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub max_pending_requests: u32,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { max_connections: 50, max_parallel_requests: 25, max_pending_requests: 5 }
    }
}

/// How the gateway finds pods that do not serve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheckFile {
    /// By asking each pod.
    #[serde(default)]
    pub active: Option<ActiveHealthCheck>,
    /// By watching its answers. `{}` where this block is empty.
    #[serde(default)]
    pub passive: Option<PassiveHealthCheck>,
}

/// Every pod is asked again and again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ActiveHealthCheck {
    /// The path that is asked. Default: /health.
    #[schemars(with = "words::Path")]
    pub path: String,
    /// How often. Default: 10s.
    pub interval: Span,
    /// How long the answer may take. Default: 1s.
    pub timeout: Span,
    /// After how many failures in a row a pod gets no more requests. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy_threshold: u32,
    /// After how many good answers in a row it gets them again. Default: 1.
    #[schemars(range(min = 1, max = 100))]
    pub healthy_threshold: u32,
}

impl Default for ActiveHealthCheck {
    fn default() -> Self {
        Self {
            path: "/health".into(),
            interval: Span::seconds(10),
            timeout: Span::seconds(1),
            unhealthy_threshold: 3,
            healthy_threshold: 1,
        }
    }
}

/// Every answer of a pod is watched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PassiveHealthCheck {
    /// After how many answers 5xx in a row a pod is left out. Default: 5.
    #[schemars(range(min = 1, max = 10000))]
    pub consecutive5xx: u32,
    /// How often that is looked at. Default: 3s.
    pub interval: Span,
    /// How long it is left out at first. Default: 30s.
    pub base_ejection_time: Span,
    /// How many of the pods may be left out at once, in percent. Default: 50.
    #[schemars(range(min = 1, max = 100))]
    pub max_ejection_percent: u32,
}

impl Default for PassiveHealthCheck {
    fn default() -> Self {
        Self { consecutive5xx: 5, interval: Span::seconds(3), base_ejection_time: Span::seconds(30), max_ejection_percent: 50 }
    }
}

/// Which requests are tried again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// How often, at most. Default: 2.
    #[schemars(range(min = 1, max = 10))]
    pub count: u32,
    /// After what. Default: connect-failure, refused-stream and reset-before-request: what no pod has seen.
    #[schemars(length(min = 1, max = 16))]
    pub on: Vec<Trigger>,
    /// Statuses, for `retriable-status-codes` alone.
    #[schemars(inner(range(min = 100, max = 599)), length(max = 16))]
    pub status_codes: Vec<u16>,
    /// How long each try may take. Default: as long as the request.
    pub per_try: Option<Span>,
    /// The first wait between two tries; it grows from try to try. Default: 25ms.
    pub base_interval: Span,
    /// The longest wait between two tries. Default: 250ms.
    pub max_interval: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            count: 2,
            on: vec![Trigger::ConnectFailure, Trigger::RefusedStream, Trigger::ResetBeforeRequest],
            status_codes: Vec::new(),
            per_try: None,
            base_interval: Span::millis(25),
            max_interval: Span::millis(250),
        }
    }
}

/// What makes a request be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Any answer 5xx, or none.
    #[serde(rename = "5xx")]
    Any5xx,
    /// 502, 503 or 504.
    GatewayError,
    /// The connection broke, whenever.
    Reset,
    /// The connection broke before the request was sent.
    ResetBeforeRequest,
    /// There was no connection.
    ConnectFailure,
    /// 409.
    #[serde(rename = "retriable-4xx")]
    Retriable4xx,
    /// The service refused the stream.
    RefusedStream,
    /// One of `statusCodes`.
    RetriableStatusCodes,
}

impl Trigger {
    /// As Envoy Gateway writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any5xx => "5xx",
            Self::GatewayError => "gateway-error",
            Self::Reset => "reset",
            Self::ResetBeforeRequest => "reset-before-request",
            Self::ConnectFailure => "connect-failure",
            Self::Retriable4xx => "retriable-4xx",
            Self::RefusedStream => "refused-stream",
            Self::RetriableStatusCodes => "retriable-status-codes",
        }
    }

    /// Whether no pod has begun with the request when this happens.
    #[must_use]
    pub const fn is_unseen(self) -> bool {
        matches!(self, Self::ConnectFailure | Self::RefusedStream | Self::ResetBeforeRequest)
    }
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeout {
    /// A request, its tries included. Default: 30s.
    pub request: Span,
    /// Making a connection to a pod. Default: 5s.
    pub connect: Span,
}

impl Default for Timeout {
    fn default() -> Self {
        Self { request: Span::seconds(30), connect: Span::seconds(5) }
    }
}
