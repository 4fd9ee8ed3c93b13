//! The numbers of an autoscaler: least, most, idle, fallback, and what they make useless.

use super::target::{KEDA, Scaled, triggers_of};
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::fix::Fix;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Label values, and with them the names that KEDA makes of a ScaledObject's, are at most this long.
const LONGEST: usize = 63;

/// KEDA's webhook; least above most is a rule of the definitions.
pub(super) fn idle_not_below(set: &Set, sink: &mut Sink) {
    for object in set.of(KEDA, "ScaledObject") {
        let (Some(place), Some(idle)) = (object.at("/spec/idleReplicaCount"), object.number("/spec/idleReplicaCount")) else { continue };
        let least = object.number("/spec/minReplicaCount").unwrap_or(0);
        if idle >= least {
            sink.at(
                &place,
                format!("idle means fewer pods than the least while busy, but {idle} is not below minReplicaCount, which is {least}"),
                "Make idleReplicaCount smaller than minReplicaCount.",
            );
        }
    }
}

/// The types of triggers that the HPA itself measures on the pods.
fn on_pods(kind: &str) -> bool {
    ["cpu", "memory"].contains(&kind)
}

/// Whether all triggers measure pods, and there is one.
fn only_on_pods(object: &Entry) -> bool {
    triggers_of(object).next().is_some() && triggers_of(object).all(|trigger| on_pods(trigger.kind))
}

/// No pods, nothing to measure.
pub(super) fn zero_by_cpu(set: &Set, sink: &mut Sink) {
    for object in set.of(KEDA, "ScaledObject").filter(|object| only_on_pods(object)) {
        let least = object.at("/spec/minReplicaCount");
        if least.as_ref().is_some_and(|least| least.number() != Some(0)) {
            continue;
        }
        let Some(place) = least.or_else(|| object.at("/spec/triggers")) else { continue };
        sink.at(
            &place,
            "with no pods there is no cpu or memory to measure, so KEDA refuses minReplicaCount 0, its default, beside these triggers alone",
            "Set minReplicaCount to 1 or more, or add a trigger that counts work outside the pods.",
        );
    }
}

/// A fallback that is refused, or outside of the bounds.
pub(super) fn fallback(set: &Set, sink: &mut Sink) {
    for object in set.of(KEDA, "ScaledObject") {
        let Some(place) = object.at("/spec/fallback") else { continue };
        let modified = object.at("/spec/advanced/scalingModifiers").is_some();
        if only_on_pods(object) && !modified {
            sink.at(
                &place,
                "a fallback stands in for a metric that KEDA asks for; cpu and memory are measured by the cluster itself, so KEDA refuses it",
                "Remove the fallback, or add a trigger such as prometheus.",
            );
        }
        let most = object.number("/spec/maxReplicaCount").unwrap_or(100);
        if let Some(replicas) = place.get("replicas").filter(|replicas| replicas.number().is_some_and(|count| count > most)) {
            sink.with(
                Severity::Warning,
                &replicas,
                format!("the fallback wants more pods than maxReplicaCount, which is {most}; it gets no more than that"),
                "Make fallback.replicas at most maxReplicaCount.",
            );
        }
    }
}

/// KEDA names its HPA after the ScaledObject.
pub(super) fn name_too_long(set: &Set, sink: &mut Sink) {
    for object in set.of(KEDA, "ScaledObject") {
        let own = object.text("/spec/advanced/horizontalPodAutoscalerConfig/name");
        let made = own.map_or_else(|| format!("keda-hpa-{}", object.id.name), str::to_owned);
        let too_long = [object.id.name.as_str(), &made].into_iter().find(|name| name.len() > LONGEST);
        let (Some(name), Some(place)) = (too_long, object.at("/metadata/name")) else { continue };
        sink.at(
            &place,
            format!("KEDA makes the name {name} of it, with {} characters, and KEDA refuses more than {LONGEST}", name.len()),
            format!("Shorten the name to {} characters.", LONGEST - "keda-hpa-".len()),
        );
    }
}

/// KEDA's own clocks run only while KEDA decides.
pub(super) fn timing(set: &Set, sink: &mut Sink) {
    for scaled in Scaled::all(set).filter(|scaled| scaled.is_keda() && scaled.least() > 0) {
        let object = scaled.by;
        if object.at("/spec/idleReplicaCount").is_some() {
            continue;
        }
        if let Some(place) = object.at("/spec/cooldownPeriod") {
            sink.at(
                &place,
                "cooldownPeriod is the wait before the last pod goes; with minReplicaCount above 0 it does nothing: the HPA scales down after \
                 its own 300 seconds",
                "Remove it, or set advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds.",
            );
            sink.fix(Fix::remove(&place));
        }
        let cached = scaled.triggers().iter().any(|trigger| trigger.place.get("useCachedMetrics").and_then(|f| f.flag()) == Some(true));
        if let Some(place) =
            object.at("/spec/pollingInterval").filter(|_| !cached && object.at("/spec/advanced/scalingModifiers").is_none())
        {
            sink.at(
                &place,
                "with minReplicaCount above 0 the HPA asks for the metric every 15 seconds; pollingInterval only sets how often KEDA \
                 refreshes its conditions",
                "Remove it if it is meant to make scaling faster or slower.",
            );
        }
    }
}
