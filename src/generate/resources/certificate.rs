//! The certificate of the https listener, and who signs it.

use super::super::document::Document;
use super::{list, map};
use crate::spec::{CertificateSource, IssuerKind, ServiceSpec, Tls};
use crate::yaml::Map;

const FILE: &str = "30-certificate.yaml";
const GROUP: &str = "cert-manager.io";
const VERSION: &str = "cert-manager.io/v1";

pub(in crate::generate) fn certificate(spec: &ServiceSpec) -> Vec<Document> {
    let Some(tls) = spec.tls.as_ref().filter(|_| spec.gateway.is_some()) else { return Vec::new() };
    let own = spec.object_name("issuer");
    let (issuer, name, kind) = match &tls.source {
        CertificateSource::Existing => return Vec::new(),
        CertificateSource::Issuer(issuer) => (None, issuer.name.clone(), issuer.kind),
        CertificateSource::SelfSigned => {
            let head = "Signs certificates with their own keys: good for encryption, but no client trusts them.";
            let body = map([("selfSigned", Map::new().into())]);
            (Some(Document::new(spec, FILE, (VERSION, "Issuer"), &own, head).with_spec(body)), own, IssuerKind::Issuer)
        }
        CertificateSource::Ca(secret) => {
            let head = "Signs certificates with a CA of its own, whose certificate and key lie in a Secret of this namespace.";
            let body = map([("ca", map([("secretName", secret.into())]).into())]);
            (Some(Document::new(spec, FILE, (VERSION, "Issuer"), &own, head).with_spec(body)), own, IssuerKind::Issuer)
        }
    };
    issuer.into_iter().chain([signed(spec, tls, &name, kind)]).collect()
}

fn signed(spec: &ServiceSpec, tls: &Tls, issuer: &str, kind: IssuerKind) -> Document {
    let hours = u64::from(tls.days) * 24;
    let mut body = Map::new();
    body.put("secretName", &tls.secret).behind("the Gateway's https listener reads it");
    body.put("duration", format!("{hours}h")).behind(if tls.days == 1 { "one day".to_owned() } else { format!("{} days", tls.days) });
    body.put("renewBefore", format!("{}h", hours / 3)).behind("with a third left, renewal may fail a few times and nobody notices");
    let key = map([("algorithm", "ECDSA".into()), ("size", 256_u32.into()), ("rotationPolicy", "Always".into())]);
    body.put("privateKey", key).above("a new key with each certificate");
    body.put("usages", list(["digital signature", "server auth"]));
    if !tls.dns_names.is_empty() {
        body.put("dnsNames", list(&tls.dns_names));
    }
    if !tls.ip_addresses.is_empty() {
        body.put("ipAddresses", list(&tls.ip_addresses));
    }
    let kind = match kind {
        IssuerKind::ClusterIssuer => "ClusterIssuer",
        IssuerKind::Issuer => "Issuer",
    };
    body.put("issuerRef", map([("group", GROUP.into()), ("kind", kind.into()), ("name", issuer.into())]));
    Document::new(spec, FILE, (VERSION, "Certificate"), &spec.object_name("tls"), "What clients of the https listener are shown.")
        .with_spec(body)
}
