//! The pods behind a workload, as far as a wait needs them.

use serde_json::Value;

use crate::stack::ObjectId;

/// Whether objects of this kind run pods that their selector finds.
pub(super) fn is_workload(id: &ObjectId) -> bool {
    matches!((id.group(), id.kind.as_str()), ("apps", "Deployment" | "DaemonSet" | "StatefulSet") | ("batch", "Job"))
}

/// A workload's selector as the API server takes it in a query: `app=x,tier in (a,b)`. `None` when it selects nothing.
pub(super) fn selector(workload: &Value) -> Option<String> {
    let selector = workload.pointer("/spec/selector")?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut parts: Vec<String> = labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    for rule in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let key = text(rule, "key");
        let values: Vec<&str> = rule.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        match text(rule, "operator").as_str() {
            "In" => parts.push(format!("{key} in ({})", values.join(","))),
            "NotIn" => parts.push(format!("{key} notin ({})", values.join(","))),
            "Exists" => parts.push(key),
            "DoesNotExist" => parts.push(format!("!{key}")),
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Where the pods behind an object are, and their labels: those of a workload, or of a Gateway's proxies. `None` where it has none.
pub(super) fn behind(id: &ObjectId, object: Option<&Value>) -> Option<(Option<String>, String)> {
    match (id.kind.as_str(), object) {
        ("Gateway", _) => {
            let label = "gateway.envoyproxy.io/owning-gateway";
            Some((None, format!("{label}-name={},{label}-namespace={}", id.name, id.namespace)))
        }
        (_, Some(workload)) if is_workload(id) => Some((Some(id.namespace.clone()), selector(workload)?)),
        _ => None,
    }
}

/// Whether a controller will replace the pod anyway: it ended, or is being deleted.
pub(super) fn is_leaving(pod: &Value) -> bool {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
    matches!(phase, "Succeeded" | "Failed") || pod.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Whether a container of the pod was started again already.
pub(super) fn has_restarted(pod: &Value) -> bool {
    containers(pod).any(|status| status.get("restartCount").and_then(Value::as_i64).unwrap_or(0) > 0)
}

/// Whether the pod is in a state that may pass but rarely does: no node has room, or what a container needs is not there.
///
/// A node that is itself not ready yet is no such state: it passes with the node.
pub(super) fn is_stuck(pod: &Value) -> bool {
    let unready_node = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.cloudprovider.kubernetes.io/uninitialized"];
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let mut unscheduled = conditions.filter(|one| {
        one.get("type").and_then(Value::as_str) == Some("PodScheduled")
            && one.get("reason").and_then(Value::as_str) == Some("Unschedulable")
    });
    let no_room = unscheduled.any(|one| {
        let message = one.get("message").and_then(Value::as_str).unwrap_or_default();
        !message.contains("no nodes available") && !unready_node.iter().any(|taint| message.contains(taint))
    });
    let lacks_something = containers(pod).any(|status| {
        let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str);
        matches!(reason, Some("CreateContainerConfigError" | "CreateContainerError"))
    });
    no_room || lacks_something
}

/// The states of a pod's containers, those that run before the others first.
pub(super) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .flat_map(|pointer| pod.pointer(pointer).and_then(Value::as_array).into_iter().flatten())
}

/// What a person can do about a pod's trouble, by its reason.
pub(super) fn hint(reason: &str) -> &'static str {
    if reason.contains("ImagePull") || reason.contains("ErrImage") || reason.contains("InvalidImageName") {
        "Check the image's name and tag, and that the node reaches the registry or your mirror."
    } else if reason.contains("OOMKilled") {
        "Raise the container's memory limit."
    } else if reason.contains("CrashLoopBackOff") {
        "Read its last log lines; correct its arguments, environment or what it needs, then run `tstack up` again."
    } else if reason.contains("Unschedulable") {
        "Give the engine more processors or memory, or ask for less in the pod's resource requests."
    } else if reason.contains("CreateContainer") {
        "Apply the ConfigMap or Secret that the container refers to, or correct the reference."
    } else {
        "Look at it with kubectl and the kubeconfig that `tstack up` names: `kubectl describe pod`, `kubectl logs`."
    }
}
