//! Metrics and the labels that they have.

use super::promql::{Matcher, Selector};
use super::query::queries;
use crate::lint::finding::Severity;
use crate::lint::model;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// Families of Envoy's metrics by the beginning of their names, the label that tells their members apart, and what they count.
/// Measured on Envoy 1.39 behind Envoy Gateway 1.9 (docs/lint/TS420.md).
const FAMILIES: [(&str, &str, &str); 4] = [
    ("envoy_http_downstream_", "envoy_http_conn_manager_prefix", "requests of clients, before a route is chosen"),
    ("envoy_cluster_", "envoy_cluster_name", "requests to one backend"),
    ("envoy_listener_", "envoy_listener_address", "connections of clients"),
    ("envoy_server_", "", "the proxy itself"),
];

/// Whether a matcher keeps out series that do not have the label.
fn asks_for(matcher: &Matcher) -> bool {
    matches!(matcher.op.as_str(), "=" | "=~") && !matcher.value.is_empty() && ![".*", "|"].contains(&matcher.value.as_str())
}

fn family(selector: &Selector) -> Option<(&'static str, &'static str, &'static str)> {
    FAMILIES.into_iter().find(|(prefix, ..)| selector.metric.starts_with(prefix))
}

/// A label that only metrics of another family have: nothing is found, and nothing is scaled.
pub(super) fn without_label(set: &Set, sink: &mut Sink) {
    for asked in queries(set) {
        for selector in &asked.query.selectors {
            let Some((_, own, counts)) = family(selector) else { continue };
            for matcher in selector.matchers.iter().filter(|matcher| asks_for(matcher) && matcher.label != own) {
                let Some((other, ..)) = FAMILIES.into_iter().find(|(_, label, _)| *label == matcher.label) else { continue };
                let (metric, label) = (&selector.metric, &matcher.label);
                let instead = if other == "envoy_cluster_" { "envoy_cluster_upstream_rq_total" } else { other.trim_end_matches('_') };
                sink.at(
                    &asked.place,
                    format!(
                        "{metric} counts {counts} and has no label {label}, so the query is always empty: KEDA takes that for 0 and never scales"
                    ),
                    format!("Ask for {instead}{}.", example(other)),
                );
            }
        }
    }
}

fn example(family: &str) -> &'static str {
    match family {
        "envoy_cluster_" => "{envoy_cluster_name=~\"httproute/<namespace>/<route>/rule/.*\"}",
        _ => "_.., the family that has this label",
    }
}

/// The label `service` comes from scraping the endpoints of a Service.
pub(super) fn service_label(set: &Set, sink: &mut Sink) {
    let operator =
        ["ServiceMonitor", "PodMonitor", "ScrapeConfig"].iter().any(|kind| set.of("monitoring.coreos.com", kind).next().is_some());
    for asked in queries(set).filter(|_| !operator) {
        for selector in asked.query.selectors.iter().filter(|selector| !from_exporter(&selector.metric)) {
            let value = |label: &str| selector.matchers.iter().find(|m| m.label == label && m.op == "=").map(|m| m.value.as_str());
            let Some(name) = value("service") else { continue };
            let namespace = value("namespace").unwrap_or_else(|| asked.place.entry.namespace());
            let says = match set.look("", "Service", namespace, name) {
                Look::Here(service) if service.annotation("prometheus.io/scrape") == Some("true") => continue,
                Look::Given => continue,
                Look::Here(service) => format!("{service} has no annotation prometheus.io/scrape", service = service.id),
                Look::Missing => format!("there is no Service {name} in namespace {namespace}"),
                Look::Unknown(_) => {
                    sink.with(
                        Severity::Note,
                        &asked.place,
                        format!(
                            "the label service is there only where Prometheus scrapes the endpoints of the Service {name}, not its pods"
                        ),
                        format!("Annotate the Service {name} with prometheus.io/scrape: \"true\", or use a label of the pods."),
                    );
                    continue;
                }
            };
            sink.at(
                &asked.place,
                format!("only series scraped from a Service's endpoints have the label service, but {says}, so the query stays empty"),
                format!("Annotate the Service {name} with prometheus.io/scrape: \"true\" (and its pods not), or use a label of the pods."),
            );
        }
    }
}

/// Metrics whose own program writes the label `service`.
fn from_exporter(metric: &str) -> bool {
    metric.is_empty() || ["kube_", "traefik_", "kong_", "haproxy_", "istio_", "probe_"].iter().any(|prefix| metric.starts_with(prefix))
}

/// Envoy Gateway names clusters `httproute/<namespace>/<name>/rule/<number>`.
pub(super) fn no_such_cluster(set: &Set, sink: &mut Sink) {
    for asked in queries(set) {
        let selectors = asked.query.selectors.iter().flat_map(|selector| &selector.matchers);
        for matcher in selectors.filter(|matcher| matcher.label == "envoy_cluster_name" && ["=", "=~"].contains(&matcher.op.as_str())) {
            let mut parts = matcher.value.split('/');
            let (Some(kind), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Some(kind) = model::ROUTES.into_iter().find(|route| route.to_lowercase() == kind) else { continue };
            if matcher.op == "=~" && [namespace, name].iter().any(|part| part.contains(|c: char| ".*+?[(|\\".contains(c))) {
                continue;
            }
            match set.look(model::GATEWAY_API, kind, namespace, name) {
                Look::Missing => {
                    sink.at(
                        &asked.place,
                        format!("there is no {kind} {name} in namespace {namespace}, so no cluster has the name {}", matcher.value),
                        "Name a route of the set: httproute/<namespace>/<name>/rule/<number>.",
                    );
                }
                Look::Unknown(Some(near)) => {
                    sink.with(
                        Severity::Warning,
                        &asked.place,
                        format!("the {kind} {name} is not here, but {near} is"),
                        format!("Write {near} if that is what you mean."),
                    );
                }
                Look::Here(route) => {
                    let rules = route.items("/spec/rules").count();
                    let number =
                        parts.next().filter(|part| *part == "rule").and(parts.next()).and_then(|number| number.parse::<usize>().ok());
                    if let Some(number) = number.filter(|number| *number >= rules && matcher.op == "=") {
                        sink.at(
                            &asked.place,
                            format!("{kind} {name} has {rules} rules, which count from 0, so there is no rule {number}"),
                            "Count the rules of the route from 0.",
                        );
                    }
                }
                _ => {}
            }
        }
    }
}
