//! References into other namespaces.

use super::backends::references;
use crate::lint::finding::Severity;
use crate::lint::model::{Answer, Asker, ENVOY_GATEWAY, GATEWAY_API, grants};
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// `RefNotPermitted`; facts.md, refgrant-missing. Seed 001, ALWAYS 2.
pub(super) fn not_granted(set: &Set, sink: &mut Sink) {
    for (route, to) in references(set).filter(|(_, to)| to.crosses(set)) {
        let severity = match (grants(set, Asker::of(&to), &to), to.look(set)) {
            (Answer::No, _) => Severity::Error,
            // what the set shows of the other namespace has no grant beside it
            (Answer::Unknown, Look::Here(_)) => Severity::Warning,
            _ => continue,
        };
        sink.with(
            severity,
            &to.place,
            format!(
                "{to} is in another namespace, and no ReferenceGrant there lets {}s of `{}` refer to it",
                route.id.kind,
                route.namespace()
            ),
            format!("Add a ReferenceGrant in `{}` from {} of `{}` to {}.", to.namespace, route.id.kind, route.namespace(), to.kind),
        );
    }
}

/// The group of a kind that grants name.
fn group(kind: &str) -> Option<&'static str> {
    match kind {
        "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute" | "Gateway" | "ListenerSet" => Some(GATEWAY_API),
        "Service" | "Secret" | "ConfigMap" => Some(""),
        "SecurityPolicy" | "BackendTrafficPolicy" | "ClientTrafficPolicy" | "EnvoyExtensionPolicy" | "EnvoyProxy" | "Backend" => {
            Some(ENVOY_GATEWAY)
        }
        _ => None,
    }
}

/// What a grant says and nobody asks: a wrong group, or its own namespace.
pub(super) fn permits_nothing(set: &Set, sink: &mut Sink) {
    for grant in set.of(GATEWAY_API, "ReferenceGrant") {
        for place in grant.items("/spec/from").chain(grant.items("/spec/to")) {
            let (Some(kind), Some(written)) = (place.text_of("kind"), place.get("group")) else { continue };
            let Some(right) = group(kind).filter(|right| written.text().is_some_and(|text| text != *right)) else { continue };
            let shown = if right.is_empty() { "\"\"" } else { right };
            sink.at(
                &written,
                format!("{kind} is of group `{shown}`, so this entry matches no reference and permits nothing"),
                format!("Write `group: {shown}`."),
            );
        }
        for place in grant.items("/spec/from") {
            let Some(namespace) = place.get("namespace") else { continue };
            if !grant.id.namespace.is_empty() && namespace.text() == Some(grant.namespace()) {
                sink.at(
                    &namespace,
                    "a grant lies in the namespace that is referred to, and `from` is where the reference is written: inside one namespace none is needed",
                    "Write the namespace of the object that refers.",
                );
            }
        }
    }
}
