//! What Envoy Gateway reads.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::gateway::{self, Gateways};
use super::objects::document;
use super::refs::{self, Refs};
use crate::host::fields::{list, some_text, text};
use crate::host::kinds::{self, GATEWAY_API, Kind};
use crate::host::{Fault, LeftOutObject, MAIN_FILE, Surroundings};
use crate::stack::{Object, ObjectId};

/// The documents in the making.
pub(super) struct Resources<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) gateways: &'a Gateways<'a>,
    pub(super) refs: Refs<'a>,
    pub(super) left_out: Vec<LeftOutObject>,
}

impl Resources<'_> {
    /// All documents, by file.
    pub(super) fn files(&mut self, marker: Option<Value>) -> BTreeMap<String, Vec<Value>> {
        let mut documents: Vec<Value> = Vec::new();
        let objects = self.refs.all.0.iter().map(|(_, object)| object);
        for object in objects.clone().filter(|object| kinds::kind(&object.id) == Kind::Read) {
            documents.extend(self.read(object));
        }
        documents.extend(gateway::our_proxy(self.refs.all, &self.around.envoy));
        documents.extend(self.refs.services.backends());
        documents.extend(std::mem::take(&mut self.refs.copies).into_values());
        documents.extend(self.gateways.loopback(self.around.ipv6));
        documents.extend(marker);
        // what only programs need is not for another program's files
        let mut named = BTreeSet::new();
        for document in &documents {
            names(document, &mut named);
        }
        let held = objects.filter(|object| object.id.kind == "Namespace" || named.contains(object.id.name.as_str()));
        let held: Vec<Value> = held.filter_map(hold).collect();
        documents.splice(0..0, held);
        into_files(documents)
    }

    /// One object as Envoy Gateway reads it; none where it does not.
    fn read(&mut self, object: &Object) -> Option<Value> {
        let id = &object.id;
        let mut spec = object.value.get("spec").cloned().unwrap_or_default();
        match (id.group(), id.kind.as_str()) {
            (_, "GatewayClass") => return gateway::is_ours(object).then(|| gateway::class_document(object)),
            (_, "Gateway") => {
                let served = self.gateways.served.iter().find(|served| served.object.id == *id)?;
                return Some(served.document(self.refs.all, &mut self.refs.faults));
            }
            (_, "EnvoyProxy") => {
                self.refs.backends(&mut spec, id);
                return Some(gateway::proxy_document(id, spec, &self.around.envoy));
            }
            (_, "ReferenceGrant") => refs::grants(&mut spec, id, self.refs.services),
            (GATEWAY_API, "BackendTLSPolicy") => refs::service_targets(&mut spec, id, self.refs.services),
            (GATEWAY_API, _) => {
                refs::parents(&mut spec, id, self.gateways);
                self.refs.backends(&mut spec, id);
            }
            (_, kind) if kind.ends_with("Policy") => {
                self.impossible(id, &spec);
                self.http3(id, &mut spec);
                refs::selected_targets(&mut spec, id, self.refs.all, &mut self.refs.faults);
                self.refs.backends(&mut spec, id);
            }
            _ => {}
        }
        Some(document(id, [("spec", spec)]))
    }

    /// What needs a network or a service that Envoy Gateway does not have here. To leave it out would leave a route unprotected.
    fn impossible(&mut self, id: &ObjectId, spec: &Value) {
        let global = spec.pointer("/rateLimit/global").is_some() || text(spec, "/rateLimit/type") == "Global";
        let endpoints = ["authorizationEndpoint", "tokenEndpoint"].map(|key| some_text(spec, &format!("/oidc/provider/{key}")));
        let (what, hint) = if id.kind == "BackendTrafficPolicy" && global {
            ("a global rate limit counts in Redis, which runs only on a cluster", "Use `rateLimit.local`, or `--provider kind`.")
        } else if spec.get("oidc").is_some() && endpoints.contains(&None) {
            (
                "Envoy Gateway asks the issuer of `oidc` for its endpoints, and here it has no network",
                "Write `provider.authorizationEndpoint` and `provider.tokenEndpoint`.",
            )
        } else if id.kind == "EnvoyExtensionPolicy" && !list(spec, "/wasm").is_empty() {
            ("Envoy Gateway fetches `wasm` code, and here it has no network", "Use `--provider kind`.")
        } else {
            return;
        };
        self.refs.faults.push(Fault { id: id.clone(), what: what.to_owned(), hint: hint.to_owned() });
    }

    /// HTTP/3 is UDP, and exposed ports carry TCP alone.
    fn http3(&mut self, id: &ObjectId, spec: &mut Value) {
        let found = spec.as_object_mut().filter(|_| id.kind == "ClientTrafficPolicy").and_then(|spec| spec.shift_remove("http3"));
        if found.is_some() {
            let why = "exposed ports carry TCP alone".to_owned();
            self.left_out.push(LeftOutObject { id: id.clone(), part: Some("http3".to_owned()), why });
        }
    }
}

/// Every text that is called `name` somewhere: all names that a document can refer to, and more.
fn names<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(map) => {
            found.extend(map.get("name").and_then(Value::as_str));
            map.values().for_each(|child| names(child, found));
        }
        _ => {}
    }
}

/// An object that others refer to.
fn hold(object: &Object) -> Option<Value> {
    let field = |key: &str| object.value.get(key).cloned();
    match (object.id.group(), object.id.kind.as_str()) {
        ("", "Namespace") => Some(document(&object.id, [])),
        ("", "ConfigMap") => Some(document(&object.id, [("data", field("data").unwrap_or_else(|| json!({})))])),
        ("", "Secret") => {
            // the API server does this on a cluster
            let mut data = field("data").and_then(|data| data.as_object().cloned()).unwrap_or_default();
            for (key, value) in object.value.get("stringData").and_then(Value::as_object).into_iter().flatten() {
                data.insert(key.clone(), json!(STANDARD.encode(value.as_str().unwrap_or_default())));
            }
            let kind = field("type").unwrap_or_else(|| json!("Opaque"));
            Some(document(&object.id, [("type", kind), ("data", Value::Object(data))]))
        }
        _ => None,
    }
}

/// Envoy Gateway keeps one class and one `EnvoyProxy` of a file, so that others go to files of their own.
fn into_files(documents: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for document in documents {
        let kind = text(&document, "/kind");
        let alike = |one: &&Value| matches!(kind, "GatewayClass" | "EnvoyProxy") && text(one, "/kind") == kind;
        let nth = files.values().flatten().filter(alike).count();
        let file = if nth == 0 { MAIN_FILE.to_owned() } else { format!("more-{nth}.yaml") };
        files.entry(file).or_default().push(document);
    }
    files
}
