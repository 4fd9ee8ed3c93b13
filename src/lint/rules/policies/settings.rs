//! What depends on the configuration of Envoy Gateway itself.

use super::{GROUP, traffic_policies};
use crate::lint::finding::Severity;
use crate::lint::set::Set;
use crate::lint::sink::Sink;
use crate::yaml::{self, Data, Node};

/// Envoy Gateway's own configuration, where the set shows it: an `EnvoyGateway` document, or the ConfigMap of the chart.
fn configuration(set: &Set) -> Option<Node> {
    if let Some(entry) = set.of(GROUP, "EnvoyGateway").next() {
        return Some(entry.node.clone());
    }
    let maps = set.of("", "ConfigMap").filter(|entry| entry.id.name == "envoy-gateway-config");
    maps.filter_map(|entry| entry.node.get("data")?.get("envoy-gateway.yaml")?.as_text()).find_map(|text| yaml::parse(text).ok())
}

/// `buildGlobalRateLimit`: "enable Ratelimit in the `EnvoyGateway` config".
pub(super) fn global_without_redis(set: &Set, sink: &mut Sink) {
    let mut limits = traffic_policies(set).filter_map(|policy| policy.at("/spec/rateLimit/global")).peekable();
    if limits.peek().is_none() {
        return;
    }
    let shown = configuration(set);
    let remedy = "Give Envoy Gateway a Redis: `rateLimit.backend.redis.url` in its configuration (chart value `config.envoyGateway.rateLimit`), or use a local limit.";
    for limit in limits {
        match &shown {
            Some(configuration) if configuration.get("rateLimit").is_some() => {}
            Some(_) => sink.with(
                Severity::Error,
                &limit,
                "a global limit, and the configuration of Envoy Gateway has no `rateLimit`: it refuses the policy, and its routes answer 500",
                remedy,
            ),
            None => sink.at(
                &limit,
                "a global limit needs a Redis in Envoy Gateway's configuration, which is not shown here: without it the policy is refused, and its routes answer 500",
                remedy,
            ),
        }
    }
}

/// `Backend` and `EnvoyPatchPolicy` are off by default (`extensionApis`).
pub(super) fn extension_api_off(set: &Set, sink: &mut Sink) {
    let kinds = [
        ("Backend", "enableBackend", "routes to it answer 500"),
        ("EnvoyPatchPolicy", "enableEnvoyPatchPolicy", "it does nothing, without a word"),
    ];
    for (kind, switch, effect) in kinds {
        let mut found = set.of(GROUP, kind).filter_map(|entry| entry.at("/kind")).peekable();
        if found.peek().is_none() {
            continue;
        }
        let shown = configuration(set);
        let is_on = shown
            .as_ref()
            .map(|node| node.get("extensionApis").and_then(|apis| apis.get(switch)).map(|flag| &flag.data) == Some(&Data::Bool(true)));
        let remedy =
            format!("Write `extensionApis: {{{switch}: true}}` into Envoy Gateway's configuration (chart value `config.envoyGateway`).");
        for place in found {
            match is_on {
                Some(true) => {}
                Some(false) => {
                    let message = format!("the configuration of Envoy Gateway does not switch {kind} on: {effect}");
                    sink.with(Severity::Error, &place, message, remedy.clone());
                }
                None => sink.at(
                    &place,
                    format!("{kind} is off unless Envoy Gateway's configuration, not shown here, switches it on; else {effect}"),
                    remedy.clone(),
                ),
            }
        }
    }
}
