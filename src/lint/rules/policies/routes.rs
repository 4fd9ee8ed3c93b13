//! What a traffic policy means for the routes and Envoys behind its targets.

use std::collections::{BTreeSet, HashMap};

use super::{GROUP, local_rules, traffic_policies};
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::{GATEWAY_API, Parent, Proxies, listeners, proxies, replicas, targets};
use crate::lint::place::Place;
use crate::lint::rules::reach::{Reach, key, on, only_redirects, over};
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The Gateways that a policy of a set reaches.
fn gateways<'a>(set: &'a Set, reach: &Reach<'a>, policy: &'a Entry) -> Vec<&'a Entry> {
    let mut found = Vec::new();
    for target in targets(set, policy) {
        let to = &target.reference;
        found.extend(reach.routes(to).flat_map(|route| &route.parents).filter_map(Parent::entry));
        found.extend(set.get(GATEWAY_API, "Gateway", to.namespace, to.name).filter(|_| to.kind == "Gateway"));
    }
    found
}

/// Seed 001, NEVER 2: each Envoy has buckets of its own.
pub(super) fn per_replica(set: &Set, sink: &mut Sink) {
    let reach = Reach::of(set);
    for policy in traffic_policies(set).filter(|policy| local_rules(policy).next().is_some()) {
        let Some(place) = policy.at("/spec/rateLimit/local") else { continue };
        let most = gateways(set, &reach, policy)
            .into_iter()
            .filter_map(|gateway| Some((replicas(set, gateway)?, gateway)))
            .max_by_key(|(count, _)| *count);
        if let Some((count, gateway)) = most.filter(|(count, _)| *count > 1) {
            sink.at(
                &place,
                format!(
                    "Gateway {} may have {count} Envoys, and each has buckets of its own: up to {count} times the limit gets through",
                    gateway.id.name
                ),
                "Use a global limit, keep one Envoy, or write the limit divided by their number.",
            );
        }
    }
}

/// Both limits are parts of a route's action to forward; a redirect forwards nothing.
pub(super) fn on_redirect(set: &Set, sink: &mut Sink) {
    let reach = Reach::of(set);
    for policy in traffic_policies(set) {
        let Some(place) = policy.at("/spec/rateLimit") else { continue };
        let targets = targets(set, policy);
        let mut rules = targets
            .iter()
            .flat_map(|target| reach.rules(&target.reference))
            .filter(|(route, _)| route.entry.id.kind == "HTTPRoute")
            .peekable();
        if rules.peek().is_some() && rules.all(|(_, rule)| only_redirects(&rule)) {
            sink.at(
                &place,
                "everything that this policy is on is a redirect, and Envoy limits only what it forwards: nothing is counted",
                "Put the limit on the route that the redirect leads to.",
            );
        }
    }
}

/// Triggers by which a request is sent again although a backend may have worked on it.
const AFTER_WORK: [&str; 5] = ["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes"];

/// stacks.md X21. Where a rule takes every method it is a note.
pub(super) fn repeat_writes(set: &Set, sink: &mut Sink) {
    let reach = Reach::of(set);
    for policy in traffic_policies(set) {
        let Some(trigger) =
            policy.items("/spec/retry/retryOn/triggers").find(|trigger| trigger.text().is_some_and(|text| AFTER_WORK.contains(&text)))
        else {
            continue;
        };
        if policy.number("/spec/retry/numRetries") == Some(0) {
            continue;
        }
        let targets = targets(set, policy);
        let rules = targets
            .iter()
            .flat_map(|target| reach.rules(&target.reference))
            .filter(|(route, rule)| route.entry.id.kind == "HTTPRoute" && !only_redirects(rule));
        let (mut named, mut any) = (None, None);
        for (route, rule) in rules {
            match writes(&rule) {
                Writes::Named(method) => named = named.or(Some((route.entry, method))),
                Writes::Any => any = any.or(Some(route.entry)),
                Writes::No => {}
            }
        }
        let remedy = "Retry only what the backend has not seen (`connect-failure`, `refused-stream`, `reset-before-request`), or have it recognise repeats by a key.";
        let name = trigger.text().unwrap_or_default();
        if let Some((route, method)) = named {
            let message = format!("`{name}` sends a {method} of {} again although a backend may have done it already", route.id.name);
            sink.at(&trigger, message, remedy);
        } else if let Some(route) = any {
            let message =
                format!("`{name}` sends every method of {} again, also a POST that a backend may have done already", route.id.name);
            sink.with(Severity::Note, &trigger, message, remedy);
        }
    }
}

/// Whether a rule takes requests that change something.
#[derive(Clone, Copy)]
enum Writes<'a> {
    /// It names this method.
    Named(&'a str),
    /// It takes every method.
    Any,
    /// It names others.
    No,
}

fn writes<'a>(rule: &Place<'a>) -> Writes<'a> {
    let methods: Vec<_> = rule.get("matches").into_iter().flat_map(|list| list.items()).map(|one| one.text_of("method")).collect();
    match methods.iter().flatten().find(|method| matches!(**method, "POST" | "PATCH")) {
        Some(method) => Writes::Named(method),
        None if methods.is_empty() || methods.contains(&None) => Writes::Any,
        None => Writes::No,
    }
}

/// Seed 001, ALWAYS 7. Only where the set shows the policy of the route, or is all there is.
pub(super) fn no_request_timeout(set: &Set, sink: &mut Sink) {
    let policies = on(set, traffic_policies(set));
    for route in Reach::of(set).topology.routes.iter().filter(|route| route.entry.id.kind == "HTTPRoute") {
        let mut shown = over(route, &policies).peekable();
        if (shown.peek().is_none() && !set.surroundings().complete)
            || shown.any(|policy| policy.at("/spec/timeout/http/requestTimeout").is_some())
        {
            continue;
        }
        let forwards = |rule: &Place<'_>| rule.get("backendRefs").is_some_and(|list| list.items().next().is_some());
        let bare = route.entry.items("/spec/rules").find(|rule| forwards(rule) && rule.at("/timeouts/request").is_none());
        if let Some(place) = bare.and_then(|rule| rule.get("backendRefs")) {
            sink.at(
                &place,
                "no request timeout is written, so Envoy's own counts: 15 s for everything, retries included",
                "Write `timeouts.request` here, or `timeout.http.requestTimeout` in the BackendTrafficPolicy; 30 s is a start.",
            );
        }
    }
}

/// A port in a patch of Envoy's Service that no listener has becomes a port that leads nowhere.
pub(super) fn port_without_listener(set: &Set, sink: &mut Sink) {
    let mut used: HashMap<_, (BTreeSet<i64>, Vec<&str>)> = HashMap::new();
    // a ListenerSet may add ports
    if set.of(GATEWAY_API, "ListenerSet").next().is_some() {
        return;
    }
    for gateway in set.of(GATEWAY_API, "Gateway") {
        let Proxies::Shown(shown) = proxies(set, gateway) else { continue };
        for proxy in shown {
            let (ports, names) = used.entry(key(proxy)).or_default();
            ports.extend(listeners(gateway).filter_map(|listener| listener.port));
            names.push(&gateway.id.name);
        }
    }
    for proxy in set.of(GROUP, "EnvoyProxy") {
        let Some((ports, names)) = used.get(&key(proxy)) else { continue };
        for port in proxy.items("/spec/provider/kubernetes/envoyService/patch/value/spec/ports").filter_map(|port| port.get("port")) {
            let Some(number) = port.number().filter(|number| !ports.contains(number)) else { continue };
            let known: Vec<_> = ports.iter().map(i64::to_string).collect();
            sink.at(
                &port,
                format!("no listener of {} has port {number}: the patch adds a port to the Service that leads nowhere, and the listener's own port stays as it was", names.join(", ")),
                format!("Write the port of a listener: {}.", known.join(", ")),
            );
        }
    }
}
