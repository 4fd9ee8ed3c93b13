//! Probes.

use std::collections::BTreeSet;

use super::pods::{Pods, Workload, routed};
use crate::lint::finding::Severity;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

const PROBES: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];

/// Requests go to a pod from its first moment.
pub(super) fn no_readiness(set: &Set, sink: &mut Sink) {
    let pods = Pods::of(set);
    let mut seen = BTreeSet::new();
    for routed in routed(set) {
        for workload in pods.behind(routed.service) {
            let Some(container) = serving(workload, routed.service.items("/spec/ports"), routed.port) else { continue };
            if container.get("readinessProbe").is_some() || !seen.insert((container.pos(), container.pointer())) {
                continue;
            }
            let name = container.text_of("name").unwrap_or_default();
            sink.at(
                &container,
                format!(
                    "{} {} sends requests to container {name}, which has no readinessProbe: they come before it can answer them",
                    routed.route.id.kind, routed.route.id.name
                ),
                "Add a readinessProbe that asks the program itself, such as httpGet on its health path.",
            );
        }
    }
}

/// The container that takes the requests: the one with the port, or the only one.
fn serving<'a>(workload: &Workload<'a>, mut ports: impl Iterator<Item = Place<'a>>, port: Option<i64>) -> Option<Place<'a>> {
    let target = ports.find(|one| port.is_none() || one.get("port").and_then(|number| number.number()) == port);
    let target = target.and_then(|one| one.get("targetPort").or_else(|| one.get("port")));
    let by_port = target.and_then(|target| {
        let fits = |one: &Place<'a>| {
            one.get("containerPort").is_some_and(|number| number.number() == target.number() && target.number().is_some())
                || (target.text().is_some() && one.text_of("name") == target.text())
        };
        workload.ports().find(|(_, one)| fits(one)).map(|(container, _)| container)
    });
    by_port.or_else(|| workload.containers().next().filter(|_| workload.containers().count() == 1))
}

/// The kubelet cannot ask at a port whose name it does not know.
pub(super) fn port_missing(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        for container in workload.containers() {
            let names: Vec<_> =
                container.get("ports").into_iter().flat_map(|ports| ports.items()).filter_map(|port| port.text_of("name")).collect();
            for probe in PROBES.iter().filter_map(|probe| container.get(probe)) {
                let port = ["httpGet", "tcpSocket"].iter().find_map(|kind| probe.get(kind)?.get("port"));
                let Some((port, name)) = port.and_then(|port| Some((port.clone(), port.text()?))) else { continue };
                if names.contains(&name) || name.parse::<u16>().is_ok() {
                    continue;
                }
                sink.at(
                    &port,
                    format!("the container has no port named {name}, so the probe fails for ever"),
                    if names.is_empty() {
                        "Name the port under ports of the container.".to_owned()
                    } else {
                        format!("Write one of its ports: {}.", names.join(", "))
                    },
                );
            }
        }
    }
}

/// A number of a probe, or its default.
fn number(probe: &Place<'_>, key: &str, default: i64) -> i64 {
    probe.get(key).and_then(|number| number.number()).unwrap_or(default)
}

/// The kubelet restarts a container before it was ever asked whether it is ready.
pub(super) fn liveness_first(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        for container in workload.containers().filter(|container| container.get("startupProbe").is_none()) {
            let (Some(live), Some(ready)) = (container.get("livenessProbe"), container.get("readinessProbe")) else { continue };
            let killed =
                number(&live, "initialDelaySeconds", 0) + number(&live, "periodSeconds", 10) * (number(&live, "failureThreshold", 3) - 1);
            let asked = number(&ready, "initialDelaySeconds", 0);
            if killed <= asked && asked > 0 {
                sink.at(
                    &live,
                    format!("a container that is slow to start is restarted after {killed} s, before the readinessProbe asks it for the first time after {asked} s"),
                    "Add a startupProbe, or let the livenessProbe begin later.",
                );
            }
        }
    }
}

/// What the API server refuses of a probe.
pub(super) fn refused(set: &Set, sink: &mut Sink) {
    for container in Workload::all(set).flat_map(|workload| workload.containers().collect::<Vec<_>>()) {
        for probe in PROBES.iter().filter_map(|probe| container.get(probe)) {
            let ways = ["httpGet", "tcpSocket", "exec", "grpc"].iter().filter(|way| probe.get(way).is_some()).count();
            if ways != 1 {
                let message = if ways == 0 { "the probe does not say how to ask" } else { "the probe asks in several ways at once" };
                sink.at(&probe, message, "Give it one of httpGet, tcpSocket, exec and grpc.");
            }
        }
        for probe in ["livenessProbe", "startupProbe"].iter().filter_map(|probe| container.get(probe)) {
            if let Some(place) = probe.get("successThreshold").filter(|place| place.number().is_some_and(|count| count != 1)) {
                sink.with(Severity::Error, &place, "only a readinessProbe may ask for several successes", "Remove successThreshold.");
            }
        }
    }
}
