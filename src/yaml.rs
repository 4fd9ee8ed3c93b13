//! The only way YAML comes in.
//!
//! Purpose: one parser with our options, budget and error positions.
//! Reads: text. Writes: nothing.
//! Must not: do I/O.
