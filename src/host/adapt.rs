//! The stack as it can be here: what has no place is taken out of it, with the reason.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::roles::{left_out_checks_without, roles_without};
use super::{Fault, LeftOutObject, Program, Role, preview};
use crate::stack::{CertificateIssuer, Chart, Component, ComponentKind, ObjectId, ServiceFile, Stack};

/// What has no place here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    /// The component, or the object, or the part of an object.
    pub what: String,
    /// Why, as one sentence without a full stop.
    pub reason: String,
}

/// A check that cannot be made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedCheck {
    /// Its name.
    pub name: String,
    /// Its kind: `autoscale`.
    pub kind: String,
    /// Why, as one sentence without a full stop.
    pub reason: String,
    /// Whether it is one of those that only `verify --deep` makes.
    pub deep: bool,
}

/// Where a stack's Prometheus is reached, and how often it looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// The Service that its chart would make.
    pub service: ServiceFile,
    /// Between two looks, as Prometheus writes a duration: `5s`.
    pub scrape_interval: String,
}

/// A stack as it can be here.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// What is left of it: manifests, certificates and programs; plan, steps and checks are made from it as on a cluster.
    pub stack: Stack,
    /// The components and objects that were taken out, and the parts of objects that have no effect.
    pub left_out: Vec<Without>,
    /// What cannot be as it is written: nothing is to be touched.
    pub faults: Vec<Fault>,
    /// The checks that were taken out.
    pub skipped: Vec<SkippedCheck>,
    /// The stack's Prometheus, where there is a program for it.
    pub metrics: Option<Metrics>,
}

/// Takes out of a stack what has no place here. Charts whose program runs as a process of the supervisor are taken out too: they
/// are no component that is applied, and nothing is lost with them.
#[must_use]
pub fn adapt(stack: &Stack, have_prometheus: bool) -> Adapted {
    let preview = preview(stack);
    let nothing = preview.whole();
    let roles = roles_without(stack, &nothing);
    let mut adapted = Adapted { stack: stack.clone(), left_out: Vec::new(), faults: preview.faults, skipped: Vec::new(), metrics: None };
    adapted.stack.components.retain(|component| match roles.get(&component.name) {
        Some(Role::LeftOut(reason)) => {
            adapted.left_out.push(Without { what: component.name.clone(), reason: reason.clone() });
            false
        }
        Some(Role::Needless) => false,
        Some(Role::Program(wanted)) if !wanted.required && !have_prometheus => {
            let reason = format!("there is no {} on this machine", wanted.program);
            adapted.left_out.push(Without { what: component.name.clone(), reason });
            false
        }
        Some(Role::Program(wanted)) => {
            if let (Program::Prometheus, ComponentKind::Helm(chart)) = (wanted.program, &component.kind) {
                adapted.metrics = Some(metrics(chart));
            }
            false
        }
        _ => true,
    });
    let kept: BTreeSet<String> = adapted.stack.components.iter().map(|component| component.name.clone()).collect();
    for component in &mut adapted.stack.components {
        component.needs.retain(|need| kept.contains(&need.component));
        // nothing is loaded into a node
        component.images.clear();
        match &mut component.kind {
            ComponentKind::Certificate(certificate) => certificate.issuer = CertificateIssuer::Tstack,
            ComponentKind::Manifests(objects) => objects.retain(|object| !nothing.contains_key(&object.id)),
            _ => {}
        }
    }
    // of a component that is taken out as a whole the reason has been told
    let in_kept: BTreeSet<&ObjectId> = stack.components.iter().filter(|c| kept.contains(&c.name)).flat_map(ids).collect();
    for LeftOutObject { id, part, why } in preview.left_out.iter().filter(|one| in_kept.contains(&one.id)) {
        let what = part.as_ref().map_or_else(|| id.to_string(), |part| format!("{id}, {part}"));
        adapted.left_out.push(Without { what, reason: why.clone() });
    }
    let left_out = left_out_checks_without(stack, have_prometheus, &nothing);
    adapted.stack.checks.retain(|check| match left_out.get(&check.name) {
        Some(reason) => {
            let (name, kind) = (check.name.clone(), check.kind.word().to_owned());
            adapted.skipped.push(SkippedCheck { name, kind, reason: reason.clone(), deep: check.deep });
            false
        }
        None => true,
    });
    adapted
}

/// The objects that a component has in its manifests.
fn ids(component: &Component) -> impl Iterator<Item = &ObjectId> {
    let objects = if let ComponentKind::Manifests(objects) = &component.kind { objects.as_slice() } else { &[] };
    objects.iter().map(|object| &object.id)
}

/// What the chart `prometheus` calls its server's Service, and what it has it do; its own defaults where the values say nothing
/// (prometheus-community chart 29, `values.yaml` and the helper `prometheus.server.fullname`).
fn metrics(chart: &Chart) -> Metrics {
    let values = Value::Object(chart.values.clone());
    let text = |path: &str| values.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let release = &chart.release;
    let full = if release.contains("prometheus") { format!("{release}-server") } else { format!("{release}-prometheus-server") };
    let port = values.pointer("/server/service/servicePort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let service = ServiceFile {
        namespace: chart.namespace.clone(),
        name: text("/server/fullnameOverride").unwrap_or(full),
        port: port.unwrap_or(80),
        node_port: None,
    };
    // whatever the values say: a rate needs two looks, and to look at a few processes of this machine costs nothing
    Metrics { service, scrape_interval: "1s".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{self, Overrides};

    fn task_api(set: &[(&str, &str)]) -> Stack {
        let mut folder = stack::shipped_folder("task-api").unwrap();
        folder.files.insert("bin/linux-amd64/task-api".into(), b"program".to_vec());
        let set = set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        stack::resolve(&folder, &Overrides { architecture: "amd64".into(), set, ..Overrides::default() }).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn what_is_left_needs_nothing_that_was_taken_out() {
        let adapted = adapt(&task_api(&[]), true);
        let names: Vec<&str> = adapted.stack.components.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["namespace", "task-api-image", "task-api", "gateway", "routes", "certificate"]);
        assert!(adapted.stack.components.iter().flat_map(|c| &c.needs).all(|need| names.contains(&need.component.as_str())));
        let ComponentKind::Certificate(certificate) = &adapted.stack.component("certificate").unwrap().kind else { panic!() };
        assert_eq!(certificate.issuer, CertificateIssuer::Tstack);
        assert!(adapted.faults.is_empty());
    }

    #[test]
    fn prometheus_is_reached_by_the_name_that_its_chart_would_give_it() {
        let service = |set: &[(&str, &str)]| {
            let service = adapt(&task_api(set), true).metrics.unwrap().service;
            format!("{}/{}:{}", service.namespace, service.name, service.port)
        };
        assert_eq!(service(&[]), "monitoring/prometheus:9090");
        assert_eq!(service(&[("components.prometheus.helm.values.server.fullnameOverride", "metrics")]), "monitoring/metrics:9090");
        assert_eq!(adapt(&task_api(&[]), false).metrics, None);
    }
}
