//! What a policy is on: whether that is there, and whether another policy is on it.

use std::collections::HashMap;

use super::GROUP;
use crate::lint::entry::Entry;
use crate::lint::finding::Severity;
use crate::lint::model::{GATEWAY_API, ROUTES, Reference, Target, parents, targets};
use crate::lint::place::Place;
use crate::lint::rules::reach::{Key, named};
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// The kinds that are put on Gateways and routes, at most one of a kind on a target.
const KINDS: [&str; 4] = ["BackendTrafficPolicy", "ClientTrafficPolicy", "EnvoyExtensionPolicy", "SecurityPolicy"];

/// Kind, namespace, name and section.
type Spot<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

const fn spot<'a>(reference: &Reference<'a>) -> Spot<'a> {
    (reference.kind, reference.namespace, reference.name, reference.section)
}

/// What a finding of a target points at: its name, or the selector that chose it.
fn at<'a>(target: &Target<'a>) -> Place<'a> {
    if target.selected { target.reference.place.clone() } else { target.reference.at_name() }
}

/// resolve..TargetRef: "another .. has already attached to it". The older one stays.
pub(super) fn conflict(set: &Set, sink: &mut Sink) {
    for kind in KINDS {
        let mut taken: HashMap<Spot<'_>, &Entry> = HashMap::new();
        for policy in set.of(GROUP, kind) {
            for target in targets(set, policy) {
                let other = *taken.entry(spot(&target.reference)).or_insert(policy);
                // the same object given twice is another rule's matter
                if std::ptr::eq(other, policy) || other.id == policy.id {
                    continue;
                }
                let section = target.reference.section.map(|section| format!(" ({section})")).unwrap_or_default();
                sink.at(
                    &at(&target),
                    format!(
                        "{}{section} has a {kind} already, {}: the older one stays, the other is not accepted and does nothing",
                        target.reference, other.id.name
                    ),
                    "Write both into one object.",
                );
            }
        }
    }
}

/// A policy whose target is not there gets no status at all.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    const EFFECT: &str = "a policy whose target is not there does nothing, without a word";
    let policies = KINDS.into_iter().flat_map(|kind| set.of(GROUP, kind));
    for target in policies.flat_map(|policy| targets(set, policy)).filter(|target| !target.selected) {
        let to = &target.reference;
        let (severity, near) = match to.look(set) {
            Look::Missing => (Severity::Error, None),
            Look::Unknown(near) => (Severity::Warning, near),
            Look::Here(_) | Look::Given => continue,
        };
        if to.group != GATEWAY_API || is_made(set, to) {
            continue;
        }
        let elsewhere = set.of(to.group, to.kind).find(|entry| entry.id.name == to.name && !entry.id.namespace.is_empty());
        let (message, remedy) = if let Some(other) = elsewhere.filter(|_| !to.place.entry.id.namespace.is_empty()) {
            let message =
                format!("the target of a policy is sought in its own namespace, and {} is in {}: {EFFECT}", to.name, other.namespace());
            (message, format!("Put the policy into namespace {}.", other.namespace()))
        } else if let Some(near) = near {
            (format!("{to} is not here, but `{near}` is: {EFFECT}"), format!("Did you mean `{near}`?"))
        } else if severity == Severity::Error {
            (format!("there is no {to}: {EFFECT}"), "Write the name of an object that is there.".to_owned())
        } else {
            continue;
        };
        sink.with(severity, &to.at_name(), message, remedy);
    }
}

/// The AI Gateway makes an HTTPRoute of the same name of each AIGatewayRoute.
fn is_made(set: &Set, to: &Reference<'_>) -> bool {
    to.kind == "HTTPRoute" && set.get("aigateway.envoyproxy.io", "AIGatewayRoute", to.namespace, to.name).is_some()
}

/// "No section name .. found".
pub(super) fn section(set: &Set, sink: &mut Sink) {
    for target in KINDS.into_iter().flat_map(|kind| set.of(GROUP, kind)).flat_map(|policy| targets(set, policy)) {
        let to = &target.reference;
        let (Some(section), Look::Here(entry)) = (to.section, to.look(set)) else { continue };
        let (list, what) = if ROUTES.contains(&to.kind) { ("/spec/rules", "rule") } else { ("/spec/listeners", "listener") };
        let known: Vec<&str> = entry.items(list).filter_map(|one| one.text_of("name")).collect();
        if known.contains(&section) {
            continue;
        }
        let remedy = match (crate::input::nearest(section, known.iter().copied()), known.is_empty()) {
            (Some(near), _) => format!("Did you mean `{near}`?"),
            (None, false) => format!("Write one of: {}.", known.join(", ")),
            (None, true) => format!("Give the {what} that is meant a `name`, or leave out `sectionName`."),
        };
        let place = to.place.get("sectionName").unwrap_or_else(|| to.at_name());
        sink.at(&place, format!("{to} has no {what} `{section}`, so the policy is not accepted"), remedy);
    }
}

/// Policies and their targets by what those are.
type Targets<'a> = HashMap<Key<'a>, Vec<(&'a Entry, Target<'a>)>>;

/// The closest policy counts alone, unless it says `mergeType`.
pub(super) fn hides(set: &Set, sink: &mut Sink) {
    for kind in ["BackendTrafficPolicy", "SecurityPolicy"] {
        let mut on: Targets<'_> = HashMap::new();
        for policy in set.of(GROUP, kind) {
            for target in targets(set, policy) {
                on.entry(named(&target.reference)).or_default().push((policy, target));
            }
        }
        let on_routes = on.values().flatten().filter(|(_, target)| ROUTES.contains(&target.reference.kind));
        for (policy, target) in on_routes.filter(|(policy, _)| policy.at("/spec/mergeType").is_none()) {
            let Some(above) = above(set, &on, &target.reference) else { continue };
            let lost = lost(above, policy);
            if !lost.is_empty() {
                let fields: Vec<_> = lost.iter().map(|field| format!("`{field}`")).collect();
                let ends = if lost.len() == 1 { "counts" } else { "count" };
                sink.at(
                    &at(target),
                    format!("this replaces {kind} {} whole: its {} no longer {ends} here", above.id.name, fields.join(", ")),
                    "Write `mergeType: StrategicMerge` to add to it, or repeat here what should stay.",
                );
            }
        }
    }
}

/// The policy that would count for a route, or a rule of it, if the one on it were not there.
fn above<'a>(set: &'a Set, on: &Targets<'a>, to: &Reference<'a>) -> Option<&'a Entry> {
    let whole = on.get(&named(to)).into_iter().flatten();
    let on_route = whole.filter(|(_, other)| to.section.is_some() && other.reference.section.is_none());
    let Look::Here(route) = to.look(set) else { return None };
    let above = parents(set, route).into_iter().filter_map(|parent| {
        let of_parent = on.get(&named(&parent.reference)).into_iter().flatten();
        let fits = of_parent.filter(|(_, other)| other.reference.section.is_none() || other.reference.section == parent.reference.section);
        fits.max_by_key(|(_, other)| other.reference.section.is_some())
    });
    on_route.chain(above).map(|(policy, _)| *policy).next()
}

/// What one policy sets and the other does not.
fn lost<'a>(above: &'a Entry, below: &Entry) -> Vec<&'a str> {
    let fields = above.at("/spec").into_iter().flat_map(|spec| spec.entries().map(|(key, _)| key).collect::<Vec<_>>());
    let targets = ["targetRef", "targetRefs", "targetSelectors", "mergeType"];
    fields.filter(|field| !targets.contains(field) && below.at(&format!("/spec/{field}")).is_none()).collect()
}

/// validatePortOverlapForClientTrafficPolicy: plain listeners of one port are one to Envoy.
pub(super) fn shared_port(set: &Set, sink: &mut Sink) {
    for target in set.of(GROUP, "ClientTrafficPolicy").flat_map(|policy| targets(set, policy)) {
        let to = &target.reference;
        let (Some(section), Look::Here(gateway)) = (to.section, to.look(set)) else { continue };
        let plain: Vec<_> = crate::lint::model::listeners(gateway).filter(|listener| listener.protocol == "HTTP").collect();
        let Some(own) = plain.iter().find(|listener| listener.name == section) else { continue };
        if let Some(other) = plain.iter().find(|listener| listener.name != section && listener.port == own.port) {
            sink.at(
                &to.place.get("sectionName").unwrap_or_else(|| to.at_name()),
                format!(
                    "listener `{}` has the same port, and to Envoy plain HTTP listeners of one port are one: the policy is not accepted",
                    other.name
                ),
                "Put the policy on the whole Gateway, or give the listeners ports of their own.",
            );
        }
    }
}
