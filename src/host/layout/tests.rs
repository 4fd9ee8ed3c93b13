use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::host::{Image, MAIN_FILE, Serving};
use crate::stack::{ComponentKind, Overrides, Stack, resolve, shipped_folder};

/// The Task API's stack.
pub(crate) fn task_api() -> Stack {
    resolve(&shipped_folder("task-api").unwrap(), &Overrides { architecture: "amd64".into(), ..Overrides::default() }).unwrap()
}

/// The surroundings of a stack in which every process serves; loopback ports count from 20000.
pub(crate) fn surroundings(stack: &Stack, objects: &[(String, Object)]) -> Surroundings {
    let mut next = 19_999;
    let mut port = || {
        next += 1;
        next
    };
    let ports: BTreeMap<String, BTreeMap<u16, u16>> = wanted_ports(objects)
        .into_iter()
        .map(|(process, wanted)| (process, wanted.into_iter().map(|container| (container, port())).collect()))
        .collect();
    let images = stack.components.iter().filter_map(|component| match &component.kind {
        ComponentKind::Image(build) => {
            let program = PathBuf::from("/state").join(&build.program);
            Some((build.image.to_string(), Image { program, env: build.env.clone() }))
        }
        _ => None,
    });
    Surroundings {
        expose: stack.expose.clone(),
        images: images.collect(),
        serving: ports.iter().map(|(process, ports)| Serving { process: process.clone(), ports: ports.clone() }).collect(),
        ports,
        envoy: "1.39.1".into(),
        ipv6: true,
        marker: "tstack-marker-1".into(),
    }
}

#[test]
fn the_task_api_has_no_fault_and_leaves_out_its_scaler_alone() {
    let stack = task_api();
    let objects = crate::host::preview::objects(&stack);
    let layout = layout(&objects, &surroundings(&stack, &objects));
    assert_eq!(layout.faults, []);
    let left_out: Vec<String> = layout.left_out.iter().map(|one| format!("{}: {}", one.id, one.why)).collect();
    assert_eq!(left_out, ["ScaledObject task-api/task-api-scaler: autoscaling needs the Kubernetes API"]);
}
