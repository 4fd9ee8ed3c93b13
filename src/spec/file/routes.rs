//! Routes, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::HeaderValue;
use crate::spec::words::{self, Span};

/// Which requests lead where.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteFile {
    /// The path.
    #[schemars(with = "words::Path")]
    pub path: String,
    /// How the path is compared. Default: `PathPrefix`, by whole parts: `/api` is a prefix of `/api/tasks` but not of `/apis`.
    #[serde(default, rename = "match")]
    pub path_match: PathMatch,
    /// Methods. Default: any.
    #[serde(default)]
    #[schemars(length(max = 9))]
    pub methods: Vec<Method>,
    /// Headers that a request must have, all of them.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub headers: Vec<ValueMatch>,
    /// Query parameters that a request must have, all of them.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub query: Vec<ValueMatch>,
    /// Host names of this route alone. Default: `hosts`.
    #[serde(default)]
    #[schemars(with = "Vec<words::HostName>", length(max = 16))]
    pub hosts: Vec<String>,
    /// The version that serves it: short for one backend.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub version: Option<String>,
    /// Where requests go, shared by weight. Default: the versions, as `split` or their weights say.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub backends: Vec<BackendFile>,
    /// What is changed of the request on its way.
    #[serde(default)]
    pub rewrite: Option<Rewrite>,
    /// The answer is another address.
    #[serde(default)]
    pub redirect: Option<Redirect>,
    /// How long a request may take here. Default: `timeout.request`.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// What a check of this route asks for, and what the answer is. Nothing that is generated for the cluster depends on it.
    #[serde(default)]
    pub check: Option<RouteCheck>,
}

/// A request that shows that a route works, always a GET.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RouteCheck {
    /// The path, perhaps with a query. Default: the path of the route.
    #[schemars(with = "Option<words::Path>")]
    pub path: Option<String>,
    /// The status of its answer. Default: 200.
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
    /// JSON pointers into the answer and the values there: `/version: v1`.
    pub json: BTreeMap<String, Value>,
    /// A path whose answer takes about a second: only so can a check see a circuit breaker open.
    #[schemars(with = "Option<words::Path>")]
    pub slow: Option<String>,
}

impl Default for RouteCheck {
    fn default() -> Self {
        Self { path: None, status: 200, json: BTreeMap::new(), slow: None }
    }
}

/// How a path is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PathMatch {
    /// Its first parts.
    #[default]
    PathPrefix,
    /// All of it.
    Exact,
    /// All of it with a regular expression (RE2).
    RegularExpression,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
        }
    }

    /// Whether doing it twice is like doing it once.
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch | Self::Connect)
    }
}

/// A header or query parameter and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueMatch {
    /// Its name.
    #[schemars(with = "words::HeaderName")]
    pub name: String,
    /// Its value.
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
    /// Whether the value is a regular expression (RE2). Default: no.
    #[serde(default)]
    pub regex: bool,
}

impl From<HeaderValue> for ValueMatch {
    fn from(header: HeaderValue) -> Self {
        Self { name: header.name, value: header.value, regex: false }
    }
}

/// One place to which requests go: exactly one of `version` and `service`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendFile {
    /// A version of this service.
    #[serde(default)]
    #[schemars(with = "Option<words::Label>")]
    pub version: Option<String>,
    /// Another Kubernetes Service of the namespace.
    #[serde(default)]
    #[schemars(with = "Option<words::ServiceName>")]
    pub service: Option<String>,
    /// Its port. Default: the version's, else the service's.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Its share beside the others. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: u32,
}

const fn one() -> u32 {
    1
}

/// What is changed of a request: at most one of `prefix` and `path`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rewrite {
    /// What stands in place of the matched prefix.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub prefix: Option<String>,
    /// What stands in place of the whole path.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub path: Option<String>,
    /// What stands in place of the host.
    #[serde(default)]
    #[schemars(with = "Option<words::HostName>")]
    pub host: Option<String>,
}

/// Another address as the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redirect {
    /// Its scheme. Default: that of the request.
    #[serde(default)]
    pub scheme: Option<Scheme>,
    /// Its host. Default: that of the request.
    #[serde(default)]
    #[schemars(with = "Option<words::HostName>")]
    pub host: Option<String>,
    /// Its port. Default: that of the scheme, else of the request.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Its whole path. Default: that of the request.
    #[serde(default)]
    #[schemars(with = "Option<words::Path>")]
    pub path: Option<String>,
    /// The status. Default: 302.
    #[serde(default)]
    pub status: RedirectStatus,
}

/// A scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// The status of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct RedirectStatus(u16);

impl RedirectStatus {
    /// What the Gateway API knows.
    pub(in crate::spec) const ALL: [u16; 5] = [301, 302, 303, 307, 308];

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for RedirectStatus {
    fn default() -> Self {
        Self(302)
    }
}

impl TryFrom<u16> for RedirectStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        if Self::ALL.contains(&status) { Ok(Self(status)) } else { Err(format!("{status} is not a redirect")) }
    }
}

impl JsonSchema for RedirectStatus {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedirectStatus".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "integer", "enum": Self::ALL, "x-expects": "301, 302, 303, 307 or 308"})
    }
}
