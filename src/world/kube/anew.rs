//! Pods that run again after their node was started: what their objects say is of the time before, until the kubelet has looked.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use jiff::Timestamp;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::waits::Waits;
use super::{Cluster, OnWait};
use crate::failure::Failure;
use crate::stack::ObjectId;

impl Cluster {
    /// Waits until every pod that is to run is ready, with containers that were started at `since` or later. Those of the control plane
    /// are left out: it answers.
    pub async fn await_pods_since(&self, since: Timestamp, deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        let waits = Waits::new(on_wait);
        let (api, kind) = self.api(&ObjectId::new("v1", "Pod", "", "")).await.map_err(|e| e.failure("cannot watch the pods"))?;
        let api = kube::Api::all_with(api.into_client(), &kind.resource);
        let mut stream = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
        let mut late: BTreeMap<String, String> = BTreeMap::new();
        let mut listed = false;
        loop {
            if listed && late.is_empty() {
                return Ok(());
            }
            let Ok(Some(event)) = timeout_at(deadline, stream.next()).await else {
                let failure = Failure::step(format!("{} pods do not run again in time", late.len()));
                let failure = late.iter().fold(failure, |failure, (pod, reason)| failure.why(format!("{pod}: {reason}")));
                return Err(failure.hint("`tstack up` goes on from here; with --no-snapshot it makes the cluster anew."));
            };
            match event {
                Ok(Event::Init) => late.clear(),
                Ok(Event::InitApply(pod) | Event::Apply(pod)) => {
                    let pod = kind.plain(pod);
                    let name = ObjectId::of(&pod);
                    let name = format!("{}/{}", name.namespace, name.name);
                    match reason(&pod, since) {
                        Some(reason) => drop(late.insert(name, reason)),
                        None => drop(late.remove(&name)),
                    }
                }
                Ok(Event::Delete(pod)) => {
                    let id = ObjectId::of(&kind.plain(pod));
                    late.remove(&format!("{}/{}", id.namespace, id.name));
                }
                Ok(Event::InitDone) => listed = true,
                Err(error) => waits.tell(format!("the API server does not answer: {error}")),
            }
            if let Some((pod, reason)) = late.first_key_value().filter(|_| listed) {
                waits.tell(format!("{} pods start anew; {pod}: {reason}", late.len()));
            }
        }
    }
}

/// The annotation of a pod that the kubelet runs from a file; of the API server itself among others.
const FROM_FILE: &str = "kubernetes.io/config.mirror";

/// Why a pod does not run since then; `None` where it does, or is not to run.
fn reason(pod: &Value, since: Timestamp) -> Option<String> {
    let status = &pod["status"];
    if !pod["metadata"]["annotations"][FROM_FILE].is_null() {
        return None;
    }
    if matches!(status["phase"].as_str(), Some("Succeeded" | "Failed")) || !pod["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let containers = status["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    // the kubelet writes whole seconds
    let since = since.as_second();
    let started = |container: &Value| {
        let at = container["state"]["running"]["startedAt"].as_str()?;
        at.parse::<Timestamp>().ok().filter(|at| at.as_second() >= since)
    };
    if containers.is_empty() || containers.iter().any(|container| started(container).is_none()) {
        return Some("not started yet".into());
    }
    let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let ready = conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    (!ready).then(|| "not ready yet".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(started: &str, ready: &str) -> Value {
        json!({"status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"state": {"running": {"startedAt": started}}}],
        }})
    }

    #[test]
    fn what_the_time_before_left_in_an_object_counts_for_nothing() {
        let since: Timestamp = "2026-01-01T12:00:00.7Z".parse().unwrap();
        let told = |pod: &Value| reason(pod, since);
        assert_eq!(told(&pod("2026-01-01T11:59:59Z", "True")).as_deref(), Some("not started yet"));
        assert_eq!(told(&pod("2026-01-01T12:00:00Z", "False")).as_deref(), Some("not ready yet"));
        assert_eq!(told(&pod("2026-01-01T12:00:00Z", "True")), None);
        assert_eq!(told(&json!({"metadata": {"annotations": {FROM_FILE: "hash"}}})), None, "its API server answers");
        assert_eq!(told(&json!({"status": {"phase": "Succeeded"}})), None);
        assert_eq!(told(&json!({"status": {"phase": "Pending"}})).as_deref(), Some("not started yet"));
    }
}
