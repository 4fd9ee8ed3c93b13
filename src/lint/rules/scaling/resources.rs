//! Scaling by cpu or memory needs requests to measure against.

use super::target::Scaled;
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::place::Place;
use crate::lint::rules::workloads::pods::Workload;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Percent of what? The HPA cannot tell, and KEDA's webhook refuses it.
pub(super) fn no_request(set: &Set, sink: &mut Sink) {
    for scaled in Scaled::all(set) {
        let Some(workload) = scaled.target(set).and_then(workload) else { continue };
        // a LimitRange may give every container a request
        let limits = set.of("", "LimitRange").any(|range| range.namespace() == scaled.by.namespace());
        let pod_wide = |resource: &str| workload.template.at(&format!("/spec/resources/requests/{resource}")).is_some();
        for (place, resource, container) in measured(&scaled) {
            if limits || (container.is_none() && pod_wide(resource)) {
                continue;
            }
            let mut lacking = workload.containers().filter(|one| container.is_none() || one.text_of("name") == container);
            let Some(lacking) = lacking.find(|one| !has(one, "requests", resource) && !has(one, "limits", resource)) else { continue };
            let name = lacking.text_of("name").unwrap_or_default();
            let severity = if set.surroundings().complete { Severity::Error } else { Severity::Warning };
            sink.with(
                severity,
                &place,
                format!(
                    "{} is measured against the request of each container, and container {name} of {} {} has none",
                    resource, scaled.kind, scaled.name
                ),
                format!("Set resources.requests.{resource} of container {name}."),
            );
        }
    }
}

fn workload(target: &Entry) -> Option<Workload<'_>> {
    Some(Workload { entry: target, template: target.at("/spec/template")? })
}

fn has(container: &Place<'_>, kind: &str, resource: &str) -> bool {
    container.at(&format!("/resources/{kind}/{resource}")).is_some()
}

/// What an autoscaler measures on the pods: where it says so, the resource, and the one container if it names one.
fn measured<'a>(scaled: &Scaled<'a>) -> Vec<(Place<'a>, &'static str, Option<&'a str>)> {
    let resource = |name: Option<&str>| ["cpu", "memory"].into_iter().find(|resource| Some(*resource) == name);
    if scaled.is_keda() {
        let of = |trigger: super::Trigger<'a>| {
            let container = trigger.value("containerName").map(|(_, name)| name);
            Some((trigger.place.clone(), resource(Some(trigger.kind))?, container))
        };
        return scaled.triggers().into_iter().filter_map(of).collect();
    }
    let metrics = scaled.by.items("/spec/metrics").filter_map(|metric| {
        let source = metric.get("resource").or_else(|| metric.get("containerResource"))?;
        let by_share = source.at("/target/type").and_then(|kind| kind.text()) == Some("Utilization");
        Some((metric, resource(source.text_of("name"))?, source.text_of("container"))).filter(|_| by_share)
    });
    // autoscaling/v1
    let old = scaled.by.at("/spec/targetCPUUtilizationPercentage").map(|place| (place, "cpu", None));
    metrics.chain(old).collect()
}
