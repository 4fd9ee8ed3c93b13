//! VerticalPodAutoscaler.

use std::collections::HashMap;

use super::target::Scaled;
use crate::lint::fix::Fix;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

const GROUP: &str = "autoscaling.k8s.io";

/// One makes pods larger because they are busy, the other makes more of them for the same reason.
pub(super) fn beside_horizontal(set: &Set, sink: &mut Sink) {
    let mut by_resource = HashMap::new();
    for scaled in Scaled::all(set) {
        let metrics = scaled.by.items("/spec/metrics").filter_map(|metric| metric.get("resource")?.text_of("name"));
        let old = scaled.by.at("/spec/targetCPUUtilizationPercentage").map(|_| "cpu");
        let triggers = scaled.triggers().into_iter().map(|trigger| trigger.kind).filter(|kind| ["cpu", "memory"].contains(kind));
        for resource in metrics.chain(old).chain(triggers).collect::<Vec<_>>() {
            by_resource.insert((scaled.by.namespace(), scaled.kind, scaled.name, resource), scaled.by);
        }
    }
    for vpa in set.of(GROUP, "VerticalPodAutoscaler").filter(|_| !by_resource.is_empty()) {
        let Some(reference) = vpa.at("/spec/targetRef") else { continue };
        let (Some(kind), Some(name)) = (reference.text_of("kind"), reference.text_of("name")) else { continue };
        if ["Off", "Initial"].contains(&vpa.text("/spec/updatePolicy/updateMode").unwrap_or("Recreate")) {
            continue;
        }
        let controlled: Vec<_> =
            vpa.items("/spec/resourcePolicy/containerPolicies").filter_map(|policy| policy.get("controlledResources")).collect();
        let changes =
            |resource: &str| controlled.is_empty() || controlled.iter().any(|list| list.items().any(|item| item.text() == Some(resource)));
        for resource in ["cpu", "memory"].into_iter().filter(|resource| changes(resource)) {
            if let Some(other) = by_resource.get(&(vpa.namespace(), kind, name, resource)) {
                sink.at(
                    &reference,
                    format!(
                        "it changes the {resource} request of {kind} {name} while {} {} counts its pods by {resource}: each moves what the other measures",
                        other.id.kind, other.id.name
                    ),
                    format!("Let one of them be: updateMode Off, controlledResources without {resource}, or another metric."),
                );
            }
        }
    }
}

/// Deprecated: it is the same as Recreate.
pub(super) fn mode_auto(set: &Set, sink: &mut Sink) {
    for vpa in set.of(GROUP, "VerticalPodAutoscaler") {
        if let Some(place) = vpa.at("/spec/updatePolicy/updateMode").filter(|mode| mode.text() == Some("Auto")) {
            sink.at(
                &place,
                "the mode Auto is deprecated: today it is Recreate, and what it will be is open",
                "Write Recreate, or InPlaceOrRecreate to spare restarts.",
            );
            sink.fix(Fix::set(&place, "Recreate"));
        }
    }
}
