//! The linter: what is wrong, risky or surprising in a set of Kubernetes objects, before anything runs.
//!
//! Purpose: numbered rules over a set of located objects; findings with rule, place, reason and remedy.
//! Reads: texts that it is given, the pages of `docs/lint/`, which are part of the program. Writes: nothing.
//! Must not: do I/O, or guess: what the set does not show is unknown, and unknown is no finding.

mod command;
mod entry;
mod finding;
mod fix;
pub mod model;
mod near;
mod page;
mod place;
mod rule;
pub mod rules;
mod set;
mod sink;
mod source;

pub use command::Command;
pub use entry::Entry;
pub use finding::{Finding, Severity};
pub use fix::Fix;
pub use page::{Page, Proof, page};
pub use place::Place;
pub use rule::Rule;
pub use set::{Look, Profile, Set, Source, Surroundings};
pub use sink::Sink;
pub use source::{Form, Input, Reading};

/// Runs every rule over a set. The findings come in the order of the sources.
#[must_use]
pub fn run(set: &Set) -> Vec<Finding> {
    let mut sink = Sink::default();
    for rule in rules::all() {
        sink.begin(rule);
        (rule.check)(set, &mut sink);
    }
    sink.finish().into_iter().map(|found| found.finding(set)).collect()
}
