//! Routes and the listeners that they ask for.

use super::gateways::listed;
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::{Answer, GATEWAY_API, Listener, Parent, ROUTES, covers, intersection, listeners, parents};
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

fn routes(set: &Set) -> impl Iterator<Item = &Entry> {
    ROUTES.into_iter().flat_map(|kind| set.of(GATEWAY_API, kind))
}

/// Every parent of every route.
fn all(set: &Set) -> impl Iterator<Item = (&Entry, Parent<'_>)> {
    routes(set).flat_map(|route| parents(set, route).into_iter().map(move |parent| (route, parent)))
}

/// Seed 002's troubleshooting: "404 on all requests: Gateway name mismatch"; facts.md, parent-missing.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for (_, parent) in all(set) {
        let (what, name) = (&parent.reference, parent.reference.at_name());
        match parent.look {
            Look::Missing => {
                let elsewhere = set.of(what.group, what.kind).find(|entry| entry.id.name == what.name);
                let remedy = elsewhere.map_or_else(
                    || "Name a Gateway that exists, or add it.".to_owned(),
                    |entry| format!("Say `namespace: {}`: the {} of that name is there.", entry.namespace(), what.kind),
                );
                sink.at(&name, format!("there is no {what}, so this route serves nothing and gets no status that says so"), remedy);
            }
            Look::Unknown(Some(near)) => sink.with(
                Severity::Warning,
                &name,
                format!("there is no {what} here, but `{near}`"),
                format!("Write `{near}` if that is meant."),
            ),
            _ => {}
        }
    }
}

/// `NoMatchingParent`; facts.md, section-unknown and port-unknown.
pub(super) fn listener_unknown(set: &Set, sink: &mut Sink) {
    for (_, parent) in all(set) {
        let Some(gateway) = parent.entry().filter(|_| parent.listeners.is_empty()) else { continue };
        let names: Vec<_> = listeners(gateway).map(|one| format!("`{}` ({})", one.name, one.port.unwrap_or_default())).collect();
        let what = &parent.reference;
        let (place, asked) = match (what.section, what.port) {
            (Some(section), Some(port)) => (what.place.get("sectionName"), format!("listener `{section}` at port {port}")),
            (Some(section), None) => (what.place.get("sectionName"), format!("listener `{section}`")),
            (None, Some(port)) => (what.place.get("port"), format!("listener at port {port}")),
            (None, None) => continue,
        };
        // a Gateway without listeners of its own takes them from ListenerSets
        if let Some(place) = place.filter(|_| !names.is_empty()) {
            sink.at(
                &place,
                format!("{what} has no {asked}, so the route does not attach (NoMatchingParent)"),
                format!("Name one of its listeners: {}.", names.join(", ")),
            );
        }
    }
}

/// `NotAllowedByListeners`; facts.md, parent-not-allowed. Seed 001, ALWAYS 2.
pub(super) fn not_allowed(set: &Set, sink: &mut Sink) {
    for (route, parent) in all(set) {
        if parent.listeners.is_empty() || parent.listeners.iter().any(|(_, allows)| *allows != Answer::No) {
            continue;
        }
        let what = &parent.reference;
        let kind = parent.listeners.iter().all(|(listener, _)| listener.allows_kind(&route.id.kind) == Answer::No);
        let (message, remedy) = if kind {
            (
                format!("no listener of {what} that this route names takes a route of kind {}", route.id.kind),
                format!("Name a listener for {}s, or allow them in `allowedRoutes.kinds`.", route.id.kind),
            )
        } else {
            (
                format!(
                    "{what} takes no routes of namespace `{}`: `allowedRoutes.namespaces` of its listeners does not let them in",
                    route.namespace()
                ),
                "Let the namespace in with `from: Selector` or `from: All`, or move the route.".to_owned(),
            )
        };
        sink.at(&what.at_name(), format!("{message} (NotAllowedByListeners)"), remedy);
    }
}

/// The listeners that may take a route.
fn open<'a, 'b>(parent: &'b Parent<'a>) -> impl Iterator<Item = &'b Listener<'a>> {
    parent.listeners.iter().filter(|(_, allows)| *allows != Answer::No).map(|(listener, _)| listener)
}

/// `NoMatchingListenerHostname`; facts.md, route-hostname-mismatch.
pub(super) fn no_common_hostname(set: &Set, sink: &mut Sink) {
    for (route, parent) in all(set) {
        let hosts: Vec<&str> = route.items("/spec/hostnames").filter_map(|host| host.text()).collect();
        let mut open = open(&parent).peekable();
        if open.peek().is_none() || open.any(|listener| !intersection(listener.hostname, &hosts).is_empty()) {
            continue;
        }
        let Some(place) = route.at("/spec/hostnames") else { continue };
        let own = listed(parent.listeners.iter().filter_map(|(listener, _)| listener.hostname));
        sink.at(
            &place,
            format!("the listeners of {} serve {own} and none of these hostnames, so the route does not attach", parent.reference),
            "Use a hostname that a listener covers, or widen the listener.",
        );
    }
}

/// facts.md, route-no-parent.
pub(super) fn none(set: &Set, sink: &mut Sink) {
    for route in routes(set) {
        if route.items("/spec/parentRefs").next().is_none() {
            let Some(place) = route.at("/spec").or_else(|| route.at("/kind")) else { continue };
            sink.at(
                &place,
                "a route without `parentRefs` is attached to no Gateway and serves nothing",
                "Name its Gateway in `parentRefs`.",
            );
        }
    }
}

/// A hostname of a route that no listener serves while others are.
pub(super) fn hostname_unused(set: &Set, sink: &mut Sink) {
    for route in routes(set) {
        let parents = parents(set, route);
        if parents.is_empty() || parents.iter().any(|parent| parent.entry().is_none()) {
            continue;
        }
        let served: Vec<_> = parents.iter().flat_map(open).collect();
        let unused: Vec<_> =
            route.items("/spec/hostnames").filter(|host| host.text().is_some_and(|host| !is_served(&served, host))).collect();
        if served.is_empty() || unused.len() == route.items("/spec/hostnames").count() {
            continue;
        }
        for host in unused {
            let text = host.text().unwrap_or_default();
            sink.at(&host, format!("no listener that this route is attached to serves `{text}`"), "Remove it, or add a listener for it.");
        }
    }
}

fn is_served(listeners: &[&Listener<'_>], host: &str) -> bool {
    listeners.iter().any(|listener| listener.hostname.is_none_or(|own| covers(own, host) || covers(host, own)))
}
