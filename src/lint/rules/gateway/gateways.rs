//! Gateways, their classes and parameters.

use crate::input::nearest;
use crate::lint::finding::Severity;
use crate::lint::model::{self, ENVOY_CONTROLLER, ENVOY_GATEWAY, GATEWAY_API};
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// Names in back quotes, with commas.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A Gateway of a class that does not exist has no controller; facts.md, gw-class-missing.
pub(super) fn class_unknown(set: &Set, sink: &mut Sink) {
    let classes = listed(set.of(GATEWAY_API, "GatewayClass").map(|class| class.id.name.as_str()));
    for gateway in set.of(GATEWAY_API, "Gateway") {
        let Some(place) = gateway.at("/spec/gatewayClassName") else { continue };
        let Some(name) = place.text() else { continue };
        let remedy = if classes.is_empty() {
            "Add the GatewayClass, or name one that exists.".to_owned()
        } else {
            format!("Name a class that exists ({classes}), or add `{name}`.")
        };
        match model::class(set, gateway) {
            Look::Missing => {
                sink.at(
                    &place,
                    format!("no GatewayClass `{name}` exists, so no controller takes this Gateway and it stays Pending"),
                    remedy,
                );
            }
            Look::Unknown(Some(near)) => sink.with(
                Severity::Warning,
                &place,
                format!("there is no GatewayClass `{name}` here, but one of nearly the same name, `{near}`"),
                format!("Write `{near}` if that is meant."),
            ),
            Look::Unknown(None) if !classes.is_empty() => sink.with(
                Severity::Note,
                &place,
                format!(
                    "the GatewayClass of these files is {classes}, not `{name}`; without a class of that name the Gateway stays Pending"
                ),
                remedy,
            ),
            _ => {}
        }
    }
}

/// A class of a controller that nobody is; facts.md, class-controller.
pub(super) fn controller_unknown(set: &Set, sink: &mut Sink) {
    let configured: Vec<&str> = set.of(ENVOY_GATEWAY, "EnvoyGateway").filter_map(|config| config.text("/gateway/controllerName")).collect();
    for class in set.of(GATEWAY_API, "GatewayClass") {
        let Some(place) = class.at("/spec/controllerName") else { continue };
        let Some(name) = place.text().filter(|name| *name != ENVOY_CONTROLLER && !configured.contains(name)) else { continue };
        if name.starts_with("gateway.envoyproxy.io/") || nearest(name, [ENVOY_CONTROLLER]).is_some() {
            sink.at(
                &place,
                format!(
                    "Envoy Gateway answers to `{ENVOY_CONTROLLER}` unless it is configured otherwise, so nobody takes a class of `{name}`"
                ),
                format!("Write `{ENVOY_CONTROLLER}`, or set gateway.controllerName in Envoy Gateway's configuration."),
            );
        }
    }
}

/// Parameters that are not there make the class or Gateway invalid; facts.md, gw-params-missing.
pub(super) fn parameters_missing(set: &Set, sink: &mut Sink) {
    let gateways = set.of(GATEWAY_API, "Gateway").filter_map(|g| Some((g.at("/spec/infrastructure/parametersRef")?, g.namespace())));
    let classes = set.of(GATEWAY_API, "GatewayClass").filter_map(|c| Some((c.at("/spec/parametersRef")?, "")));
    for (place, namespace) in gateways.chain(classes) {
        if place.text_of("group") == Some(ENVOY_GATEWAY) && place.text_of("kind") == Some("EnvoyProxy") {
            parameters(set, sink, &place, namespace);
        }
    }
}

fn parameters(set: &Set, sink: &mut Sink, place: &Place<'_>, namespace: &str) {
    let Some(name) = place.get("name") else { return };
    let Some(text) = name.text() else { return };
    let namespace = place.text_of("namespace").unwrap_or(namespace);
    match set.look(ENVOY_GATEWAY, "EnvoyProxy", namespace, text) {
        Look::Missing => sink.at(
            &name,
            format!("there is no EnvoyProxy `{namespace}/{text}`, and Envoy Gateway refuses what names one that is not there (InvalidParameters)"),
            "Add the EnvoyProxy, or name one that exists.",
        ),
        Look::Unknown(Some(near)) => sink.with(
            Severity::Warning,
            &name,
            format!("there is no EnvoyProxy `{namespace}/{text}` here, but `{near}`"),
            format!("Write `{near}` if that is meant."),
        ),
        _ => {}
    }
}
