//! TS1xx: files and objects: what cannot be read, and what the API server refuses for its form.

mod identity;
mod schema;

use crate::lint::finding::Severity;
use crate::lint::rule::Rule;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS101", "not-yaml", Severity::Error, reader),
    Rule::new("TS102", "template", Severity::Error, reader),
    Rule::new("TS103", "not-an-object", Severity::Error, reader),
    Rule::new("TS104", "duplicate-key", Severity::Error, reader),
    Rule::new("TS105", "duplicate-object", Severity::Error, identity::duplicate_object),
    Rule::new("TS106", "empty-file", Severity::Error, reader),
    Rule::new("TS107", "unknown-kind", Severity::Note, identity::unknown_kind),
    Rule::new("TS108", "wrong-group", Severity::Error, identity::wrong_group),
    Rule::new("TS109", "version-not-served", Severity::Error, identity::version_not_served),
    Rule::new("TS110", "deprecated-version", Severity::Warning, identity::deprecated_version),
    Rule::new("TS111", "unknown-field", Severity::Error, schema::unknown_field),
    Rule::new("TS112", "missing-field", Severity::Error, schema::missing_field),
    Rule::new("TS113", "wrong-type", Severity::Error, schema::wrong_type),
    Rule::new("TS114", "value-not-allowed", Severity::Error, schema::value_not_allowed),
    Rule::new("TS115", "out-of-range", Severity::Error, schema::out_of_range),
    Rule::new("TS116", "wrong-form", Severity::Error, schema::wrong_form),
    Rule::new("TS117", "duplicate-item", Severity::Error, schema::duplicate_item),
    Rule::new("TS118", "no-alternative-fits", Severity::Error, schema::no_alternative_fits),
    Rule::new("TS119", "rule-of-the-kind", Severity::Error, schema::rule_of_the_kind),
    // both are told by lint::ignore, when all other rules have spoken
    Rule::new("TS190", "ignore-without-reason", Severity::Warning, reader),
    Rule::new("TS191", "ignore-without-effect", Severity::Warning, reader),
];

/// The reader found it, before there was a set.
fn reader(set: &Set, sink: &mut Sink) {
    sink.read_faults(set);
}
