//! Kinds of the core group, and every kind that has no rules of its own.

use serde_json::Value;

use super::Readiness;
use super::condition::{condition, list, must_be_true, stale, status_is_stale, text};

/// A namespace takes objects when it is `Active`. `Terminating` is over when it is gone and made again: waiting.
pub(super) fn namespace(object: &Value) -> Readiness {
    match text(object, "/status/phase") {
        "Active" => Readiness::Ready,
        "" => Readiness::Waiting("no phase yet".to_owned()),
        phase => Readiness::Waiting(format!("phase {phase}")),
    }
}

/// A Service does its work at once, but of type `LoadBalancer` it needs an address, which only a load balancer gives: waiting,
/// since one may be installed.
pub(super) fn service(object: &Value) -> Readiness {
    let addressed = !list(object, "/status/loadBalancer/ingress").is_empty() || !list(object, "/spec/externalIPs").is_empty();
    if text(object, "/spec/type") == "LoadBalancer" && !addressed {
        return Readiness::Waiting("no address from a load balancer yet".to_owned());
    }
    Readiness::Ready
}

/// A claim is ready when it is bound, or when its class binds it only with the first pod that uses it. `Lost` is final.
pub(super) fn claim(object: &Value) -> Readiness {
    match text(object, "/status/phase") {
        "Bound" => Readiness::Ready,
        "Lost" => Readiness::Failed("its volume is lost".to_owned()),
        _ if waits_for_its_first_pod(object) => Readiness::Ready,
        _ => Readiness::Waiting("not bound to a volume yet".to_owned()),
    }
}

/// The volume controller names the provisioner in an annotation as soon as it asks for a volume; with the binding mode
/// `WaitForFirstConsumer` it does not ask before a pod is scheduled.
fn waits_for_its_first_pod(object: &Value) -> bool {
    let annotated = |key: &str| object.pointer("/metadata/annotations").and_then(|all| all.get(key)).is_some();
    let asked =
        ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/selected-node"];
    !text(object, "/spec/storageClassName").is_empty() && !asked.iter().any(|key| annotated(key))
}

/// Any other kind: by its condition `Ready`, and ready where it has none. Waiting only, since its reasons are not known here.
pub(super) fn other(object: &Value) -> Readiness {
    if status_is_stale(object) {
        return stale();
    }
    match condition(object, "Ready") {
        None => Readiness::Ready,
        found => must_be_true(found, "Ready", |_| false),
    }
}
