//! Certificates that are in the set, as they would be served.

use super::pem::{Facts, names_host, value};
use super::secrets::references;
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::Listener;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// How long before its end a certificate is worth a warning.
const SOON: i64 = 7 * 24 * 3600;

/// The TLS Secrets of the set that listeners name, each once.
fn secrets(set: &Set) -> Vec<&Entry> {
    let mut all: Vec<&Entry> = Vec::new();
    for (_, to) in references(set).filter(|(_, to)| to.is("", "Secret")) {
        if let Look::Here(secret) = to.look(set)
            && secret.text("/type") == Some("kubernetes.io/tls")
            && !all.iter().any(|one| std::ptr::eq(*one, secret))
        {
            all.push(secret);
        }
    }
    all
}

/// facts.md, secret-tls-nonpem; seed 002, step 4.
pub(super) fn unreadable(set: &Set, sink: &mut Sink) {
    for secret in secrets(set) {
        let Some((place, text)) = value(secret, "tls.crt") else { continue };
        match Facts::read(&text) {
            Err(why) => sink.at(
                &place,
                format!("tls.crt holds no certificate: {why}; the listener that names this Secret is not programmed"),
                "Put the certificate in PEM form there, the server's own first.",
            ),
            Ok(facts) => {
                let Some((place, key)) = value(secret, "tls.key") else { continue };
                if facts.fits(&key) == Some(false) {
                    sink.at(
                        &place,
                        "tls.key is not the key of the certificate in tls.crt, so no TLS connection can be made",
                        "Put in the key that belongs to it.",
                    );
                }
            }
        }
    }
}

/// Envoy Gateway refuses a chain that is expired or not valid yet (validateServingCertificateChain).
pub(super) fn expired(set: &Set, sink: &mut Sink) {
    let Some(now) = set.surroundings().now else { return };
    for secret in secrets(set) {
        let Some((place, text)) = value(secret, "tls.crt") else { continue };
        let Ok(facts) = Facts::read(&text) else { continue };
        let renew = "Make a new one, or let cert-manager renew it.";
        if facts.ends < now {
            let days = (now - facts.ends) / 86_400;
            sink.at(&place, format!("the certificate expired {days} days ago, so Envoy Gateway does not program the listener"), renew);
        } else if facts.begins > now {
            sink.at(
                &place,
                "the certificate is not valid yet, so Envoy Gateway does not program the listener",
                "Wait, or make one that is.",
            );
        } else if facts.ends - now < SOON {
            let hours = (facts.ends - now) / 3600;
            sink.with(Severity::Warning, &place, format!("the certificate expires in {hours} hours"), renew);
        }
    }
}

/// Seed 002, step 4: the certificate is for the host that is asked for.
pub(super) fn lacks_hostname(set: &Set, sink: &mut Sink) {
    let mut listeners: Vec<(Listener<'_>, Vec<Option<Facts>>)> = Vec::new();
    for (listener, to) in references(set) {
        let facts = match to.look(set) {
            Look::Here(secret) => value(secret, "tls.crt").and_then(|(_, text)| Facts::read(&text).ok()),
            _ => None,
        };
        match listeners.last_mut() {
            Some((last, all)) if last.place.pos() == listener.place.pos() => all.push(facts),
            _ => listeners.push((listener, vec![facts])),
        }
    }
    for (listener, all) in listeners {
        let (Some(host), Some(place)) = (listener.hostname, listener.place.get("hostname")) else { continue };
        let Some(all) = all.into_iter().collect::<Option<Vec<_>>>() else { continue };
        if all.iter().any(|facts| names_host(facts.names.iter().map(String::as_str), host)) {
            continue;
        }
        let mut names: Vec<String> = all.into_iter().flat_map(|facts| facts.names).map(|name| format!("`{name}`")).collect();
        names.dedup();
        let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
        sink.at(
            &place,
            format!("the certificate of this listener is for {names}, so clients refuse it for `{host}`"),
            "Use a certificate that names this host.",
        );
    }
}
