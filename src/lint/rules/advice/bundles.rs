//! Definitions of Gateway API that are older than the gateway wants.

use crate::lint::model;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// What Envoy Gateway 1.9 wants at least.
const WANTED: (u32, u32) = (1, 6);
const ANNOTATION: &str = "gateway.networking.k8s.io/bundle-version";

/// `v1.2.1`
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v')?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The version in the address of a bundle.
fn of_address(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once("kubernetes-sigs/gateway-api/")?;
    let after = |mark: &str| rest.split_once(mark).and_then(|(_, version_text)| version(version_text));
    after("releases/download/").or_else(|| after("ref="))
}

/// Its chart keeps them out.
pub(super) fn too_old(set: &Set, sink: &mut Sink) {
    let by_class = set
        .of(model::GATEWAY_API, "GatewayClass")
        .any(|class| class.text("/spec/controllerName").is_some_and(|name| name.starts_with("gateway.envoyproxy.io/")));
    let by_command = set.commands().iter().any(|command| command.text.contains("envoyproxy/gateway"));
    let by_kind = set.entries().iter().any(|entry| entry.id.group() == "gateway.envoyproxy.io");
    if !by_class && !by_command && !by_kind {
        return;
    }
    let (major, minor) = WANTED;
    let why = |(old_major, old_minor): (u32, u32)| {
        format!("Envoy Gateway 1.9 needs Gateway API {major}.{minor}, and its chart refuses definitions of {old_major}.{old_minor}")
    };
    let remedy = format!("Use v{major}.{minor} or newer, or the definitions that come with Envoy Gateway's chart.");
    for command in set.commands() {
        if let Some(old) = of_address(&command.text).filter(|old| *old < WANTED) {
            sink.command(command, why(old), remedy.clone());
        }
    }
    for definition in set.of("apiextensions.k8s.io", "CustomResourceDefinition") {
        let Some(old) = definition.annotation(ANNOTATION).and_then(version).filter(|old| *old < WANTED) else { continue };
        if let Some(place) = definition.root().get("metadata").and_then(|metadata| metadata.get("annotations")?.get(ANNOTATION)) {
            sink.at(&place, why(old), remedy.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_addresses_of_bundles() {
        let base = "https://github.com/kubernetes-sigs/gateway-api/";
        assert_eq!(of_address(&format!("kubectl apply -f {base}releases/download/v1.2.1/standard-install.yaml")), Some((1, 2)));
        assert_eq!(of_address("kubectl apply -k github.com/kubernetes-sigs/gateway-api/config/crd?ref=v1.6.1"), Some((1, 6)));
        assert_eq!(of_address("kubectl apply -f gateway.yaml"), None);
    }
}
