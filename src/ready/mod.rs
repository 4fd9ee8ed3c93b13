//! When an object is ready.
//!
//! Purpose: judge an object's JSON: ready, waiting with a reason, or failed with a reason.
//! Reads: one object. Writes: nothing.
//! Must not: do I/O or know other rooms.
//!
//! One rule decides between waiting and failed when a condition is `False`: what a controller repairs by itself once another
//! object appears or a program answers (a Secret that is not there yet, a backend, an address) is *waiting*; what only an edit of
//! the object repairs (`Invalid`, `Conflicted`, `UnsupportedValue`) is *failed*. Each family's file names its reasons.
//!
//! The JSON is read as it comes, without k8s-openapi's types: those change their shape with the Kubernetes version that is chosen,
//! and custom resources have none.

mod apps;
mod batch;
mod cert_manager;
mod condition;
mod core;
mod extension;
mod gateway;
mod keda;
mod pod;
mod policy;
#[cfg(test)]
mod tests;

use serde_json::Value;

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does what it is for.
    Ready,
    /// Not yet, and it may still come; the reason is for people: `1 of 2 replicas available`.
    Waiting(String),
    /// It will not come by waiting; the reason is for people.
    Failed(String),
}

/// Judges an object by its kind, as the API server gives it.
///
/// An object that is being deleted is never ready. A kind that is not known here is judged by its `Ready` condition, and is ready
/// when it has none: a `ConfigMap` does what it is for once it is there.
#[must_use]
pub fn judge(object: &Value) -> Readiness {
    if object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return Readiness::Waiting(being_deleted(object));
    }
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text("kind")) {
        ("", "Pod") => pod::judge(object),
        ("", "Namespace") => core::namespace(object),
        ("", "Service") => core::service(object),
        ("", "PersistentVolumeClaim") => core::claim(object),
        ("apps", "Deployment") => apps::deployment(object),
        ("apps", "StatefulSet") => apps::stateful_set(object),
        ("apps", "DaemonSet") => apps::daemon_set(object),
        ("batch", "Job") => batch::job(object),
        ("autoscaling", "HorizontalPodAutoscaler") => keda::autoscaler(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => extension::definition(object),
        ("apiregistration.k8s.io", "APIService") => extension::api_service(object),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => extension::webhooks(object),
        ("gateway.networking.k8s.io", "GatewayClass") => gateway::class(object),
        ("gateway.networking.k8s.io", "Gateway") => gateway::gateway(object),
        ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute") => gateway::route(object),
        ("gateway.networking.k8s.io", "BackendTLSPolicy") | ("gateway.envoyproxy.io", _) => policy::judge(object),
        ("cert-manager.io", "Certificate") => cert_manager::certificate(object),
        ("cert-manager.io", "Issuer" | "ClusterIssuer") => cert_manager::issuer(object),
        ("keda.sh", "ScaledObject") => keda::scaled_object(object),
        _ => core::other(object),
    }
}

fn being_deleted(object: &Value) -> String {
    let finalizers: Vec<&str> =
        object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if finalizers.is_empty() { "being deleted".to_owned() } else { format!("being deleted, held by {}", finalizers.join(", ")) }
}
