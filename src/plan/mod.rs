//! What is to be done, as data.
//!
//! Purpose: turn a stack and what is observed into a graph of steps, each with a cause.
//! Reads: Stack, Observed. Writes: nothing.
//! Must not: do I/O, be async, read a clock, or depend on a random order.
