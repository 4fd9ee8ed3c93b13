//! Queries of prometheus triggers: whether they can be read, and what they answer with.

use super::promql::{self, Answer, Query};
use super::target::{Trigger, triggers};
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// A query that can be read.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) trigger: Trigger<'a>,
    pub(super) place: Place<'a>,
    pub(super) query: Query,
}

/// The texts of all queries; those that are filled in later are left out.
fn texts(set: &Set) -> impl Iterator<Item = (Trigger<'_>, Place<'_>, &str)> {
    triggers(set).filter(|trigger| trigger.kind == "prometheus").filter_map(|trigger| {
        let (place, text) = trigger.value("query").filter(|(_, text)| !text.contains("${") && !text.contains("{{"))?;
        Some((trigger, place, text))
    })
}

/// The queries that can be read.
pub(super) fn queries(set: &Set) -> impl Iterator<Item = Asked<'_>> {
    texts(set).filter_map(|(trigger, place, text)| Some(Asked { trigger, place, query: promql::read(text).ok()? }))
}

/// A query that Prometheus refuses; KEDA tells of it only when it asks for the first time.
pub(super) fn unreadable(set: &Set, sink: &mut Sink) {
    for (_, place, text) in texts(set) {
        match promql::read(text) {
            Err(fault) => {
                sink.at(
                    &place,
                    format!("Prometheus cannot read the query: at character {}, {}", fault.at, fault.message),
                    "Try the query in Prometheus before KEDA asks it.",
                );
            }
            Ok(query) if query.answer >= Answer::RangeOfOne => {
                sink.at(
                    &place,
                    "the query answers with points over time, and KEDA needs one number",
                    "Put a function around it, such as sum(rate(..)).",
                );
            }
            Ok(_) => {}
        }
    }
}

/// KEDA refuses an answer of several series.
pub(super) fn many_series(set: &Set, sink: &mut Sink) {
    for asked in queries(set).filter(|asked| [Answer::Many, Answer::Buckets].contains(&asked.query.answer)) {
        sink.at(
            &asked.place,
            "the query may answer with several series, one for each pod or label value, and KEDA takes exactly one: with two it stops scaling",
            "Put sum(..) or max(..) around it, without by.",
        );
    }
}

/// No answer looks like no load.
pub(super) fn empty_is_zero(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set).filter(|trigger| trigger.kind == "prometheus") {
        let Some(metadata) = trigger.metadata().filter(|metadata| metadata.get("query").is_some()) else { continue };
        if trigger.value("ignoreNullValues").is_none() {
            sink.at(
                &metadata,
                "an empty answer counts as 0, so a query that matches nothing looks like no load and never scales",
                "Set ignoreNullValues: \"false\" to have KEDA say so, once the metric is there from the start.",
            );
        }
    }
}
