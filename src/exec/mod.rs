//! Runs a plan.
//!
//! Purpose: order, deadlines, cancel; one file in `steps` for each kind of step.
//! Reads: plan, the world. Writes: the world, through its rooms; the record; events.
//! Must not: decide what is to be done, print, or read stack files.

mod context;
mod dispatcher;
mod signals;
mod steps;

pub use context::{Context, Engines};
pub use dispatcher::{Act, Outcome, run};
pub use signals::Signals;
pub use steps::{judge, run_check};
