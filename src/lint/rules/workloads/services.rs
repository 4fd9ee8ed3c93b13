//! The ports of Services, and who may come in through them.

use std::collections::{HashMap, HashSet};

use super::pods::{Pods, Workload, key, routed};
use crate::lint::finding::Severity;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;
use crate::yaml::Data;

/// A target port that no container has.
pub(super) fn target_port(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    for service in set.of("", "Service") {
        let behind = pods.behind(service);
        if behind.is_empty() {
            continue;
        }
        for port in service.items("/spec/ports") {
            let Some(target) = port.get("targetPort").or_else(|| port.get("port")) else { continue };
            match &target.node.data {
                Data::Text(name) if name.parse::<u16>().is_err() => {
                    if !behind.iter().any(|workload| workload.ports().any(|(_, port)| port.text_of("name") == Some(name))) {
                        let names = names(&behind);
                        sink.at(
                            &target,
                            format!("no container behind the Service has a port named {name}, so this port of the Service leads nowhere"),
                            if names.is_empty() {
                                "Name the port of the container, or write its number.".to_owned()
                            } else {
                                format!("Write one of their names: {names}.")
                            },
                        );
                    }
                }
                _ => number(&behind, &target, sink),
            }
        }
    }
}

fn names(behind: &[&Workload<'_>]) -> String {
    let mut all: Vec<&str> = behind.iter().flat_map(|workload| workload.ports()).filter_map(|(_, port)| port.text_of("name")).collect();
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}

/// A container may listen without saying so: a number that none of them says is only a warning, and only where every one says some.
fn number(behind: &[&Workload<'_>], target: &Place<'_>, sink: &mut Sink) {
    let Some(wanted) = target.number() else { return };
    let says = |workload: &Workload<'_>| workload.ports().filter_map(|(_, port)| port.get("containerPort")?.number()).collect::<Vec<_>>();
    let all: Vec<Vec<i64>> = behind.iter().map(|workload| says(workload)).collect();
    if all.iter().any(|ports| ports.is_empty() || ports.contains(&wanted)) {
        return;
    }
    let mut have: Vec<i64> = all.into_iter().flatten().collect();
    have.sort_unstable();
    have.dedup();
    let have = have.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    sink.with(
        Severity::Warning,
        target,
        format!("the Service sends to port {wanted}, but its containers name only {have}"),
        format!("Set targetPort to {have}, or name {wanted} under ports of the container."),
    );
}

/// A way around the gateway, its limits and its checks.
pub(super) fn beside_gateway(set: &Set, sink: &mut Sink) {
    let outside: Vec<_> = set
        .of("", "Service")
        .filter_map(|service| Some((service, service.at("/spec/type")?)))
        .filter(|(_, kind)| matches!(kind.text(), Some("LoadBalancer" | "NodePort")))
        .collect();
    if outside.is_empty() {
        return;
    }
    let pods = Pods::of(set);
    let mut through = HashMap::new();
    for routed in routed(set) {
        for workload in pods.behind(routed.service) {
            through.entry(key(workload.entry)).or_insert(routed.route);
        }
    }
    for (service, kind) in outside {
        let mut seen = HashSet::new();
        for workload in pods.behind(service) {
            let Some(route) = through.get(&key(workload.entry)).filter(|route| seen.insert(&route.id)) else { continue };
            sink.at(
                &kind,
                format!(
                    "{} {} is reached through the gateway by {} {}, and through this Service past it: without TLS, limits and login",
                    workload.entry.id.kind, workload.entry.id.name, route.id.kind, route.id.name
                ),
                "Make it type ClusterIP.",
            );
        }
    }
}
