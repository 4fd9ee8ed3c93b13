//! Pods that run again after their node was started: what their objects say is of the time before, until the kubelet has looked.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::call::once;
use super::waits::Waits;
use super::{Cluster, OnWait};
use crate::failure::Failure;
use crate::stack::ObjectId;
use crate::world::backoff::Backoff;

impl Cluster {
    /// Waits until every pod that is to run is ready, with containers that were started at `since` or later. Those of the control plane
    /// are left out: it answers.
    ///
    /// A pod that a controller of the same namespace made, and that waits for it, asks again only after growing pauses: it is made anew
    /// once, as soon as all others of its namespace are ready. Those of the namespaces `later` are made anew at once, before the kubelet
    /// has got to them: their controllers come to that when the others have started. Where one of them runs all the same before the
    /// namespaces that it needs are ready, it is made anew once more when they are: it has asked in vain, and asks again only later.
    pub async fn await_pods_since(
        &self,
        since: Timestamp,
        later: &BTreeMap<String, BTreeSet<String>>,
        deadline: Instant,
        on_wait: OnWait<'_>,
    ) -> Result<(), Failure> {
        let waits = Waits::new(on_wait);
        let (api, kind) = self.api(&ObjectId::new("v1", "Pod", "", "")).await.map_err(|e| e.failure("cannot watch the pods"))?;
        let api = kube::Api::all_with(api.into_client(), &kind.resource);
        let mut stream = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
        let mut late: BTreeMap<String, String> = BTreeMap::new();
        let mut stuck = Stuck { later: later.clone(), ..Stuck::default() };
        // by the uid of their controller, the pods that are gone and have no successor yet
        let mut owed: BTreeMap<String, String> = BTreeMap::new();
        let mut listed = false;
        loop {
            let anew = if listed {
                stuck.put_off().into_iter().chain(stuck.take(&late)).chain(stuck.too_early(&late)).collect()
            } else {
                Vec::new()
            };
            for Made { id, uid, owner } in anew {
                waits.tell(format!("{id} is there before what it needs, and is made anew"));
                let only = Preconditions { uid: Some(uid), ..Preconditions::default() };
                let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default() }.grace_period(0);
                let (pods, _) = self.api(&id).await.map_err(|e| e.on("make anew", &id))?;
                // it may have gone by itself; where it cannot be deleted it is waited for as it is
                if once(pods.delete(&id.name, &params)).await.is_ok() {
                    owed.insert(owner, id.name);
                }
            }
            if listed && late.is_empty() && owed.is_empty() {
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
                    if !listed {
                        stuck.note(&pod);
                    }
                    if let Some(owner) =
                        owner_of(&pod).filter(|owner| owed.get(*owner).is_some_and(|gone| pod["metadata"]["name"] != **gone))
                    {
                        owed.remove(owner);
                    }
                    let name = ObjectId::of(&pod);
                    if listed {
                        stuck.began(&pod, since);
                    }
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

/// Pods that may have begun to wait before those that they wait for were there: those that controllers made, and their neighbours.
#[derive(Default)]
struct Stuck {
    /// Of each namespace, its pods.
    all: BTreeMap<String, BTreeSet<String>>,
    /// Those that a controller made.
    made: Vec<Made>,
    /// Namespaces whose pods are to come after the others, and which these are; once they have come, nothing is left of it here.
    later: BTreeMap<String, BTreeSet<String>>,
    /// Their pods at the start.
    first: Vec<Made>,
    /// Their pods that run by now, by name.
    running: BTreeMap<String, Made>,
}

/// A pod that a controller made.
struct Made {
    id: ObjectId,
    uid: String,
    /// The uid of what makes another one when it is gone.
    owner: String,
}

/// The uid of the object that keeps a pod in being.
fn owner_of(pod: &Value) -> Option<&str> {
    pod["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
}

impl Stuck {
    /// Notes a pod that was there at the start.
    fn note(&mut self, pod: &Value) {
        let id = ObjectId::of(pod);
        self.all.entry(id.namespace.clone()).or_default().insert(format!("{}/{}", id.namespace, id.name));
        let manager = pod["metadata"]["labels"][MANAGED_BY].as_str();
        let (Some(uid), Some(owner)) = (pod["metadata"]["uid"].as_str(), owner_of(pod)) else { return };
        let made = Made { id, uid: uid.to_owned(), owner: owner.to_owned() };
        if self.later.contains_key(&made.id.namespace) {
            self.first.push(made);
        } else if manager.is_some_and(|manager| manager != "Helm") {
            self.made.push(made);
        }
    }

    /// Takes out those that are to come after the others.
    fn put_off(&mut self) -> Vec<Made> {
        std::mem::take(&mut self.first)
    }

    /// Notes that a pod of those that are to come later runs.
    fn began(&mut self, pod: &Value, since: Timestamp) {
        let id = ObjectId::of(pod);
        if !self.later.contains_key(&id.namespace) {
            return;
        }
        let runs = reason(pod, since).is_none_or(|why| why == NOT_READY) && pod["metadata"]["deletionTimestamp"].is_null();
        if let (true, Some(uid), Some(owner)) = (runs, pod["metadata"]["uid"].as_str(), owner_of(pod)) {
            let made = Made { uid: uid.to_owned(), owner: owner.to_owned(), id };
            self.running.insert(made.id.name.clone(), made);
        }
    }

    /// Takes out those that began before what they need was ready, once it is.
    fn too_early(&mut self, late: &BTreeMap<String, String>) -> Vec<Made> {
        let is_late = |namespace: &String| late.keys().any(|name| name.split('/').next() == Some(namespace.as_str()));
        let come: Vec<String> = self.later.iter().filter(|(_, needed)| !needed.iter().any(is_late)).map(|(name, _)| name.clone()).collect();
        let mut early = Vec::new();
        for namespace in come {
            self.later.remove(&namespace);
            let (its, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut self.running).into_iter().partition(|(_, made)| made.id.namespace == namespace);
            self.running = others;
            early.extend(its.into_values());
        }
        early
    }

    /// Takes out those that run, are not ready, and whose neighbours all are: each once.
    fn take(&mut self, late: &BTreeMap<String, String>) -> Vec<Made> {
        let name = |id: &ObjectId| format!("{}/{}", id.namespace, id.name);
        let made: BTreeSet<String> = self.made.iter().map(|made| name(&made.id)).collect();
        let all = &self.all;
        let waits = |id: &ObjectId| {
            let mut others = all.get(&id.namespace).into_iter().flatten().filter(|other| !made.contains(*other)).peekable();
            late.get(&name(id)).is_some_and(|why| why == NOT_READY) && others.peek().is_some() && others.all(|o| !late.contains_key(o))
        };
        let (stuck, rest) = std::mem::take(&mut self.made).into_iter().partition(|made| waits(&made.id));
        self.made = rest;
        stuck
    }
}

impl Cluster {
    /// Takes back what the API server says of running pods: not ready, and at no address. Nobody is sent to them until a kubelet has
    /// looked again. Ends when no service leads to a pod, or at the deadline, which is no failure.
    pub async fn unsettle_pods(&self, deadline: Instant) -> Result<(), Failure> {
        for pod in self.list("v1", "Pod", None).await? {
            let id = ObjectId::of(&pod);
            let (api, _) = self.api(&id).await.map_err(|e| e.on("read", &id))?;
            let patch = json!({"status": unsettled(&pod["status"])});
            match once(api.patch_status(&id.name, &PatchParams::default(), &Patch::Merge(&patch))).await {
                // it went meanwhile
                Err(error) if !error.is_absent() => return Err(error.on("change the status of", &id)),
                _ => {}
            }
        }
        let mut backoff = Backoff::new();
        while self.list("discovery.k8s.io/v1", "EndpointSlice", None).await?.iter().any(leads_to_a_pod) {
            if !backoff.pause_until(deadline).await {
                break;
            }
        }
        Ok(())
    }
}

/// What of a pod's status is taken back.
fn unsettled(status: &Value) -> Value {
    let mut conditions = status["conditions"].clone();
    for condition in conditions.as_array_mut().into_iter().flatten() {
        if matches!(condition["type"].as_str(), Some("Ready" | "ContainersReady")) {
            condition["status"] = "False".into();
        }
    }
    let mut containers = status["containerStatuses"].clone();
    for container in containers.as_array_mut().into_iter().flatten() {
        container["ready"] = false.into();
    }
    json!({"conditions": conditions, "containerStatuses": containers, "podIP": null, "podIPs": null})
}

fn leads_to_a_pod(slice: &Value) -> bool {
    let endpoints = slice["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
    endpoints.iter().any(|endpoint| endpoint["targetRef"]["kind"] == "Pod" && endpoint["conditions"]["ready"] != false)
}

/// The annotation of a pod that the kubelet runs from a file; of the API server itself among others.
const FROM_FILE: &str = "kubernetes.io/config.mirror";

/// The standard label that says which program made an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What is said of a pod that runs and is not ready.
const NOT_READY: &str = "not ready yet";

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
    (!ready).then(|| NOT_READY.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(started: &str, ready: &str) -> Value {
        json!({"status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"state": {"running": {"startedAt": started}}}],
        }})
    }

    #[test]
    fn what_is_taken_back_of_a_pod_is_its_readiness_and_its_address() {
        let mut pod = pod("2026-01-01T12:00:00Z", "True");
        pod["status"]["podIP"] = "10.244.0.5".into();
        pod["status"]["conditions"].as_array_mut().unwrap().push(json!({"type": "PodScheduled", "status": "True"}));
        let taken = unsettled(&pod["status"]);
        assert_eq!(taken["conditions"][0]["status"], "False");
        assert_eq!(taken["conditions"][1]["status"], "True");
        assert_eq!((&taken["containerStatuses"][0]["ready"], &taken["podIP"]), (&Value::Bool(false), &Value::Null));
        assert!(taken.as_object().unwrap().contains_key("podIPs"));
    }

    #[test]
    fn what_a_controller_made_is_made_anew_once_when_its_neighbours_are_ready_and_it_is_not() {
        let pod = |name: &str, manager: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
                "namespace": "n", "name": name, "uid": name, "labels": {MANAGED_BY: manager}, "ownerReferences": [{"controller": true, "uid": "set"}],
            }})
        };
        let late = |pods: &[(&str, &str)]| pods.iter().map(|(name, why)| (format!("n/{name}"), (*why).to_owned())).collect();
        let taken = |stuck: &mut Stuck, pods: &[(&str, &str)]| -> Vec<String> {
            stuck.take(&late(pods)).into_iter().map(|made| made.uid).collect()
        };
        let mut stuck = Stuck::default();
        stuck.note(&pod("controller", "Helm"));
        stuck.note(&pod("proxy", "controller"));
        assert!(taken(&mut stuck, &[("controller", NOT_READY), ("proxy", NOT_READY)]).is_empty(), "its controller is not there yet");
        assert!(taken(&mut stuck, &[("proxy", "not started yet")]).is_empty(), "it comes to its controller in time");
        assert!(taken(&mut stuck, &[("controller", NOT_READY)]).is_empty(), "a chart's own pod is slow, not stuck");
        assert_eq!(taken(&mut stuck, &[("proxy", NOT_READY)]), ["proxy"]);
        assert!(taken(&mut stuck, &[("proxy", NOT_READY)]).is_empty(), "once");
    }

    #[test]
    fn pods_that_are_to_come_later_are_made_anew_whatever_they_are_and_once() {
        let pod = |namespace: &str, owner: &Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": "p", "uid": namespace, "ownerReferences": owner}});
        let owner = json!([{"controller": true, "uid": "set"}]);
        let later = ["keda", "alone"].map(|name| (name.to_owned(), BTreeSet::from(["monitoring".to_owned()])));
        let mut stuck = Stuck { later: later.into(), ..Stuck::default() };
        stuck.note(&pod("keda", &owner));
        stuck.note(&pod("monitoring", &owner));
        stuck.note(&pod("alone", &Value::Null));
        let uids: Vec<String> = stuck.put_off().into_iter().map(|made| made.uid).collect();
        assert_eq!(uids, ["keda"], "nobody makes the one again that has no owner");
        assert!(stuck.put_off().is_empty());
    }

    #[test]
    fn what_began_before_what_it_needs_was_ready_is_made_anew_once_and_what_began_after_it_is_not() {
        let since: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let keda = |name: &str| {
            let mut pod = pod("2026-01-01T12:00:05Z", "False");
            pod["metadata"] =
                json!({"namespace": "keda", "name": name, "uid": name, "ownerReferences": [{"controller": true, "uid": "set"}]});
            pod
        };
        let needs = || BTreeMap::from([("keda".to_owned(), BTreeSet::from(["monitoring".to_owned()]))]);
        let late = BTreeMap::from([("monitoring/prometheus".to_owned(), NOT_READY.to_owned())]);
        let uids = |made: Vec<Made>| made.into_iter().map(|made| made.uid).collect::<Vec<_>>();

        let mut stuck = Stuck { later: needs(), ..Stuck::default() };
        stuck.began(&keda("early"), since);
        assert!(uids(stuck.too_early(&late)).is_empty(), "what it needs is not there yet");
        assert_eq!(uids(stuck.too_early(&BTreeMap::new())), ["early"]);
        stuck.began(&keda("again"), since);
        assert!(uids(stuck.too_early(&BTreeMap::new())).is_empty(), "once");

        let mut stuck = Stuck { later: needs(), ..Stuck::default() };
        assert!(uids(stuck.too_early(&BTreeMap::new())).is_empty());
        stuck.began(&keda("in time"), since);
        assert!(uids(stuck.too_early(&BTreeMap::new())).is_empty());
    }

    #[test]
    fn a_service_leads_to_a_pod_while_one_of_its_endpoints_is_ready() {
        let slice = |kind: &str, ready: bool| json!({"endpoints": [{"targetRef": {"kind": kind}, "conditions": {"ready": ready}}]});
        assert!(leads_to_a_pod(&slice("Pod", true)));
        assert!(!leads_to_a_pod(&slice("Pod", false)));
        assert!(!leads_to_a_pod(&slice("", true)), "the API server's own");
        assert!(!leads_to_a_pod(&json!({"endpoints": null})));
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
