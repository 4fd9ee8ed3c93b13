//! Runs a plan.
//!
//! Purpose: order, deadlines, cancel; one file for each kind of step.
//! Reads: plan, the world. Writes: the world, through its rooms; events.
//! Must not: decide what is to be done, print, or read stack files.
