//! Where rules tell what they find.

use super::command::Command;
use super::entry::Entry;
use super::finding::{Finding, Severity};
use super::fix::Fix;
use super::place::Place;
use super::rule::Rule;
use super::set::Set;
use crate::yaml::Pos;

/// The most characters of a line that a finding carries; what is shown of it is much less.
const MOST_SHOWN: usize = 2000;

/// A finding whose file and line are still a place.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rule: &'static Rule,
    pub(super) severity: Option<Severity>,
    pub(super) pos: Pos,
    pub(super) object: String,
    pub(super) message: String,
    pub(super) remedy: String,
    pub(super) fix: Option<Fix>,
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
        self.push(None, place.pos(), place.entry.id.to_string(), message.into(), remedy.into());
    }

    /// What `--fix` may do about the finding that was told last. It is made only where everything else in the text keeps its meaning.
    pub fn fix(&mut self, fix: Fix) {
        if let Some(found) = self.found.last_mut() {
            found.fix = Some(fix);
        }
    }

    /// As [`Sink::at`], with a severity other than the rule's own.
    pub fn with(&mut self, severity: Severity, place: &Place<'_>, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Some(severity), place.pos(), place.entry.id.to_string(), message.into(), remedy.into());
    }

    /// Something is wrong with a command.
    pub fn command(&mut self, command: &Command, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(None, command.pos, String::new(), message.into(), remedy.into());
    }

    /// Something is wrong where no object is.
    pub(super) fn pos(&mut self, pos: Pos, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(None, pos, String::new(), message.into(), remedy.into());
    }

    /// Something is wrong at a place of an object that is written nowhere of its own.
    pub(super) fn pos_in(&mut self, entry: &Entry, pos: Pos, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(None, pos, entry.id.to_string(), message.into(), remedy.into());
    }

    /// What the reader found under the number of the rule that speaks.
    pub(super) fn read_faults(&mut self, set: &Set) {
        let Some(rule) = self.rule else { return };
        for fault in set.faults().iter().filter(|fault| fault.rule == rule.id) {
            self.pos(fault.pos, fault.message.as_str(), fault.remedy.as_str());
        }
    }

    fn push(&mut self, severity: Option<Severity>, pos: Pos, object: String, message: String, remedy: String) {
        if let Some(rule) = self.rule {
            self.found.push(Found { rule, severity, pos, object, message, remedy, fix: None });
        }
    }

    /// What was told, in the order of the sources.
    pub(super) fn finish(mut self) -> Vec<Found> {
        self.found.sort_by_key(|found| (found.pos, found.rule.id));
        self.found
    }
}

impl Found {
    /// The finding with its file and line.
    pub(super) fn finding(self, set: &Set) -> Finding {
        let source = set.sources().get(self.pos.source);
        let own = if set.is_production() { self.rule.production.unwrap_or(self.rule.severity) } else { self.rule.severity };
        Finding {
            rule: self.rule.id,
            severity: self.severity.unwrap_or(own),
            file: source.map_or_else(String::new, |source| source.file.clone()),
            line: self.pos.line,
            column: self.pos.column,
            object: self.object,
            message: self.message,
            remedy: self.remedy,
            source: shown(set.line(self.pos.source, self.pos.line), self.pos.column),
            fix: self.fix,
        }
    }
}

/// The line as a finding carries it: each of ten thousand findings in one line of megabytes does not carry all of it. Far behind the beginning
/// of such a line nothing is shown.
fn shown(line: &str, column: usize) -> String {
    match line.char_indices().nth(MOST_SHOWN) {
        None => line.to_owned(),
        Some((end, _)) if column < MOST_SHOWN => line[..end].to_owned(),
        Some(_) => String::new(),
    }
}
