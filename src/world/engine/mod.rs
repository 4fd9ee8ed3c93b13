//! The container engine, through its API (Docker 20.10, API 1.41, and later).
//!
//! Every answer is yes, no or unknown: `Ok(Some)`, `Ok(None)` and `Err`. An engine that does not answer never means that a thing is absent.

mod connect;
mod container;
mod error;
mod exec;
mod image;
mod info;
mod keep;
#[cfg(test)]
mod live;
mod network;
mod node;
mod pull;
#[cfg(test)]
pub(crate) mod scripted;
mod template;

pub use connect::default_addresses;
pub use container::{Attached, Container, Details, PublishedPort, State};
pub use exec::Output;
pub use image::{EngineImage, local_name};
pub use info::Info;
pub use keep::{KeptImage, Workbench};
pub use network::{KIND_NETWORK, Network, Volume};
pub use node::{NodeImage, missing_in_node};
pub use template::{NewNode, NodeTemplate};

/// A connection to an engine. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: bollard::Docker,
    address: String,
}

impl Engine {
    /// The address that it answers at: `unix:///var/run/docker.sock`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}
