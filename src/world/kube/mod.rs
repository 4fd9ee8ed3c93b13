//! The Kubernetes API server.
//!
//! Purpose: read, apply, watch and delete objects as JSON, and say why one is not as it should be.
//! Reads: one kubeconfig file that is named, the API server in it. Writes: objects, under the field manager `tstack`.
//! Must not: read `KUBECONFIG` or an in-cluster account, decide what is ready (it is given a judge), or show a Secret's content.
//!
//! Every answer has three values: `Ok(Some(_))` is there, `Ok(None)` is absent, `Err(_)` is unknown. Unknown is never taken for absent.

mod anew;
mod apply;
mod apply_all;
mod call;
mod client;
mod connect;
mod delete;
mod diagnose;
mod dry_run;
mod logs;
mod lookup;
mod order;
mod plain;
mod pods;
mod releases;
mod revision;
mod wait;
mod waits;

#[cfg(test)]
mod tests;

pub use apply_all::Definition;
pub use client::Cluster;
pub use connect::{client_for_tunnels, client_for_tunnels_at, says_where};
pub use dry_run::{Admission, DryRun, FieldCause, STAND_IN};
pub use logs::{ContainerLine, LogsWanted, OnLine};
pub use lookup::NodeState;
pub use releases::Release;

use serde_json::Value;

/// The name under which tstack owns the fields that it applies.
pub const FIELD_MANAGER: &str = "tstack";

/// What a judge says of an object. The room `ready` has the rules; whoever waits hands them in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does what it is for.
    Ready,
    /// Not yet; the reason is for people.
    Waiting(String),
    /// It will not come by waiting; the reason is for people.
    Failed(String),
}

/// Judges an object's JSON, pods among them.
pub type Judge = fn(&Value) -> Verdict;

/// Is told what a long call waits for, only when that changes.
pub type OnWait<'a> = &'a (dyn Fn(String) + Send + Sync);
