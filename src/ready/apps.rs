//! Workloads that keep pods running.
//!
//! Source of the rules: `kubectl rollout status` (k8s.io/kubectl `pkg/polymorphichelpers/rollout_status.go`). Only a Deployment
//! knows a failure of its own, `ProgressDeadlineExceeded`; what ails the pods of the others is seen in the pods. Where replicas are
//! processes (`host`), there are no pods to look at, and the Deployment itself says `CrashLoopBackOff`.

use serde_json::Value;

use super::Readiness;
use super::condition::{condition, number, stale, status_is_stale, text};

/// All replicas are of the newest template and available.
pub(super) fn deployment(object: &Value) -> Readiness {
    if never_observed(object) {
        return stale();
    }
    if let Some(progress) = condition(object, "Progressing")
        && matches!(progress.reason(), "ProgressDeadlineExceeded" | "CrashLoopBackOff")
    {
        return Readiness::Failed(progress.explain());
    }
    let wanted = number(object, "/spec/replicas", 1);
    let count = |key: &str| number(object, &format!("/status/{key}"), 0);
    let (updated, all, available) = (count("updatedReplicas"), count("replicas"), count("availableReplicas"));
    if updated < wanted {
        // quota, a missing service account: the controller tries again by itself
        if let Some(failure) = condition(object, "ReplicaFailure").filter(|failure| failure.is_true()) {
            return Readiness::Waiting(failure.explain());
        }
        return Readiness::Waiting(format!("{updated} of {wanted} replicas updated"));
    }
    if all > updated {
        return Readiness::Waiting(format!("{} old replicas still to end", all.saturating_sub(updated)));
    }
    if available < updated {
        return Readiness::Waiting(format!("{available} of {updated} replicas available"));
    }
    Readiness::Ready
}

/// All replicas are ready, and of the newest revision where the strategy replaces them by itself.
pub(super) fn stateful_set(object: &Value) -> Readiness {
    if never_observed(object) {
        return stale();
    }
    let wanted = number(object, "/spec/replicas", 1);
    let ready = number(object, "/status/readyReplicas", 0);
    if ready < wanted {
        return Readiness::Waiting(format!("{ready} of {wanted} replicas ready"));
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Readiness::Ready;
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    let (updated, must) = (number(object, "/status/updatedReplicas", 0), wanted.saturating_sub(partition));
    let settled = text(object, "/status/currentRevision") == text(object, "/status/updateRevision");
    if updated < must && !settled {
        return Readiness::Waiting(format!("{updated} of {must} replicas updated"));
    }
    if partition == 0 && !settled {
        return Readiness::Waiting("the newest revision is not in force yet".to_owned());
    }
    Readiness::Ready
}

/// Every node that should have a pod has one of the newest template, available.
pub(super) fn daemon_set(object: &Value) -> Readiness {
    if never_observed(object) {
        return stale();
    }
    let wanted = number(object, "/status/desiredNumberScheduled", 0);
    let updated = number(object, "/status/updatedNumberScheduled", 0);
    let available = number(object, "/status/numberAvailable", 0);
    if text(object, "/spec/updateStrategy/type") != "OnDelete" && updated < wanted {
        return Readiness::Waiting(format!("{updated} of {wanted} pods updated"));
    }
    if available < wanted {
        return Readiness::Waiting(format!("{available} of {wanted} pods available"));
    }
    Readiness::Ready
}

/// These controllers always write `observedGeneration`: without it they have not looked at the object at all.
fn never_observed(object: &Value) -> bool {
    status_is_stale(object) || object.pointer("/status/observedGeneration").is_none()
}
