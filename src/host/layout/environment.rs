//! The environment of a process, as the kubelet would give it to its container.
//!
//! `PORT` tells the loopback port of the first container port, `PORT_<NAME>` those of the named ones, and `HOST` that loopback is the
//! only address: a program that is to run here takes its address from these. A `PORT` of the container's own that names one of its
//! ports means that port.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::objects::Objects;
use crate::host::fields::{list, some_text, text, texts};

/// What an environment is made of.
pub(super) struct Environment<'a> {
    pub(super) namespace: &'a str,
    /// What would be the name of the pod.
    pub(super) pod: String,
    pub(super) template: &'a Value,
    pub(super) container: &'a Value,
    /// Name, container port, loopback port.
    pub(super) ports: Vec<(Option<&'a str>, u16, u16)>,
}

/// Why there is no environment.
pub(super) enum NotYet {
    /// An object is not there; which.
    Missing(String),
    /// It never will be; what, and what to do.
    Impossible(String, String),
}

impl Environment<'_> {
    /// All variables.
    pub(super) fn resolve(&self, all: Objects<'_>) -> Result<BTreeMap<String, String>, NotYet> {
        let mut env = BTreeMap::from([("HOSTNAME".to_owned(), self.pod.clone()), ("HOST".to_owned(), "127.0.0.1".to_owned())]);
        if let Some((_, _, first)) = self.ports.first() {
            env.insert("PORT".to_owned(), first.to_string());
        }
        for (name, _, port) in &self.ports {
            if let Some(name) = name {
                env.insert(format!("PORT_{}", name.to_uppercase().replace('-', "_")), port.to_string());
            }
        }
        for source in list(self.container, "/envFrom") {
            let prefix = text(source, "/prefix");
            for (kind, key) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                let Some(reference) = source.get(key) else { continue };
                if let Some(data) = self.data(kind, reference, all)? {
                    env.extend(data.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
                }
            }
        }
        for one in list(self.container, "/env") {
            let name = text(one, "/name");
            let value = match one.get("valueFrom") {
                Some(from) => self.value_from(name, from, all)?,
                None => Some(expand(text(one, "/value"), &env)),
            };
            if let Some(value) = value {
                env.insert(name.to_owned(), self.listened(name, value));
            }
        }
        Ok(env)
    }

    /// A `PORT` that names a container port means the port that it is here.
    fn listened(&self, name: &str, value: String) -> String {
        let here = self.ports.iter().find(|(_, port, _)| name == "PORT" && port.to_string() == value);
        here.map_or(value, |(_, _, port)| port.to_string())
    }

    fn value_from(&self, name: &str, from: &Value, all: Objects<'_>) -> Result<Option<String>, NotYet> {
        for (kind, key) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
            let Some(reference) = from.get(key) else { continue };
            let Some(mut data) = self.data(kind, reference, all)? else { return Ok(None) };
            let key = text(reference, "/key");
            return match data.remove(key) {
                None if !optional(reference) => {
                    Err(NotYet::Missing(format!("{kind} {}/{} has no key {key}", self.namespace, text(reference, "/name"))))
                }
                found => Ok(found),
            };
        }
        if let Some(field) = some_text(from, "/fieldRef/fieldPath")
            && let Some(value) = self.field(field)
        {
            return Ok(Some(value));
        }
        let what = format!("its variable {name} comes from what only a pod has");
        Err(NotYet::Impossible(what, format!("Give {name} a value, or use `--provider kind`.")))
    }

    /// A field of what would be the pod.
    fn field(&self, path: &str) -> Option<String> {
        let mapped = |of: &str| {
            let key = path.strip_prefix(of)?.strip_prefix("['")?.strip_suffix("']")?;
            Some(texts(self.template, &format!("/{}", of.replace('.', "/"))).get(key).copied().unwrap_or_default().to_owned())
        };
        match path {
            "metadata.name" => Some(self.pod.clone()),
            "metadata.namespace" => Some(self.namespace.to_owned()),
            "spec.nodeName" => Some("localhost".to_owned()),
            "spec.serviceAccountName" => Some(some_text(self.template, "/spec/serviceAccountName").unwrap_or("default").to_owned()),
            "status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs" => Some("127.0.0.1".to_owned()),
            _ => mapped("metadata.labels").or_else(|| mapped("metadata.annotations")),
        }
    }

    /// The data of a ConfigMap or Secret; none where it may be missing and is.
    fn data(&self, kind: &'static str, reference: &Value, all: Objects<'_>) -> Result<Option<BTreeMap<String, String>>, NotYet> {
        let name = text(reference, "/name");
        match all.0.iter().map(|(_, object)| object).find(|object| {
            (object.id.kind.as_str(), object.id.group(), object.id.name.as_str()) == (kind, "", name)
                && object.id.namespace_or_default() == self.namespace
        }) {
            Some(object) => Ok(Some(if kind == "Secret" { secret(&object.value) } else { plain(&object.value, "/data") })),
            None if optional(reference) => Ok(None),
            None => Err(NotYet::Missing(format!("{kind} {}/{name} is not there", self.namespace))),
        }
    }
}

fn optional(reference: &Value) -> bool {
    reference.get("optional").and_then(Value::as_bool) == Some(true)
}

fn plain(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    texts(object, pointer).into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A Secret's data as text; what is no text cannot be in an environment.
fn secret(object: &Value) -> BTreeMap<String, String> {
    let decode = |value: &str| STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let mut data: BTreeMap<String, String> =
        texts(object, "/data").into_iter().filter_map(|(key, value)| Some((key.to_owned(), decode(value)?))).collect();
    data.extend(plain(object, "/stringData"));
    data
}

/// `$(NAME)` is the value of that variable, `$$` a dollar, and a name that is not known stays as it is written.
pub(super) fn expand(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = &from[1..];
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
        } else if let Some((name, next)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            if let Some(value) = env.get(name) {
                out.push_str(value);
            } else {
                out.push_str("$(");
                out.push_str(name);
                out.push(')');
            }
            rest = next;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
