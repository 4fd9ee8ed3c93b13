//! TS2xx: Gateway API: Gateways and routes.

use crate::lint::finding::Severity;
use crate::lint::rule::Rule;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The group of Gateway API.
pub(super) const GROUP: &str = "gateway.networking.k8s.io";
/// The kinds of routes, all with `spec.rules[].backendRefs[]`.
pub(super) const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];

pub(super) static RULES: &[Rule] = &[Rule::new("TS210", "weights-add-to-zero", Severity::Error, weights_add_to_zero)];

/// Seed 001, NEVER 5; Envoy Gateway answers 500.
fn weights_add_to_zero(set: &Set, sink: &mut Sink) {
    for route in ROUTES.into_iter().flat_map(|kind| set.of(GROUP, kind)) {
        for rule in route.items("/spec/rules") {
            let Some(backends) = rule.get("backendRefs") else { continue };
            let mut weights = backends.items().map(|backend| backend.get("weight").map_or(Some(1), |weight| weight.number()));
            if backends.items().next().is_some() && weights.all(|weight| weight == Some(0)) {
                sink.at(
                    &backends,
                    "the weights of all backends are 0, so no backend takes a request and the gateway answers 500",
                    "Give at least one backend a weight above 0.",
                );
            }
        }
    }
}
