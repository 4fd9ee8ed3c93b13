//! Checks that follow from a specification, and what cannot be checked.

mod limits;
mod requests;
mod scaling;

use serde_json::Value;

use super::stand_in;
use crate::spec::{Action, Auth, Route, ServiceSpec};
use crate::yaml::Map;

/// What is checked, and what is not and why.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) made: Vec<Check>,
    pub(super) left_out: Vec<String>,
    /// The path of the first request that is answered, for people.
    pub(super) first_path: Option<String>,
}

/// A check of a stack file.
pub(super) struct Check {
    name: String,
    deep: bool,
    kind: &'static str,
    body: Map,
}

impl Check {
    pub(super) fn map(&self) -> Map {
        let mut map = Map::new();
        map.put("name", &self.name);
        if self.deep {
            map.put("deep", true);
        }
        map.put(self.kind, self.body.clone());
        map
    }
}

impl Checks {
    /// Takes a check; a name that is taken gets a number.
    fn add(&mut self, name: impl Into<String>, kind: &'static str, body: Map) -> &mut Check {
        let wanted = name.into();
        let mut name = wanted.clone();
        let mut number = 1;
        while self.made.iter().any(|check| check.name == name) {
            number += 1;
            name = format!("{wanted} ({number})");
        }
        let at = self.made.len();
        self.made.push(Check { name, deep: false, kind, body });
        &mut self.made[at]
    }

    fn leave_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }
}

/// Who sends the requests of checks.
enum Caller {
    /// Anybody; each request may be a user of its own.
    Anybody,
    /// The one client that there is, by this header.
    Demo(String, String),
    /// Nobody can: without a token that the issuer signed every request is refused.
    Refused,
    /// Nobody knows whether the address of the requests is one of those that are let in.
    Unknown,
}

/// What the checks of a specification have in common.
struct Plan<'a> {
    spec: &'a ServiceSpec,
    caller: Caller,
}

impl Plan<'_> {
    /// The address of a path; `secure` where there is no plain HTTP.
    fn url(path: &str, secure: bool) -> String {
        let (scheme, port) = if secure { ("https", "httpsPort") } else { ("http", "httpPort") };
        format!("{scheme}://localhost:${{{port}}}{}", super::literal(path))
    }

    /// The address of a path on the scheme on which requests are passed on.
    fn main_url(&self, path: &str) -> String {
        Self::url(path, self.spec.redirects_to_https())
    }

    /// The header of the rate limit, with a user of its own for each request.
    fn unique_user(&self) -> Option<(String, String)> {
        match self.caller {
            Caller::Anybody => self.spec.rate_limit.as_ref().map(|limit| (limit.user_header.clone(), "${unique}".to_owned())),
            _ => None,
        }
    }
}

/// A GET that a route takes in.
#[derive(Clone)]
struct Asked {
    path: String,
    headers: Vec<(String, String)>,
    status: u16,
    json: Vec<(String, Value)>,
    slow: Option<String>,
    forwards: bool,
}

pub(super) fn checks(spec: &ServiceSpec) -> Checks {
    let caller = match &spec.auth {
        _ if !spec.ip_allow.is_empty() => Caller::Unknown,
        None => Caller::Anybody,
        Some(Auth::Jwt(jwt)) if jwt.optional => Caller::Anybody,
        Some(auth) => stand_in::credential(auth).map_or(Caller::Refused, |(name, value)| Caller::Demo(name, value)),
    };
    let plan = Plan { spec, caller };
    let mut checks = Checks::default();
    requests::add(&plan, &mut checks);
    limits::add(&plan, &mut checks);
    scaling::add(&plan, &mut checks);
    for (given, what) in [
        (spec.retry.is_some(), "retries, which need a pod that fails"),
        (spec.active_health_check.is_some() || spec.passive_health_check.is_some(), "health checks, which need a pod that fails"),
        (spec.cors.is_some(), "CORS, which needs a browser or requests of its kind"),
        (spec.client.is_some(), "what is taken from clients: timeouts and versions of TLS"),
        (!spec.budgets.is_empty(), "disruption budgets, which need a node that is emptied"),
    ] {
        if given {
            checks.leave_out(what);
        }
    }
    checks
}

/// The request that a route takes in, or why none is known.
fn asked(spec: &ServiceSpec, route: &Route) -> Result<Asked, String> {
    use crate::spec::{Method, PathMatch};
    let name = &route.path;
    if !route.methods.is_empty() && !route.methods.contains(&Method::Get) {
        return Err(format!("the route {name}: checks send GET alone"));
    }
    let check = route.check.clone().unwrap_or_default();
    let mut path = match check.path {
        Some(path) => path,
        None if route.path_match == PathMatch::RegularExpression => {
            return Err(format!("the route {name}: say a path that it takes in, with `check.path`"));
        }
        None => route.path.clone(),
    };
    if route.headers.iter().chain(&route.query).any(|value| value.regex) {
        return Err(format!("the route {name}: a regular expression says no value to send"));
    }
    if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
        return Err(format!("the route {name}: `{path}` cannot be asked for"));
    }
    let mut headers: Vec<(String, String)> = route.headers.iter().map(|h| (h.name.to_lowercase(), super::literal(&h.value))).collect();
    if headers.iter().any(|(_, value)| http::HeaderValue::try_from(value.as_str()).is_err()) {
        return Err(format!("the route {name}: a header that it asks for cannot be sent"));
    }
    for query in &route.query {
        let mark = if path.contains('?') { '&' } else { '?' };
        path = format!("{path}{mark}{}={}", encoded(&query.name), encoded(&query.value));
    }
    // every name leads to this machine only here; a route that asks for one gets it in the header
    if let Some(host) = route.hosts.first() {
        headers.push(("host".into(), host.strip_prefix("*.").map_or_else(|| host.clone(), |rest| format!("check.{rest}"))));
    }
    let (status, forwards) = match &route.action {
        Action::Redirect(redirect) => (redirect.status.get(), false),
        Action::Forward { backends, .. } => {
            if let Some(other) = backends.iter().find(|b| b.weight > 0 && (b.version.is_none() || !spec.deployed)) {
                return Err(format!("the route {name}: the Service {} is no part of this stack", other.service));
            }
            (check.status, true)
        }
    };
    let json = if forwards { check.json.into_iter().collect() } else { Vec::new() };
    Ok(Asked { path, headers, status, json, slow: check.slow, forwards })
}

/// A text as part of a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Where to, and with which headers.
fn request(url: &str, headers: &[(String, String)]) -> Map {
    let mut body = Map::new();
    body.put("url", url);
    if !headers.is_empty() {
        let mut map = Map::new();
        for (name, value) in headers {
            map.put(name, value);
        }
        body.put("headers", map);
    }
    body
}
