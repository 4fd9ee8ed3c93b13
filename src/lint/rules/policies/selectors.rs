//! Whom a rate limit counts: `clientSelectors`.

use super::{comparison, conditions, limit_rules, traffic_policies};
use crate::lint::place::Place;
use crate::lint::rules::text;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The matchers of headers and query parameters of all rate limits.
fn matchers(set: &Set) -> impl Iterator<Item = Place<'_>> {
    let conditions = traffic_policies(set).flat_map(limit_rules).flat_map(|rule| conditions(&rule));
    conditions
        .flat_map(|condition| ["headers", "queryParams"].into_iter().filter_map(move |list| condition.get(list)))
        .flat_map(|list| list.items())
}

fn inverted(matcher: &Place<'_>) -> bool {
    matcher.get("invert").and_then(|invert| invert.flag()).unwrap_or(false)
}

/// tech.md, table 0, row 1: `*` is compared like any other text.
pub(super) fn star(set: &Set, sink: &mut Sink) {
    for matcher in matchers(set).filter(|matcher| comparison(matcher) == "Exact") {
        let Some(value) = matcher.get("value").filter(|value| value.text() == Some("*")) else { continue };
        let name = matcher.text_of("name").unwrap_or_default();
        if inverted(&matcher) {
            sink.at(
                &value,
                format!("`*` is no wildcard: inverted it takes in everybody whose {name} is not the one character *, so all callers share this one bucket"),
                format!("For requests without {name} write `type: RegularExpression`, `value: \".+\"` and `invert: true`."),
            );
        } else {
            sink.at(
                &value,
                format!("`*` is no wildcard: only requests whose {name} is the one character * count, so this limits nobody"),
                format!("Write `type: Distinct` and no value: each value of {name} then has a bucket of its own."),
            );
        }
    }
}

/// buildRateLimitRule: "the header is missing a value".
pub(super) fn value_missing(set: &Set, sink: &mut Sink) {
    for matcher in matchers(set).filter(|matcher| comparison(matcher) != "Distinct" && matcher.get("value").is_none()) {
        let name = matcher.text_of("name").unwrap_or_default();
        let remedy = if inverted(&matcher) {
            format!("For requests without {name} write `type: RegularExpression`, `value: \".+\"` and `invert: true`.")
        } else {
            format!("Write `type: Distinct` for a bucket per value of {name}, or the `value` that is meant.")
        };
        let message = format!("{name} has no value to compare with: Envoy Gateway refuses the whole policy, and its routes answer 500");
        sink.at(&matcher.get("invert").unwrap_or(matcher), message, remedy);
    }
}

/// buildRateLimitRule: `Distinct` takes neither a value nor `invert`.
pub(super) fn distinct_with_value(set: &Set, sink: &mut Sink) {
    for matcher in matchers(set).filter(|matcher| comparison(matcher) == "Distinct") {
        let inverted = inverted(&matcher);
        for key in ["value", "invert"] {
            let Some(field) = matcher.get(key).filter(|_| key == "value" || inverted) else { continue };
            sink.at(
                &field,
                format!("`Distinct` gives each value a bucket and takes no `{key}`: Envoy Gateway refuses the whole policy, and its routes answer 500"),
                if inverted {
                    "For requests without the header write `type: RegularExpression`, `value: \".+\"` and `invert: true`.".to_owned()
                } else {
                    "Leave out `value`, or write `type: Exact` to count one value.".to_owned()
                },
            );
        }
    }
}

/// regex.Validate: Go's RE2, which knows neither looking around nor back references.
pub(super) fn pattern_refused(set: &Set, sink: &mut Sink) {
    let paths =
        traffic_policies(set).flat_map(limit_rules).flat_map(|rule| conditions(&rule)).filter_map(|condition| condition.get("path"));
    for matcher in matchers(set).chain(paths).filter(|matcher| comparison(matcher) == "RegularExpression") {
        let Some(value) = matcher.get("value") else { continue };
        if let Some(why) = value.text().and_then(text::pattern_fault) {
            sink.at(
                &value,
                format!("the pattern has {why}: Envoy Gateway refuses the whole policy, and its routes answer 500"),
                "Write it in RE2's syntax; `invert: true` says what a pattern that looks around would say.",
            );
        }
    }
}

/// parseCIDR.
pub(super) fn address_refused(set: &Set, sink: &mut Sink) {
    for rule in traffic_policies(set).flat_map(limit_rules) {
        for value in conditions(&rule).filter_map(|condition| condition.at("/sourceCIDR/value")) {
            if let Some(why) = value.text().and_then(text::range_fault) {
                sink.at(
                    &value,
                    format!("{why}: Envoy Gateway refuses the whole policy, and its routes answer 500"),
                    "Write an address, a slash and how many of its bits count: `10.0.0.0/8`, `192.0.2.7/32`, `2001:db8::/64`.",
                );
            }
        }
    }
}

/// buildRateLimitRule keeps one path and one address range a rule: the last.
pub(super) fn condition_lost(set: &Set, sink: &mut Sink) {
    for rule in traffic_policies(set).flat_map(limit_rules) {
        for key in ["path", "sourceCIDR"] {
            let mut found: Vec<Place<'_>> = conditions(&rule).filter_map(|condition| condition.get(key)).collect();
            found.pop();
            for lost in found {
                sink.at(
                    &lost,
                    format!("a rule has one `{key}`: of those in several selectors only the last counts, this one is forgotten"),
                    format!("Write a rule for each `{key}`, or one `{key}` that takes in both."),
                );
            }
        }
    }
}
