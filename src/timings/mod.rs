//! Where the time of a run went.
//!
//! Purpose: from the events of runs to their critical path, what each step could spare, what would help, and what differs.
//! Reads: nothing; the text of a journal, or of `--output json`, is handed in. Writes: nothing.
//! Must not: know what a step does, render, or read a clock.
//!
//! The words, as `docs/timings.md` explains them to people:
//!
//! | word | meaning |
//! |---|---|
//! | total | from the first thing that the verb did to its last event: what a person waits |
//! | before | the part of it before the first step: a look at what is there, the plan, preflight |
//! | gap | from the end of the last step that a step needs, or comes after, to its own start |
//! | critical path | back from the step that ended last, each time to the needed step that ended last |
//! | slack | how much longer a step could have taken without a later end, all else the same |
//! | bound | the longest chain of needs by measured durations alone: no gaps, nothing before and after |

mod analysis;
mod compare;
mod graph;
mod help;
mod journal;
mod run;

#[cfg(test)]
mod tests;

pub use analysis::{Link, Row, Timings};
pub use compare::{Change, Comparison, Side};
pub use help::{Advice, Help};
pub use run::{Outcome, Run, State, Step, Wait};

pub use journal::runs;
