//! What an autoscaler scales, and who else does.

use std::collections::{HashMap, HashSet};

use super::target::Scaled;
use crate::lint::finding::Severity;
use crate::lint::rules::workloads::pods::{self, Pods};
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// The target is not there.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for scaled in Scaled::all(set) {
        let Some(place) = scaled.reference.get("name") else { continue };
        let (kind, name, namespace) = (scaled.kind, scaled.name, scaled.by.namespace());
        match set.look(scaled.group, kind, namespace, name) {
            Look::Missing => {
                sink.at(
                    &place,
                    format!("the {kind} {name} does not exist in namespace {namespace}, so nothing is scaled"),
                    "Name a workload of the autoscaler's own namespace; it cannot scale one of another.",
                );
            }
            Look::Unknown(Some(near)) => {
                sink.with(
                    Severity::Warning,
                    &place,
                    format!("the {kind} {name} is not here, but {near} is"),
                    format!("Write {near} if that is what you mean."),
                );
            }
            _ => {}
        }
    }
}

/// Two autoscalers of one target; the KEDA webhook and the HPA controller refuse it.
pub(super) fn scaled_twice(set: &Set, sink: &mut Sink) {
    let mut first = HashMap::new();
    for scaled in Scaled::all(set) {
        let Some(other) = first.get(&scaled.key()) else {
            first.insert(scaled.key(), scaled.by);
            continue;
        };
        if takes_over(&scaled, &other.id.name) || Scaled::of(other).is_some_and(|other| takes_over(&other, &scaled.by.id.name)) {
            continue;
        }
        sink.at(
            &scaled.reference,
            format!(
                "{} {} is already scaled by {} {}: each would undo what the other does",
                scaled.kind, scaled.name, other.id.kind, other.id.name
            ),
            "Keep one autoscaler; a ScaledObject takes several triggers, cpu among them.",
        );
    }
}

/// Whether a ScaledObject is told to take an existing autoscaler over, or to leave it alone.
fn takes_over(scaled: &Scaled<'_>, other: &str) -> bool {
    let transfers = scaled.by.annotation("scaledobject.keda.sh/transfer-hpa-ownership") == Some("true");
    let named = scaled.by.text("/spec/advanced/horizontalPodAutoscalerConfig/name") == Some(other);
    (transfers && named) || scaled.by.annotation("validations.keda.sh/hpa-ownership") == Some("false")
}

/// Nobody answers while there are no pods, and pods that do not run count no requests.
pub(super) fn zero_behind_route(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    let routed = pods::routed_workloads(set, &pods);
    for scaled in Scaled::all(set).filter(|scaled| scaled.is_keda() && routed.contains(&(scaled.kind, scaled.by.namespace(), scaled.name)))
    {
        let zero = |key: &str| scaled.by.at(key).filter(|place| place.number() == Some(0));
        let written = zero("/spec/idleReplicaCount").or_else(|| zero("/spec/minReplicaCount"));
        let by_default = || scaled.by.at("/spec").filter(|spec| spec.get("minReplicaCount").is_none());
        let Some(place) = written.clone().or_else(by_default) else { continue };
        sink.at(
            &place,
            format!(
                "{} {} takes requests from a route, but {} lets it go to no pods: then the gateway answers 503 until one has started",
                scaled.kind,
                scaled.name,
                written.map_or_else(|| "KEDA's default minReplicaCount of 0".to_owned(), |place| format!("{} 0", place.path()))
            ),
            "Set minReplicaCount to 1 or more, and no idleReplicaCount.",
        );
    }
}

/// Every apply sets the number back.
pub(super) fn replicas_written(set: &Set, sink: &mut Sink) {
    let mut told = HashSet::new();
    for scaled in Scaled::all(set) {
        let Some(place) = scaled.target(set).and_then(|target| target.at("/spec/replicas")).filter(|_| told.insert(scaled.key())) else {
            continue;
        };
        sink.at(
            &place,
            format!("{} {} decides the number of pods, and every apply of this file sets it back", scaled.by.id.kind, scaled.by.id.name),
            "Leave replicas out of the manifest of a workload that is autoscaled.",
        );
    }
}
