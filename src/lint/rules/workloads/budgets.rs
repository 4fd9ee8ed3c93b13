//! Disruption budgets.

use std::collections::HashMap;

use super::pods::{self, Pods, Workload, key, pairs};
use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::rules::scaling::Scaled;
use crate::lint::set::Set;
use crate::lint::sink::Sink;
use crate::yaml::Data;

const GROUP: &str = "policy";
const KIND: &str = "PodDisruptionBudget";

/// The workloads that a budget covers; `None` where its selector says more than labels.
fn covered<'a, 'b>(budget: &'a Entry, pods: &'b Pods<'a>) -> Option<Vec<&'b Workload<'a>>> {
    let selector = budget.at("/spec/selector")?;
    let labels: Vec<_> = pairs(selector.get("matchLabels")).collect();
    let plain = selector.get("matchExpressions").is_none() && !labels.is_empty();
    plain.then(|| pods.selected(budget.namespace(), &labels))
}

/// A count, or a share of 100.
enum Amount {
    Count(i64),
    Share(i64),
}

fn amount(place: &Place<'_>) -> Option<Amount> {
    match &place.node.data {
        Data::Number(number) => number.as_i64().map(Amount::Count),
        Data::Text(text) => text.strip_suffix('%')?.parse().ok().map(Amount::Share),
        _ => None,
    }
}

/// The least number of pods that each workload has, by its autoscaler or else by itself.
fn least_of(set: &Set) -> HashMap<(&str, &str, &str), i64> {
    let scaled = Scaled::all(set).map(|scaled| ((scaled.kind, scaled.by.namespace(), scaled.name), scaled.least().max(1)));
    scaled.collect()
}

/// No pod may ever go, so a node can never be emptied.
pub(super) fn blocks(set: &Set, sink: &mut Sink) {
    if set.of(GROUP, KIND).next().is_none() {
        return;
    }
    let (pods, least) = (Pods::of(set), least_of(set));
    for budget in set.of(GROUP, KIND) {
        let never = "so no pod may be moved and a node with one of them can never be emptied";
        if let Some(place) =
            budget.at("/spec/maxUnavailable").filter(|place| matches!(amount(place), Some(Amount::Count(0) | Amount::Share(0))))
        {
            sink.at(&place, format!("maxUnavailable is 0, {never}"), "Let at least one pod be away: maxUnavailable: 1.");
        }
        let Some(place) = budget.at("/spec/minAvailable") else { continue };
        match amount(&place) {
            Some(Amount::Share(100)) => {
                sink.at(&place, format!("minAvailable is 100%, {never}"), "Let at least one pod be away: maxUnavailable: 1.");
            }
            Some(Amount::Count(wanted)) if wanted > 0 => {
                let Some(covered) = covered(budget, &pods).filter(|covered| !covered.is_empty()) else { continue };
                if covered.iter().any(|workload| !workload.scales()) {
                    continue;
                }
                let have: i64 = covered.iter().map(|one| least.get(&key(one.entry)).copied().unwrap_or_else(|| one.replicas())).sum();
                if have > 0 && wanted >= have {
                    sink.at(
                        &place,
                        format!("it keeps {wanted} of the {have} that there are at least, {never}"),
                        "Run one pod more than minAvailable, or write maxUnavailable: 1.",
                    );
                }
            }
            _ => {}
        }
    }
}

/// It guards nobody.
pub(super) fn selects_nothing(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    for budget in set.of(GROUP, KIND) {
        let Some(place) = budget.at("/spec/selector/matchLabels") else { continue };
        if covered(budget, &pods).is_none_or(|covered| !covered.is_empty()) {
            continue;
        }
        let labels: Vec<_> = pairs(Some(place.clone())).collect();
        let around = set.surroundings();
        let complete = around.complete && !around.open.contains(budget.namespace());
        let others = pods.all().iter().filter(|workload| workload.entry.namespace() == budget.namespace());
        let near = others.into_iter().find_map(|workload| {
            let (key, value) = labels.iter().find(|(key, value)| !workload.has(key, value))?;
            let have = workload.labels().find(|(label, _)| label == key)?.1;
            crate::input::nearest(value, [have]).map(|have| (key, have))
        });
        let by_controller = labels.iter().any(|(key, _)| key.split_once('/').is_some_and(|(domain, _)| domain != "app.kubernetes.io"));
        match near {
            Some((key, have)) => {
                sink.at(&place, "it covers no pod of the set", format!("Write {key}: {have} if these are the pods that you mean."));
            }
            None if complete && !by_controller => {
                sink.at(&place, "it covers no pod of the set", "Select labels that a pod template has.");
            }
            None => {}
        }
    }
}

/// The Eviction API refuses to move a pod with two budgets.
pub(super) fn two(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    let mut first: HashMap<_, &Entry> = HashMap::new();
    for budget in set.of(GROUP, KIND) {
        let Some(place) = budget.at("/spec/selector") else { continue };
        for workload in covered(budget, &pods).unwrap_or_default() {
            if let Some(other) = first.get(&key(workload.entry)) {
                sink.at(
                    &place,
                    format!(
                        "the pods of {} {} have the budget {} already, and a pod with two budgets cannot be moved at all",
                        workload.entry.id.kind, workload.entry.id.name, other.id.name
                    ),
                    "Keep one budget for a pod.",
                );
                break;
            }
            first.insert(key(workload.entry), budget);
        }
    }
}

/// Nothing keeps all pods of a service from being moved at once.
pub(super) fn none(set: &Set, sink: &mut Sink) {
    if !set.is_production() {
        return;
    }
    let (pods, least) = (Pods::of(set), least_of(set));
    let routed = pods::routed_workloads(set, &pods);
    let (mut guarded, mut open) = (Vec::new(), false);
    for budget in set.of(GROUP, KIND) {
        match covered(budget, &pods) {
            Some(covered) => guarded.extend(covered.iter().map(|workload| key(workload.entry))),
            None => open = true,
        }
    }
    for workload in pods.all().iter().filter(|workload| workload.scales() && !open) {
        let id = key(workload.entry);
        let have = least.get(&id).copied().unwrap_or_else(|| workload.replicas());
        let Some(place) = workload.entry.at("/spec").filter(|_| have >= 2 && routed.contains(&id) && !guarded.contains(&id)) else {
            continue;
        };
        sink.at(
            &place,
            format!("{} {} runs {have} pods behind a route, and nothing keeps the cluster from moving all of them at once", id.0, id.2),
            "Add a PodDisruptionBudget with maxUnavailable: 1.",
        );
    }
}
