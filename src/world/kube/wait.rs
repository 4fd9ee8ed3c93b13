//! Waits until objects are ready, driven by watches.
//!
//! One watch for each object; for a workload that is not ready also one for its pods, since they show within seconds what the
//! workload itself would admit after minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watch_object, watcher};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::call::CallError;
use super::waits::Waits;
use super::{Cluster, Judge, OnWait, Verdict, pods};
use crate::failure::Failure;
use crate::stack::ObjectId;
use crate::world::backoff::Backoff;

/// How long a pod may be stuck in a state that seldom passes (no room on a node, a missing Secret) before the wait ends.
const STUCK_LIMIT: Duration = Duration::from_secs(30);
/// How long the search for evidence may take once a wait has ended.
const EVIDENCE_LIMIT: Duration = Duration::from_secs(10);

/// What a watch tells of the object at a place in the list.
enum Update {
    Object(usize, Option<Value>),
    Pods(usize, BTreeMap<String, Value>),
    Trouble(usize, String),
}

/// An object that is waited for.
struct Watched<'a> {
    id: &'a ObjectId,
    object: Option<Value>,
    verdict: Verdict,
    /// Whether its watch has told anything yet.
    seen: bool,
    pods: BTreeMap<String, Value>,
    has_pod_feed: bool,
    /// Since when a pod is stuck.
    stuck: BTreeMap<String, Instant>,
    /// Pods that are known to be of an older template; their trouble ends with them.
    old: BTreeSet<String>,
}

impl Cluster {
    /// Waits until every object is ready, as `judge` says of their JSON.
    ///
    /// Ends at once when an object is judged failed, or a pod of the newest template of a workload is: then the failure carries the
    /// pod, its container, events and last log lines. A pod that no node has room for, or that lacks a Secret or ConfigMap, has
    /// 30 seconds. At the deadline the failure names every object that is not ready.
    pub async fn await_ready(&self, ids: &[ObjectId], judge: Judge, deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        let waits = Waits::new(on_wait);
        let (tx, mut rx) = unbounded_channel();
        let mut feeds: FuturesUnordered<BoxFuture<'_, ()>> =
            ids.iter().enumerate().map(|(place, id)| self.feed_object(place, id, tx.clone()).boxed()).collect();
        let mut all: Vec<Watched<'_>> = ids.iter().map(Watched::new).collect();
        let mut looked = false;
        loop {
            if all.iter().all(|one| one.verdict == Verdict::Ready) {
                return Ok(());
            }
            if let Some(failed) = all.iter().find(|one| matches!(one.verdict, Verdict::Failed(_))) {
                return Err(self.object_failed(failed).await);
            }
            for one in &mut all {
                if let Some((name, reason)) = self.pod_failed(one, judge).await {
                    return Err(self.workload_failed(one, &name, &reason).await);
                }
            }
            for (place, one) in all.iter_mut().enumerate() {
                if let Some(labels) = one.pods_to_watch() {
                    one.has_pod_feed = true;
                    feeds.push(self.feed_pods(place, one.id, labels, tx.clone()).boxed());
                }
            }
            if looked {
                waits.tell(progress(&all, judge));
            }
            let until = all.iter().filter_map(Watched::stuck_until).fold(deadline, Instant::min);
            match timeout_at(until, next(&mut rx, &mut feeds)).await {
                Ok(update) => {
                    looked = true;
                    take(&mut all, update, judge);
                    while let Ok(update) = rx.try_recv() {
                        take(&mut all, update, judge);
                    }
                }
                Err(_) if Instant::now() >= deadline => return Err(self.too_late(&all, judge).await),
                // a pod has been stuck for too long: looked at above
                Err(_) => {}
            }
        }
    }

    async fn feed_object(&self, place: usize, id: &ObjectId, tx: UnboundedSender<Update>) {
        let mut backoff = Backoff::new();
        let (api, kind) = loop {
            match self.api(id).await {
                Ok(found) => break found,
                // the receiver is gone when the wait is over, and this future with it
                Err(error) => drop(tx.send(Update::Trouble(place, error.passing().unwrap_or_else(|| error.to_string())))),
            }
            backoff.pause().await;
        };
        let mut stream = std::pin::pin!(watch_object(api, &id.name).default_backoff());
        while let Some(seen) = stream.next().await {
            let update = match seen {
                Ok(object) => Update::Object(place, object.map(|object| kind.plain(object))),
                Err(error) if is_expiry(&error) => continue,
                Err(error) => Update::Trouble(place, CallError::Other(crate::failure::chain(&error)).to_string()),
            };
            drop(tx.send(update));
        }
    }

    async fn feed_pods(&self, place: usize, workload: &ObjectId, labels: String, tx: UnboundedSender<Update>) {
        let id = ObjectId::new("v1", "Pod", &workload.namespace, "");
        // without pods the wait goes on; it only tells less
        let Ok((api, kind)) = self.api(&id).await else { return };
        let mut stream = std::pin::pin!(watcher(api, watcher::Config::default().labels(&labels)).default_backoff());
        let mut pods = BTreeMap::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(Event::Init) => pods.clear(),
                Ok(Event::InitApply(pod) | Event::Apply(pod)) => {
                    let pod = kind.plain(pod);
                    pods.insert(ObjectId::of(&pod).name, pod);
                }
                Ok(Event::Delete(pod)) => drop(pods.remove(pod.metadata.name.as_deref().unwrap_or_default())),
                Ok(Event::InitDone) => {}
                Err(_) => continue,
            }
            drop(tx.send(Update::Pods(place, pods.clone())));
        }
    }

    /// The first pod whose trouble ends the wait, and that trouble.
    async fn pod_failed(&self, watched: &mut Watched<'_>, judge: Judge) -> Option<(String, String)> {
        let workload = watched.object.as_ref().filter(|_| watched.verdict != Verdict::Ready)?;
        for (name, pod) in &watched.pods {
            let for_too_long = watched.stuck.get(name).is_some_and(|since| since.elapsed() >= STUCK_LIMIT);
            let reason = match judge(pod) {
                Verdict::Failed(reason) => reason,
                Verdict::Waiting(reason) if for_too_long => reason,
                _ => continue,
            };
            // how often a Job's program may end badly is for the Job to say
            let is_retry = watched.id.kind == "Job" && pods::has_restarted(pod);
            if is_retry || pods::is_leaving(pod) || watched.old.contains(name) {
                continue;
            }
            match self.is_of_newest(workload, pod).await {
                Ok(true) => return Some((name.clone(), reason)),
                Ok(false) => {
                    watched.old.insert(name.clone());
                }
                // not known: the next word of the pod asks again
                Err(_) => {}
            }
        }
        None
    }

    async fn object_failed(&self, watched: &Watched<'_>) -> Failure {
        let reason = watched.reason();
        let failure = Failure::step(format!("{} did not become ready", watched.id)).why(reason);
        self.with_evidence(failure, watched.id).await.hint("Correct the object, then run `tstack up` again.")
    }

    async fn workload_failed(&self, watched: &Watched<'_>, pod: &str, reason: &str) -> Failure {
        let mut failure = Failure::step(format!("{} did not become ready", watched.id)).why(format!("pod {pod}: {reason}"));
        if let Some(pod) = watched.pods.get(pod) {
            let evidence = timeout(EVIDENCE_LIMIT, self.pod_evidence(pod)).await.unwrap_or_default();
            failure = evidence.into_iter().fold(failure, Failure::why);
        }
        failure.hint(pods::hint(reason))
    }

    async fn too_late(&self, all: &[Watched<'_>], judge: Judge) -> Failure {
        let late: Vec<&Watched<'_>> = all.iter().filter(|one| one.verdict != Verdict::Ready).collect();
        let what = match late.as_slice() {
            [only] => format!("{} did not become ready in time", only.id),
            _ => format!("{} of {} objects did not become ready in time", late.len(), all.len()),
        };
        let failure = late.iter().fold(Failure::step(what), |failure, one| failure.why(describe(one, judge)));
        // the one with pods in trouble tells the most
        let worst = late.iter().find(|one| one.pod_reason(judge).is_some()).or_else(|| late.first());
        let failure = match worst {
            Some(worst) => self.with_evidence(failure, worst.id).await,
            None => failure,
        };
        failure.hint("Run `tstack up` again, it goes on from here; a component's `timeout` in the stack file gives it more time.")
    }

    async fn with_evidence(&self, failure: Failure, id: &ObjectId) -> Failure {
        let evidence = timeout(EVIDENCE_LIMIT, self.explain(id)).await.unwrap_or_default();
        evidence.into_iter().fold(failure, Failure::why)
    }
}

impl<'a> Watched<'a> {
    fn new(id: &'a ObjectId) -> Self {
        Self {
            id,
            object: None,
            verdict: Verdict::Waiting("not looked at yet".to_owned()),
            seen: false,
            pods: BTreeMap::new(),
            has_pod_feed: false,
            stuck: BTreeMap::new(),
            old: BTreeSet::new(),
        }
    }

    fn reason(&self) -> &str {
        match &self.verdict {
            Verdict::Ready => "",
            Verdict::Waiting(reason) | Verdict::Failed(reason) => reason,
        }
    }

    /// The selector of pods that should be watched from now on.
    fn pods_to_watch(&self) -> Option<String> {
        let wanted = pods::is_workload(self.id) && !self.has_pod_feed && self.verdict != Verdict::Ready;
        wanted.then_some(self.object.as_ref()).flatten().and_then(pods::selector)
    }

    /// The first pod that is not ready, and why.
    fn pod_reason(&self, judge: Judge) -> Option<(&str, String)> {
        let current = self.pods.iter().filter(|(name, pod)| !self.old.contains(*name) && !pods::is_leaving(pod));
        current.into_iter().find_map(|(name, pod)| match judge(pod) {
            Verdict::Ready => None,
            Verdict::Waiting(reason) | Verdict::Failed(reason) => Some((name.as_str(), reason)),
        })
    }

    /// When the first of the stuck pods has been so for too long. One that already was is not counted: its template is old.
    fn stuck_until(&self) -> Option<Instant> {
        self.stuck.values().map(|since| *since + STUCK_LIMIT).filter(|until| *until > Instant::now()).min()
    }

    fn note_stuck(&mut self) {
        let now = Instant::now();
        let stuck = self.pods.iter().filter(|(_, pod)| pods::is_stuck(pod));
        self.stuck = stuck.map(|(name, _)| (name.clone(), self.stuck.get(name).copied().unwrap_or(now))).collect();
    }
}

fn take(all: &mut [Watched<'_>], update: Update, judge: Judge) {
    let (Update::Object(place, _) | Update::Pods(place, _) | Update::Trouble(place, _)) = &update;
    if let Some(one) = all.get_mut(*place) {
        one.seen = true;
    }
    match update {
        Update::Object(place, object) => {
            if let Some(one) = all.get_mut(place) {
                one.verdict = object.as_ref().map_or_else(|| Verdict::Waiting("not there yet".to_owned()), judge);
                // only what has pods is looked at again
                one.object = object.filter(|_| pods::is_workload(one.id));
            }
        }
        Update::Pods(place, pods) => {
            if let Some(one) = all.get_mut(place) {
                one.pods = pods;
                one.note_stuck();
            }
        }
        Update::Trouble(place, reason) => {
            if let Some(one) = all.get_mut(place) {
                one.verdict = Verdict::Waiting(reason);
            }
        }
    }
}

/// `2 of 3 ready; Deployment keda/keda-operator: 0 of 1 replicas available; pod keda-operator-x: container keda: ContainerCreating`.
fn progress(all: &[Watched<'_>], judge: Judge) -> String {
    let ready = all.iter().filter(|one| one.verdict == Verdict::Ready).count();
    let late = all.iter().filter(|one| one.verdict != Verdict::Ready);
    // one that was seen tells something; of the others there is only their number
    let first = match late.clone().find(|one| one.seen) {
        Some(one) => describe(one, judge),
        None => format!("looking at {} more", late.count()),
    };
    if all.len() == 1 { first } else { format!("{ready} of {} ready; {first}", all.len()) }
}

fn describe(one: &Watched<'_>, judge: Judge) -> String {
    let pod = one.pod_reason(judge).map(|(name, reason)| format!("; pod {name}: {reason}")).unwrap_or_default();
    format!("{}: {}{pod}", one.id, one.reason())
}

/// The next word of any watch. Watches never end by themselves; those that could not start have said so.
async fn next(rx: &mut UnboundedReceiver<Update>, feeds: &mut FuturesUnordered<BoxFuture<'_, ()>>) -> Update {
    loop {
        tokio::select! {
            biased;
            Some(update) = rx.recv() => return update,
            Some(()) = feeds.next() => {}
            else => std::future::pending().await,
        }
    }
}

/// The watch fell behind and lists anew by itself (410 Gone): nothing to tell.
fn is_expiry(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchError(status) | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 410,
        _ => false,
    }
}
