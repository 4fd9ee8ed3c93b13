//! Listeners: what Envoy Gateway refuses of them though the API server takes it.

use std::collections::BTreeMap;

use crate::lint::entry::Entry;
use crate::lint::model::{Answer, GATEWAY_API, Listener, is_envoy_gateway, listeners};
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The protocols of Gateway API; others carry a domain.
const PROTOCOLS: [&str; 5] = ["HTTP", "HTTPS", "TLS", "TCP", "UDP"];

/// The Gateways that may be Envoy Gateway's.
fn gateways(set: &Set) -> impl Iterator<Item = &Entry> {
    set.of(GATEWAY_API, "Gateway").filter(|gateway| is_envoy_gateway(set, gateway) != Answer::No)
}

fn all(set: &Set) -> impl Iterator<Item = Listener<'_>> {
    gateways(set).flat_map(listeners)
}

/// validateTLSConfiguration; facts.md, gw-https-notls.
pub(super) fn without_tls(set: &Set, sink: &mut Sink) {
    for listener in all(set) {
        if matches!(listener.protocol, "HTTPS" | "TLS") && listener.place.get("tls").is_none() {
            sink.at(
                &listener.place,
                format!("listener `{}` speaks {} but has no `tls`, so it is not programmed", listener.name, listener.protocol),
                "Add `tls: { mode: Terminate, certificateRefs: [{ name: .. }] }`.",
            );
        }
    }
}

/// validateConflictedProtocolsListeners; facts.md, gw-port-protocols.
pub(super) fn protocols_conflict(set: &Set, sink: &mut Sink) {
    for gateway in gateways(set) {
        let mut ports: BTreeMap<i64, Vec<Listener<'_>>> = BTreeMap::new();
        let counted = |listener: &Listener<'_>| PROTOCOLS[..4].contains(&listener.protocol);
        for listener in listeners(gateway).filter(counted) {
            ports.entry(listener.port.unwrap_or_default()).or_default().push(listener);
        }
        for (port, listeners) in ports {
            let Some(other) = listeners.iter().find(|one| family(one) != family(&listeners[0])) else { continue };
            sink.at(
                &other.place,
                format!(
                    "listeners `{}` ({}) and `{}` ({}) share port {port}: a port has one protocol, and neither is programmed",
                    listeners[0].name, listeners[0].protocol, other.name, other.protocol
                ),
                "Give each protocol a port of its own.",
            );
        }
    }
}

/// HTTPS and TLS live together on a port.
fn family<'a>(listener: &Listener<'a>) -> &'a str {
    if listener.protocol == "TLS" { "HTTPS" } else { listener.protocol }
}

/// facts.md, gw-protocol.
pub(super) fn protocol_unknown(set: &Set, sink: &mut Sink) {
    for listener in all(set) {
        let Some(place) = listener.place.get("protocol") else { continue };
        // a protocol with a domain is another controller's business
        if !listener.protocol.is_empty() && !PROTOCOLS.contains(&listener.protocol) && !listener.protocol.contains('/') {
            sink.at(
                &place,
                format!("a listener has no protocol `{}`: it is HTTP, HTTPS, TLS, TCP or UDP", listener.protocol),
                "Name one of these; HTTP serves HTTP/2 and gRPC too.",
            );
        }
    }
}

/// validateAllowedNamespaces.
pub(super) fn selector_missing(set: &Set, sink: &mut Sink) {
    for listener in all(set) {
        let Some(namespaces) = listener.place.at("/allowedRoutes/namespaces") else { continue };
        if namespaces.text_of("from") == Some("Selector") && namespaces.get("selector").is_none() {
            sink.at(
                &namespaces,
                "`from: Selector` without a `selector` chooses no namespace, and the listener is not programmed",
                "Add `selector: { matchLabels: { .. } }`, or say `from: Same` or `from: All`.",
            );
        }
    }
}

/// validateAllowedRoutes.
pub(super) fn kind_unsupported(set: &Set, sink: &mut Sink) {
    for listener in all(set) {
        let supported: &[&str] = match listener.protocol {
            "HTTP" | "HTTPS" => &["HTTPRoute", "GRPCRoute"],
            "TLS" => &["TLSRoute", "TCPRoute"],
            "TCP" => &["TCPRoute"],
            "UDP" => &["UDPRoute"],
            _ => continue,
        };
        for kind in listener.place.at("/allowedRoutes/kinds").into_iter().flat_map(|kinds| kinds.items()) {
            let Some(name) = kind.text_of("kind") else { continue };
            let foreign = kind.text_of("group").is_some_and(|group| group != GATEWAY_API);
            if foreign || !supported.contains(&name) {
                sink.at(
                    &kind,
                    format!(
                        "a listener of protocol {} takes no {name}, so the listener is not valid (InvalidRouteKinds)",
                        listener.protocol
                    ),
                    format!("Allow {} of group {GATEWAY_API}.", supported.join(" or ")),
                );
            }
        }
    }
}
