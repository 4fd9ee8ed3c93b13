//! Backends of routes: where requests go.

use super::Reference;
use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::set::Set;

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
    let Some(selector) = service.at("/spec/selector") else { return Vec::new() };
    if selector.entries().next().is_none() {
        return Vec::new();
    }
    let all = WORKLOADS.into_iter().flat_map(|(group, kind)| set.of(group, kind));
    all.filter(|workload| workload.namespace() == service.namespace() && is_selected(&selector, workload)).collect()
}

fn is_selected(selector: &Place<'_>, workload: &Entry) -> bool {
    let labels = workload.at("/spec/template/metadata/labels");
    selector.entries().all(|(key, value)| labels.as_ref().and_then(|labels| labels.text_of(key)) == value.text())
}
