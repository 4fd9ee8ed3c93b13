//! HTTPRoutes: one for each set of host names, and one that leads from HTTP to HTTPS.

use super::super::document::Document;
use super::{list, map};
use crate::spec::{
    Action, Backend, Gateway, HttpRoute, Match, PathMatch, Redirect, Rewrite, Rule, Scheme, ServiceSpec, Strategy, ValueMatch,
};
use crate::yaml::{Item, Map};

const FILE: &str = "50-routes.yaml";
const KIND: (&str, &str) = ("gateway.networking.k8s.io/v1", "HTTPRoute");

pub(in crate::generate) fn routes(spec: &ServiceSpec) -> Vec<Document> {
    let Some(gateway) = &spec.gateway else { return Vec::new() };
    let to_https = spec.redirects_to_https().then(|| to_https(spec, gateway));
    spec.http_routes().iter().map(|route| route_document(spec, gateway, route)).chain(to_https).collect()
}

fn parent(gateway: &Gateway, section: Option<&str>) -> Vec<Item> {
    let mut parent = map([("name", (&gateway.name).into())]);
    parent.put_some("sectionName", section);
    vec![Item::new(parent)]
}

fn route_document(spec: &ServiceSpec, gateway: &Gateway, route: &HttpRoute<'_>) -> Document {
    let mut body = Map::new();
    let section = spec.redirects_to_https().then_some("https");
    let parents = body.put("parentRefs", parent(gateway, section));
    if section.is_some() {
        parents.above("HTTPS alone: plain HTTP has a route of its own, which leads here");
    }
    if !route.hosts.is_empty() {
        body.put("hostnames", list(route.hosts));
    }
    let rules = body.put("rules", route.rules.iter().map(|rule| Item::new(rule_map(spec, rule))).collect::<Vec<_>>());
    rules.above("each match is a route of Envoy's own, with its own rate limits");
    Document::new(spec, FILE, KIND, &route.name, "Which requests lead where.").with_spec(body)
}

fn rule_map(spec: &ServiceSpec, rule: &Rule<'_>) -> Map {
    let mut map = Map::new();
    map.put("matches", rule.matches.iter().map(|one| Item::new(match_map(one))).collect::<Vec<_>>());
    match &rule.route.action {
        Action::Redirect(redirect) => {
            map.put("filters", list([redirect_filter(redirect)]));
        }
        Action::Forward { backends, rewrite } => {
            if let Some(rewrite) = rewrite {
                map.put("filters", list([rewrite_filter(rewrite)]));
            }
            if let Some(timeout) = &rule.route.timeout {
                let request = super::map([("request", timeout.as_str().into())]);
                map.put("timeouts", request).behind("here in place of the policy's requestTimeout");
            }
            let places = map.put("backendRefs", backends.iter().map(|b| Item::new(backend_map(b, backends.len()))).collect::<Vec<_>>());
            if let Some(why) = share(spec, backends) {
                places.above(why);
            }
        }
    }
    map
}

/// Why requests are shared as they are.
fn share(spec: &ServiceSpec, backends: &[Backend]) -> Option<&'static str> {
    if backends.len() < 2 {
        return None;
    }
    Some(match spec.split.as_ref().map(|split| split.strategy) {
        Some(Strategy::Canary) => "a part of the requests goes to the candidate; raise it step by step",
        Some(Strategy::BlueGreen) => "all or none: change the two weights over to switch, and back to return",
        _ => "shared by weight",
    })
}

fn match_map(one: &Match<'_>) -> Map {
    let kind = match one.path_match {
        PathMatch::PathPrefix => "PathPrefix",
        PathMatch::Exact => "Exact",
        PathMatch::RegularExpression => "RegularExpression",
    };
    let mut all = map([("path", map([("type", kind.into()), ("value", one.path.into())]).into())]);
    all.put_some("method", one.method.map(crate::spec::Method::as_str));
    for (key, values) in [("headers", one.headers), ("queryParams", one.query)] {
        if !values.is_empty() {
            all.put(key, list(values.iter().map(value_match)));
        }
    }
    all
}

fn value_match(value: &ValueMatch) -> Map {
    let kind = if value.regex { "RegularExpression" } else { "Exact" };
    map([("type", kind.into()), ("name", (&value.name).into()), ("value", (&value.value).into())])
}

fn backend_map(backend: &Backend, number: usize) -> Map {
    let mut all = map([("name", (&backend.service).into()), ("port", backend.port.into())]);
    // alone it gets everything, whatever its weight
    all.put_some("weight", (number > 1).then_some(backend.weight));
    all
}

fn path_change(kind: &str, key: &str, path: &str) -> Map {
    map([("type", kind.into()), (key, path.into())])
}

fn rewrite_filter(rewrite: &Rewrite) -> Map {
    let mut change = Map::new();
    change.put_some("hostname", rewrite.host.as_deref());
    let prefix = rewrite.prefix.as_deref().map(|path| path_change("ReplacePrefixMatch", "replacePrefixMatch", path));
    change.put_some("path", prefix.or_else(|| rewrite.path.as_deref().map(|path| path_change("ReplaceFullPath", "replaceFullPath", path))));
    map([("type", "URLRewrite".into()), ("urlRewrite", change.into())])
}

fn redirect_filter(redirect: &Redirect) -> Map {
    let mut answer = Map::new();
    answer.put_some("scheme", redirect.scheme.map(|scheme| if scheme == Scheme::Https { "https" } else { "http" }));
    answer.put_some("hostname", redirect.host.as_deref());
    answer.put_some("path", redirect.path.as_deref().map(|path| path_change("ReplaceFullPath", "replaceFullPath", path)));
    answer.put_some("port", redirect.port);
    answer.put("statusCode", redirect.status.get());
    map([("type", "RequestRedirect".into()), ("requestRedirect", answer.into())])
}

fn to_https(spec: &ServiceSpec, gateway: &Gateway) -> Document {
    let mut hosts: Vec<&String> = Vec::new();
    // a route without host names takes all of them
    if spec.routes.iter().all(|route| !route.hosts.is_empty()) {
        for host in spec.routes.iter().flat_map(|route| &route.hosts) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    let mut answer = Map::new();
    answer.put("scheme", "https");
    let port = gateway.public_ports.https;
    if port != 443 {
        answer.put("port", port).behind("the port that clients use, which is not the listener's");
    }
    answer.put("statusCode", 301_u32).behind("for good: browsers remember it");
    let filter = map([("type", "RequestRedirect".into()), ("requestRedirect", answer.into())]);
    let mut body = Map::new();
    body.put("parentRefs", parent(gateway, Some("http")));
    if !hosts.is_empty() && hosts.len() <= 16 {
        body.put("hostnames", list(hosts));
    }
    body.put("rules", list([map([("filters", list([filter]).into())])]));
    let head = "Plain HTTP answers nothing but the way to HTTPS.";
    Document::new(spec, FILE, KIND, &spec.object_name("to-https"), head).with_spec(body)
}
