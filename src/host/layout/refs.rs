//! References to Services become references to their `Backend` objects, and labels that Envoy Gateway cannot read become names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::gateway::Gateways;
use super::objects::{Objects, namespace_of};
use super::service::{Port, Services};
use crate::host::Fault;
use crate::host::fields::{list, number, selects, some_text, text, texts};
use crate::host::kinds::{ENVOY_GATEWAY, GATEWAY_API};
use crate::stack::ObjectId;

/// References in the making of documents.
pub(super) struct Refs<'a> {
    pub(super) all: Objects<'a>,
    pub(super) services: &'a Services<'a>,
    pub(super) faults: Vec<Fault>,
    /// `Backend` objects of Services of other namespaces, by namespace and name.
    pub(super) copies: BTreeMap<(String, String), Value>,
}

impl Refs<'_> {
    /// Every `backendRef` and `backendRefs` of an object, however deep: routes, mirrors, authorization, processing, telemetry.
    pub(super) fn backends(&mut self, value: &mut Value, id: &ObjectId) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.backends(item, id)),
            Value::Object(map) => {
                for (key, child) in map {
                    match (key.as_str(), &mut *child) {
                        ("backendRef", one) if one.is_object() => self.backend(one, id),
                        ("backendRefs", Value::Array(all)) => all.iter_mut().for_each(|one| self.backend(one, id)),
                        _ => {}
                    }
                    self.backends(child, id);
                }
            }
            _ => {}
        }
    }

    /// One reference. A Service that is not there keeps its name, so that Envoy Gateway says what a cluster's would.
    fn backend(&mut self, reference: &mut Value, id: &ObjectId) {
        if !is_service(reference) {
            return;
        }
        let (namespace, name) = (namespace_of(reference, id).to_owned(), text(reference, "/name"));
        let (Some(ports), Some(port)) = (self.services.ports(&namespace, name), number::<u16>(reference, "/port")) else { return };
        let Some(found) = ports.iter().find(|one| one.number == port) else {
            let has: Vec<String> = ports.iter().map(|one| one.number.to_string()).collect();
            self.faults.push(Fault {
                id: id.clone(),
                what: format!("it refers to port {port} of Service {namespace}/{name}, which the Service does not have"),
                hint: format!("Write a port that it has: {}.", has.join(", ")),
            });
            return;
        };
        let granted = namespace != id.namespace_or_default() && self.is_granted(id, &namespace, name);
        point(reference, found);
        // Envoy Gateway grants nothing to its own policies when it reads files, since it forgets their kind
        if granted && id.group() == ENVOY_GATEWAY {
            let copy = format!("{}.in.{namespace}", found.backend);
            reference["name"] = json!(copy);
            reference["namespace"] = json!(id.namespace_or_default());
            let key = (id.namespace_or_default().to_owned(), copy);
            let document = found.document(&key.0, &key.1);
            self.copies.insert(key, document);
        }
    }

    /// Whether a grant of the stack lets an object refer to a Service of another namespace.
    fn is_granted(&self, id: &ObjectId, namespace: &str, service: &str) -> bool {
        let grants = self.all.of(GATEWAY_API, "ReferenceGrant").filter(|(_, grant)| grant.id.namespace_or_default() == namespace);
        grants.map(|(_, grant)| &grant.value).any(|grant| {
            let from = |one: &Value| {
                (text(one, "/group"), text(one, "/kind"), text(one, "/namespace")) == (id.group(), &id.kind, id.namespace_or_default())
            };
            let to = |one: &Value| is_service(one) && some_text(one, "/name").is_none_or(|name| name == service);
            list(grant, "/spec/from").iter().any(from) && list(grant, "/spec/to").iter().any(to)
        })
    }
}

/// Whether a reference names a Service, which is what it means when it names no kind.
fn is_service(reference: &Value) -> bool {
    text(reference, "/group").is_empty() && matches!(text(reference, "/kind"), "" | "Service")
}

fn point(reference: &mut Value, port: &Port<'_>) {
    reference["group"] = json!(ENVOY_GATEWAY);
    reference["kind"] = json!("Backend");
    reference["name"] = json!(port.backend);
}

/// The ports of parents are those of this machine.
pub(super) fn parents(spec: &mut Value, id: &ObjectId, gateways: &Gateways<'_>) {
    let Some(parents) = spec.get_mut("parentRefs").and_then(Value::as_array_mut) else { return };
    for parent in parents {
        let port = number(parent, "/port").and_then(|port| gateways.host_port(namespace_of(parent, id), text(parent, "/name"), port));
        if let Some(port) = port {
            parent["port"] = json!(port);
        }
    }
}

/// A grant to refer to Services is one to refer to their `Backend` objects.
pub(super) fn grants(spec: &mut Value, id: &ObjectId, services: &Services<'_>) {
    let Some(to) = spec.get_mut("to").and_then(Value::as_array_mut) else { return };
    let mut more = Vec::new();
    for one in to.iter().filter(|one| is_service(one)) {
        match some_text(one, "/name") {
            None => more.push(json!({"group": ENVOY_GATEWAY, "kind": "Backend"})),
            Some(name) => {
                let ports = services.ports(id.namespace_or_default(), name).unwrap_or_default();
                more.extend(ports.iter().map(|port| json!({"group": ENVOY_GATEWAY, "kind": "Backend", "name": port.backend})));
            }
        }
    }
    to.extend(more);
}

/// A policy on a Service, or on one of its ports, is one on the `Backend` of each port that is meant.
pub(super) fn service_targets(spec: &mut Value, id: &ObjectId, services: &Services<'_>) {
    let Some(targets) = spec.get_mut("targetRefs").and_then(Value::as_array_mut) else { return };
    let mut all = Vec::new();
    for target in targets.drain(..) {
        let ports = services.ports(id.namespace_or_default(), text(&target, "/name")).filter(|_| is_service(&target));
        let section = some_text(&target, "/sectionName").map(str::to_owned);
        let meant = |port: &&Port<'_>| section.is_none() || section.as_deref() == port.name;
        let pointed = ports.into_iter().flatten().filter(meant).map(|port| {
            let mut one = json!({});
            point(&mut one, port);
            one
        });
        let pointed: Vec<Value> = pointed.collect();
        if pointed.is_empty() { all.push(target) } else { all.extend(pointed) }
    }
    *targets = all;
}

/// A policy that selects its targets by labels names them. One that selects nothing stays as it is.
pub(super) fn selected_targets(spec: &mut Value, id: &ObjectId, all: Objects<'_>, faults: &mut Vec<Fault>) {
    let mut found: Vec<Value> = Vec::new();
    for selector in list(spec, "/targetSelectors") {
        if !matches!(text(selector, "/namespaces/from"), "" | "Same") {
            let what = "it selects targets in other namespaces by their labels, which Envoy Gateway does not read from files".to_owned();
            faults.push(Fault { id: id.clone(), what, hint: "Give each of these namespaces a policy of its own.".to_owned() });
            return;
        }
        let near = all.of(GATEWAY_API, text(selector, "/kind")).map(|(_, object)| object);
        let near = near.filter(|object| object.id.namespace_or_default() == id.namespace_or_default());
        let chosen = near.filter(|object| selects(selector, &texts(&object.value, "/metadata/labels")));
        found.extend(chosen.map(|object| json!({"group": GATEWAY_API, "kind": object.id.kind, "name": object.id.name})));
    }
    if found.is_empty() {
        return;
    }
    if let Some(spec) = spec.as_object_mut() {
        spec.shift_remove("targetSelectors");
        let mut targets: Vec<Value> = spec.shift_remove("targetRef").into_iter().collect();
        targets.extend(spec.get("targetRefs").and_then(Value::as_array).cloned().unwrap_or_default());
        let new: Vec<Value> = found.into_iter().filter(|one| !targets.contains(one)).collect();
        targets.extend(new);
        spec.insert("targetRefs".to_owned(), Value::Array(targets));
    }
}
