//! The Secrets that listeners name.

use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::{Answer, Asker, GATEWAY_API, Listener, Reference, grants, is_envoy_gateway, listeners};
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

use super::CERT_MANAGER;

/// A Secret that Envoy fetches itself.
const SDS: &str = "gateway.envoyproxy.io/sds";

/// Every certificate reference of every listener that ends TLS.
pub(super) fn references(set: &Set) -> impl Iterator<Item = (Listener<'_>, Reference<'_>)> {
    ["Gateway", "ListenerSet"]
        .into_iter()
        .flat_map(|kind| set.of(GATEWAY_API, kind))
        .flat_map(listeners)
        .filter(Listener::terminates)
        .flat_map(|listener| {
            let places: Vec<_> = listener.place.at("/tls/certificateRefs").into_iter().flat_map(|list| list.items()).collect();
            places.into_iter().filter_map(|place| Reference::read(place, "", "Secret")).map(move |to| (listener.clone(), to))
        })
}

/// Whether cert-manager is asked to write a Secret: by a Certificate, or by an annotation of the Gateway.
fn is_made(set: &Set, owner: &Entry, to: &Reference<'_>) -> bool {
    let by_annotation = ["cert-manager.io/issuer", "cert-manager.io/cluster-issuer"].iter().any(|key| owner.annotation(key).is_some());
    by_annotation || maker(set, to.namespace, to.name).is_some()
}

/// The Certificate whose Secret that is.
pub(super) fn maker<'a>(set: &'a Set, namespace: &str, secret: &str) -> Option<&'a Entry> {
    set.of(CERT_MANAGER, "Certificate").find(|one| one.namespace() == namespace && one.text("/spec/secretName") == Some(secret))
}

/// Seed 002, step 4; facts.md, gw-secret-missing.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for (listener, to) in references(set) {
        if !to.is("", "Secret") || is_made(set, listener.place.entry, &to) {
            continue;
        }
        match to.look(set) {
            Look::Missing => sink.at(
                &to.at_name(),
                format!(
                    "there is no {to} and no Certificate that writes it, so listener `{}` is not programmed (InvalidCertificateRef)",
                    listener.name
                ),
                "Add a Certificate with this `secretName`, or the Secret.",
            ),
            Look::Unknown(Some(near)) => sink.with(
                Severity::Warning,
                &to.at_name(),
                format!("there is no {to} here, but `{near}`"),
                format!("Write `{near}` if that is meant."),
            ),
            _ => {}
        }
    }
}

/// facts.md, gw-secret-type.
pub(super) fn type_(set: &Set, sink: &mut Sink) {
    for (listener, to) in references(set).filter(|(_, to)| to.is("", "Secret")) {
        let Look::Here(secret) = to.look(set) else { continue };
        let kind = secret.text("/type").unwrap_or("Opaque");
        if kind != "kubernetes.io/tls" && kind != SDS {
            sink.at(
                &to.at_name(),
                format!("{to} is of type `{kind}`; listener `{}` takes a Secret of type kubernetes.io/tls only", listener.name),
                "Make it with `kubectl create secret tls`, or write `type: kubernetes.io/tls` with tls.crt and tls.key.",
            );
        }
    }
}

/// `RefNotPermitted`; facts.md, gw-secret-otherns. Seed 001, ALWAYS 2.
pub(super) fn not_granted(set: &Set, sink: &mut Sink) {
    for (_, to) in references(set).filter(|(_, to)| to.is("", "Secret") && to.crosses(set)) {
        let here = || matches!(to.look(set), Look::Here(_)) || maker(set, to.namespace, to.name).is_some();
        let severity = match grants(set, Asker::of(&to), &to) {
            Answer::No => Severity::Error,
            Answer::Unknown if here() => Severity::Warning,
            _ => continue,
        };
        let asker = Asker::of(&to);
        sink.with(
            severity,
            &to.place,
            format!("{to} is in another namespace, and no ReferenceGrant there lets {}s of `{}` refer to it", asker.kind, asker.namespace),
            format!("Keep the Secret beside the Gateway, or add a ReferenceGrant in `{}`.", to.namespace),
        );
    }
}

/// validateTerminateModeAndGetTLSSecrets: the group is empty and the kind Secret.
pub(super) fn kind(set: &Set, sink: &mut Sink) {
    for (listener, to) in references(set).filter(|(_, to)| !to.is("", "Secret")) {
        if is_envoy_gateway(set, listener.place.entry) != Answer::No {
            let group = if to.group.is_empty() { "the core group" } else { to.group };
            sink.at(
                &to.place,
                format!("a listener takes its certificate from a Secret, not from a {} of {group} (InvalidCertificateRef)", to.kind),
                "Name the Secret, which for a Certificate is its `secretName`, without `group` and `kind`.",
            );
        }
    }
}
