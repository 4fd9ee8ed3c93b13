//! A stack as it would be here, before anything is touched.

use std::collections::BTreeMap;

use super::{Fault, Image, LeftOutObject, Surroundings, layout, wanted_ports};
use crate::stack::{CertificateFile, ComponentKind, Object, ObjectId, Stack};

/// What can be said of a stack's objects before anything is touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// Objects and parts of objects that mean nothing here. Whole ones are not to be applied.
    pub left_out: Vec<LeftOutObject>,
    /// What cannot be as it is written: nothing of the stack is to be touched.
    pub faults: Vec<Fault>,
}

impl Preview {
    /// The objects that mean nothing here as a whole, and why.
    pub(super) fn whole(&self) -> BTreeMap<ObjectId, String> {
        let whole = self.left_out.iter().filter(|one| one.part.is_none());
        whole.map(|one| (one.id.clone(), one.why.clone())).collect()
    }
}

/// What of a stack's objects means nothing here, and what cannot be.
#[must_use]
pub fn preview(stack: &Stack) -> Preview {
    let objects = objects(stack);
    let images = stack.components.iter().filter_map(|component| match &component.kind {
        ComponentKind::Image(build) => {
            Some((build.image.to_string(), Image { program: build.program.clone().into(), env: build.env.clone() }))
        }
        _ => None,
    });
    // any numbers: what is left out does not depend on them
    let mut next = 0_u16;
    let mut port = || {
        next = next.wrapping_add(1);
        next
    };
    let ports: BTreeMap<_, _> = wanted_ports(&objects)
        .into_iter()
        .map(|(process, wanted)| (process, wanted.into_iter().map(|container| (container, port())).collect()))
        .collect();
    let around = Surroundings { expose: stack.expose.clone(), images: images.collect(), ports, ..Surroundings::default() };
    let layout = layout(&objects, &around);
    Preview { left_out: layout.left_out, faults: layout.faults }
}

/// The objects that a stack hands over here, with their components: those of its manifests, and the Secrets of its certificates
/// (without their keys, which nobody has yet).
pub(super) fn objects(stack: &Stack) -> Vec<(String, Object)> {
    let mut all = Vec::new();
    for component in &stack.components {
        let name = &component.name;
        match &component.kind {
            ComponentKind::Manifests(objects) => all.extend(objects.iter().map(|object| (name.clone(), object.clone()))),
            ComponentKind::Certificate(certificate) => all.push((name.clone(), secret(certificate))),
            ComponentKind::Helm(_) | ComponentKind::Image(_) | ComponentKind::Secrets(_) => {}
        }
    }
    all
}

fn secret(certificate: &CertificateFile) -> Object {
    Object::new(serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": certificate.secret, "namespace": certificate.namespace},
        "type": "kubernetes.io/tls",
    }))
}
