//! What selects pods, and whether there are any.

use super::pods::{Pods, pairs};
use crate::lint::finding::Severity;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Labels that a controller puts on pods that it makes itself.
fn is_made(key: &str) -> bool {
    key.split_once('/').is_some_and(|(domain, _)| domain != "app.kubernetes.io")
}

/// A Service that leads to no pod.
pub(super) fn service(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    let around = set.surroundings();
    for service in set.of("", "Service") {
        let Some(place) = service.at("/spec/selector") else { continue };
        let labels: Vec<_> = pairs(Some(place.clone())).collect();
        let by_controller = labels.iter().any(|(key, value)| is_made(key) || *key == "app.kubernetes.io/managed-by" && *value != "Helm");
        if labels.is_empty() || by_controller || !pods.selected(service.namespace(), &labels).is_empty() {
            continue;
        }
        let name = &service.id.name;
        let others = || pods.all().iter().filter(|workload| workload.entry.namespace() == service.namespace());
        // one label right and another wrong is a mistake that can be named, whatever else there may be
        let near = others().find_map(|workload| {
            let right = labels.iter().filter(|(key, value)| workload.has(key, value)).count();
            let wrong = labels.iter().find(|(key, value)| !workload.has(key, value))?;
            let have = workload.labels().find(|(key, _)| *key == wrong.0).map(|(_, value)| value);
            let alike = have.is_some_and(|have| crate::input::nearest(wrong.1, [have]).is_some());
            (labels.len() == 1 && alike || (right > 0 && right + 1 == labels.len() && alike)).then_some((workload, wrong, have?))
        });
        let complete = around.complete && !around.open.contains(service.namespace());
        match near {
            Some((workload, (key, value), have)) if !complete => {
                sink.with(
                    Severity::Warning,
                    &place,
                    format!(
                        "it selects {key}: {value}, but the pods of {} {} have {key}: {have}",
                        workload.entry.id.kind, workload.entry.id.name
                    ),
                    format!("Write {key}: {have} if these are the pods that you mean."),
                );
            }
            Some((workload, (key, value), have)) => {
                sink.at(
                    &place,
                    format!(
                        "no pod of the set has {key}: {value}, so Service {name} leads nowhere; those of {} {} have {key}: {have}",
                        workload.entry.id.kind, workload.entry.id.name
                    ),
                    format!("Write {key}: {have} if these are the pods that you mean."),
                );
            }
            None if complete => {
                sink.at(
                    &place,
                    format!(
                        "no workload of namespace {} makes pods with these labels, so Service {name} leads nowhere",
                        service.namespace()
                    ),
                    "Select labels that a pod template has.",
                );
            }
            None => {}
        }
    }
}
