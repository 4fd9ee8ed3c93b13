//! Gateway API (`gateway.networking.k8s.io`), as Envoy Gateway fills it in.
//!
//! Final are `InvalidParameters` (unless it tells of an object that is missing), `UnsupportedAddress`, `UnsupportedProtocol`,
//! `PortUnavailable`, `InvalidRouteKinds`, listener conflicts, and of routes `UnsupportedValue`, `IncompatibleFilters`,
//! `InvalidKind`. Waiting are references to what may still come (`InvalidCertificateRef`, `BackendNotFound`, `RefNotPermitted`,
//! `NoMatchingParent` and its like) and addresses and replicas (`AddressNotAssigned`, `NoResources`).
//!
//! Envoy Gateway sets a Gateway's `Programmed` without a look at its listeners, so each listener is judged too.

use serde_json::Value;

use super::Readiness;
use super::condition::{Condition, about, condition, condition_in, generation, list, must_be_true, text, worst};

/// The controllers of Envoy Gateway; objects may carry the word of other controllers as well.
pub(super) const CONTROLLER: &str = "gateway.envoyproxy.io/";

/// The controller has taken the class.
pub(super) fn class(object: &Value) -> Readiness {
    let is_final = |c: Condition<'_>| matches!(c.reason(), "InvalidParameters" | "UnsupportedVersion") && !c.speaks_of_missing();
    must_be_true(condition(object, "Accepted"), "Accepted", is_final)
}

/// The Gateway is accepted and programmed, and so is each of its listeners.
pub(super) fn gateway(object: &Value) -> Readiness {
    let is_final = |c: Condition<'_>| matches!(c.reason(), "InvalidParameters" | "UnsupportedAddress") && !c.speaks_of_missing();
    let accepted = must_be_true(condition(object, "Accepted"), "Accepted", is_final);
    if accepted != Readiness::Ready {
        return accepted;
    }
    // a listener's own word says more than the Gateway's
    let listeners = worst(list(object, "/status/listeners").iter().map(|one| listener(one, generation(object))));
    let programmed = must_be_true(condition(object, "Programmed"), "Programmed", is_final);
    let wanted = list(object, "/spec/listeners").len();
    let known = list(object, "/status/listeners").len();
    let complete = if known < wanted { Readiness::Waiting(format!("{known} of {wanted} listeners known")) } else { Readiness::Ready };
    worst([listeners, programmed, complete])
}

fn listener(one: &Value, generation: Option<i64>) -> Readiness {
    let conflict = match condition_in(one, "Conflicted", generation) {
        Some(conflict) if conflict.is_true() && !conflict.is_stale() => Readiness::Failed(conflict.explain()),
        _ => Readiness::Ready,
    };
    let must = |name: &str| {
        must_be_true(condition_in(one, name, generation), name, |c| {
            matches!(c.reason(), "PortUnavailable" | "UnsupportedProtocol" | "InvalidRouteKinds" | "UnsupportedAddress")
        })
    };
    // references first: they are the cause when a listener is not programmed
    let judged = worst([conflict, must("ResolvedRefs"), must("Accepted"), must("Programmed")]);
    about(&format!("listener {}", text(one, "/name")), judged)
}

/// Each Gateway of ours that the route names has accepted it and found what it refers to.
pub(super) fn route(object: &Value) -> Readiness {
    let parents: Vec<&Value> =
        list(object, "/status/parents").iter().filter(|parent| text(parent, "/controllerName").starts_with(CONTROLLER)).collect();
    if parents.is_empty() {
        return Readiness::Waiting("no Gateway has taken it yet".to_owned());
    }
    let wanted = list(object, "/spec/parentRefs").len();
    if list(object, "/status/parents").len() < wanted {
        return Readiness::Waiting(format!("{} of {wanted} Gateways have taken it", parents.len()));
    }
    worst(parents.into_iter().map(|parent| {
        let must = |name: &str| {
            must_be_true(condition_in(parent, name, generation(object)), name, |c| {
                matches!(c.reason(), "UnsupportedValue" | "IncompatibleFilters" | "InvalidKind" | "UnsupportedProtocol")
                    && !c.speaks_of_missing()
            })
        };
        let partly = match condition_in(parent, "PartiallyInvalid", generation(object)) {
            Some(partly) if partly.is_true() && partly.reason() == "UnsupportedValue" => Readiness::Failed(partly.explain()),
            _ => Readiness::Ready,
        };
        about(&format!("Gateway {}", text(parent, "/parentRef/name")), worst([must("Accepted"), must("ResolvedRefs"), partly]))
    }))
}
