//! The Envoys behind a Gateway: their `EnvoyProxy`, and how many they are.

use super::{ENVOY_GATEWAY, parent};
use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};

/// What decides how the Envoys of a Gateway run.
#[derive(Clone, Debug)]
pub enum Proxies<'a> {
    /// These objects, the one that counts most first.
    Shown(Vec<&'a Entry>),
    /// Neither the Gateway nor its class names one: Envoy Gateway's defaults.
    Defaults,
    /// The set does not tell.
    Unknown,
}

/// The `EnvoyProxy` of a Gateway: that of `infrastructure.parametersRef` in the Gateway's namespace, else that of its class.
/// With `mergeType` the first adds to the second.
#[must_use]
pub fn proxies<'a>(set: &'a Set, gateway: &Entry) -> Proxies<'a> {
    let refers = |place: Option<Place<'_>>, namespace: &str| -> Option<Look<'a>> {
        let place = place?;
        if place.text_of("group") != Some(ENVOY_GATEWAY) || place.text_of("kind") != Some("EnvoyProxy") {
            return Some(Look::Unknown(None));
        }
        Some(set.look(ENVOY_GATEWAY, "EnvoyProxy", place.text_of("namespace").unwrap_or(namespace), place.text_of("name")?))
    };
    let own = refers(gateway.at("/spec/infrastructure/parametersRef"), gateway.namespace());
    match own {
        Some(Look::Here(own)) if own.at("/spec/mergeType").is_none() => return Proxies::Shown(vec![own]),
        Some(Look::Here(_)) | None => {}
        Some(_) => return Proxies::Unknown,
    }
    let Look::Here(class) = parent::class(set, gateway) else { return Proxies::Unknown };
    match (own, refers(class.at("/spec/parametersRef"), "")) {
        (Some(Look::Here(own)), Some(Look::Here(other))) => Proxies::Shown(vec![own, other]),
        (Some(Look::Here(one)), None) | (None, Some(Look::Here(one))) => Proxies::Shown(vec![one]),
        (None, None) => Proxies::Defaults,
        _ => Proxies::Unknown,
    }
}

/// A setting of the `EnvoyProxy` of a Gateway, by JSON pointer; `None` also where the set does not tell.
#[must_use]
pub fn proxy_setting<'a>(set: &'a Set, gateway: &Entry, pointer: &str) -> Option<Place<'a>> {
    let Proxies::Shown(shown) = proxies(set, gateway) else { return None };
    shown.into_iter().find_map(|proxy| proxy.at(pointer))
}

/// The most Envoys that run behind a Gateway, where the set tells: the maximum of `envoyHpa`, else `envoyDeployment.replicas`, else 1.
#[must_use]
pub fn replicas(set: &Set, gateway: &Entry) -> Option<i64> {
    let shown = match proxies(set, gateway) {
        Proxies::Shown(shown) => shown,
        Proxies::Defaults => return Some(1),
        Proxies::Unknown => return None,
    };
    let setting = |name: &str| shown.iter().find_map(|proxy| proxy.at(&format!("/spec/provider/kubernetes/{name}")));
    // a DaemonSet runs one on each node, and a patch may say anything
    if setting("envoyDaemonSet").is_some() || setting("envoyDeployment/patch/value/spec/replicas").is_some() {
        return None;
    }
    match setting("envoyHpa") {
        Some(autoscaler) => autoscaler.get("maxReplicas")?.number(),
        None => setting("envoyDeployment/replicas").map_or(Some(1), |replicas| replicas.number()),
    }
}
