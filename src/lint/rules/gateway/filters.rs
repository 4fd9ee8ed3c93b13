//! Filters of rules.

use crate::lint::finding::Severity;
use crate::lint::model::{ENVOY_GATEWAY, GATEWAY_API, Topology};
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// The filters of a rule and of its backends.
fn filters<'a>(rule: &Place<'a>) -> Vec<Place<'a>> {
    let list = |place: &Place<'a>| place.get("filters").into_iter().flat_map(|list| list.items()).collect::<Vec<_>>();
    let backends = rule.get("backendRefs").into_iter().flat_map(|list| list.items());
    list(rule).into_iter().chain(backends.flat_map(|backend| list(&backend))).collect()
}

/// facts.md, extref-missing.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for route in ["HTTPRoute", "GRPCRoute"].into_iter().flat_map(|kind| set.of(GATEWAY_API, kind)) {
        for filter in route.items("/spec/rules").flat_map(|rule| filters(&rule)) {
            let Some(to) = filter.get("extensionRef") else { continue };
            let (Some(name), Some(text)) = (to.get("name"), to.text_of("name")) else { continue };
            if to.text_of("group") != Some(ENVOY_GATEWAY) || to.text_of("kind") != Some("HTTPRouteFilter") {
                continue;
            }
            let namespace = route.namespace();
            match set.look(ENVOY_GATEWAY, "HTTPRouteFilter", namespace, text) {
                Look::Missing => sink.at(
                    &name,
                    format!("there is no HTTPRouteFilter `{namespace}/{text}`, so Envoy Gateway refuses the rule (UnsupportedValue)"),
                    "Add it beside the route, or name one that exists.",
                ),
                Look::Unknown(Some(near)) => sink.with(
                    Severity::Warning,
                    &name,
                    format!("there is no HTTPRouteFilter `{namespace}/{text}` here, but `{near}`"),
                    format!("Write `{near}` if that is meant."),
                ),
                _ => {}
            }
        }
    }
}

/// A redirect to https on the https listener itself.
pub(super) fn redirect_loop(set: &Set, sink: &mut Sink) {
    for route in &Topology::of(set).routes {
        let attached = || route.parents.iter().flat_map(|parent| parent.attached(route.entry)).map(|(listener, _)| listener);
        // without a port the redirect goes to that of the scheme
        let Some(own) = attached().find(|listener| listener.protocol == "HTTPS" && listener.port == Some(443)) else { continue };
        for rule in route.entry.items("/spec/rules") {
            let asks = |place: Place<'_>| place.get("headers").is_some();
            if rule.get("matches").into_iter().flat_map(|list| list.items()).any(asks) {
                continue;
            }
            for filter in filters(&rule) {
                let Some(redirect) = filter.get("requestRedirect") else { continue };
                let elsewhere = ["hostname", "port", "path"].into_iter().any(|key| redirect.get(key).is_some());
                if redirect.text_of("scheme") == Some("https") && !elsewhere {
                    sink.at(
                        &redirect,
                        format!(
                            "this route is attached to listener `{}` too, where the redirect leads to the same address again, for ever",
                            own.name
                        ),
                        "Name the http listener in `parentRefs[].sectionName`.",
                    );
                }
            }
        }
    }
}
