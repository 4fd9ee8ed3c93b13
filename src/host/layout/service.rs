//! Services as `Backend` objects with the loopback ports of their processes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::objects::{Objects, document, service_ports};
use super::workload::Workload;
use crate::host::fields::texts;
use crate::host::kinds::ENVOY_GATEWAY;
use crate::host::{LeftOutObject, Serving};
use crate::stack::ObjectId;

/// A port of loopback on which nobody listens: only root could, for a protocol that nobody speaks.
const NOBODY: u16 = 1;

/// The Services of a stack.
pub(super) struct Services<'a> {
    /// Namespace and name of each Service, and its ports.
    all: Vec<(&'a str, &'a str, Vec<Port<'a>>)>,
    /// What of them means nothing here.
    pub(super) left_out: Vec<LeftOutObject>,
}

/// A port of a Service, as a `Backend`.
pub(super) struct Port<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) number: u16,
    /// The name of its `Backend`.
    pub(super) backend: String,
    protocol: Option<&'a str>,
    endpoints: Vec<u16>,
}

impl<'a> Services<'a> {
    /// Every Service with the processes that take its requests now.
    pub(super) fn new(all: Objects<'a>, workloads: &[Workload<'_>], serving: &[Serving]) -> Self {
        let own: BTreeSet<(&str, &str)> =
            all.of(ENVOY_GATEWAY, "Backend").map(|(_, object)| (object.id.namespace_or_default(), object.id.name.as_str())).collect();
        let (mut found, mut left_out) = (Vec::new(), Vec::new());
        for (_, service) in all.of("", "Service") {
            let id = &service.id;
            let ports = service_ports(&service.value);
            let single = ports.len() == 1;
            let named = |port: u16| {
                // the name of a Service has no dot, so no two Services can come to the same
                let mut name = if single { id.name.clone() } else { format!("{}.{port}", id.name) };
                while own.contains(&(id.namespace_or_default(), name.as_str())) {
                    name.push_str(".service");
                }
                name
            };
            let behind: Vec<&Workload<'_>> = workloads.iter().filter(|workload| workload.is_behind(service)).collect();
            let port = |one: super::objects::ServicePort<'a>| {
                let at = |serving: &Serving| {
                    let workload = behind.iter().find(|workload| workload.owns(&serving.process))?;
                    serving.ports.get(&workload.port(one.target)?).copied()
                };
                let endpoints = serving.iter().filter_map(at).collect();
                Port { name: one.name, number: one.port, backend: named(one.port), protocol: one.protocol, endpoints }
            };
            found.push((id.namespace_or_default(), id.name.as_str(), ports.into_iter().map(port).collect()));
            if texts(&service.value, "/spec/selector").is_empty() {
                let why = "without a selector it leads to no process".to_owned();
                left_out.push(LeftOutObject { id: id.clone(), part: Some("endpoints".to_owned()), why });
            }
        }
        Self { all: found, left_out }
    }

    /// The ports of a Service; none where it is not there.
    pub(super) fn ports(&self, namespace: &str, name: &str) -> Option<&[Port<'a>]> {
        self.all.iter().find(|(ns, known, _)| (*ns, *known) == (namespace, name)).map(|(_, _, ports)| ports.as_slice())
    }

    /// Where each port is reached.
    pub(super) fn addresses(&self) -> BTreeMap<(String, String, u16), Vec<SocketAddr>> {
        let loopback = |port: &u16| SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        let mut addresses = BTreeMap::new();
        for (namespace, name, ports) in &self.all {
            for port in ports {
                let key = ((*namespace).to_owned(), (*name).to_owned(), port.number);
                addresses.insert(key, port.endpoints.iter().map(loopback).collect());
            }
        }
        addresses
    }

    /// A `Backend` for each port.
    pub(super) fn backends(&self) -> impl Iterator<Item = Value> {
        self.all.iter().flat_map(|(namespace, _, ports)| ports.iter().map(|port| port.document(namespace, &port.backend)))
    }
}

impl Port<'_> {
    /// Without a process that serves, Envoy answers 503 as for a Service without a ready pod: nobody listens on its endpoint. Without
    /// any endpoint it would answer 500, which Envoy Gateway gives for a mistake, and an empty list breaks the schema.
    pub(super) fn document(&self, namespace: &str, name: &str) -> Value {
        let endpoint = |port: &u16| json!({"ip": {"address": "127.0.0.1", "port": port}});
        let endpoints = if self.endpoints.is_empty() { &[NOBODY][..] } else { &self.endpoints };
        let mut spec = json!({"type": "Endpoints", "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>()});
        let protocol = match self.protocol {
            Some("kubernetes.io/h2c" | "grpc") => Some("gateway.envoyproxy.io/h2c"),
            Some("kubernetes.io/ws") => Some("gateway.envoyproxy.io/ws"),
            Some("kubernetes.io/wss") => Some("gateway.envoyproxy.io/wss"),
            _ => None,
        };
        if let Some(protocol) = protocol {
            spec["appProtocols"] = json!([protocol]);
        }
        document(&ObjectId::new("gateway.envoyproxy.io/v1alpha1", "Backend", namespace, name), [("spec", spec)])
    }
}
