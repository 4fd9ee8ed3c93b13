//! Certificates that cert-manager is asked for.

use std::collections::HashMap;

use super::CERT_MANAGER;
use super::pem::names_host;
use super::secrets::{maker, references};
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::rules::text::duration;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// cert-manager's own: `DefaultCertificateDuration`, `MinimumCertificateDuration`, `MinimumRenewBefore`, in seconds.
const DURATION: i64 = 90 * 24 * 3600;
const MIN_DURATION: i64 = 3600;
const MIN_RENEW: i64 = 5 * 60;

/// facts.md, cert-noissuer.
pub(super) fn issuer_missing(set: &Set, sink: &mut Sink) {
    for certificate in set.of(CERT_MANAGER, "Certificate") {
        let Some(issuer) = certificate.at("/spec/issuerRef") else { continue };
        let (kind, group) = (issuer.text_of("kind").unwrap_or("Issuer"), issuer.text_of("group").unwrap_or(CERT_MANAGER));
        let (Some(name), Some(place)) = (issuer.text_of("name"), issuer.get("name")) else { continue };
        if group != CERT_MANAGER || !matches!(kind, "Issuer" | "ClusterIssuer") {
            continue;
        }
        let (namespace, other) = if kind == "Issuer" { (certificate.namespace(), "ClusterIssuer") } else { ("", "Issuer") };
        let look = set.look(group, kind, namespace, name);
        let elsewhere =
            set.of(group, other).any(|one| one.id.name == name && (other == "ClusterIssuer" || one.namespace() == certificate.namespace()));
        if elsewhere && !matches!(look, Look::Here(_) | Look::Given) {
            let severity = if matches!(look, Look::Missing) { Severity::Error } else { Severity::Warning };
            let defaulted = if issuer.get("kind").is_none() { ", which is what is meant where no kind is written" } else { "" };
            sink.with(severity, &issuer, format!("`{name}` is a {other}, not an {kind}{defaulted}"), format!("Write `kind: {other}`."));
            continue;
        }
        match look {
            Look::Missing => sink.at(
                &place,
                format!("there is no {kind} `{name}`, so the certificate is never issued"),
                format!("Add the {kind}, or name one that exists."),
            ),
            Look::Unknown(Some(near)) => sink.with(
                Severity::Warning,
                &place,
                format!("there is no {kind} `{name}` here, but `{near}`"),
                format!("Write `{near}` if that is meant."),
            ),
            _ => {}
        }
    }
}

/// facts.md, cert-dup-secret.
pub(super) fn written_twice(set: &Set, sink: &mut Sink) {
    let mut first: HashMap<(&str, &str), &Entry> = HashMap::new();
    for certificate in set.of(CERT_MANAGER, "Certificate") {
        let Some(place) = certificate.at("/spec/secretName") else { continue };
        let Some(name) = place.text() else { continue };
        let other = *first.entry((certificate.namespace(), name)).or_insert(certificate);
        // the same Certificate given twice is another matter
        if other.id.name != certificate.id.name {
            sink.at(
                &place,
                format!("{} writes Secret `{name}` too: the two overwrite each other's certificate for ever", other.id),
                "Give each Certificate a Secret of its own, or make one Certificate with all names.",
            );
        }
    }
}

/// A Certificate whose names do not cover the listener that serves it.
pub(super) fn lacks_hostname(set: &Set, sink: &mut Sink) {
    for (listener, to) in references(set).filter(|(_, to)| to.is("", "Secret")) {
        let more = listener.place.at("/tls/certificateRefs").map_or(0, |list| list.items().count());
        let (Some(host), Some(certificate)) = (listener.hostname, maker(set, to.namespace, to.name)) else { continue };
        let names: Vec<&str> =
            certificate.items("/spec/dnsNames").filter_map(|name| name.text()).chain(certificate.text("/spec/commonName")).collect();
        // another reference may cover it, and a subject written as text may hold a name
        if more > 1 || certificate.at("/spec/literalSubject").is_some() || names_host(names, host) {
            continue;
        }
        let Some(place) = certificate.at("/spec/dnsNames").or_else(|| certificate.at("/spec")) else { continue };
        sink.at(
            &place,
            format!("listener `{}` serves this certificate for `{host}`, which is none of its names, so clients refuse it", listener.name),
            format!("Add `{host}` to dnsNames."),
        );
    }
}

/// facts.md, cert-renew; `ValidateDuration` of cert-manager.
pub(super) fn durations(set: &Set, sink: &mut Sink) {
    for certificate in set.of(CERT_MANAGER, "Certificate") {
        let duration = certificate.at("/spec/duration");
        let seconds = duration.as_ref().map_or(Some(DURATION), |place| place.text().and_then(seconds));
        if let (Some(place), Some(seconds)) = (&duration, seconds)
            && seconds < MIN_DURATION
        {
            sink.at(place, "cert-manager refuses a certificate for less than an hour", "Write at least `1h`.");
            continue;
        }
        let Some(place) = certificate.at("/spec/renewBefore") else { continue };
        let (Some(seconds), Some(before)) = (seconds, place.text().and_then(self::seconds)) else { continue };
        if before >= seconds {
            let lasts = if duration.is_some() { "" } else { ", 90 days by default" };
            sink.at(
                &place,
                format!("renewBefore is not less than the duration of the certificate{lasts}, and cert-manager refuses it"),
                "Renew after two thirds of the duration.",
            );
        } else if before < MIN_RENEW {
            sink.at(&place, "cert-manager refuses to renew less than five minutes before the end", "Write at least `5m`.");
        }
    }
}

/// A duration as Go writes it, `2160h` or `1h30m`, in whole seconds.
fn seconds(text: &str) -> Option<i64> {
    i64::try_from(duration(text, &[("h", 3600), ("m", 60), ("s", 1)])?).ok()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(seconds("2160h"), Some(90 * 24 * 3600));
        assert_eq!(seconds("1h30m5s"), Some(5405));
        assert_eq!([seconds(""), seconds("1d"), seconds("h"), seconds("1.5h")], [None; 4]);
    }
}
