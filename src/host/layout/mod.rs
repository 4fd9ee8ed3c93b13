//! From objects to processes and Envoy Gateway's resources.

mod environment;
mod gateway;
mod objects;
mod probe;
mod refs;
mod resources;
mod service;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::gateway::{Gateways, Served};
use self::objects::Objects;
use self::refs::Refs;
use self::resources::Resources;
use self::service::Services;
use self::workload::{Problem, Workload};
use super::kinds::{Kind, kind};
use super::{Exposed, Fault, Layout, LeftOutObject, Surroundings};
use crate::stack::{Object, ObjectId};

/// The container ports of each process that these objects make: each needs a loopback port before [`layout`] can be.
#[must_use]
pub fn wanted_ports(objects: &[(String, Object)]) -> BTreeMap<String, BTreeSet<u16>> {
    let each = workloads(Objects(objects));
    each.iter().flat_map(|workload| workload.names().into_iter().map(|name| (name, workload.ports()))).collect()
}

/// What the objects of a stack are here. Each comes with the name of its component.
#[must_use]
pub fn layout(objects: &[(String, Object)], around: &Surroundings) -> Layout {
    let all = Objects(objects);
    let mut layout = Layout::default();
    for (_, object) in objects {
        if let Kind::LeftOut(why) = kind(&object.id) {
            layout.left_out.push(LeftOutObject { id: object.id.clone(), part: None, why: why.to_owned() });
        }
    }
    let workloads = workloads(all);
    for workload in &workloads {
        layout.work(workload, all, around);
    }
    layout.processes.sort_by(|a, b| a.name.cmp(&b.name));
    let services = Services::new(all, &workloads, &around.serving);
    let gateways = Gateways::new(all, around);
    let marker = gateways.served.first().filter(|_| !around.marker.is_empty()).map(|served| marker(served, &around.marker));
    let refs = Refs { all, services: &services, faults: Vec::new(), copies: BTreeMap::new() };
    let mut resources = Resources { around, gateways: &gateways, refs, left_out: Vec::new() };
    layout.marker = marker.as_ref().map(ObjectId::of);
    layout.files = resources.files(marker);
    let (left_out, faults) = (resources.left_out, resources.refs.faults);
    layout.services = services.addresses();
    layout.listeners = gateways.served.iter().map(|one| (one.object.id.clone(), one.listeners.clone())).collect();
    layout.expose(around);
    layout.left_out.extend(services.left_out.into_iter().chain(gateways.left_out).chain(left_out));
    layout.faults.extend(gateways.faults.into_iter().chain(faults));
    layout
}

fn workloads(all: Objects<'_>) -> Vec<Workload<'_>> {
    all.of("apps", "Deployment").filter_map(|(component, object)| Workload::of(component, object, all)).collect()
}

/// A route that says when Envoy Gateway has judged a file: it is attached to a listener that does not exist, so that it gets a status
/// and makes no route.
fn marker(served: &Served<'_>, name: &str) -> Value {
    let gateway = &served.object.id;
    let id = ObjectId::new("gateway.networking.k8s.io/v1", "HTTPRoute", gateway.namespace_or_default(), name);
    objects::document(&id, [("spec", json!({"parentRefs": [{"name": gateway.name, "sectionName": "tstack-marker"}]}))])
}

#[cfg(test)]
pub(super) mod tests;

impl Layout {
    /// The processes of a Deployment, or why there are none.
    fn work(&mut self, workload: &Workload<'_>, all: Objects<'_>, around: &Surroundings) {
        let id = workload.id.clone();
        if let Some((part, why)) = workload.left_out() {
            self.left_out.push(LeftOutObject { id: id.clone(), part: Some(part.to_owned()), why: why.to_owned() });
        }
        match workload.processes(all, around) {
            Ok(processes) => self.processes.extend(processes),
            Err(Problem::LeftOut(why)) => self.left_out.push(LeftOutObject { id, part: None, why }),
            Err(Problem::Fault(what, hint)) => self.faults.push(Fault { id, what, hint }),
            Err(Problem::Waiting(what)) => {
                self.waiting.insert(id, what);
            }
        }
    }

    /// What answers on each exposed port.
    fn expose(&mut self, around: &Surroundings) {
        for exposure in &around.expose {
            let service = &exposure.service;
            let gateway = self.listeners.iter().find(|(_, all)| all.iter().any(|listener| listener.host == exposure.host));
            let key = (service.namespace.clone(), service.name.clone(), service.port);
            let who = match gateway {
                Some((gateway, _)) => Exposed::Gateway(gateway.clone()),
                None if self.services.contains_key(&key) => Exposed::Service(key),
                None => Exposed::Nobody(format!("port {} of Service {}/{} is of no process here", key.2, key.0, key.1)),
            };
            self.exposed.insert(exposure.host, who);
        }
    }
}
