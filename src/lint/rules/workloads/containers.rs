//! Containers: names, resources, rights, and secrets in plain text.

use super::pods::Workload;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

fn containers(set: &Set) -> impl Iterator<Item = Place<'_>> {
    Workload::all(set).flat_map(|workload| workload.containers().collect::<Vec<_>>())
}

/// The scheduler cannot tell how many fit on a node.
pub(super) fn no_requests(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        let ranged = set.of("", "LimitRange").any(|range| range.namespace() == workload.entry.namespace());
        if ranged || workload.template.at("/spec/resources/requests").is_some() {
            continue;
        }
        for container in workload.containers() {
            if container.at("/resources/requests").is_none() && container.at("/resources/limits").is_none() {
                let name = container.text_of("name").unwrap_or_default();
                sink.at(
                    &container,
                    format!("container {name} requests no cpu and memory: the cluster may put it where there is none, and ends it first when memory is short"),
                    "Set resources.requests.cpu and resources.requests.memory.",
                );
            }
        }
    }
}

/// Rights over the node.
pub(super) fn privileged(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        for key in ["hostNetwork", "hostPID", "hostIPC"] {
            if let Some(place) = workload.template.at(&format!("/spec/{key}")).filter(|place| place.flag() == Some(true)) {
                sink.at(
                    &place,
                    format!("with {key} the pod sees what belongs to the node and to other pods"),
                    "Remove it unless the pod manages nodes.",
                );
            }
        }
        let pod = workload.template.at("/spec/securityContext").into_iter();
        for context in workload.containers().filter_map(|container| container.get("securityContext")).chain(pod) {
            if let Some(place) = context.get("privileged").filter(|place| place.flag() == Some(true)) {
                sink.at(
                    &place,
                    "a privileged container may do anything on its node",
                    "Remove it, and add the one capability that it needs.",
                );
            }
            if let Some(place) = context.get("runAsUser").filter(|place| place.number() == Some(0)) {
                sink.at(
                    &place,
                    "the program runs as root: what breaks out of it is root on the node",
                    "Set runAsNonRoot: true and a user above 0.",
                );
            }
        }
    }
}

/// Words of names whose values are secrets.
const SECRETS: [&str; 8] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"];

/// Who reads the manifest reads the secret.
pub(super) fn secret_in_plain_text(set: &Set, sink: &mut Sink) {
    for variable in containers(set).flat_map(|container| container.get("env").into_iter().flat_map(|env| env.items()).collect::<Vec<_>>()) {
        let (Some(name), Some(place)) = (variable.text_of("name"), variable.get("value")) else { continue };
        let upper = name.to_uppercase();
        // `TOKEN_URL`, `SECRET_NAME` and the like say where a secret is, not what it is
        let is_secret = SECRETS.iter().any(|word| upper == *word || upper.ends_with(&format!("_{word}")));
        let literal = place.text().is_some_and(|value| {
            value.len() > 3 && !value.contains("$(") && !value.contains("${") && !value.contains("{{") && !value.starts_with('/')
        });
        if is_secret && literal {
            sink.at(
                &place,
                format!("{name} is written here for everybody who reads the manifest or the pod"),
                "Put it in a Secret and take it with valueFrom.secretKeyRef.",
            );
        }
    }
}
