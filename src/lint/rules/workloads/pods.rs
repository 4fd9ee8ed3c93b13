//! Pod templates, what selects them, and which of them take requests from outside.

use std::collections::{HashMap, HashSet};

use crate::lint::entry::Entry;
use crate::lint::model;
use crate::lint::place::Place;
use crate::lint::set::Set;

/// The kinds that hold a pod template: group, kind, where the template is.
const KINDS: [(&str, &str, &str); 7] = [
    ("apps", "Deployment", "/spec/template"),
    ("apps", "StatefulSet", "/spec/template"),
    ("apps", "DaemonSet", "/spec/template"),
    ("apps", "ReplicaSet", "/spec/template"),
    ("batch", "Job", "/spec/template"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
    ("", "Pod", ""),
];

/// An object that makes pods.
#[derive(Clone, Debug)]
pub(crate) struct Workload<'a> {
    /// The object.
    pub(crate) entry: &'a Entry,
    /// What its pods are made from: `metadata` and `spec`.
    pub(crate) template: Place<'a>,
}

impl<'a> Workload<'a> {
    /// Every object of the set that makes pods.
    pub(crate) fn all(set: &'a Set) -> impl Iterator<Item = Self> {
        KINDS.into_iter().flat_map(move |(group, kind, pointer)| {
            set.of(group, kind).filter_map(move |entry| Some(Self { entry, template: entry.at(pointer)? }))
        })
    }

    /// The labels of its pods.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        pairs(self.template.at("/metadata/labels"))
    }

    /// Whether a label is on its pods.
    pub(crate) fn has(&self, key: &str, value: &str) -> bool {
        self.labels().any(|label| label == (key, value))
    }

    /// The containers that run all the time.
    pub(crate) fn containers(&self) -> impl Iterator<Item = Place<'a>> + use<'a> {
        self.template.at("/spec/containers").into_iter().flat_map(|place| place.items())
    }

    /// The ports that its containers name, with their container.
    pub(crate) fn ports(&self) -> impl Iterator<Item = (Place<'a>, Place<'a>)> + use<'a> {
        self.containers().flat_map(|container| {
            let ports: Vec<_> = container.get("ports").into_iter().flat_map(|ports| ports.items()).collect();
            ports.into_iter().map(move |port| (container.clone(), port))
        })
    }

    /// How many pods it asks for: 1 where it says nothing.
    pub(crate) fn replicas(&self) -> i64 {
        self.entry.at("/spec/replicas").map_or(Some(1), |replicas| replicas.number()).unwrap_or(1)
    }

    /// Whether it is a Deployment, `StatefulSet` or `ReplicaSet`: what an autoscaler changes.
    pub(crate) fn scales(&self) -> bool {
        ["Deployment", "StatefulSet", "ReplicaSet"].contains(&self.entry.id.kind.as_str())
    }
}

/// The workloads of a set, found by the labels of their pods.
#[derive(Debug)]
pub(crate) struct Pods<'a> {
    all: Vec<Workload<'a>>,
    by_label: HashMap<(&'a str, &'a str, &'a str), Vec<usize>>,
}

impl<'a> Pods<'a> {
    /// The workloads of a set.
    pub(crate) fn of(set: &'a Set) -> Self {
        let all: Vec<_> = Workload::all(set).collect();
        let mut by_label: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, workload) in all.iter().enumerate() {
            for (key, value) in workload.labels() {
                by_label.entry((workload.entry.namespace(), key, value)).or_default().push(at);
            }
        }
        Self { all, by_label }
    }

    /// Every workload.
    pub(crate) fn all(&self) -> &[Workload<'a>] {
        &self.all
    }

    /// The workloads of a namespace whose pods have all of the labels; none where no label is given.
    pub(crate) fn selected(&self, namespace: &'a str, labels: &[(&'a str, &'a str)]) -> Vec<&Workload<'a>> {
        let Some((key, value)) = labels.first() else { return Vec::new() };
        let found = self.by_label.get(&(namespace, *key, *value)).into_iter().flatten().map(|at| &self.all[*at]);
        found.filter(|workload| labels.iter().all(|(key, value)| workload.has(key, value))).collect()
    }

    /// The workloads behind a Service.
    pub(crate) fn behind(&self, service: &'a Entry) -> Vec<&Workload<'a>> {
        self.selected(service.namespace(), &pairs(service.at("/spec/selector")).collect::<Vec<_>>())
    }
}

/// The texts of a map of texts.
pub(crate) fn pairs(place: Option<Place<'_>>) -> impl Iterator<Item = (&str, &str)> + use<'_> {
    place.into_iter().flat_map(|map| map.entries()).filter_map(|(key, value)| Some((key, value.text()?)))
}

/// A Service that a route leads to.
#[derive(Clone, Debug)]
pub(crate) struct Routed<'a> {
    /// The route.
    pub(crate) route: &'a Entry,
    /// The Service.
    pub(crate) service: &'a Entry,
    /// The port of the Service that takes the requests.
    pub(crate) port: Option<i64>,
}

/// Every Service of the set that a route of the set leads to.
pub(crate) fn routed(set: &Set) -> Vec<Routed<'_>> {
    let mut all = Vec::new();
    for route in model::ROUTES.into_iter().flat_map(|kind| set.of(model::GATEWAY_API, kind)) {
        for backend in route.items("/spec/rules").filter_map(|rule| rule.get("backendRefs")).flat_map(|backends| backends.items()) {
            let is_service =
                backend.text_of("kind").is_none_or(|kind| kind == "Service") && backend.text_of("group").is_none_or(str::is_empty);
            let namespace = backend.text_of("namespace").unwrap_or_else(|| route.namespace());
            let service = backend.text_of("name").filter(|_| is_service).and_then(|name| set.get("", "Service", namespace, name));
            all.extend(service.map(|service| Routed { route, service, port: backend.get("port").and_then(|port| port.number()) }));
        }
    }
    all
}

/// The workloads that take requests from routes: kind, namespace, name.
pub(crate) fn routed_workloads<'a>(set: &'a Set, pods: &Pods<'a>) -> HashSet<(&'a str, &'a str, &'a str)> {
    let behind = routed(set).into_iter().flat_map(|routed| pods.behind(routed.service).into_iter().cloned().collect::<Vec<_>>());
    behind.map(|workload| key(workload.entry)).collect()
}

/// Kind, namespace and name of an object.
pub(crate) fn key(entry: &Entry) -> (&str, &str, &str) {
    (&entry.id.kind, entry.namespace(), &entry.id.name)
}
