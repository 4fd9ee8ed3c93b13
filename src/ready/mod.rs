//! When an object is ready.
//!
//! Purpose: judge an object's JSON: ready, waiting with a reason, or failed with a reason.
//! Reads: one object. Writes: nothing.
//! Must not: do I/O or know other rooms.

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
