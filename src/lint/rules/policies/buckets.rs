//! How many requests a rate limit lets through: `limit`, and what becomes of it in Envoy.

use super::{comparison, conditions, limit_rules, local_rules, traffic_policies};
use crate::lint::finding::Severity;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Per minute and rule from which a limit is worth a second look: ten times what the seeds start with.
const HIGH: i64 = 1000;

/// A unit in seconds, as `UnitToSeconds` counts.
fn seconds(unit: &str) -> Option<i64> {
    Some(match unit {
        "Second" => 1,
        "Minute" => 60,
        "Hour" => 3600,
        "Day" => 86_400,
        "Week" => 604_800,
        "Month" => 2_592_000,
        "Year" => 31_536_000,
        _ => return None,
    })
}

fn unit<'a>(rule: &Place<'a>) -> Option<Place<'a>> {
    rule.at("/limit/unit")
}

fn is_for_all(rule: &Place<'_>) -> bool {
    conditions(rule).next().is_none()
}

/// buildLocalRateLimit: the rule without selectors is the one default bucket of the route.
pub(super) fn two_defaults(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        for rule in local_rules(policy).filter(is_for_all).skip(1) {
            sink.at(
                &rule,
                "a second local rule without `clientSelectors`: a route has one default bucket, so Envoy Gateway refuses the whole policy, and its routes answer 500",
                "Keep one of them, or say with `clientSelectors` whom this one counts.",
            );
        }
    }
}

/// buildLocalRateLimit: Envoy fills all buckets of a route at multiples of the default one's time.
pub(super) fn unit_no_multiple(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(default) = local_rules(policy).find(is_for_all).and_then(|rule| unit(&rule)?.text()) else { continue };
        for place in local_rules(policy).filter_map(|rule| unit(&rule)) {
            let Some((own, base)) = place.text().and_then(seconds).zip(seconds(default)) else { continue };
            if own % base != 0 {
                sink.at(
                    &place,
                    format!(
                        "{} is no multiple of {default}, the unit of the rule without selectors: Envoy Gateway refuses the whole policy, and its routes answer 500",
                        place.text().unwrap_or_default()
                    ),
                    "Give the rule without selectors the shortest unit of all, for example by writing 600 a Minute as 10 a Second.",
                );
            }
        }
    }
}

/// The schema allows 0; nothing passes.
pub(super) fn of_zero(set: &Set, sink: &mut Sink) {
    for rule in traffic_policies(set).flat_map(limit_rules) {
        let metered = rule.at("/limit/fromMetadata").is_some();
        if let Some(requests) = rule.at("/limit/requests").filter(|requests| requests.number() == Some(0) && !metered) {
            sink.at(
                &requests,
                "a limit of 0 lets no request through: all that the rule counts are answered 429",
                "Write a limit above 0; to close a route, say so with a SecurityPolicy's `authorization`.",
            );
        }
    }
}

/// Only the code for global limits reads `shared`.
pub(super) fn shared_local(set: &Set, sink: &mut Sink) {
    for rule in traffic_policies(set).flat_map(local_rules) {
        if let Some(shared) = rule.get("shared").filter(|shared| shared.flag() == Some(true)) {
            sink.at(
                &shared,
                "Envoy Gateway reads `shared` for global limits only: each route still has a local bucket of its own",
                "Leave it out, or make it a global limit, which needs Redis.",
            );
        }
    }
}

/// buildRateLimit: with `type` only the part that it names is read.
pub(super) fn type_deprecated(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(limit) = policy.at("/spec/rateLimit") else { continue };
        let Some((kind, place)) = limit.get("type").and_then(|place| Some((place.text()?, place))) else { continue };
        let (own, other) = if kind == "Global" { ("global", "local") } else { ("local", "global") };
        if limit.get(own).is_none() {
            sink.with(
                Severity::Error,
                &place,
                format!("`type: {kind}` without `{own}`: Envoy Gateway refuses the whole policy, and its routes answer 500"),
                format!("Leave out `type` and write the rules under `{own}`."),
            );
        } else if limit.get(other).is_some() {
            sink.with(
                Severity::Error,
                &place,
                format!("with the deprecated `type: {kind}` Envoy Gateway does not read `{other}`: its rules count for nothing"),
                "Leave out `type`: then both count.",
            );
        } else {
            sink.at(&place, format!("`type` is deprecated: that `{own}` is written says it"), "Leave out `type`.");
        }
    }
}

/// `max_dynamic_descriptors` is missing in what Envoy Gateway 1.9.1 writes for a route, so Envoy's default of 20 counts (issue 9973).
pub(super) fn remembers_twenty(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let lists = local_rules(policy).flat_map(|rule| conditions(&rule));
        let mut matchers = lists.flat_map(|condition| {
            let single = condition.get("sourceCIDR");
            ["headers", "queryParams"].into_iter().filter_map(move |list| condition.get(list)).flat_map(|list| list.items()).chain(single)
        });
        if let Some(matcher) = matchers.find(|matcher| comparison(matcher) == "Distinct") {
            sink.at(
                &matcher.get("type").unwrap_or(matcher),
                "up to Envoy Gateway 1.9.1 a route remembers the 20 callers seen last: with more of them at once, one who was forgotten has a full bucket again",
                "With more than 20 callers at a time use a global limit, or a release of Envoy Gateway above 1.9.1.",
            );
        }
    }
}

/// Envoy refills a bucket all the time, not once a unit.
pub(super) fn refills(set: &Set, sink: &mut Sink) {
    for policy in traffic_policies(set) {
        let Some(rule) = local_rules(policy).next() else { continue };
        let Some((requests, place)) = rule.at("/limit/requests").and_then(|r| r.number()).zip(unit(&rule)) else { continue };
        let Some(length) = place.text().and_then(seconds).filter(|_| requests > 0) else { continue };
        let millis = length.saturating_mul(1000) / requests;
        let every = if millis >= 1000 { format!("{} s", tenths(millis / 100)) } else { format!("{millis} ms") };
        sink.at(
            &place,
            format!("the bucket refills all the time, one request each {every}: whoever sends slowly gets more than {requests} through"),
            "Expect the exact number only of a burst on one connection; a global limit counts in fixed windows.",
        );
    }
}

fn tenths(value: i64) -> String {
    if value % 10 == 0 { (value / 10).to_string() } else { format!("{}.{}", value / 10, value % 10) }
}

/// Seed 001, NEVER 4.
pub(super) fn very_high(set: &Set, sink: &mut Sink) {
    for rule in traffic_policies(set).flat_map(limit_rules).filter(|rule| rule.get("cost").is_none()) {
        let Some((requests, unit)) = rule.at("/limit/requests").zip(unit(&rule).and_then(|unit| seconds(unit.text()?))) else { continue };
        let Some(a_minute) = requests.number().map(|number| number.saturating_mul(60) / unit).filter(|minute| *minute > HIGH) else {
            continue;
        };
        sink.at(
            &requests,
            format!("{a_minute} requests a minute is high for a first limit"),
            "Start low and raise it when the 429 answers show whom it hurts; keep it if measurements say so.",
        );
    }
}
