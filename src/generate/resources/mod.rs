//! The objects, one file a concern.

mod certificate;
mod client;
mod gateway;
mod routes;
mod scaling;
mod security;
mod traffic;
mod workload;

pub(super) use certificate::certificate;
pub(super) use client::client_policy;
pub(super) use gateway::gateway;
pub(super) use routes::routes;
pub(super) use scaling::{budgets, scaler};
pub(super) use security::security_policy;
pub(super) use traffic::traffic_policy;
pub(super) use workload::{namespace, workloads};

use crate::spec::ServiceSpec;
use crate::yaml::{Item, Map, Tree};

/// The group of Gateways and routes.
const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The group of Envoy Gateway's policies.
const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";

/// A map of entries in order.
fn map<const N: usize>(entries: [(&str, Tree); N]) -> Map {
    let mut map = Map::new();
    for (key, value) in entries {
        map.put(key, value);
    }
    map
}

/// A list of values.
fn list<T: Into<Tree>>(values: impl IntoIterator<Item = T>) -> Vec<Item> {
    values.into_iter().map(Item::new).collect()
}

/// A reference of a policy to what it is about.
fn target(kind: &str, name: &str) -> Map {
    map([("group", GATEWAY_API.into()), ("kind", kind.into()), ("name", name.into())])
}

/// References to every route of the service that passes requests on.
fn targets(spec: &ServiceSpec) -> Vec<Item> {
    list(spec.http_routes().iter().map(|route| target("HTTPRoute", &route.name)))
}
