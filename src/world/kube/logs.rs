//! What containers write, now and as it comes.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{AsyncBufReadExt as _, FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::Api;
use kube::api::{ListParams, LogParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;

use super::call::{CallError, once};
use super::plain::Plain;
use super::{Cluster, pods};
use crate::failure::Failure;
use crate::stack::ObjectId;

/// Which lines of each container.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogsWanted {
    /// Go on with what is written later, also by containers that start later.
    pub follow: bool,
    /// Not older than that.
    pub since: Option<Duration>,
    /// At most so many of those that are there already.
    pub last: Option<u32>,
}

/// A line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerLine {
    /// The pod.
    pub pod: String,
    /// The container in it.
    pub container: String,
    /// When it was written, as the kubelet noted it.
    pub time: Option<Timestamp>,
    /// The line, without its end.
    pub text: String,
}

/// Where the lines go.
pub type OnLine<'a> = &'a (dyn Fn(ContainerLine) + Send + Sync);

/// One run of one container: a container that is started again writes another log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    namespace: String,
    pod: String,
    uid: String,
    container: String,
    restarts: i64,
}

impl Cluster {
    /// Gives the lines of every container behind an object: a workload's, or those of a Gateway's proxies. An object without pods
    /// has none. Without [`LogsWanted::follow`] it ends when all that is there was given; else it never does by itself.
    ///
    /// # Errors
    /// When the API server does not answer. A log that cannot be read is passed over: its container may just be going.
    pub async fn logs(&self, id: &ObjectId, wanted: LogsWanted, on_line: OnLine<'_>) -> Result<(), Failure> {
        let failed = |e: CallError| e.failure(format!("cannot read the logs of {id}"));
        let object = self.find(id).await.map_err(failed)?;
        let Some((namespace, labels)) = pods::behind(id, object.as_ref()) else { return Ok(()) };
        if wanted.follow {
            return self.follow(namespace.as_deref(), &labels, wanted, on_line).await.map_err(failed);
        }
        let params = ListParams::default().labels(&labels);
        let found = self.select("v1", "Pod", namespace.as_deref(), &params).await.map_err(failed)?;
        let runs: FuturesUnordered<_> = found.iter().flat_map(runs_of).map(|run| self.lines_of(run, wanted, on_line)).collect();
        runs.collect::<Vec<()>>().await;
        Ok(())
    }

    async fn follow(&self, namespace: Option<&str>, labels: &str, wanted: LogsWanted, on_line: OnLine<'_>) -> Result<(), CallError> {
        let kind = self.kind("v1", "Pod").await?;
        let api: Api<Plain> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client(), namespace, &kind.resource),
            None => Api::all_with(self.client(), &kind.resource),
        };
        let mut changes = std::pin::pin!(watcher(api, watcher::Config::default().labels(labels)).default_backoff());
        let mut begun: BTreeSet<Run> = BTreeSet::new();
        let mut open: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        // of what runs when it begins the last lines; of what starts later all
        let mut how = wanted;
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(Ok(Event::Apply(pod) | Event::InitApply(pod))) => {
                        for run in runs_of(&kind.plain(pod)) {
                            if begun.insert(run.clone()) {
                                open.push(self.lines_of(run, how, on_line).boxed());
                            }
                        }
                    }
                    Some(Ok(Event::InitDone)) => how = LogsWanted { follow: true, ..LogsWanted::default() },
                    // the watch begins again by itself
                    Some(Ok(_) | Err(_)) => {}
                    None => return Ok(()),
                },
                Some(()) = open.next() => {}
            }
        }
    }

    /// The lines of one run, to its end where they are followed.
    async fn lines_of(&self, run: Run, wanted: LogsWanted, on_line: OnLine<'_>) {
        let Ok(kind) = self.kind("v1", "Pod").await else { return };
        let api: Api<Plain> = Api::namespaced_with(self.client(), &run.namespace, &kind.resource);
        let params = LogParams {
            container: Some(run.container.clone()),
            follow: wanted.follow,
            since_seconds: wanted.since.map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX).max(1)),
            tail_lines: wanted.last.map(i64::from),
            timestamps: true,
            ..LogParams::default()
        };
        let Ok(request) = kube::core::Request::new(api.resource_url()).logs(&run.pod, &params) else { return };
        let Ok(reader) = once(self.client().request_stream(request)).await else { return };
        let mut reader = std::pin::pin!(reader);
        let mut line = Vec::new();
        // bytes and not lines: what a program writes need not be UTF-8
        while matches!(reader.read_until(b'\n', &mut line).await, Ok(n) if n > 0) {
            let text = String::from_utf8_lossy(&line);
            let (time, text) = split(text.trim_end_matches(['\n', '\r']));
            on_line(ContainerLine { pod: run.pod.clone(), container: run.container.clone(), time, text: text.to_owned() });
            line.clear();
        }
    }
}

/// The runs of a pod's containers that have written something, or may.
fn runs_of(pod: &Value) -> Vec<Run> {
    let id = ObjectId::of(pod);
    let uid = pod.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    let begun = |status: &&Value| status.pointer("/state/running").is_some() || status.pointer("/state/terminated").is_some();
    pods::containers(pod)
        .filter(begun)
        .map(|status| Run {
            namespace: id.namespace.clone(),
            pod: id.name.clone(),
            uid: uid.to_owned(),
            container: status.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            restarts: status.get("restartCount").and_then(Value::as_i64).unwrap_or_default(),
        })
        .collect()
}

/// The time that the kubelet puts before each line, and the line.
fn split(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ') {
        Some((time, text)) if time.parse::<Timestamp>().is_ok() => (time.parse().ok(), text),
        // an empty line has its time alone
        _ if line.parse::<Timestamp>().is_ok() => (line.parse().ok(), ""),
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_has_its_time_before_it() {
        let (time, text) = split("2026-11-22T03:14:15.926535897Z GET /api/tasks 200");
        assert_eq!((time.unwrap().to_string().as_str(), text), ("2026-11-22T03:14:15.926535897Z", "GET /api/tasks 200"));
        assert_eq!(split("2026-11-22T03:14:15Z").1, "");
        assert_eq!(split("no time at all"), (None, "no time at all"));
    }

    #[test]
    fn a_container_that_is_started_again_is_another_run() {
        let pod = |restarts: i64| {
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "u"},
                "status": {"containerStatuses": [
                    {"name": "app", "restartCount": restarts, "state": {"running": {}}},
                    {"name": "late", "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}},
                ]},
            })
        };
        let (first, second) = (runs_of(&pod(0)), runs_of(&pod(1)));
        assert_eq!(first.len(), 1, "what has not begun has no log");
        assert_ne!(first, second);
    }
}
