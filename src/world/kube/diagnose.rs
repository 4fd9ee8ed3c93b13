//! Why an object is not as it should be: its events, its pods' containers, their last words.
//!
//! Everything here is for people and does its best: what cannot be read is left out. Events and logs are shown, the content of
//! objects never, so no Secret is.

use futures::future::join_all;
use kube::Api;
use kube::api::{ListParams, LogParams};
use serde_json::Value;

use super::call::once;
use super::plain::Plain;
use super::{Cluster, pods};
use crate::stack::ObjectId;

/// Events shown for one object.
const EVENTS: usize = 3;
/// Log lines shown for one container.
const LINES: i64 = 10;
/// Pods shown for one workload.
const PODS: usize = 2;

impl Cluster {
    /// Evidence about an object, most telling first: the states of its pods' containers, their last log lines, and the newest
    /// events of both.
    pub async fn explain(&self, id: &ObjectId) -> Vec<String> {
        let object = self.find(id).await.ok().flatten();
        let mut evidence = Vec::new();
        for pod in self.pods_of(id, object.as_ref()).await.iter().take(PODS) {
            evidence.extend(self.pod_evidence(pod).await);
        }
        if id.kind != "Pod" {
            evidence.extend(self.events(id).await);
        }
        evidence
    }

    /// What is known of one pod.
    pub(super) async fn pod_evidence(&self, pod: &Value) -> Vec<String> {
        let id = ObjectId::of(pod);
        let troubled: Vec<&Value> = pods::containers(pod).filter(|status| is_troubled(status)).collect();
        let logs = join_all(troubled.iter().map(|status| self.last_lines(&id, status))).await;
        let mut evidence: Vec<String> = troubled.iter().map(|status| format!("{id}, {}", state(status))).collect();
        evidence.extend(logs.into_iter().flatten());
        evidence.extend(self.events(&id).await);
        evidence
    }

    /// The pods behind an object, those in trouble first.
    async fn pods_of(&self, id: &ObjectId, object: Option<&Value>) -> Vec<Value> {
        if let ("Pod", Some(pod)) = (id.kind.as_str(), object) {
            return vec![pod.clone()];
        }
        let Some((namespace, labels)) = pods::behind(id, object) else { return Vec::new() };
        let params = ListParams::default().labels(&labels);
        let mut found = self.select("v1", "Pod", namespace.as_deref(), &params).await.unwrap_or_default();
        found.retain(|pod| pods::containers(pod).any(is_troubled) || pods::is_stuck(pod));
        found.sort_by_key(pods::is_leaving);
        found
    }

    /// The newest events of an object, newest first: `event FailedScheduling: 0/1 nodes are available (3 times)`.
    async fn events(&self, id: &ObjectId) -> Vec<String> {
        let fields = format!("involvedObject.kind={},involvedObject.name={}", id.kind, id.name);
        // events of cluster-wide objects are kept in the namespace default
        let params = ListParams::default().fields(&fields);
        let mut all = self.select("v1", "Event", Some(id.namespace_or_default()), &params).await.unwrap_or_default();
        all.sort_by_cached_key(|event| std::cmp::Reverse(when(event)));
        let mut told: Vec<String> = Vec::new();
        for event in &all {
            let text = event_text(event, id);
            if !told.contains(&text) {
                told.push(text);
            }
        }
        told.truncate(EVENTS);
        told
    }

    /// The last lines that a container wrote: of the run before when it crashed and waits to start again.
    async fn last_lines(&self, pod: &ObjectId, status: &Value) -> Option<String> {
        let container = text(status, "/name").to_owned();
        let crashed = status.pointer("/lastState/terminated").is_some();
        let runs = status.pointer("/state/running").is_some() || status.pointer("/state/terminated").is_some();
        if !crashed && !runs {
            return None;
        }
        let previous = crashed && !runs;
        let kind = self.kind("v1", "Pod").await.ok()?;
        let api: Api<Plain> = Api::namespaced_with(self.client(), &pod.namespace, &kind.resource);
        let request = LogRequest { api: &api, pod: &pod.name, container: &container, previous };
        let log = once(request.lines(self)).await.ok()?;
        let log = log.trim_end();
        let which = if previous { " before it ended" } else { "" };
        (!log.is_empty()).then(|| format!("last log lines of container {container}{which}:\n{log}"))
    }
}

/// A request for log lines; kube offers it on typed pods alone.
struct LogRequest<'a> {
    api: &'a Api<Plain>,
    pod: &'a str,
    container: &'a str,
    previous: bool,
}

impl LogRequest<'_> {
    async fn lines(&self, cluster: &Cluster) -> kube::Result<String> {
        let params = LogParams {
            container: Some(self.container.to_owned()),
            previous: self.previous,
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        let request = kube::core::Request::new(self.api.resource_url()).logs(self.pod, &params).map_err(kube::Error::BuildRequest)?;
        cluster.client().request_text(request).await
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a container is not what its pod needs it to be now.
fn is_troubled(status: &Value) -> bool {
    let code = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64);
    match code {
        Some(code) => code != 0,
        None => status.get("ready").and_then(Value::as_bool) != Some(true),
    }
}

/// `container app: CrashLoopBackOff, ended with exit code 1 before, 3 restarts`.
fn state(status: &Value) -> String {
    let now = status.pointer("/state/waiting/reason").and_then(Value::as_str).map(|reason| {
        let message = text(status, "/state/waiting/message");
        if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
    });
    let ended = |pointer: &str| {
        let code = status.pointer(&format!("{pointer}/exitCode")).and_then(Value::as_i64)?;
        let reason = text(status, &format!("{pointer}/reason"));
        Some(if reason.is_empty() { format!("exit code {code}") } else { format!("exit code {code} ({reason})") })
    };
    let mut told = now
        .or_else(|| ended("/state/terminated").map(|how| format!("ended with {how}")))
        .unwrap_or_else(|| "running, not ready".to_owned());
    if let Some(how) = ended("/lastState/terminated") {
        let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or(0);
        told = format!("{told}, ended with {how} before, {restarts} restarts");
    }
    format!("container {}: {told}", text(status, "/name"))
}

/// When an event was seen last; its writers use different fields. RFC 3339 in UTC, so that texts compare as times do.
fn when(event: &Value) -> String {
    let fields = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    fields.into_iter().map(|pointer| text(event, pointer)).find(|time| !time.is_empty()).unwrap_or_default().to_owned()
}

fn event_text(event: &Value, id: &ObjectId) -> String {
    let count = ["/series/count", "/count"].into_iter().find_map(|pointer| event.pointer(pointer).and_then(Value::as_i64)).unwrap_or(1);
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    format!("event of {id}: {}: {}{times}", text(event, "/reason"), text(event, "/message").trim())
}
