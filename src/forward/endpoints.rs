//! Which pods stand behind a port of a Service, and which of them is next. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{EndpointConditions, EndpointSlice};

/// A port of a pod, in the namespace of its Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Target {
    pub(super) pod: String,
    pub(super) port: u16,
}

/// How willing a pod is; the order is the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// Ready, and not on its way out.
    Ready,
    /// Terminating but still serving: the last resort, as in kube-proxy.
    Draining,
}

/// What is known of a route's pods, as its connections see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Every pod that serves.
    pub(super) pods: BTreeMap<Target, Health>,
    /// The port under which every node leads to them.
    pub(super) node_port: Option<u16>,
    /// Why there is none, or why what is known may be old.
    pub(super) problem: Option<String>,
}

/// The node port of the Service's port `number`, where any node leads to any of its pods.
pub(super) fn node_port(service: &Service, number: u16) -> Option<u16> {
    let spec = service.spec.as_ref().filter(|spec| spec.external_traffic_policy.as_deref() != Some("Local"))?;
    let ports = spec.ports.as_deref().unwrap_or_default().iter();
    let port = ports.filter(|p| p.protocol.as_deref().is_none_or(|p| p == "TCP")).find(|p| p.port == i32::from(number))?;
    u16::try_from(port.node_port?).ok()
}

/// The name of the Service's port `number`: `EndpointSlices` know ports by name only, and an unnamed port as the empty name.
pub(super) fn port_name(service: &Service, number: u16) -> Result<String, String> {
    let ports = service.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default();
    let tcp = || ports.iter().filter(|p| p.protocol.as_deref().is_none_or(|p| p == "TCP"));
    match tcp().find(|p| p.port == i32::from(number)) {
        Some(port) => Ok(port.name.clone().unwrap_or_default()),
        None => Err(format!(
            "the Service has no TCP port {number}; it has: {}",
            Some(tcp().map(|p| p.port.to_string()).collect::<Vec<_>>().join(", ")).filter(|t| !t.is_empty()).unwrap_or("none".into())
        )),
    }
}

/// The serving pods of all slices of a Service for its port of this name. A pod that is in several slices (two address
/// families, or while it moves between slices) counts once, with its better health.
pub(super) fn pods<'a>(slices: impl IntoIterator<Item = &'a EndpointSlice>, port_name: &str) -> BTreeMap<Target, Health> {
    let mut pods = BTreeMap::new();
    for slice in slices {
        let Some(port) = target_port(slice, port_name) else { continue };
        for endpoint in &slice.endpoints {
            let Some(health) = health(endpoint.conditions.as_ref()) else { continue };
            let Some(reference) = endpoint.target_ref.as_ref().filter(|r| r.kind.as_deref() == Some("Pod")) else { continue };
            let Some(pod) = reference.name.clone() else { continue };
            pods.entry(Target { pod, port }).and_modify(|known: &mut Health| *known = health.min(*known)).or_insert(health);
        }
    }
    pods
}

fn target_port(slice: &EndpointSlice, name: &str) -> Option<u16> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let port = ports.iter().find(|p| p.name.as_deref().unwrap_or_default() == name)?;
    if port.protocol.as_deref().is_some_and(|p| p != "TCP") {
        return None;
    }
    u16::try_from(port.port?).ok()
}

/// An absent condition means ready and serving and not terminating (the API's own rule).
fn health(conditions: Option<&EndpointConditions>) -> Option<Health> {
    let Some(c) = conditions else { return Some(Health::Ready) };
    let terminating = c.terminating.unwrap_or(false);
    let ready = c.ready.unwrap_or(true);
    match (ready && !terminating, ready || c.serving.unwrap_or(ready)) {
        (true, _) => Some(Health::Ready),
        (false, true) if terminating => Some(Health::Draining),
        _ => None,
    }
}

/// Remembers which pod was used and which failed, to hand out the next one.
#[derive(Debug, Default)]
pub(super) struct Pool {
    turn: u64,
    marks: BTreeMap<Target, Marks>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    used: u64,
    failed: u64,
}

impl Pool {
    /// The next pod that was not tried yet: a ready one before a draining one, one that did not fail (or failed longest
    /// ago) before others, and among these in turn.
    pub(super) fn pick(&mut self, pods: &BTreeMap<Target, Health>, tried: &BTreeSet<Target>) -> Option<Target> {
        self.marks.retain(|target, _| pods.contains_key(target));
        let (target, _) = pods.iter().filter(|(target, _)| !tried.contains(target)).min_by_key(|(target, health)| {
            let marks = self.marks.get(target).copied().unwrap_or_default();
            (**health, marks.failed, marks.used)
        })?;
        self.turn += 1;
        self.marks.entry(target.clone()).or_default().used = self.turn;
        Some(target.clone())
    }

    /// The pod could not be reached.
    pub(super) fn failed(&mut self, target: &Target) {
        self.turn += 1;
        self.marks.entry(target.clone()).or_default().failed = self.turn;
    }

    /// The pod was reached: what was before is forgiven.
    pub(super) fn worked(&mut self, target: &Target) {
        if let Some(marks) = self.marks.get_mut(target) {
            marks.failed = 0;
        }
    }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
