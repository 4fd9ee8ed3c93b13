//! Addresses that triggers ask at.

use super::target::triggers;
use crate::lint::finding::Severity;
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// Where KEDA runs, unless somebody chose otherwise.
const KEDA_NAMESPACE: &str = "keda";

/// A server that is not there, or has another port.
pub(super) fn wrong(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set) {
        let key = match trigger.kind {
            "prometheus" | "loki" | "graphite" => "serverAddress",
            "kafka" | "apache-kafka" => "bootstrapServers",
            "redis" => "address",
            "metrics-api" => "url",
            _ => continue,
        };
        let Some((place, text)) = trigger.value(key).filter(|(_, text)| !text.contains("${") && !text.contains("{{")) else { continue };
        let is_http = ["serverAddress", "url"].contains(&key);
        for address in text.split(',').map(str::trim) {
            match host_and_port(address, is_http) {
                Some((host, port)) => check(set, sink, &place, host, port),
                None => {
                    sink.at(
                        &place,
                        format!("{address} does not begin with http:// or https://, so KEDA cannot ask there"),
                        format!("Write http://{address}."),
                    );
                }
            }
        }
    }
}

/// The host and the port of an address; `None` where the scheme is missing.
fn host_and_port(address: &str, is_http: bool) -> Option<(&str, Option<i64>)> {
    let (rest, default) = if is_http {
        let plain = address.strip_prefix("http://").map(|rest| (rest, Some(80)));
        plain.or_else(|| address.strip_prefix("https://").map(|rest| (rest, Some(443))))?
    } else {
        (address, None)
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, default),
    })
}

fn check(set: &Set, sink: &mut Sink, place: &Place<'_>, host: &str, port: Option<i64>) {
    let mut labels = host.trim_end_matches('.').split('.');
    let (name, namespace) = (labels.next().unwrap_or_default(), labels.next());
    let rest: Vec<&str> = labels.collect();
    let Some(namespace) = namespace else { return short(set, sink, place, name) };
    let is_service = match rest.as_slice() {
        ["svc"] | ["svc", "cluster", "local"] => true,
        // `prometheus.monitoring` or `example.com`: only a namespace that the set knows makes it a Service
        [] => knows(set, namespace),
        _ => false,
    };
    if !is_service {
        return;
    }
    match set.look("", "Service", namespace, name) {
        Look::Missing => {
            sink.at(
                place,
                format!("there is no Service {name} in namespace {namespace}, so KEDA gets no answer and scales nothing"),
                "Write the name of the Service and its namespace.",
            );
        }
        Look::Unknown(Some(near)) => {
            sink.with(
                Severity::Warning,
                place,
                format!("the Service {name} is not here in namespace {namespace}, but {near} is"),
                format!("Write {near} if that is what you mean."),
            );
        }
        Look::Here(service) => {
            let ports: Vec<i64> = service.items("/spec/ports").filter_map(|port| port.get("port")?.number()).collect();
            if let Some(port) = port.filter(|port| !ports.is_empty() && !ports.contains(port)) {
                let have = ports.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
                sink.at(place, format!("the Service {name} has no port {port}"), format!("Write its port: {have}."));
            }
        }
        _ => {}
    }
}

fn knows(set: &Set, namespace: &str) -> bool {
    set.get("", "Namespace", "", namespace).is_some() || set.of("", "Service").any(|service| service.namespace() == namespace)
}

/// A name without a namespace is sought where KEDA runs.
fn short(set: &Set, sink: &mut Sink, place: &Place<'_>, name: &str) {
    let own = place.entry.namespace();
    let is_name = !name.is_empty() && name != "localhost" && !name.contains(':') && name.contains(|c: char| c.is_ascii_alphabetic());
    let there = matches!(set.look("", "Service", KEDA_NAMESPACE, name), Look::Here(_) | Look::Given);
    if is_name && !there && own != KEDA_NAMESPACE {
        sink.with(
            Severity::Warning,
            place,
            format!("it is KEDA that asks, and in KEDA's own namespace the short name {name} is not the Service of namespace {own}"),
            format!("Write the namespace too: {name}.{own}, or where {name} runs."),
        );
    }
}
