//! Whether a pod is of its workload's newest template.
//!
//! While a rollout runs, pods of the old template may be in any state; only what comes after them tells whether it works.

use kube::api::ListParams;
use serde_json::Value;

use super::Cluster;
use super::call::CallError;
use super::pods;
use crate::stack::ObjectId;

/// The annotation in which a Deployment and its replica sets count templates.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
/// The label that names a pod's template in daemon sets and stateful sets.
const HASH: &str = "/metadata/labels/controller-revision-hash";

impl Cluster {
    /// Whether the pod is of the newest template. An error means that it is not known.
    pub(super) async fn is_of_newest(&self, workload: &Value, pod: &Value) -> Result<bool, CallError> {
        // until the controller has seen the newest change, every pod is an old one
        let number = |pointer: &str| workload.pointer(pointer).and_then(Value::as_i64);
        if let (Some(seen), Some(now)) = (number("/status/observedGeneration"), number("/metadata/generation"))
            && seen < now
        {
            return Ok(false);
        }
        let id = ObjectId::of(workload);
        match id.kind.as_str() {
            "Deployment" => self.is_of_newest_set(workload, pod).await,
            "StatefulSet" => Ok(text(pod, HASH) == text(workload, "/status/updateRevision")),
            "DaemonSet" => Ok(text(pod, HASH) == self.newest_hash(workload, &id).await?),
            _ => Ok(true),
        }
    }

    async fn is_of_newest_set(&self, deployment: &Value, pod: &Value) -> Result<bool, CallError> {
        let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let Some(owner) = owners.into_iter().find(|owner| text(owner, "/kind") == "ReplicaSet") else {
            return Ok(false);
        };
        let id = ObjectId::new("apps/v1", "ReplicaSet", text(pod, "/metadata/namespace"), text(owner, "/name"));
        let set = self.find(&id).await?;
        Ok(set.is_some_and(|set| text(&set, REVISION) == text(deployment, REVISION)))
    }

    async fn newest_hash(&self, daemon_set: &Value, id: &ObjectId) -> Result<String, CallError> {
        let Some(labels) = pods::selector(daemon_set) else {
            return Ok(String::new());
        };
        let all = self.select("apps/v1", "ControllerRevision", Some(&id.namespace), &ListParams::default().labels(&labels)).await?;
        let newest = all.iter().max_by_key(|one| one.get("revision").and_then(Value::as_i64));
        Ok(newest.map(|one| text(one, HASH).to_owned()).unwrap_or_default())
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
