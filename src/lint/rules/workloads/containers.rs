//! Containers: names, resources, rights, and secrets in plain text.

use std::collections::HashMap;

use super::pods::Workload;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;
use crate::yaml::Data;

fn containers(set: &Set) -> impl Iterator<Item = Place<'_>> {
    Workload::all(set).flat_map(|workload| workload.containers().collect::<Vec<_>>())
}

/// Names that the API server wants only once, and short.
pub(super) fn names(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        let mut containers = HashMap::new();
        for place in workload.containers().filter_map(|container| container.get("name")) {
            if let Some(first) = place.text().and_then(|name| containers.insert(name, place.pos().line)) {
                sink.at(&place, format!("the container of line {first} has this name too"), "Give each container a name of its own.");
            }
        }
        for container in workload.containers() {
            let mut names = HashMap::new();
            for place in container.get("ports").into_iter().flat_map(|ports| ports.items()).filter_map(|port| port.get("name")) {
                let Some(name) = place.text() else { continue };
                if let Some(first) = names.insert(name, place.pos().line) {
                    sink.at(&place, format!("the port of line {first} has this name too"), "Give each port a name of its own.");
                }
                if name.len() > 15 {
                    sink.at(&place, format!("the name of a port has at most 15 characters, and {name} has {}", name.len()), "Shorten it.");
                }
            }
        }
    }
}

/// The API server refuses more requested than allowed.
pub(super) fn request_above_limit(set: &Set, sink: &mut Sink) {
    for container in containers(set) {
        let (Some(requests), Some(limits)) = (container.at("/resources/requests"), container.at("/resources/limits")) else { continue };
        for (resource, request) in requests.entries() {
            let Some(limit) = limits.get(resource) else { continue };
            let (Some(asked), Some(allowed)) = (quantity(&request), quantity(&limit)) else { continue };
            if asked > allowed {
                sink.at(
                    &request,
                    format!("the request of {resource} is above its limit"),
                    format!("Lower the request, or raise the limit of line {}.", limit.pos().line),
                );
            }
        }
    }
}

/// An amount of a resource as Kubernetes writes it: `100m`, `1.5Gi`, `2`.
fn quantity(place: &Place<'_>) -> Option<f64> {
    let text = match &place.node.data {
        Data::Number(number) => number.to_string(),
        Data::Text(text) => text.clone(),
        _ => return None,
    };
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let factor = match unit {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::set::Surroundings;
    use crate::yaml;

    #[test]
    fn amounts_are_compared_over_their_units() {
        let text = "kind: X\na: [100m, 0.1, 1Gi, 1073741824, 1G, half, 2e3]";
        let set = Set::new(Vec::new(), yaml::parse_nodes(text).unwrap(), Surroundings::default());
        let read: Vec<_> = set.entries()[0].items("/a").map(|place| quantity(&place)).collect();
        let gib = 1_073_741_824.0;
        assert_eq!(read, [Some(0.1), Some(0.1), Some(gib), Some(gib), Some(1e9), None, Some(2000.0)]);
    }
}
