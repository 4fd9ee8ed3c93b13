//! Host mode: a stack as plain processes, held by one supervisor.
//!
//! Purpose: keep what a stack says alive on this machine: Envoy Gateway, Envoy, the stack's own programs; and say how each object is.
//! Reads: objects and questions that come through its door, verdicts of Envoy Gateway, `host.json`. Writes: `host/` in the state folder.
//! Must not: listen anywhere but on loopback, decide what an object means (that is `host`), or leave anything behind.
//!
//! ```text
//! up/status/down --Client--> door --> store of objects --host::layout--> processes, resources of Envoy Gateway
//!                              ^----- objects with status <--host::statuses-- probes, verdicts, Envoy's listeners
//! ```

mod ask;
mod bootstrap;
mod client;
mod core;
mod envoys;
mod event;
mod folder;
mod gateway;
mod keep;
mod log;
mod ports;
mod proxy;
mod publish;
mod ready;
mod reconcile;
mod relay;
mod restarts;
mod run;
mod runs;
mod scrape;
mod status;
mod store;
mod verdicts;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use client::Client;
pub use proxy::proxy;
pub use run::run;
pub use status::{ProcessState, ProcessStatus, Status};

use crate::daemon::Daemon;
use crate::failure::Failure;
use crate::host::Image;
use crate::stack::{Exposure, ServiceFile};
use crate::world::orphans;

const SUPERVISOR: Daemon = Daemon { name: "supervisor", spec: "host.json" };

/// What a supervisor works with: programs, and what is reached on localhost. Lies as `host.json` in the state folder for as long
/// as the supervisor shall live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The program `envoy-gateway`.
    pub gateway: PathBuf,
    /// The program `envoy`.
    pub envoy: PathBuf,
    /// Envoy's version, `1.39.1`: Envoy Gateway wants it named.
    pub envoy_version: String,
    /// Prometheus, where there is a program for it; without one, nothing is scraped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
    /// The program that stands for each image, by the image's full reference.
    pub images: BTreeMap<String, Image>,
    /// The Services that are reached on 127.0.0.1, and on which port.
    pub exposures: Vec<Exposure>,
}

/// The Prometheus of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prometheus {
    /// The program `prometheus`.
    pub program: PathBuf,
    /// The Service that it is reached by: `monitoring/prometheus:9090`.
    pub service: ServiceFile,
    /// How often it scrapes, as Prometheus writes a duration: `5s`.
    pub scrape_interval: String,
}

/// Ends what the processes of a supervisor that is dead had started themselves; its own children ended with it. Gives their number.
///
/// # Errors
/// When one does not end.
pub async fn end_orphans(state: &Path) -> Result<usize, Failure> {
    orphans::end(&folder::Folder::new(state).mark()).await
}
