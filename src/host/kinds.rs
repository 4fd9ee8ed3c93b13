//! What each kind of object is here.

use crate::stack::ObjectId;

/// The group of Gateway API.
pub(super) const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The group of Envoy Gateway's own kinds.
pub(super) const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";

/// What Envoy Gateway reads of both groups; of UDP there is no use here.
const GATEWAY_API_KINDS: &[&str] =
    &["GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "ReferenceGrant", "BackendTLSPolicy"];
const ENVOY_GATEWAY_KINDS: &[&str] = &[
    "EnvoyProxy",
    "Backend",
    "BackendTrafficPolicy",
    "ClientTrafficPolicy",
    "SecurityPolicy",
    "EnvoyPatchPolicy",
    "EnvoyExtensionPolicy",
    "HTTPRouteFilter",
];

/// What an object of a kind is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Processes.
    Deployment,
    /// The way to processes.
    Service,
    /// It is there for others: namespaces, configuration, keys.
    Held,
    /// Envoy Gateway reads it.
    Read,
    /// It means nothing, and why.
    LeftOut(&'static str),
}

const AUTOSCALING: &str = "autoscaling needs the Kubernetes API";
const RIGHTS: &str = "there is no Kubernetes API to have rights at";
/// Why cert-manager and its objects are not here.
pub(super) const CERTIFICATES: &str = "certificates come from tstack's own CA here, cert-manager needs the Kubernetes API";
/// Why KEDA and its objects are not here.
pub(super) const KEDA: &str = AUTOSCALING;

/// What an object of that kind is here. The version does not matter, as for the API server.
pub(super) fn kind(id: &ObjectId) -> Kind {
    use Kind::{Deployment, Held, LeftOut, Read, Service};
    match (id.group(), id.kind.as_str()) {
        ("", "Namespace" | "ConfigMap" | "Secret") => Held,
        ("", "Service") => Service,
        ("apps", "Deployment") => Deployment,
        (GATEWAY_API, kind) if GATEWAY_API_KINDS.contains(&kind) => Read,
        (ENVOY_GATEWAY, kind) if ENVOY_GATEWAY_KINDS.contains(&kind) => Read,
        (GATEWAY_API, "UDPRoute") => LeftOut("exposed ports carry TCP alone"),
        (GATEWAY_API | ENVOY_GATEWAY, _) => LeftOut("Envoy Gateway does not read this kind from files"),
        ("", "Pod" | "ReplicationController") | ("apps" | "batch", _) => LeftOut("only Deployments run as processes here"),
        ("", "ServiceAccount") | ("rbac.authorization.k8s.io", _) => LeftOut(RIGHTS),
        ("", "PersistentVolume" | "PersistentVolumeClaim") | ("storage.k8s.io", _) => LeftOut("volumes need the nodes of a cluster"),
        ("", "ResourceQuota" | "LimitRange") | ("scheduling.k8s.io", _) => LeftOut("there are no nodes to share out"),
        ("policy", _) => LeftOut("there are no nodes to empty"),
        ("networking.k8s.io", "NetworkPolicy") => LeftOut("network policies are the work of a cluster's network"),
        ("networking.k8s.io", _) => LeftOut("only Gateway API leads requests here"),
        ("autoscaling" | "keda.sh" | "eventing.keda.sh", _) => LeftOut(AUTOSCALING),
        ("cert-manager.io" | "acme.cert-manager.io", _) => LeftOut(CERTIFICATES),
        _ => LeftOut("its controller needs the Kubernetes API"),
    }
}

/// The API version in which Envoy Gateway reads a kind from files. Where a cluster's API server converts between versions, here nobody
/// does, and another version ends the program.
pub(super) fn version(id: &ObjectId) -> &str {
    match (id.group(), id.kind.as_str()) {
        (GATEWAY_API, "ReferenceGrant") => "gateway.networking.k8s.io/v1beta1",
        (GATEWAY_API, _) => "gateway.networking.k8s.io/v1",
        _ => &id.api_version,
    }
}
