//! Policies of Envoy Gateway and `BackendTLSPolicy`: their word is in `status.ancestors`, one entry for each Gateway.
//!
//! Final are `Invalid` (unless it tells of an object that is missing), `Conflicted`, `UnsupportedValue` and `Disabled`. Waiting
//! are `TargetNotFound`, `ResourceNotFound` and no entry at all: the target may still come. `Overridden` and `Merged` leave a policy
//! in force where nothing nearer speaks: ready.
//!
//! Kinds of the group without ancestors (`EnvoyProxy`, `Backend`, `HTTPRouteFilter`) are judged by their condition `Accepted`
//! where they have one.

use serde_json::Value;

use super::Readiness;
use super::condition::{Condition, about, condition, condition_in, generation, list, must_be_true, text, worst};
use super::gateway::CONTROLLER;

/// Each Gateway that the policy reaches has accepted it.
pub(super) fn judge(object: &Value) -> Readiness {
    let kind = text(object, "/kind");
    if !kind.ends_with("Policy") {
        return match condition(object, "Accepted") {
            None => Readiness::Ready,
            found => must_be_true(found, "Accepted", is_final),
        };
    }
    let ancestors: Vec<&Value> =
        list(object, "/status/ancestors").iter().filter(|one| text(one, "/controllerName").starts_with(CONTROLLER)).collect();
    if ancestors.is_empty() {
        return Readiness::Waiting("no Gateway has taken it yet; its target may be missing".to_owned());
    }
    worst(ancestors.into_iter().map(|ancestor| {
        let accepted = must_be_true(condition_in(ancestor, "Accepted", generation(object)), "Accepted", is_final);
        // only patches have it: whether the patch could be laid over the configuration
        let programmed = match condition_in(ancestor, "Programmed", generation(object)) {
            None => Readiness::Ready,
            found => must_be_true(found, "Programmed", is_final),
        };
        about(&format!("{} {}", ancestor_kind(ancestor), text(ancestor, "/ancestorRef/name")), worst([accepted, programmed]))
    }))
}

fn is_final(condition: Condition<'_>) -> bool {
    match condition.reason() {
        "Invalid" | "UnsupportedValue" => !condition.speaks_of_missing(),
        "Conflicted" | "Disabled" => true,
        _ => false,
    }
}

fn ancestor_kind(ancestor: &Value) -> &str {
    match text(ancestor, "/ancestorRef/kind") {
        "" => "Gateway",
        kind => kind,
    }
}
