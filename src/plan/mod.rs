//! What is to be done, as data.
//!
//! Purpose: turn a stack and what is observed into a graph of steps, each with a cause.
//! Reads: Stack, Observed. Writes: nothing.
//! Must not: do I/O, be async, read a clock, or depend on a random order.

mod digest;
mod down;
mod graph;
mod keep;
mod observed;
mod pause;
mod step;
mod takedown;
mod up;

pub use digest::{certificate_digest, chart_digest, cluster_digest, object_digest, secrets_digest, stack_digest};
pub use down::{DownRequest, down};
pub use graph::{Plan, PlanError};
pub use keep::{Restore, bake, restore, save};
pub use observed::{ClusterFact, Exposing, HostFact, Made, NodeAccess, ObjectFact, Observed, ReleaseFact};
pub use pause::pause;
pub use step::{Action, Step};
pub use up::{UpRequest, start, up, verify};

/// The annotation that holds the digest of an object as the stack wants it.
pub const DIGEST_ANNOTATION: &str = "tstack.dev/digest";
/// The label of everything that tstack applies; its value is the cluster's tstack name.
pub const OWNER_LABEL: &str = "tstack.dev/name";
/// The label of a node whose value only our record knows.
pub const NODE_OWNER_LABEL: &str = "tstack.dev/owner";

#[cfg(test)]
mod tests;
