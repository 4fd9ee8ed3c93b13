//! The objects as they are here, with a status.
//!
//! A status says what its controller would say on a cluster, in the fields in which it says it, so that `ready` judges both alike.

mod deployment;
mod gateway;

use serde_json::{Value, json};

use super::kinds::{Kind, kind};
use super::{Known, Layout, Running, State, Verdict};
use crate::stack::{Object, ObjectId};

/// Each object with `metadata.generation` and `status`, in the order given, as an API server would give it. One of which nothing is
/// known yet has no status, so that who waits for it goes on waiting.
#[must_use]
pub fn statuses(objects: &[Object], layout: &Layout, known: &Known) -> Vec<Value> {
    objects.iter().map(|object| with_status(object, layout, known)).collect()
}

fn with_status(object: &Object, layout: &Layout, known: &Known) -> Value {
    let id = &object.id;
    let mut value = object.value.clone();
    let generation = known.generations.get(id).copied().unwrap_or(1);
    if let Some(fields) = value.as_object_mut() {
        // what a manifest says of it is not how it is
        fields.shift_remove("status");
    }
    value["metadata"]["generation"] = json!(generation);
    let status = match (kind(id), id.kind.as_str()) {
        (Kind::Deployment, _) => Some(deployment::status(object, generation, layout, known)),
        (Kind::Held, "Namespace") => Some(json!({"phase": "Active"})),
        // an address is what a load balancer would give, and here it is this one
        (Kind::Service, _) => Some(json!({"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}})),
        (Kind::Read, "Gateway") => {
            gateway::drop_left_out(&mut value, layout.listeners.get(id));
            known.verdict(id).map(|verdict| gateway::status(verdict, layout.listeners.get(id), &known.listening))
        }
        (Kind::Read, _) => known.verdict(id).map(observed),
        _ => None,
    };
    if let Some(status) = status {
        value["status"] = status;
    }
    value
}

impl Known {
    /// Envoy Gateway's last word on an object.
    fn verdict(&self, id: &ObjectId) -> Option<&Verdict> {
        let namespace = if id.kind == "GatewayClass" { "" } else { id.namespace_or_default() };
        self.verdicts.get(&(id.kind.clone(), format!("{namespace}/{}", id.name)))
    }
}

/// A verdict with the generation that it was given on: a file has none, so Envoy Gateway cannot say it.
fn observed(verdict: &Verdict) -> Value {
    let mut status = verdict.status.clone();
    observe(&mut status, verdict.generation);
    status
}

fn observe(value: &mut Value, generation: i64) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| observe(item, generation)),
        Value::Object(map) => {
            if let Some(conditions) = map.get_mut("conditions").and_then(Value::as_array_mut) {
                for condition in conditions {
                    condition["observedGeneration"] = json!(generation);
                }
            }
            map.values_mut().for_each(|child| observe(child, generation));
        }
        _ => {}
    }
}

/// Evidence about an object that is not as it should be, most telling first: how the processes of a Deployment are, and their last
/// lines. Of a Service, those of the Deployments behind it are not told.
#[must_use]
pub fn evidence(id: &ObjectId, layout: &Layout, known: &Known) -> Vec<String> {
    let mut told = Vec::new();
    for process in layout.processes.iter().filter(|process| process.object == *id) {
        let Some(running) = known.processes.get(&process.name).filter(|running| running.state != State::Ready) else { continue };
        told.push(format!("process {}: {}", process.name, running.told()));
        let lines: Vec<&str> = running.log.iter().map(String::as_str).collect();
        if !lines.is_empty() {
            told.push(format!("last lines of process {}:\n{}", process.name, lines.join("\n")));
        }
    }
    told
}

impl Running {
    /// How it is, for people: `ended with exit code 101, 3 restarts`.
    fn told(&self) -> String {
        let now = match &self.state {
            State::Starting => "started, not ready yet",
            State::Ready => "ready",
            State::NotReady(why) | State::Ended(why) | State::Failed(why) => why,
        };
        match self.restarts {
            0 => now.to_owned(),
            1 => format!("{now}, 1 restart"),
            n => format!("{now}, {n} restarts"),
        }
    }
}

#[cfg(test)]
mod tests;
