//! Specifications: what a service needs of the platform, as a file and as data.
//!
//! Purpose: the bytes of a `ServiceSpec` file become data with every default filled in, or everything that is wrong with them.
//! Reads: text. Writes: nothing.
//! Must not: do I/O, or know how what is needed is written down for Kubernetes.

#[cfg(any(test, feature = "test-fakes"))]
pub mod arbitrary;
mod file;
mod model;
mod resolve;
mod rules;
mod words;

pub use file::*;
pub use model::*;
pub use resolve::{read, schema};
pub use rules::{HttpRoute, MAX_MATCHES, MAX_RULES, Match, Rule};
pub use words::Span;

#[cfg(test)]
mod tests;
