mod everything;
mod gateways;
mod task_api;
mod workloads;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::host::{Image, MAIN_FILE, Serving};
use crate::stack::{ComponentKind, Exposure, Overrides, ServiceFile, Stack, resolve, shipped_folder};

/// The Task API's stack.
pub(crate) fn task_api_stack() -> Stack {
    resolve(&shipped_folder("task-api").unwrap(), &Overrides { architecture: "amd64".into(), ..Overrides::default() }).unwrap()
}

/// The objects of a text, of a component `app`.
pub(crate) fn objects(yaml: &str) -> Vec<(String, Object)> {
    let nodes = crate::yaml::parse_nodes(yaml).unwrap_or_else(|error| panic!("{}: {}\n{yaml}", error.line, error.message));
    nodes.iter().map(|node| ("app".to_owned(), Object::new(node.to_value()))).collect()
}

/// Surroundings in which every process serves, at loopback ports from 20000 on; `localhost/app:1` is the one image.
pub(crate) fn around(objects: &[(String, Object)], expose: &[(u16, &str, u16)]) -> Surroundings {
    let mut next = 19_999;
    let mut port = || {
        next += 1;
        next
    };
    let ports: BTreeMap<String, BTreeMap<u16, u16>> = wanted_ports(objects)
        .into_iter()
        .map(|(process, wanted)| (process, wanted.into_iter().map(|container| (container, port())).collect()))
        .collect();
    let exposure = |&(host, service, port): &(u16, &str, u16)| {
        let service = ServiceFile { namespace: "envoy-gateway-system".into(), name: service.into(), port, node_port: None };
        Exposure { name: host.to_string(), url: format!("http://localhost:{host}/"), host, service }
    };
    Surroundings {
        expose: expose.iter().map(exposure).collect(),
        images: BTreeMap::from([("localhost/app:1".to_owned(), Image { program: "/state/app".into(), env: BTreeMap::new() })]),
        serving: ports.iter().map(|(process, ports)| Serving { process: process.clone(), ports: ports.clone() }).collect(),
        ports,
        envoy: "1.39.1".into(),
        ipv6: false,
        marker: "tstack-marker-1".into(),
    }
}

/// The layout of a text, with these exposures: host port, Service, its port.
pub(crate) fn laid(yaml: &str, expose: &[(u16, &str, u16)]) -> Layout {
    let objects = objects(yaml);
    layout(&objects, &around(&objects, expose))
}

/// A whole stack's objects and surroundings.
pub(crate) fn whole(stack: &Stack) -> (Vec<(String, Object)>, Surroundings) {
    let objects = crate::host::preview::objects(stack);
    let images = stack.components.iter().filter_map(|component| match &component.kind {
        ComponentKind::Image(build) => {
            let program = PathBuf::from("/state").join(&build.program);
            Some((build.image.to_string(), Image { program, env: build.env.clone() }))
        }
        _ => None,
    });
    let around = Surroundings { expose: stack.expose.clone(), images: images.collect(), ipv6: true, ..around(&objects, &[]) };
    (objects, around)
}

/// One document of a layout.
pub(crate) fn document<'a>(layout: &'a Layout, kind: &str, name: &str) -> &'a Value {
    let found = layout.files.values().flatten().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} in {:?}", layout.files.values().flatten().map(ObjectId::of).collect::<Vec<_>>()))
}

/// `HTTPRoute shop/cart: what; hint`, for each fault.
pub(crate) fn faults(layout: &Layout) -> Vec<String> {
    layout.faults.iter().map(|fault| format!("{}: {}; {}", fault.id, fault.what, fault.hint)).collect()
}

/// `Gateway shop/edge, listener x: why`, for all that is left out.
pub(crate) fn left_out(layout: &Layout) -> Vec<String> {
    let each = layout.left_out.iter();
    each.map(|one| format!("{}{}: {}", one.id, one.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default(), one.why)).collect()
}
