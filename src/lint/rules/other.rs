//! TS8xx: other gateways and traffic for language models.

use std::collections::BTreeSet;

use crate::lint::finding::Severity::{Error, Note, Warning};

use crate::lint::entry::Entry;
use crate::lint::model::{ENVOY_GATEWAY, GATEWAY_API, class};
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS801", "ai-kind-elsewhere", Error, ai_kind_elsewhere),
    Rule::new("TS802", "ai-backend-is-no-backend", Error, ai_backend),
    Rule::new("TS803", "ai-costs-unused", Warning, ai_costs_unused),
    Rule::new("TS804", "ingress-nginx-retired", Warning, ingress_nginx),
    Rule::new("TS805", "nginx-snippet", Warning, nginx_snippet),
    Rule::new("TS806", "kong-plugin-needs-more", Warning, kong_plugin),
    Rule::new("TS807", "traefik-entry-point", Error, traefik_entry_point),
];

/// The group of Envoy AI Gateway, a project of its own.
const AI: &str = "aigateway.envoyproxy.io";
/// The prefix of ingress-nginx's annotations.
const NGINX: &str = "nginx.ingress.kubernetes.io/";

/// tech.md, table 0, row 20.
fn ai_kind_elsewhere(set: &Set, sink: &mut Sink) {
    for kind in ["AIGatewayRoute", "AIServiceBackend", "BackendSecurityPolicy", "QuotaPolicy"] {
        for place in set.of(ENVOY_GATEWAY, kind).filter_map(|entry| entry.at("/apiVersion")) {
            sink.at(
                &place,
                format!("{kind} is no kind of Envoy Gateway: it is one of Envoy AI Gateway, a project with a controller and a group of its own"),
                format!("Install Envoy AI Gateway, write `apiVersion: {AI}/v1beta1`, and check the fields against its documentation: they are others."),
            );
        }
    }
}

/// `AIServiceBackend` takes Envoy Gateway's Backend only.
fn ai_backend(set: &Set, sink: &mut Sink) {
    for place in set.of(AI, "AIServiceBackend").filter_map(|entry| entry.at("/spec/backendRef")) {
        if place.text_of("group") != Some(ENVOY_GATEWAY) || place.text_of("kind") != Some("Backend") {
            sink.at(
                &place,
                "an AIServiceBackend leads to a Backend of Envoy Gateway, to nothing else",
                "Write `group: gateway.envoyproxy.io`, `kind: Backend`, and a Backend with the host of the provider.",
            );
        }
    }
}

/// stacks.md C2: tokens are counted for a limit to read.
fn ai_costs_unused(set: &Set, sink: &mut Sink) {
    let policies = || set.of(ENVOY_GATEWAY, "BackendTrafficPolicy");
    let rules = || policies().flat_map(|policy| policy.items("/spec/rateLimit/global/rules"));
    let read: BTreeSet<_> = rules().filter_map(|rule| rule.at("/cost/response/metadata/key")?.text()).collect();
    if !set.surroundings().complete && policies().next().is_none() {
        return;
    }
    for key in
        set.of(AI, "AIGatewayRoute").flat_map(|route| route.items("/spec/llmRequestCosts")).filter_map(|cost| cost.get("metadataKey"))
    {
        let Some(name) = key.text().filter(|name| !read.contains(name)) else { continue };
        sink.at(
            &key,
            format!("tokens are counted as `{name}`, and no limit reads it: they cost what they cost"),
            format!("Give a global limit `cost.response` with `from: Metadata`, namespace io.envoy.ai_gateway and key {name}."),
        );
    }
}

/// The containers of the workloads of a set.
fn containers(set: &Set) -> impl Iterator<Item = Place<'_>> {
    let workloads = ["Deployment", "DaemonSet", "StatefulSet"].into_iter().flat_map(|kind| set.of("apps", kind));
    workloads.flat_map(|workload| workload.items("/spec/template/spec/containers"))
}

/// The annotations of ingress-nginx of an Ingress.
fn nginx_annotations(ingress: &Entry) -> impl Iterator<Item = (&str, Place<'_>)> {
    let annotations = ingress.at("/metadata/annotations");
    annotations.into_iter().flat_map(|map| map.entries()).filter_map(|(key, place)| Some((key.strip_prefix(NGINX)?, place)))
}

/// stacks.md X18: the last release is of March 2026.
fn ingress_nginx(set: &Set, sink: &mut Sink) {
    for image in containers(set).filter_map(|container| container.get("image")) {
        if image.text().is_some_and(|text| text.contains("ingress-nginx/controller")) {
            sink.at(
                &image,
                "ingress-nginx is retired since March 2026: what is found in it now stays open",
                "Move the routes to Gateway API; Traefik's provider for its annotations can serve them meanwhile.",
            );
        }
    }
    for ingress in set.of("networking.k8s.io", "Ingress") {
        if let Some((_, place)) = nginx_annotations(ingress).next() {
            sink.with(
                Note,
                &place,
                "an annotation of ingress-nginx, which is retired since March 2026: other controllers read some of them or none",
                "Say it in Gateway API: filters and timeouts of an HTTPRoute, or policies of the gateway.",
            );
        }
    }
}

/// Off by default since ingress-nginx 1.9; nobody else reads them as they are.
fn nginx_snippet(set: &Set, sink: &mut Sink) {
    for (name, place) in set.of("networking.k8s.io", "Ingress").flat_map(nginx_annotations).filter(|(name, _)| name.ends_with("-snippet")) {
        sink.at(
            &place,
            format!("`{name}` is NGINX configuration of whoever may write an Ingress; ingress-nginx refuses it unless it is switched on, other gateways do not know it"),
            "Find the field of Gateway API or of a policy that does what the snippet did.",
        );
    }
}

/// stacks.md X19.
fn kong_plugin(set: &Set, sink: &mut Sink) {
    for plugin in ["KongPlugin", "KongClusterPlugin"].into_iter().flat_map(|kind| set.of("configuration.konghq.com", kind)) {
        let Some(place) = plugin.at("/plugin") else { continue };
        let shared = plugin.at("/config/policy").filter(|policy| policy.text() == Some("cluster"));
        match (place.text().unwrap_or_default(), shared) {
            ("oauth2", _) => sink.at(
                &place,
                "the oauth2 plugin keeps tokens in a database, and Kong under Kubernetes runs without one unless it is given one",
                "Check the tokens of an identity provider with the `jwt` plugin, or run Kong with Postgres.",
            ),
            ("openid-connect", _) => sink.at(
                &place,
                "openid-connect is part of Kong Enterprise: the open source gateway does not have it",
                "Use the `jwt` plugin with the public key of the issuer, or another gateway.",
            ),
            ("rate-limiting" | "response-ratelimiting", Some(policy)) => sink.at(
                &policy,
                "`policy: cluster` counts in Kong's database, and Kong under Kubernetes runs without one unless it is given one",
                "Write `policy: local` to count per pod, or `policy: redis`.",
            ),
            _ => {}
        }
    }
}

/// stacks.md X20: a listener is served by the entry point of its port.
fn traefik_entry_point(set: &Set, sink: &mut Sink) {
    let mut ports = BTreeSet::new();
    for argument in containers(set).filter_map(|container| container.get("args")).flat_map(|list| list.items()) {
        let Some((name, value)) = argument.text().and_then(|text| text.split_once('=')) else { continue };
        let name = name.to_ascii_lowercase();
        if name.starts_with("--entrypoints.") && name.ends_with(".address") {
            let port = value.rsplit(':').next().unwrap_or_default();
            ports.extend(port.split('/').next().and_then(|port| port.parse::<i64>().ok()));
        }
    }
    if ports.is_empty() {
        return;
    }
    let known: Vec<_> = ports.iter().map(i64::to_string).collect();
    for gateway in set.of(GATEWAY_API, "Gateway") {
        let Look::Here(class) = class(set, gateway) else { continue };
        if class.text("/spec/controllerName") != Some("traefik.io/gateway-controller") {
            continue;
        }
        for port in gateway.items("/spec/listeners").filter_map(|listener| listener.get("port")) {
            let Some(number) = port.number().filter(|number| !ports.contains(number)) else { continue };
            sink.at(
                &port,
                format!("Traefik has no entry point with port {number}, so this listener takes no request"),
                format!("Write the port of an entry point ({}), or add one with port {number}.", known.join(", ")),
            );
        }
    }
}
