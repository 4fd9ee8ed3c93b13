//! TS1xx: files and objects: what cannot be read, and what the API server refuses for its form.

use crate::lint::finding::Severity;
use crate::lint::rule::Rule;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS101", "not-yaml", Severity::Error, reader),
    Rule::new("TS102", "template", Severity::Error, reader),
    Rule::new("TS103", "not-an-object", Severity::Error, reader),
    Rule::new("TS104", "duplicate-key", Severity::Error, reader),
    Rule::new("TS106", "empty-file", Severity::Error, reader),
];

/// The reader found it, before there was a set.
fn reader(set: &Set, sink: &mut Sink) {
    sink.read_faults(set);
}
