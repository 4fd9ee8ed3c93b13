//! The rules, one file (or folder) a subject; the first digit of a rule's number is the subject.

mod access;
mod advice;
mod certificates;
mod gateway;
mod objects;
mod other;
mod policies;
mod reach;
mod scaling;
mod text;
mod workloads;

use super::rule::Rule;

/// Every rule, in the order of the numbers.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let subjects = [
        objects::RULES,
        gateway::RULES,
        policies::RULES,
        scaling::RULES,
        workloads::RULES,
        certificates::RULES,
        access::RULES,
        other::RULES,
        advice::RULES,
    ];
    subjects.into_iter().flatten()
}

/// A rule by its number or name, in capitals or not.
#[must_use]
pub fn find(rule: &str) -> Option<&'static Rule> {
    all().find(|known| known.id.eq_ignore_ascii_case(rule) || known.name.eq_ignore_ascii_case(rule))
}
