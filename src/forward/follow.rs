//! Follows one Service and its `EndpointSlices`, for ever.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::endpoints::{self, Snapshot};
use super::tunnel::explain;
use crate::stack::ServiceFile;
use crate::world::backoff::{Backoff, pause};

/// A watch that is silent for so long is begun anew: after a laptop slept, its connection may be dead without saying so.
/// The price is one list of one Service and its slices a minute.
const SILENCE: Duration = Duration::from_mins(1);
/// However many connections doubt what is known, the cluster is asked anew at most so often.
const DOUBT: Duration = Duration::from_secs(1);

/// Keeps `to` at what the cluster says, until nobody listens any more. `doubt` makes it ask anew at once.
pub(super) async fn follow(client: Client, service: ServiceFile, to: watch::Sender<Snapshot>, doubt: Arc<Notify>) {
    let services = Api::<Service>::namespaced(client.clone(), &service.namespace);
    let slices = Api::<EndpointSlice>::namespaced(client, &service.namespace);
    let of_service = watcher::Config::default().fields(&format!("metadata.name={}", service.name));
    let of_slices = watcher::Config::default().labels(&format!("kubernetes.io/service-name={}", service.name));
    let mut known = Known::default();
    while !to.is_closed() {
        let events = stream::select(
            watcher(services.clone(), of_service.clone()).backoff(Backoff::new()).map(|e| e.map(|e| Change::Service(Box::new(e)))),
            watcher(slices.clone(), of_slices.clone()).backoff(Backoff::new()).map(|e| e.map(|e| Change::Slice(Box::new(e)))),
        );
        let mut events = pin!(events);
        let trusted = Instant::now() + DOUBT;
        loop {
            let change = tokio::select! {
                change = timeout(SILENCE, events.next()) => change,
                () = doubted(&doubt, trusted) => break,
                () = to.closed() => return,
            };
            let Ok(Some(change)) = change else { break };
            known.take(change);
            let now = known.snapshot(&service);
            to.send_if_modified(|last| (*last != now).then(|| *last = now).is_some());
        }
    }
}

/// Resolves when somebody doubts, or has doubted, but not before `trusted`.
async fn doubted(doubt: &Notify, trusted: Instant) {
    pause(trusted.saturating_duration_since(Instant::now())).await;
    doubt.notified().await;
}

enum Change {
    Service(Box<Event<Service>>),
    Slice(Box<Event<EndpointSlice>>),
}

/// What the two watches said so far. An error keeps what was known: old pods are better than none.
#[derive(Default)]
struct Known {
    services: Listing<Service>,
    slices: Listing<EndpointSlice>,
    error: Option<String>,
}

impl Known {
    fn take(&mut self, change: Result<Change, watcher::Error>) {
        self.error = match change {
            Ok(Change::Service(event)) => self.services.take(*event),
            Ok(Change::Slice(event)) => self.slices.take(*event),
            Err(error) => Some(format!("the watch was interrupted: {}", explain(&error))),
        };
    }

    fn snapshot(&self, service: &ServiceFile) -> Snapshot {
        let (Some(services), Some(slices)) = (&self.services.done, &self.slices.done) else {
            return Snapshot {
                problem: self.error.clone().or_else(|| Some("the API server has not answered yet".into())),
                ..Snapshot::default()
            };
        };
        let Some(found) = services.values().next() else {
            return problem(format!("there is no Service {} in namespace {}", service.name, service.namespace));
        };
        let pods = match endpoints::port_name(found, service.port) {
            Ok(name) => endpoints::pods(slices.values(), &name),
            Err(why) => return problem(why),
        };
        let none = pods.is_empty().then(|| format!("no pod behind Service {}/{} is ready", service.namespace, service.name));
        Snapshot { problem: self.error.clone().or(none), pods, node_port: endpoints::node_port(found, service.port) }
    }
}

fn problem(text: String) -> Snapshot {
    Snapshot { problem: Some(text), ..Snapshot::default() }
}

/// The objects of one watch; a list that is under way replaces the old one only when it is whole.
struct Listing<K> {
    done: Option<BTreeMap<String, K>>,
    coming: BTreeMap<String, K>,
}

impl<K> Default for Listing<K> {
    fn default() -> Self {
        Self { done: None, coming: BTreeMap::new() }
    }
}

impl<K: ResourceExt> Listing<K> {
    /// Takes an event in; the answer is always "no error", for the caller's convenience.
    fn take(&mut self, event: Event<K>) -> Option<String> {
        match event {
            Event::Init => self.coming.clear(),
            Event::InitApply(object) => drop(self.coming.insert(object.name_any(), object)),
            Event::InitDone => self.done = Some(std::mem::take(&mut self.coming)),
            Event::Apply(object) => drop(self.done.get_or_insert_default().insert(object.name_any(), object)),
            Event::Delete(object) => drop(self.done.get_or_insert_default().remove(&object.name_any())),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gateway() -> ServiceFile {
        ServiceFile { namespace: "task-api".into(), name: "gateway".into(), port: 80, node_port: None }
    }

    fn service() -> Service {
        serde_json::from_value(json!({"metadata": {"name": "gateway"}, "spec": {"ports": [{"port": 80}]}})).unwrap()
    }

    fn slice(pod: &str) -> EndpointSlice {
        serde_json::from_value(json!({"addressType": "IPv4", "metadata": {"name": pod}, "ports": [{"port": 10080}],
            "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": pod}}]}))
        .unwrap()
    }

    fn known(services: Vec<Service>, slices: Vec<EndpointSlice>) -> Known {
        let mut known = Known::default();
        known.take(Ok(Change::Service(Box::new(Event::Init))));
        for s in services {
            known.take(Ok(Change::Service(Box::new(Event::InitApply(s)))));
        }
        known.take(Ok(Change::Service(Box::new(Event::InitDone))));
        known.take(Ok(Change::Slice(Box::new(Event::Init))));
        for s in slices {
            known.take(Ok(Change::Slice(Box::new(Event::InitApply(s)))));
        }
        known.take(Ok(Change::Slice(Box::new(Event::InitDone))));
        known
    }

    fn names(snapshot: &Snapshot) -> Vec<&str> {
        snapshot.pods.keys().map(|t| t.pod.as_str()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_is_remembered_but_never_heard_twice_a_second() {
        let (doubt, begun) = (Notify::new(), Instant::now());
        doubt.notify_one();
        doubt.notify_one();
        doubted(&doubt, begun + DOUBT).await;
        assert_eq!(begun.elapsed(), DOUBT);
        assert!(timeout(SILENCE, doubted(&doubt, begun)).await.is_err(), "two doubts in one second are one");
    }

    #[test]
    fn an_absent_service_is_named() {
        let snapshot = known(vec![], vec![]).snapshot(&gateway());
        assert_eq!(snapshot.problem.unwrap(), "there is no Service gateway in namespace task-api");
    }

    #[test]
    fn a_service_without_ready_pods_says_so() {
        let snapshot = known(vec![service()], vec![]).snapshot(&gateway());
        assert_eq!(snapshot.problem.unwrap(), "no pod behind Service task-api/gateway is ready");
    }

    #[test]
    fn a_list_under_way_leaves_the_old_one_in_force() {
        let mut known = known(vec![service()], vec![slice("old")]);
        known.take(Ok(Change::Slice(Box::new(Event::Init))));
        known.take(Ok(Change::Slice(Box::new(Event::InitApply(slice("new"))))));
        assert_eq!(names(&known.snapshot(&gateway())), ["old"]);
        known.take(Ok(Change::Slice(Box::new(Event::InitDone))));
        assert_eq!(names(&known.snapshot(&gateway())), ["new"]);
    }

    #[test]
    fn a_pod_comes_and_goes_with_its_slice() {
        let mut known = known(vec![service()], vec![slice("a")]);
        known.take(Ok(Change::Slice(Box::new(Event::Apply(slice("b"))))));
        known.take(Ok(Change::Slice(Box::new(Event::Delete(slice("a"))))));
        assert_eq!(names(&known.snapshot(&gateway())), ["b"]);
    }

    #[test]
    fn a_lost_api_server_keeps_the_pods_and_is_told() {
        let mut known = known(vec![service()], vec![slice("a")]);
        known.take(Err(watcher::Error::NoResourceVersion));
        let snapshot = known.snapshot(&gateway());
        assert_eq!(names(&snapshot), ["a"]);
        assert!(snapshot.problem.unwrap().starts_with("the watch was interrupted: "));
        known.take(Ok(Change::Slice(Box::new(Event::Init))));
        assert_eq!(known.snapshot(&gateway()).problem, None);
    }
}
