//! The path from localhost to a service, where no port mapping serves.
//!
//! Purpose: listen on 127.0.0.1 and `::1`, follow the service's endpoints, carry connections to the node itself where it is in reach and
//! proven to be ours, else through the API server; never give up.
//! Reads: Services and `EndpointSlices` of the cluster, the spec in the state folder. Writes: spec, lock, log and control socket there.
//! Must not: listen anywhere but on loopback, change the cluster, or outlive a stop.
//!
//! ```text
//! client --TCP--> server --search--> a ready pod (endpoints <-- follow <-- watch)
//!                    \--carry--> near: node port --> pod, for a kind cluster on this machine
//!                            \-> tunnel --WebSocket--> API server --> kubelet --> pod
//! up/status/down --one line of JSON--> door (room `daemon`) --> run
//! ```

mod board;
mod carry;
mod endpoints;
#[cfg(test)]
mod fake;
mod follow;
mod near;
mod outside;
mod run;
mod search;
mod server;
mod tunnel;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use board::{Board, Observer, RouteStatus, Status};
pub use outside::{fits, start, status, stop};
pub use run::run;
pub use server::{Served, serve};

use crate::daemon::Daemon;
use crate::stack::ServiceFile;

const FORWARDER: Daemon = Daemon { name: "forwarder", spec: "forwarder.json" };

/// One port on loopback and the service behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The name that the stack file gives it: `http`.
    pub name: String,
    /// The port on 127.0.0.1, and on `::1` where the machine has it.
    pub host: u16,
    /// The service behind it; its node port is taken from the cluster and not from here.
    pub service: ServiceFile,
}

impl Route {
    /// `http (127.0.0.1:8080 to Service task-api/gateway:80)`, as every message names a route.
    pub(crate) fn describe(&self) -> String {
        format!("{} (127.0.0.1:{} to Service {})", self.name, self.host, self.target())
    }

    /// `task-api/gateway:80`.
    pub(crate) fn target(&self) -> String {
        format!("{}/{}:{}", self.service.namespace, self.service.name, self.service.port)
    }
}

/// What one daemon serves: one cluster, any number of routes. Lies as `forwarder.json` in the state folder for as long as
/// the daemon shall live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The kubeconfig file that holds the context.
    pub kubeconfig: PathBuf,
    /// The context; without one, the kubeconfig's current context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The uid of the namespace `kube-system`: the cluster's identity, which an address or a context's name is not.
    pub identity: String,
    /// The node is a container on this machine, or may be: it is asked for straight where it proves to be this cluster's.
    #[serde(default)]
    pub near: bool,
    /// What is served.
    pub routes: Vec<Route>,
}
