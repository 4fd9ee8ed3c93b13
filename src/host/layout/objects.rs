//! All objects of a stack, to look things up in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::host::fields::{list, number, some_text, text, texts};
use crate::host::kinds;
use crate::stack::{Object, ObjectId};

/// The objects with their components.
#[derive(Clone, Copy)]
pub(super) struct Objects<'a>(pub(super) &'a [(String, Object)]);

impl<'a> Objects<'a> {
    /// Those of one kind: component and object.
    pub(super) fn of(self, group: &'a str, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Object)> {
        let is = move |object: &Object| object.id.kind == kind && object.id.group() == group;
        self.0.iter().filter(move |(_, object)| is(object)).map(|(component, object)| (component.as_str(), object))
    }

    /// One object; `namespace` is of no meaning for cluster-wide kinds.
    pub(super) fn find(self, group: &'a str, kind: &'a str, namespace: &str, name: &str) -> Option<&'a Object> {
        let cluster_wide = matches!(kind, "GatewayClass" | "Namespace");
        let is = |id: &ObjectId| id.name == name && (cluster_wide || id.namespace_or_default() == namespace);
        self.of(group, kind).map(|(_, object)| object).find(|object| is(&object.id))
    }

    /// The labels of a namespace, with the one that every namespace has.
    pub(super) fn namespace_labels(self, name: &'a str) -> BTreeMap<&'a str, &'a str> {
        let mut labels = self.find("", "Namespace", "", name).map(|found| texts(&found.value, "/metadata/labels")).unwrap_or_default();
        labels.insert("kubernetes.io/metadata.name", name);
        labels
    }
}

/// A port of a Service.
pub(super) struct ServicePort<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) port: u16,
    /// A number, or the name of a container's port.
    pub(super) target: Target<'a>,
    pub(super) protocol: Option<&'a str>,
}

/// Which port of a container is meant.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    Number(u16),
    Name(&'a str),
}

impl<'a> Target<'a> {
    /// The port that a field names, by number or by name.
    pub(super) fn of(value: &'a Value, pointer: &str) -> Option<Self> {
        number(value, pointer).map(Self::Number).or_else(|| some_text(value, pointer).map(Self::Name))
    }
}

/// The ports of a Service that carry TCP.
pub(super) fn service_ports(service: &Value) -> Vec<ServicePort<'_>> {
    let tcp = list(service, "/spec/ports").iter().filter(|port| matches!(text(port, "/protocol"), "" | "TCP"));
    tcp.filter_map(|one| {
        let port = number(one, "/port")?;
        let target = Target::of(one, "/targetPort").unwrap_or(Target::Number(port));
        Some(ServicePort { name: some_text(one, "/name"), port, target, protocol: some_text(one, "/appProtocol") })
    })
    .collect()
}

/// The namespace of a reference in an object: its own, or that of the object.
pub(super) fn namespace_of<'a>(reference: &'a Value, id: &'a ObjectId) -> &'a str {
    some_text(reference, "/namespace").unwrap_or_else(|| id.namespace_or_default())
}

/// An object for Envoy Gateway's file. It reads no more of the metadata than the name; what is of a cluster alone stays out.
pub(super) fn document(id: &ObjectId, rest: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut metadata = json!({"name": id.name});
    if !matches!(id.kind.as_str(), "GatewayClass" | "Namespace") {
        metadata["namespace"] = json!(id.namespace_or_default());
    }
    let mut document = json!({"apiVersion": kinds::version(id), "kind": id.kind, "metadata": metadata});
    for (key, value) in rest {
        document[key] = value;
    }
    document
}
