//! The linter: what is wrong, risky or surprising in a set of Kubernetes objects, before anything runs.
//!
//! Purpose: numbered rules over a set of located objects; findings with rule, place, reason and remedy.
//! Reads: texts that it is given, the pages of `docs/lint/`, which are part of the program. Writes: nothing.
//! Must not: do I/O, or guess: what the set does not show is unknown, and unknown is no finding.

mod apply;
mod command;
mod entry;
mod finding;
mod fix;
mod ignore;
pub mod model;
mod near;
mod page;
mod place;
mod rule;
pub mod rules;
mod set;
mod settings;
mod sink;
mod source;

pub use apply::{Fixed, fix};
pub use command::Command;
pub use entry::Entry;
pub use finding::{Finding, Severity};
pub use fix::Fix;
pub use page::{Page, Proof, page};
pub use place::Place;
pub use rule::Rule;
pub use set::{Look, Profile, Set, Source, Surroundings};
pub use settings::{Settings, unknown_rule};
pub use sink::Sink;
pub use source::{Form, Input, Reading};

/// Runs every rule over a set. The findings come in the order of the sources.
#[must_use]
pub fn run(set: &Set) -> Vec<Finding> {
    check(set, &Settings::default())
}

/// As [`run`], with what the user says of rules.
#[must_use]
pub fn check(set: &Set, settings: &Settings) -> Vec<Finding> {
    let mut sink = Sink::default();
    for rule in rules::all().filter(|rule| !settings.is_off(rule.id)) {
        sink.begin(rule);
        (rule.check)(set, &mut sink);
    }
    let mut findings: Vec<_> = sink.finish().into_iter().map(|found| (found.pos, found.finding(set))).collect();
    let mut sink = Sink::default();
    for fault in ignore::apply(set, &mut findings) {
        if let Some(rule) = rules::find(fault.rule).filter(|rule| !settings.is_off(rule.id)) {
            sink.begin(rule);
            sink.pos(fault.pos, fault.message, fault.remedy);
        }
    }
    findings.extend(sink.finish().into_iter().map(|found| (found.pos, found.finding(set))));
    findings.sort_by(|(a, x), (b, y)| (a, x.rule).cmp(&(b, y.rule)));
    findings.into_iter().filter_map(|(_, finding)| settings.judge(finding)).collect()
}
