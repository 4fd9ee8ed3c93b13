//! What each component of a stack is here, before anything is touched.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{self, Kind, kind};
use super::preview::preview;
use super::{Program, Role, Wanted};
use crate::stack::{CheckKind, Component, ComponentKind, ConditionCheck, ImageRef, ObjectId, Stack};

/// The Envoy that each minor version of Envoy Gateway is made for (its release notes).
const ENVOYS: &[(&str, &str)] = &[("1.9", "1.39.1"), ("1.8", "1.38.0"), ("1.7", "1.37.0"), ("1.6", "1.36.4")];
/// What runs where a stack names no version of its own.
const ENVOY_GATEWAY: &str = "1.9.1";
const PROMETHEUS: &str = "3.14.0";

/// How metrics begin that a cluster's Prometheus has from Envoy, the controllers and the nodes.
const NOT_SCRAPED: &[&str] = &["envoy_", "kube_", "kubelet_", "container_", "node_", "machine_", "apiserver_", "keda_", "certmanager_"];

/// What each component is, by its name.
#[must_use]
pub fn roles(stack: &Stack) -> BTreeMap<String, Role> {
    roles_without(stack, &preview(stack).whole())
}

/// [`roles`], where it is known which objects mean nothing.
pub(super) fn roles_without(stack: &Stack, nothing: &BTreeMap<ObjectId, String>) -> BTreeMap<String, Role> {
    stack.components.iter().map(|component| (component.name.clone(), role(component, stack, nothing))).collect()
}

fn role(component: &Component, stack: &Stack, nothing: &BTreeMap<ObjectId, String>) -> Role {
    match &component.kind {
        ComponentKind::Image(_) => Role::Image,
        ComponentKind::Certificate(_) => Role::Certificate,
        ComponentKind::Secrets(_) if only_charts_need(&component.name, stack) => Role::Needless,
        ComponentKind::Secrets(_) => Role::Objects,
        ComponentKind::Manifests(objects) => {
            let whys: Option<Vec<&String>> = objects.iter().map(|object| nothing.get(&object.id)).collect();
            match whys.as_deref() {
                Some([why, ..]) => Role::LeftOut((*why).clone()),
                _ => Role::Objects,
            }
        }
        ComponentKind::Helm(chart) => match chart.reference.rsplit('/').next().unwrap_or_default() {
            "gateway-helm" => Role::Program(envoy_gateway(bare(&chart.version), has_gateway(stack))),
            "prometheus" => Role::Program(prometheus(component)),
            "cert-manager" => Role::LeftOut(kinds::CERTIFICATES.to_owned()),
            "keda" => Role::LeftOut(kinds::KEDA.to_owned()),
            "gateway-crds-helm" => Role::LeftOut("Envoy Gateway has its definitions built in here".to_owned()),
            _ => Role::LeftOut("charts need Kubernetes".to_owned()),
        },
    }
}

fn only_charts_need(name: &str, stack: &Stack) -> bool {
    let needs = |other: &&Component| other.needs.iter().any(|need| need.component == name);
    stack.components.iter().filter(needs).all(|other| matches!(other.kind, ComponentKind::Helm(_)))
}

fn envoy_gateway(version: &str, required: bool) -> Wanted {
    Wanted { program: Program::EnvoyGateway, version: version.to_owned(), required }
}

/// The chart's version is not the program's; the image that is loaded for it says that.
fn prometheus(component: &Component) -> Wanted {
    let named = |image: &&ImageRef| image.path.ends_with("prometheus/prometheus");
    let tag = component.images.iter().find(named).and_then(|image| image.tag.as_deref());
    Wanted { program: Program::Prometheus, version: tag.map_or(PROMETHEUS, bare).to_owned(), required: false }
}

/// `v1.9.1` is version 1.9.1.
fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

fn has_gateway(stack: &Stack) -> bool {
    let of = |component: &Component| match &component.kind {
        ComponentKind::Manifests(objects) => {
            objects.iter().any(|object| object.id.kind == "Gateway" && object.id.group() == kinds::GATEWAY_API)
        }
        _ => false,
    };
    stack.components.iter().any(of)
}

/// The programs of others that the stack needs, each once: Envoy Gateway and its Envoy where it has a Gateway.
#[must_use]
pub fn programs(stack: &Stack) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    // a chart's program does not depend on the objects
    for role in roles_without(stack, &BTreeMap::new()).into_values() {
        if let Role::Program(wanted) = role
            && !all.iter().any(|one| one.program == wanted.program)
            && (wanted.program != Program::EnvoyGateway || wanted.required)
        {
            all.push(wanted);
        }
    }
    if has_gateway(stack) {
        let found = all.iter().find(|one| one.program == Program::EnvoyGateway).map(|one| one.version.clone());
        let version = found.unwrap_or_else(|| {
            all.push(envoy_gateway(ENVOY_GATEWAY, true));
            ENVOY_GATEWAY.to_owned()
        });
        all.push(Wanted { program: Program::Envoy, version: envoy_for(&version).to_owned(), required: true });
    }
    all.sort();
    all
}

/// The Envoy that a version of Envoy Gateway is made for; of a version that is not known here, the newest.
fn envoy_for(version: &str) -> &'static str {
    let minor = |known: &str| version.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    ENVOYS.iter().find(|(known, _)| minor(known)).or(ENVOYS.first()).map_or("", |(_, envoy)| envoy)
}

/// The checks that cannot be made here, by their names, and why: one sentence for people, without a full stop.
#[must_use]
pub fn left_out_checks(stack: &Stack, have_prometheus: bool) -> BTreeMap<String, String> {
    left_out_checks_without(stack, have_prometheus, &preview(stack).whole())
}

/// [`left_out_checks`], where it is known which objects mean nothing.
pub(super) fn left_out_checks_without(
    stack: &Stack,
    have_prometheus: bool,
    nothing: &BTreeMap<ObjectId, String>,
) -> BTreeMap<String, String> {
    let there: BTreeSet<ObjectId> = super::preview::objects(stack).into_iter().map(|(_, object)| key(&object.id)).collect();
    let why = |check: &CheckKind| match check {
        CheckKind::Autoscale(_) => Some(kinds::KEDA.to_owned()),
        CheckKind::Promql(_) if !have_prometheus => Some("there is no program of Prometheus on this machine".to_owned()),
        CheckKind::Promql(check) => not_scraped(&check.query)
            .map(|metric| format!("it asks for {metric}, and Prometheus scrapes the stack's own programs alone here")),
        CheckKind::Condition(check) => condition(check, nothing, &there),
        _ => None,
    };
    stack.checks.iter().filter_map(|check| Some((check.name.clone(), why(&check.kind)?))).collect()
}

/// The first metric of a query that comes from what a cluster runs, or from Envoy, which has no port for it here.
fn not_scraped(query: &str) -> Option<&str> {
    // what stands in braces are labels
    let outside =
        query.split('{').enumerate().map(|(n, part)| if n == 0 { part } else { part.split_once('}').map_or("", |(_, rest)| rest) });
    let words = outside.flat_map(|part| part.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')));
    words.into_iter().find(|word| NOT_SCRAPED.iter().any(|prefix| word.starts_with(prefix)))
}

fn condition(check: &ConditionCheck, nothing: &BTreeMap<ObjectId, String>, there: &BTreeSet<ObjectId>) -> Option<String> {
    let id = ObjectId::new(&check.api_version, &check.kind, check.namespace.as_deref().unwrap_or_default(), &check.name);
    let wanted = key(&id);
    if let Some((_, why)) = nothing.iter().find(|(left, _)| key(left) == wanted) {
        return Some(why.clone());
    }
    match kind(&id) {
        Kind::LeftOut(why) => Some(why.to_owned()),
        _ if there.contains(&wanted) => None,
        _ => Some(format!("{id} is not of the stack's manifests, and charts need Kubernetes")),
    }
}

/// Two versions of one kind are the same object, and no namespace is `default`.
fn key(id: &ObjectId) -> ObjectId {
    ObjectId::new(id.group(), &id.kind, id.namespace_or_default(), &id.name)
}
