//! Where routes send requests.

use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::{
    Answer, ENVOY_GATEWAY, GATEWAY_API, Parent, ROUTES, Reference, backends_of, is_envoy_gateway, parents, service_port, workloads,
};
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

fn routes(set: &Set) -> impl Iterator<Item = &Entry> {
    ROUTES.into_iter().flat_map(|kind| set.of(GATEWAY_API, kind))
}

/// Everything that routes send requests to: backends and mirrors.
pub(super) fn references<'a>(set: &'a Set) -> impl Iterator<Item = (&'a Entry, Reference<'a>)> {
    routes(set).flat_map(|route| {
        let mirror = |filter: Place<'a>| Reference::read(filter.at("/requestMirror/backendRef")?, "", "Service");
        let mirrors = route.items("/spec/rules").flat_map(|rule| rule.get("filters").into_iter().flat_map(|list| list.items()));
        let all = backends_of(route).map(|backend| backend.reference).chain(mirrors.filter_map(mirror));
        all.map(move |reference| (route, reference))
    })
}

/// Seed 001, NEVER 5; Envoy Gateway answers 500.
pub(super) fn weights_add_to_zero(set: &Set, sink: &mut Sink) {
    for rule in routes(set).flat_map(|route| route.items("/spec/rules")) {
        let Some(backends) = rule.get("backendRefs") else { continue };
        let mut weights = backends.items().map(|backend| backend.get("weight").map_or(Some(1), |weight| weight.number()));
        if backends.items().next().is_some() && weights.all(|weight| weight == Some(0)) {
            sink.at(
                &backends,
                "the weights of all backends are 0, so no backend takes a request and the gateway answers 500",
                "Give at least one backend a weight above 0.",
            );
        }
    }
}

/// `BackendNotFound`; facts.md, backend-missing and mirror-missing.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for (_, backend) in references(set) {
        if !backend.is("", "Service") && !backend.is(ENVOY_GATEWAY, "Backend") {
            continue;
        }
        match backend.look(set) {
            Look::Missing => sink.at(
                &backend.at_name(),
                format!("there is no {backend}, so the gateway answers 500 for its share of the requests (BackendNotFound)"),
                format!("Name a {} that exists, or add it.", backend.kind),
            ),
            Look::Unknown(Some(near)) => sink.with(
                Severity::Warning,
                &backend.at_name(),
                format!("there is no {backend} here, but `{near}`"),
                format!("Write `{near}` if that is meant."),
            ),
            _ => {}
        }
    }
}

/// `PortNotFound`; facts.md, backend-port.
pub(super) fn port_unknown(set: &Set, sink: &mut Sink) {
    for (route, backend) in references(set).filter(|(_, backend)| backend.is("", "Service")) {
        let (Look::Here(service), Some(port), Some(place)) = (backend.look(set), backend.port, backend.place.get("port")) else { continue };
        let protocol = if route.id.kind == "UDPRoute" { "UDP" } else { "TCP" };
        let speaks = |place: &Place<'_>| place.text_of("protocol").unwrap_or("TCP") == protocol;
        let ports: Vec<_> = service.items("/spec/ports").collect();
        let is = |place: &Place<'_>| place.get("port").and_then(|port| port.number()) == Some(port) && speaks(place);
        if ports.is_empty() || ports.iter().any(is) {
            continue;
        }
        let known: Vec<_> = ports.iter().filter_map(|place| place.get("port")?.number()).map(|port| port.to_string()).collect();
        let aim = ports.iter().any(|place| place.get("targetPort").and_then(|target| target.number()) == Some(port));
        let why = if aim {
            "that is the port of its pods; a route names the port of the Service"
        } else if service_port(service, port).is_some() {
            "the Service has it for another protocol"
        } else {
            "the Service does not have it"
        };
        sink.at(
            &place,
            format!("{backend} has no {protocol} port {port}: {why} (PortNotFound)"),
            format!("Name a port of the Service: {}.", known.join(", ")),
        );
    }
}

/// `InvalidKind`; facts.md, backend-kind. Other groups may be an extension's.
pub(super) fn kind(set: &Set, sink: &mut Sink) {
    for (_, backend) in references(set) {
        let ours = match (backend.group, backend.kind) {
            ("", kind) => kind != "Service",
            ("v1" | "core" | "apps", _) => true,
            (ENVOY_GATEWAY, kind) => kind != "Backend",
            _ => false,
        };
        if ours {
            let what = if backend.group.is_empty() { backend.kind.to_owned() } else { format!("{}/{}", backend.group, backend.kind) };
            sink.at(
                &backend.place,
                format!("a route cannot send requests to `{what}`: a backend is a Service or an Envoy Gateway Backend (InvalidKind)"),
                "Name the Service in front of it, without `group` and `kind`.",
            );
        }
    }
}

/// A Service that selects nothing has no endpoints: 503.
pub(super) fn without_pods(set: &Set, sink: &mut Sink) {
    let mut told = std::collections::BTreeSet::new();
    for (_, backend) in references(set).filter(|(_, backend)| backend.is("", "Service")) {
        let Look::Here(service) = backend.look(set) else { continue };
        let Some(selector) = service.at("/spec/selector").filter(|selector| selector.entries().next().is_some()) else { continue };
        if !workloads(set, service).is_empty() || !told.insert((service.namespace(), service.id.name.as_str())) {
            continue;
        }
        // pods of their own, or made by something that the set does not show
        let around = set.surroundings();
        let whole = around.complete && !around.open.contains(service.namespace()) && set.of("", "Pod").next().is_none();
        let own = ["Deployment", "StatefulSet"].into_iter().find_map(|kind| set.get("apps", kind, service.namespace(), &service.id.name));
        if let Some(workload) = own {
            sink.at(
                &selector,
                format!("the selector does not match the labels of the pods of {}, which has the name of this Service", workload.id),
                "Use the labels of spec.template.metadata.labels of that workload.",
            );
        } else if whole {
            sink.at(
                &selector,
                "no workload has pods with these labels, so the Service has no endpoints and requests get 503",
                "Correct the selector.",
            );
        }
    }
}

/// validateBackendRefService.
pub(super) fn external_name(set: &Set, sink: &mut Sink) {
    for (route, backend) in references(set).filter(|(_, backend)| backend.is("", "Service")) {
        let Look::Here(service) = backend.look(set) else { continue };
        let envoy = || parents(set, route).iter().filter_map(Parent::entry).any(|gateway| is_envoy_gateway(set, gateway) == Answer::Yes);
        if service.text("/spec/type") == Some("ExternalName") && envoy() {
            sink.at(
                &backend.at_name(),
                format!("{backend} is of type ExternalName, which Envoy Gateway takes for no backend: it has no endpoints"),
                "Use a Backend of gateway.envoyproxy.io with an `fqdn` endpoint.",
            );
        }
    }
}
