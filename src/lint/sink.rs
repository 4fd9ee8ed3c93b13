//! Where rules tell what they find.

use super::finding::{Finding, Severity};
use super::place::Place;
use super::rule::Rule;
use super::set::Set;
use crate::yaml::Pos;

/// A finding whose file and line are still a place.
#[derive(Debug)]
struct Found {
    rule: &'static Rule,
    severity: Option<Severity>,
    pos: Pos,
    object: String,
    message: String,
    remedy: String,
}

/// Collects the findings of the rule that runs.
#[derive(Debug, Default)]
pub struct Sink {
    rule: Option<&'static Rule>,
    found: Vec<Found>,
}

impl Sink {
    /// From now on a rule speaks.
    pub(super) const fn begin(&mut self, rule: &'static Rule) {
        self.rule = Some(rule);
    }

    /// Something is wrong at a place. `message` says what and why, `remedy` what to do.
    pub fn at(&mut self, place: &Place<'_>, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(None, place, message.into(), remedy.into());
    }

    /// As [`Sink::at`], with a severity other than the rule's own.
    pub fn with(&mut self, severity: Severity, place: &Place<'_>, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Some(severity), place, message.into(), remedy.into());
    }

    fn push(&mut self, severity: Option<Severity>, place: &Place<'_>, message: String, remedy: String) {
        if let Some(rule) = self.rule {
            self.found.push(Found { rule, severity, pos: place.pos(), object: place.entry.id.to_string(), message, remedy });
        }
    }

    /// The findings in the order of the sources.
    pub(super) fn finish(mut self, set: &Set) -> Vec<Finding> {
        self.found.sort_by_key(|found| (found.pos, found.rule.id));
        let finding = |found: Found| {
            let source = set.sources().get(found.pos.source);
            let own = if set.is_production() { found.rule.production.unwrap_or(found.rule.severity) } else { found.rule.severity };
            Finding {
                rule: found.rule.id,
                severity: found.severity.unwrap_or(own),
                file: source.map_or_else(String::new, |source| source.file.clone()),
                line: found.pos.line,
                column: found.pos.column,
                object: found.object,
                message: found.message,
                remedy: found.remedy,
                source: source.and_then(|s| s.text.lines().nth(found.pos.line.saturating_sub(1))).unwrap_or_default().to_owned(),
            }
        };
        self.found.into_iter().map(finding).collect()
    }
}
