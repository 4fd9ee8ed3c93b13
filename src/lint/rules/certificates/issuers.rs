//! Issuers, and what they cannot issue.

use super::CERT_MANAGER;
use super::secrets::maker;
use crate::lint::entry::Entry;
use crate::lint::model::{ENVOY_CONTROLLER, GATEWAY_API, listeners};
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The forms of an issuer.
const FORMS: [&str; 5] = ["acme", "ca", "selfSigned", "vault", "venafi"];
/// Endings of names that no authority on the Internet can look at.
const LOCAL: [&str; 8] = ["localhost", "local", "localdomain", "internal", "svc", "test", "lan", "home.arpa"];

fn issuers(set: &Set) -> impl Iterator<Item = &Entry> {
    ["Issuer", "ClusterIssuer"].into_iter().flat_map(|kind| set.of(CERT_MANAGER, kind))
}

/// The issuer of a Certificate, where the set shows it.
fn issuer_of<'a>(set: &'a Set, certificate: &Entry) -> Option<&'a Entry> {
    let issuer = certificate.at("/spec/issuerRef")?;
    let kind = issuer.text_of("kind").unwrap_or("Issuer");
    let namespace = if kind == "Issuer" { certificate.namespace() } else { "" };
    set.get(CERT_MANAGER, kind, namespace, issuer.text_of("name")?)
}

/// facts.md, issuer-empty; cert-manager's webhook.
pub(super) fn kinds(set: &Set, sink: &mut Sink) {
    for issuer in issuers(set) {
        let Some(spec) = issuer.at("/spec").or_else(|| issuer.at("/kind")) else { continue };
        let named: Vec<&str> = FORMS.into_iter().filter(|form| spec.get(form).is_some()).collect();
        if named.is_empty() {
            sink.at(
                &spec,
                "an issuer says how it issues: acme, ca, selfSigned, vault or venafi; cert-manager refuses one that does not",
                "Add one of them.",
            );
        } else if named.len() > 1 {
            sink.at(
                &spec,
                format!("an issuer has one way to issue, and this has {}; cert-manager refuses it", named.join(" and ")),
                "Keep one of them.",
            );
        }
    }
}

/// Certificates whose issuer is ACME, with that issuer.
fn acme(set: &Set) -> impl Iterator<Item = (&Entry, Place<'_>)> {
    set.of(CERT_MANAGER, "Certificate").filter_map(|certificate| Some((certificate, issuer_of(set, certificate)?.at("/spec/acme")?)))
}

fn is_public(server: &str) -> bool {
    ["letsencrypt.org", "zerossl.com", "buypass.com", "pki.goog", "ssl.com"].iter().any(|host| server.contains(host))
}

/// Research table 0, row 22: nobody on the Internet can look at a name of this machine.
pub(super) fn acme_local(set: &Set, sink: &mut Sink) {
    for (certificate, acme) in acme(set) {
        let Some(server) = acme.text_of("server").filter(|server| is_public(server)) else { continue };
        for place in certificate.items("/spec/dnsNames").chain(certificate.items("/spec/ipAddresses")) {
            let Some(name) = place.text() else { continue };
            let local = LOCAL.iter().any(|end| name == *end || name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.')));
            let address = matches!(name, "127.0.0.1" | "::1") || name.starts_with("10.") || name.starts_with("192.168.");
            if local || address || !name.contains('.') {
                let host = server.trim_start_matches("https://").split('/').next().unwrap_or(server);
                sink.at(
                    &place,
                    format!("{host} cannot reach `{name}`, a name of this network, and never issues a certificate for it"),
                    "Use a `ca` or `selfSigned` issuer for local names.",
                );
            }
        }
    }
}

/// Research table 0, row 22: Envoy Gateway serves no Ingress, so nobody answers the challenge.
pub(super) fn http01_class(set: &Set, sink: &mut Sink) {
    for issuer in issuers(set) {
        for solver in issuer.items("/spec/acme/solvers") {
            let Some(ingress) = solver.at("/http01/ingress") else { continue };
            let Some(place) = ingress.get("ingressClassName").or_else(|| ingress.get("class")) else { continue };
            let Some(class) = place.text().filter(|class| set.get("networking.k8s.io", "IngressClass", "", class).is_none()) else {
                continue;
            };
            let gateway = set
                .of(GATEWAY_API, "GatewayClass")
                .any(|one| one.id.name == class && one.text("/spec/controllerName") == Some(ENVOY_CONTROLLER));
            if gateway || matches!(class, "envoy" | "envoy-gateway" | "eg") {
                sink.at(
                    &place,
                    format!("Envoy Gateway takes no Ingress, so an Ingress of class `{class}` is served by nobody and the challenge is never answered"),
                    "Use `http01: { gatewayHTTPRoute: { parentRefs: [..] } }`, or dns01.",
                );
            }
        }
    }
}

/// ACME proves a wildcard by DNS only.
pub(super) fn wildcard(set: &Set, sink: &mut Sink) {
    for (certificate, acme) in acme(set) {
        let solvers: Vec<_> = acme.get("solvers").into_iter().flat_map(|list| list.items()).collect();
        if solvers.is_empty() || solvers.iter().any(|solver| solver.get("dns01").is_some()) {
            continue;
        }
        for place in certificate.items("/spec/dnsNames").filter(|name| name.text().is_some_and(|name| name.starts_with("*."))) {
            sink.at(
                &place,
                "its issuer has http01 solvers only, and ACME proves a wildcard by dns01 only",
                "Add a dns01 solver, or write each name out.",
            );
        }
    }
}

/// The Secret of a `ClusterIssuer` lies in cert-manager's own namespace.
pub(super) fn ca_secret(set: &Set, sink: &mut Sink) {
    for issuer in set.of(CERT_MANAGER, "ClusterIssuer") {
        let Some(place) = issuer.at("/spec/ca/secretName") else { continue };
        let Some(name) = place.text() else { continue };
        if set.get("", "Secret", "cert-manager", name).is_some() || maker(set, "cert-manager", name).is_some() {
            continue;
        }
        let secrets = set.of("", "Secret").filter(|secret| secret.id.name == name);
        let made = set.of(CERT_MANAGER, "Certificate").filter(|one| one.text("/spec/secretName") == Some(name));
        if let Some(entry) = secrets.chain(made).find(|entry| !entry.id.namespace.is_empty()) {
            sink.at(
                &place,
                format!("a ClusterIssuer looks for `{name}` in cert-manager's own namespace, and here it is in `{}`", entry.namespace()),
                "Put it into namespace `cert-manager` (or what --cluster-resource-namespace says), or make the issuer an Issuer.",
            );
        }
    }
}

/// The Gateways that ask cert-manager for certificates by annotation.
fn annotated_gateways(set: &Set) -> impl Iterator<Item = (&Entry, Place<'_>)> {
    set.of(GATEWAY_API, "Gateway").filter_map(|gateway| {
        let annotations = gateway.at("/metadata/annotations")?;
        let place = annotations.get("cert-manager.io/cluster-issuer").or_else(|| annotations.get("cert-manager.io/issuer"))?;
        Some((gateway, place))
    })
}

/// validateGatewayListenerBlock of cert-manager.
pub(super) fn annotation(set: &Set, sink: &mut Sink) {
    for (gateway, _) in annotated_gateways(set) {
        for listener in listeners(gateway).filter(|listener| listener.terminates() && listener.hostname.is_none()) {
            sink.at(
                &listener.place,
                format!(
                    "cert-manager makes no certificate for listener `{}`: it takes the name from `hostname`, which is not there",
                    listener.name
                ),
                "Add a `hostname`, or write a Certificate.",
            );
        }
    }
}

/// Off by default in cert-manager.
pub(super) fn annotated(set: &Set, sink: &mut Sink) {
    for (_, place) in annotated_gateways(set) {
        sink.at(
            &place,
            "cert-manager looks at Gateways only where it is installed with `config.gatewayAPI.enabled: true`, after the definitions of Gateway API",
            "Enable it, or write a Certificate, which needs neither.",
        );
    }
}
