//! Sees how the world is.
//!
//! Purpose: fill plan::Observed.
//! Reads: cluster, engine, state. Writes: nothing.
//! Must not: change anything; take unknown for absent.
