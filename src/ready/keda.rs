//! KEDA and the autoscaler that it makes.
//!
//! A ScaledObject's `Ready` is `False` with `TriggerError` while Prometheus starts, and with `ScaledObjectCheckFailed` both for a
//! target that is not there yet and for a wrong specification. Final are only the messages that name replica counts or triggers,
//! which an edit alone repairs; all else is tried again by KEDA.

use serde_json::Value;

use super::Readiness;
use super::condition::{Condition, about, condition, must_be_true, stale, status_is_stale, worst};

/// The object is in force, and the autoscaler gets its metric where KEDA says so (`HPAActive`, since 2.21).
pub(super) fn scaled_object(object: &Value) -> Readiness {
    let ready = must_be_true(condition(object, "Ready"), "Ready", is_final);
    let active = match condition(object, "HPAActive") {
        None => Readiness::Ready,
        // an autoscaler of an object at zero replicas is off by design
        Some(active) if active.reason() == "ScalingDisabled" => Readiness::Ready,
        found => about("autoscaler", must_be_true(found, "HPAActive", |_| false)),
    };
    worst([ready, active])
}

fn is_final(condition: Condition<'_>) -> bool {
    let message = condition.message();
    condition.reason() == "ScaledObjectCheckFailed"
        && message.contains("doesn't have correct")
        && (message.contains("Replica Counts") || message.contains("triggers specification"))
}

/// The autoscaler gets its metrics.
pub(super) fn autoscaler(object: &Value) -> Readiness {
    if status_is_stale(object) {
        return stale();
    }
    match condition(object, "ScalingActive") {
        Some(active) if active.reason() == "ScalingDisabled" => Readiness::Ready,
        // a metric that is not there yet (FailedGetExternalMetric, …) comes with its server
        found => must_be_true(found, "ScalingActive", |_| false),
    }
}
