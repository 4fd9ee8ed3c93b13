//! How a Gateway is reached, and by whom.

use std::collections::{BTreeSet, HashMap};

use crate::lint::entry::Entry;
use crate::lint::model::{
    Answer, GATEWAY_API, Policies, Proxies, Topology, backends, backends_of, is_envoy_gateway, listeners, proxies, proxy_setting,
};
use crate::lint::place::Place;
use crate::lint::set::{Look, Profile, Set};
use crate::lint::sink::Sink;

/// Research table 0, rows 4 and 5.
pub(super) fn address_pending(set: &Set, sink: &mut Sink) {
    if set.surroundings().profile != Profile::Local {
        return;
    }
    for gateway in set.of(GATEWAY_API, "Gateway").filter(|gateway| is_envoy_gateway(set, gateway) != Answer::No) {
        let Some(place) = gateway.at("/spec/gatewayClassName") else { continue };
        if gateway.at("/spec/addresses").is_some() || has_address(set, gateway) {
            continue;
        }
        let mut ports: Vec<_> = listeners(gateway).filter_map(|listener| listener.port).map(|port| port.to_string()).collect();
        ports.dedup();
        if ports.is_empty() {
            continue;
        }
        sink.at(
            &place,
            format!(
                "Envoy's Service is a LoadBalancer unless an EnvoyProxy says otherwise: on a machine without load balancers it gets no address, \
                 the Gateway never becomes Programmed, and its ports ({}) are not on localhost",
                ports.join(", ")
            ),
            "Set `envoyService.type: NodePort` in an EnvoyProxy of the class and map the node ports to the host, or install something that gives addresses.",
        );
    }
}

/// Whether the set shows that Envoy's Service needs no load balancer, or shows nothing while an `EnvoyProxy` is named.
fn has_address(set: &Set, gateway: &Entry) -> bool {
    match proxies(set, gateway) {
        Proxies::Defaults => false,
        // a class that is not shown may have one
        Proxies::Unknown => {
            gateway.at("/spec/infrastructure/parametersRef").is_some() || set.of(super::ENVOY, "EnvoyProxy").next().is_some()
        }
        Proxies::Shown(_) => {
            let setting = |pointer: &str| proxy_setting(set, gateway, &format!("/spec/provider/{pointer}"));
            let kind = setting("kubernetes/envoyService/patch/value/spec/type").or_else(|| setting("kubernetes/envoyService/type"));
            setting("type").is_some_and(|kind| kind.text() != Some("Kubernetes"))
                || kind.is_some_and(|kind| kind.text() != Some("LoadBalancer"))
        }
    }
}

/// Seed 001, NEVER 3: "Skip TLS for production traffic".
pub(super) fn without_tls(set: &Set, sink: &mut Sink) {
    if !set.is_production() {
        return;
    }
    let sets: BTreeSet<_> = set.of(GATEWAY_API, "ListenerSet").filter_map(|one| one.text("/spec/parentRef/name")).collect();
    for gateway in set.of(GATEWAY_API, "Gateway").filter(|gateway| !sets.contains(gateway.id.name.as_str())) {
        let mut web = listeners(gateway).filter(|listener| matches!(listener.protocol, "HTTP" | "HTTPS" | "TLS")).peekable();
        if web.peek().is_some() && web.all(|listener| listener.protocol == "HTTP") {
            let Some(place) = gateway.at("/spec/listeners") else { continue };
            sink.at(
                &place,
                "no listener of this Gateway speaks TLS, so everything that users send can be read and changed on its way",
                "Add an HTTPS listener with a certificate, and redirect HTTP to it.",
            );
        }
    }
}

/// Whether a rule only sends clients elsewhere.
fn redirects(rule: &Place<'_>) -> bool {
    rule.get("filters").into_iter().flat_map(|list| list.items()).any(|filter| filter.get("requestRedirect").is_some())
}

/// Seed 001, NEVER 3, the other half: TLS is there, and the same routes are served without it.
pub(super) fn plain_http(set: &Set, sink: &mut Sink) {
    if !set.is_production() {
        return;
    }
    for route in &Topology::of(set).routes {
        for parent in &route.parents {
            let Some(gateway) = parent.entry() else { continue };
            let secure = listeners(gateway).any(|listener| listener.protocol == "HTTPS");
            let Some((plain, _)) = parent.attached(route.entry).find(|(listener, _)| listener.protocol == "HTTP") else { continue };
            if secure && route.entry.items("/spec/rules").any(|rule| !redirects(&rule)) {
                sink.at(
                    &parent.reference.at_name(),
                    format!("this route serves on listener `{}` without TLS too", plain.name),
                    "Name the https listener in `sectionName`, and let a route of its own redirect HTTP to https.",
                );
            }
        }
    }
}

/// Seed 001, ALWAYS 6. A mesh may do it unseen, so it is a note.
pub(super) fn backend_tls(set: &Set, sink: &mut Sink) {
    if !set.is_production() {
        return;
    }
    let policies = Policies::of(set, GATEWAY_API, "BackendTLSPolicy");
    let mut told = BTreeSet::new();
    for route in ["HTTPRoute", "GRPCRoute"].into_iter().flat_map(|kind| set.of(GATEWAY_API, kind)) {
        for backend in backends_of(route).filter(|backend| backend.reference.is("", "Service")) {
            let Look::Here(service) = backend.reference.look(set) else { continue };
            let meshed = set.get("", "Namespace", "", service.namespace()).is_some_and(|namespace| {
                ["istio-injection", "istio.io/dataplane-mode", "istio.io/rev"].iter().any(|key| namespace.label(key).is_some())
                    || namespace.annotation("linkerd.io/inject").is_some()
            });
            if !meshed && policies.on(service).is_empty() && told.insert((service.namespace(), service.id.name.as_str())) {
                sink.at(
                    &backend.reference.at_name(),
                    format!("the gateway speaks to {} without TLS", backend.reference),
                    "Add a BackendTLSPolicy (and a client certificate in the EnvoyProxy for both sides), unless a mesh does it.",
                );
            }
        }
    }
}

/// Seed 002, edge case 1: tenants on one Gateway.
pub(super) fn tenants(set: &Set, sink: &mut Sink) {
    let topology = Topology::of(set);
    for gateway in set.of(GATEWAY_API, "Gateway") {
        let mut first: HashMap<(&str, &str), &Entry> = HashMap::new();
        for (route, parent) in topology.routes_of(gateway).filter(|(route, _)| route.entry.id.kind == "HTTPRoute") {
            let mut told = false;
            for (listener, hosts) in parent.attached(route.entry) {
                for host in hosts {
                    let other = *first.entry((listener.name, host)).or_insert(route.entry);
                    if other.namespace() != route.entry.namespace() && !told {
                        told = true;
                        let shown = if host == "*" { "any hostname".to_owned() } else { format!("`{host}`") };
                        sink.at(
                            &parent.reference.at_name(),
                            format!(
                                "{} of another namespace serves {shown} on listener `{}` too: each can take paths of the other",
                                other.id, listener.name
                            ),
                            "Give each tenant a listener with its own hostname and `allowedRoutes.namespaces.selector`.",
                        );
                    }
                }
            }
        }
    }
}

/// Seed 002, edge case 2: steps of a rollout.
pub(super) fn canary_step(set: &Set, sink: &mut Sink) {
    for rule in set.of(GATEWAY_API, "HTTPRoute").flat_map(|route| route.items("/spec/rules")) {
        let weights: Vec<i64> = backends(&rule).map(|backend| backend.weight).collect();
        let &[a, b] = weights.as_slice() else { continue };
        let (Some(place), sum) = (rule.get("backendRefs"), a + b) else { continue };
        let share = a.min(b) * 100;
        if a <= 0 || b <= 0 || [1, 2, 5, 10, 25, 50].iter().any(|step| step * sum == share) {
            continue;
        }
        sink.at(
            &place,
            format!("the smaller side takes {} % of the requests; a rollout usually goes by 5, 10, 25, 50, 100", share / sum),
            "Take one of these steps, so that what was seen at one step is comparable with the last time.",
        );
    }
}
