//! What can be reached without saying who one is, and over which listeners.

use super::{AUTHENTICATION, authenticates, guards, security_policies};
use crate::lint::model::{ENVOY_GATEWAY, GATEWAY_API, Parent, Route, targets};
use crate::lint::rules::policies;
use crate::lint::rules::reach::{Reach, key, listeners, named, on, only_redirects, over};
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// What is meant for operators and machines, not for callers.
const MANAGEMENT: [&str; 10] =
    ["/health", "/healthz", "/livez", "/readyz", "/ready", "/metrics", "/stats", "/admin", "/debug", "/actuator"];
/// Ports of Envoy's own administration and statistics.
const ADMIN_PORTS: [i64; 3] = [9901, 19_000, 19_001];

/// Seed 001, NEVER 1. A policy on a single listener or rule counts as cover: the rest may be meant to be open.
pub(super) fn management_path(set: &Set, sink: &mut Sink) {
    let guarded = on(set, security_policies(set).filter(|policy| guards(policy)));
    let reach = Reach::of(set);
    let open = reach.topology.routes.iter().filter(|route| route.entry.id.kind == "HTTPRoute" && over(route, &guarded).next().is_none());
    for rule in open.flat_map(|route| route.entry.items("/spec/rules")).filter(|rule| !only_redirects(rule)) {
        for value in rule.get("matches").into_iter().flat_map(|list| list.items()).filter_map(|one| one.at("/path/value")) {
            let Some(path) = value.text().filter(|path| MANAGEMENT.contains(&path.trim_end_matches('/'))) else { continue };
            sink.at(
                &value,
                format!("{path} is open to whoever reaches the gateway: it tells of the inside, or changes it"),
                "Leave it out of the route (probes and scrapers ask the pods themselves), or put a SecurityPolicy on it.",
            );
        }
        for port in rule.get("backendRefs").into_iter().flat_map(|list| list.items()).filter_map(|backend| backend.get("port")) {
            let Some(number) = port.number().filter(|number| ADMIN_PORTS.contains(number)) else { continue };
            sink.at(
                &port,
                format!("port {number} is Envoy's administration or statistics, open here to whoever reaches the gateway"),
                "Route to a port of the application, or put a SecurityPolicy on this route.",
            );
        }
    }
}

/// Whether a route does more than redirect.
fn serves(route: &Route<'_>) -> bool {
    route.entry.items("/spec/rules").any(|rule| !only_redirects(&rule))
}

/// Seed 001, Auth Method Selection: what proves who calls can be read on the way.
pub(super) fn credentials_over_http(set: &Set, sink: &mut Sink) {
    let reach = Reach::of(set);
    for policy in security_policies(set).filter(|policy| authenticates(policy)) {
        let mut ways = AUTHENTICATION.iter().filter(|way| **way != "extAuth");
        let Some((way, place)) = ways.find_map(|way| Some((way, policy.at("/spec")?.get(way)?))) else { continue };
        let targets = targets(set, policy);
        let over: Vec<_> = targets.iter().flat_map(|target| reach.routes(&target.reference).map(move |route| (target, route))).collect();
        let mut taking = over.iter().filter(|(_, route)| serves(route)).flat_map(|(target, route)| listeners(&target.reference, route));
        if let Some(listener) = taking.find(|listener| listener.protocol == "HTTP") {
            sink.at(
                &place,
                format!(
                    "`{way}` also works over listener `{}` of {}, which is plain HTTP: what proves who calls can be read on the way",
                    listener.name, listener.place.entry.id.name
                ),
                "Put the route on the HTTPS listener only (`sectionName`), and answer on the HTTP listener with a redirect.",
            );
        }
    }
}

/// tech.md 1.2: without authentication any client can write the header that a limit counts by.
pub(super) fn limit_key_invented(set: &Set, sink: &mut Sink) {
    let authenticated = on(set, security_policies(set).filter(|policy| authenticates(policy)));
    let reach = Reach::of(set);
    for policy in set.of(ENVOY_GATEWAY, "BackendTrafficPolicy") {
        let lists = policies::limit_rules(policy).flat_map(|rule| policies::conditions(&rule)).filter_map(|one| one.get("headers"));
        let Some(matcher) = lists.flat_map(|list| list.items()).find(|matcher| policies::comparison(matcher) == "Distinct") else {
            continue;
        };
        let is_known = targets(set, policy).iter().any(|target| {
            let to = &target.reference;
            authenticated.contains_key(&named(to)) || reach.routes(to).any(|route| over(route, &authenticated).next().is_some())
        });
        if !is_known {
            let name = matcher.text_of("name").unwrap_or_default();
            sink.at(
                &matcher.get("name").unwrap_or(matcher),
                format!("nothing here proves who calls, so a client gets a new bucket with each {name} that it makes up"),
                "Let authentication set the header (`claimToHeaders` of `jwt`, `forwardClientIDHeader` of `apiKeyAuth`), or count by address with `sourceCIDR`.",
            );
        }
    }
}

/// Behind another proxy every request comes from that proxy's address.
pub(super) fn addresses_behind_proxy(set: &Set, sink: &mut Sink) {
    const DETECTION: [&str; 3] = ["/spec/clientIPDetection", "/spec/proxyProtocol", "/spec/enableProxyProtocol"];
    let detecting =
        set.of(ENVOY_GATEWAY, "ClientTrafficPolicy").filter(|policy| DETECTION.iter().any(|pointer| policy.at(pointer).is_some()));
    let detected = on(set, detecting);
    let reach = Reach::of(set);
    for policy in security_policies(set) {
        let Some(addresses) = policy.items("/spec/authorization/rules").find_map(|rule| rule.at("/principal/clientCIDRs")) else {
            continue;
        };
        let mut gateways = Vec::new();
        for target in targets(set, policy) {
            let parents = reach.routes(&target.reference).flat_map(|route| &route.parents).filter_map(Parent::entry);
            gateways.extend(parents.chain(set.get(GATEWAY_API, "Gateway", target.reference.namespace, target.reference.name)));
        }
        if !gateways.is_empty() && !gateways.iter().any(|gateway| detected.contains_key(&key(gateway))) {
            sink.at(
                &addresses,
                "the address is that of whoever opens the connection to Envoy: behind a load balancer or another proxy that is the proxy, for all callers",
                "If something stands in front, say how to find the caller: ClientTrafficPolicy `clientIPDetection` or `proxyProtocol`.",
            );
        }
    }
}
