//! Matches of routes: those that no request reaches.

use std::collections::{BTreeSet, HashMap};

use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::{Answer, GATEWAY_API, Topology, is_envoy_gateway, parents, regex_fault};
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

fn routes(set: &Set) -> impl Iterator<Item = &Entry> {
    ["HTTPRoute", "GRPCRoute"].into_iter().flat_map(|kind| set.of(GATEWAY_API, kind))
}

/// The matches of a rule with their places; a rule without matches takes everything and stands for itself.
fn matches<'a>(rule: &Place<'a>) -> Vec<Place<'a>> {
    let written: Vec<_> = rule.get("matches").into_iter().flat_map(|list| list.items()).collect();
    if written.is_empty() { vec![rule.clone()] } else { written }
}

/// A match in a form in which equal matches are equal, and whether anything is written in it.
fn normal(kind: &str, place: &Place<'_>) -> String {
    let pair = |place: Place<'_>, lower: bool| {
        let name = place.text_of("name").unwrap_or_default();
        let name = if lower { name.to_lowercase() } else { name.to_owned() };
        format!("{}:{name}={:?}", place.text_of("type").unwrap_or("Exact"), place.text_of("value"))
    };
    let sorted = |key: &str, lower: bool| {
        let mut all: Vec<_> = place.get(key).into_iter().flat_map(|list| list.items()).map(|one| pair(one, lower)).collect();
        all.sort();
        all.join("&")
    };
    let (first, method) = if kind == "GRPCRoute" {
        let method = place.get("method");
        let part = |key: &str| method.as_ref().and_then(|method| method.text_of(key)).unwrap_or_default();
        let kind = part("type");
        (format!("{}:{}/{}", if kind.is_empty() { "Exact" } else { kind }, part("service"), part("method")), "")
    } else {
        let path = place.get("path");
        let kind = path.as_ref().and_then(|path| path.text_of("type")).unwrap_or("PathPrefix");
        let value = path.as_ref().and_then(|path| path.text_of("value")).unwrap_or("/");
        // a prefix matches whole segments: /api and /api/ are the same
        let value = if kind == "PathPrefix" { value.trim_end_matches('/') } else { value };
        (format!("{kind}:{value}"), place.text_of("method").unwrap_or_default())
    };
    format!("{first} {method} {} {}", sorted("headers", true), sorted("queryParams", false))
}

/// Gateway API: among equal matches of a route the first wins.
pub(super) fn repeated(set: &Set, sink: &mut Sink) {
    for route in routes(set) {
        let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
        for (number, rule) in route.items("/spec/rules").enumerate() {
            for place in matches(&rule) {
                let line = place.pos().line;
                let (first, at) = *seen.entry(normal(&route.id.kind, &place)).or_insert((number, line));
                if first == number && at != line {
                    sink.with(
                        Severity::Warning,
                        &place,
                        format!("this match is in line {at} of the same rule already"),
                        "Remove one of them.",
                    );
                } else if first != number {
                    sink.at(
                        &place,
                        format!(
                            "rule {} of this route matches the same requests (line {at}) and comes first, so no request reaches this one",
                            first + 1
                        ),
                        "Tell them apart by path, method or headers, or put the backends into one rule with weights.",
                    );
                }
            }
        }
    }
}

/// Gateway API: among equal matches of two routes the older route wins, then the one whose name comes first.
pub(super) fn of_another_route(set: &Set, sink: &mut Sink) {
    let topology = Topology::of(set);
    let mut told = BTreeSet::new();
    for gateway in set.of(GATEWAY_API, "Gateway") {
        let mut seen: HashMap<(&str, String, String), &Entry> = HashMap::new();
        for (route, parent) in topology.routes_of(gateway) {
            if !matches!(route.entry.id.kind.as_str(), "HTTPRoute" | "GRPCRoute") {
                continue;
            }
            for (listener, hosts) in parent.attached(route.entry) {
                for host in hosts {
                    for place in route.entry.items("/spec/rules").flat_map(|rule| matches(&rule)) {
                        let form = normal(&route.entry.id.kind, &place);
                        let first = *seen.entry((listener.name, host.to_owned(), form)).or_insert(route.entry);
                        // an object given twice is another matter
                        let same = first.id.name == route.entry.id.name && first.namespace() == route.entry.namespace();
                        if same || !told.insert(place.pos()) {
                            continue;
                        }
                        sink.at(
                            &place,
                            format!(
                                "{} matches the same requests for {} on listener `{}`; the older route wins, then the first by name",
                                first.id,
                                if host == "*" { "any host" } else { host },
                                listener.name
                            ),
                            "Give the routes different hostnames or paths, or make one route of them.",
                        );
                    }
                }
            }
        }
    }
}

/// Envoy's expressions are RE2; facts.md, route-regex.
pub(super) fn regex_invalid(set: &Set, sink: &mut Sink) {
    for rule in routes(set).flat_map(|route| route.items("/spec/rules")) {
        for place in matches(&rule) {
            let lists = ["headers", "queryParams"].into_iter().filter_map(|key| place.get(key)).flat_map(|list| list.items());
            for one in lists.chain(place.get("path")).filter(|one| one.text_of("type") == Some("RegularExpression")) {
                let Some(value) = one.get("value") else { continue };
                if let Some(fault) = value.text().and_then(regex_fault) {
                    sink.at(
                        &value,
                        format!("Envoy cannot use this expression: {fault} (RE2 syntax)"),
                        "Write it without, or match by path and headers.",
                    );
                }
            }
        }
    }
}

/// What an expression matches for certain: everything that begins with this.
fn literal_prefix(regex: &str) -> Option<&str> {
    let body = regex.strip_prefix('^').unwrap_or(regex);
    let body = body.strip_suffix('$').unwrap_or(body).strip_suffix(".*")?;
    body.chars().all(|c| c.is_ascii_alphanumeric() || "/-_".contains(c)).then_some(body)
}

/// Envoy Gateway puts every expression before every prefix (internal/gatewayapi/sort.go).
pub(super) fn regex_hides_prefix(set: &Set, sink: &mut Sink) {
    for route in set.of(GATEWAY_API, "HTTPRoute") {
        let all: Vec<_> =
            route.items("/spec/rules").enumerate().flat_map(|(n, rule)| matches(&rule).into_iter().map(move |place| (n, place))).collect();
        let wide: Vec<_> = all.iter().filter_map(|(number, place)| Some((*number, place, wide(place)?))).collect();
        if wide.is_empty() || is_foreign(set, route) {
            continue;
        }
        for (number, place) in &all {
            let path = place.get("path");
            let value = path.as_ref().and_then(|path| path.text_of("value")).unwrap_or("/");
            if path.as_ref().and_then(|path| path.text_of("type")).unwrap_or("PathPrefix") != "PathPrefix" {
                continue;
            }
            if let Some((_, regex, _)) = wide.iter().find(|(other, _, prefix)| other != number && value.starts_with(prefix)) {
                let at = regex.pos().line;
                sink.at(
                    place,
                    format!("Envoy Gateway asks regular expressions before prefixes, and that of line {at} matches all of `{value}`: no request comes here"),
                    "Make the expression narrower, or use PathPrefix there too.",
                );
            }
        }
    }
}

/// The prefix that a match takes everything below, where it is an expression and asks for nothing else.
fn wide<'a>(place: &Place<'a>) -> Option<&'a str> {
    let path = place.get("path")?;
    let bare = ["headers", "queryParams", "method"].into_iter().all(|key| place.get(key).is_none());
    let regex = path.text_of("value").filter(|_| bare && path.text_of("type") == Some("RegularExpression"))?;
    literal_prefix(regex)
}

/// Whether all Gateways of a route are of other controllers.
fn is_foreign(set: &Set, route: &Entry) -> bool {
    let parents = parents(set, route);
    !parents.is_empty() && parents.iter().all(|parent| parent.entry().is_some_and(|gateway| is_envoy_gateway(set, gateway) == Answer::No))
}
