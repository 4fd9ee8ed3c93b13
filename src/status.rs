//! How a stack is, as data.
//!
//! Purpose: the one shape that status shows and writes as JSON.
//! Reads: nothing. Writes: nothing.
//! Must not: do I/O.
