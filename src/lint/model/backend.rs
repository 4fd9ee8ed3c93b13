//! Backends of routes: where requests go.

use super::Reference;
use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::yaml::Node;

/// The kinds whose pods a Service may select, with their groups.
const WORKLOADS: [(&str, &str); 5] =
    [("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet"), ("argoproj.io", "Rollout")];

/// One entry of `backendRefs`.
#[derive(Clone, Debug)]
pub struct Backend<'a> {
    /// What it refers to; a Service unless it says otherwise.
    pub reference: Reference<'a>,
    /// Its share; 1 unless it says otherwise.
    pub weight: i64,
}

/// The backends of a rule of a route.
pub fn backends<'a>(rule: &Place<'a>) -> impl Iterator<Item = Backend<'a>> + use<'a> {
    rule.get("backendRefs").into_iter().flat_map(|list| list.items()).filter_map(|place| {
        let weight = place.get("weight").map_or(Some(1), |weight| weight.number())?;
        Some(Backend { reference: Reference::read(place, "", "Service")?, weight })
    })
}

/// The backends of all rules of a route.
pub fn backends_of(route: &Entry) -> impl Iterator<Item = Backend<'_>> {
    route.items("/spec/rules").flat_map(|rule| backends(&rule))
}

/// The port of a Service by its number.
#[must_use]
pub fn service_port(service: &Entry, number: i64) -> Option<Place<'_>> {
    service.items("/spec/ports").find(|port| port.get("port").and_then(|port| port.number()) == Some(number))
}

/// The workloads of the set whose pods a Service selects.
#[must_use]
pub fn workloads<'a>(set: &'a Set, service: &Entry) -> Vec<&'a Entry> {
    let selector = service.at("/spec/selector");
    let wanted: Vec<_> = selector.iter().flat_map(crate::lint::place::Place::entries).map(|(key, value)| (key, value.text())).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let all = WORKLOADS.into_iter().flat_map(|(group, kind)| set.of(group, kind));
    all.filter(|workload| workload.namespace() == service.namespace() && is_selected(&wanted, workload)).collect()
}

/// Asked for every workload and Service of a namespace, so it makes no places.
fn is_selected(wanted: &[(&str, Option<&str>)], workload: &Entry) -> bool {
    let labels = ["spec", "template", "metadata", "labels"].into_iter().try_fold(&workload.node, |node, key| node.get(key));
    wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)).and_then(Node::as_text) == *value)
}
