//! What the schema of a kind refuses, one rule for each sort of fault.

use serde_json::Value;

use crate::kinds::{Cause, Fault};
use crate::lint::entry::Entry;
use crate::lint::fix::Fix;
use crate::lint::set::Set;
use crate::lint::sink::Sink;
use crate::yaml::{self, Data, Node};

pub(super) fn unknown_field(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::UnknownKey], "Remove the key, or put it where it belongs.");
}

pub(super) fn missing_field(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::MissingKey], "Add the key.");
}

pub(super) fn wrong_type(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::WrongType], "Write a value of the type that is asked for.");
}

pub(super) fn value_not_allowed(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::NotListed], "Write one of the values that are listed.");
}

pub(super) fn out_of_range(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::Range, Cause::Length], "Stay within the bounds.");
}

pub(super) fn wrong_form(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::Form], "Write it in the form that is asked for.");
}

pub(super) fn duplicate_item(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::Duplicate], "Keep one of the two, or give one another name.");
}

pub(super) fn no_alternative_fits(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::Combination], "Choose one of the alternatives.");
}

pub(super) fn rule_of_the_kind(set: &Set, sink: &mut Sink) {
    tell(set, sink, &[Cause::Rule], "Change the object so that the rule holds.");
}

/// Tells the faults of some causes.
fn tell(set: &Set, sink: &mut Sink, causes: &[Cause], otherwise: &str) {
    for (at, fault) in set.schema_faults().iter().filter(|(_, fault)| causes.contains(&fault.cause)) {
        let entry = &set.entries()[*at];
        let pos = if fault.on_key { entry.node.pos_at(&fault.pointer) } else { entry.node.value_pos_at(&fault.pointer) };
        let remedy = fault.hint.as_ref().map_or_else(|| otherwise.to_owned(), |hint| sentence(hint));
        sink.pos_in(entry, pos, fault.message.as_str(), remedy);
        if let Some(fix) = fix(entry, fault) {
            sink.fix(fix);
        }
    }
}

/// `did you mean `x`?` stays a question; anything else becomes a sentence.
fn sentence(hint: &str) -> String {
    let mut chars = hint.chars();
    let upper: String = chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    if upper.ends_with(['?', '.']) { upper } else { format!("{upper}.") }
}

/// What is safe to change: a key that is nearly its neighbour in the schema, quotes too many or too few, a value in other letters.
fn fix(entry: &Entry, fault: &Fault) -> Option<Fix> {
    let hint = fault.hint.as_deref()?;
    let place = entry.at(&fault.pointer)?;
    let meant = hint.strip_prefix("did you mean `").and_then(|rest| rest.split('`').next());
    match fault.cause {
        Cause::UnknownKey => {
            let meant = meant?;
            let (parent, key) = fault.pointer.rsplit_once('/')?;
            let taken = entry.at(parent)?.get(meant).is_some();
            (!taken && same_word(key, meant)).then(|| Fix::rename(&place, meant))
        }
        Cause::NotListed => place
            .text()
            .filter(|text| text.eq_ignore_ascii_case(meant.unwrap_or_default()))
            .map(|_| Fix::set(&place, meant.unwrap_or_default())),
        Cause::WrongType if hint == "leave the quotes out" => {
            let Ok(Node { data: Data::Number(number), .. }) = yaml::parse(place.text()?) else { return None };
            Some(Fix::set(&place, Value::Number(number)))
        }
        Cause::WrongType if hint == "put the value in quotes" => match &place.node.data {
            Data::Bool(flag) => Some(Fix::set(&place, flag.to_string())),
            Data::Number(number) if number.is_i64() || number.is_u64() => Some(Fix::set(&place, number.to_string())),
            _ => None,
        },
        _ => None,
    }
}

/// Whether two keys differ in capitals or in an `s` at the end alone: then the other is meant, and not another field.
fn same_word(a: &str, b: &str) -> bool {
    let bare = |word: &str| word.to_lowercase().trim_end_matches('s').to_owned();
    bare(a) == bare(b)
}
