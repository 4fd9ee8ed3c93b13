//! What a stack is where there is no Kubernetes.
//!
//! Purpose: turn a stack's objects into processes and what Envoy Gateway reads from files, tell what cannot be here, and give the
//! objects back with a status.
//! Reads: a stack, its objects, and what is known of their processes. Writes: nothing.
//! Must not: do I/O, start or ask anything, or know other rooms than `stack`.
//!
//! Three steps, each a pure function:
//!
//! ```text
//! Stack -> roles, programs, left_out_checks     what the provider makes of each component, before anything is touched
//! objects + Surroundings -> Layout              processes, Envoy Gateway's resources, addresses
//! objects + Layout + Known -> objects           each with a `status` that `ready` judges as it judges a cluster's
//! ```
//!
//! What is the same as on a cluster stays the stack's own word: names, labels, policies, routes. What differs is written down where
//! it is made: a Service is a `Backend` with the loopback ports of its processes, a listener has the port of the exposure that leads
//! to it, and an `EnvoyProxy` says nothing of Kubernetes.

mod adapt;
mod fields;
mod kinds;
mod layout;
mod model;
mod preview;
mod roles;
mod status;

pub use adapt::{Adapted, Metrics, SkippedCheck, Without, adapt};
pub use layout::{layout, wanted_ports};
pub use model::*;
pub use preview::{Preview, preview};
pub use roles::{left_out_checks, programs, roles};
pub use status::{evidence, statuses};

#[cfg(test)]
mod tests;
