//! TS3xx: Envoy Gateway's policies: BackendTrafficPolicy, ClientTrafficPolicy, EnvoyProxy, Backend.
//!
//! What the rules say is what `internal/gatewayapi` of Envoy Gateway 1.9.1 does with an object that the API server took.

mod buckets;
mod deprecated;
mod retries;
mod routes;
mod selectors;
mod settings;
mod targets;
#[cfg(test)]
mod tests;

use crate::lint::entry::Entry;
use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::model::ENVOY_GATEWAY as GROUP;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::set::Set;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS301", "limit-header-star", Error, selectors::star),
    Rule::new("TS302", "limit-value-missing", Error, selectors::value_missing),
    Rule::new("TS303", "limit-distinct-with-value", Error, selectors::distinct_with_value),
    Rule::new("TS304", "limit-pattern-refused", Error, selectors::pattern_refused),
    Rule::new("TS305", "limit-address-refused", Error, selectors::address_refused),
    Rule::new("TS306", "limit-two-defaults", Error, buckets::two_defaults),
    Rule::new("TS307", "limit-unit-no-multiple", Error, buckets::unit_no_multiple),
    Rule::new("TS308", "limit-of-zero", Warning, buckets::of_zero),
    Rule::new("TS309", "limit-condition-lost", Error, selectors::condition_lost),
    Rule::new("TS310", "limit-shared-local", Error, buckets::shared_local),
    Rule::new("TS311", "global-limit-without-redis", Warning, settings::global_without_redis),
    Rule::new("TS312", "limit-type-deprecated", Warning, buckets::type_deprecated),
    Rule::new("TS313", "limit-remembers-twenty", Note, buckets::remembers_twenty).in_production(Warning),
    Rule::new("TS314", "limit-refills", Note, buckets::refills),
    Rule::new("TS315", "limit-per-envoy", Warning, routes::per_replica),
    Rule::new("TS316", "limit-very-high", Note, buckets::very_high),
    Rule::new("TS317", "limit-on-redirect", Warning, routes::on_redirect),
    Rule::new("TS320", "policies-conflict", Error, targets::conflict),
    Rule::new("TS321", "policy-target-missing", Error, targets::missing),
    Rule::new("TS322", "policy-target-section", Error, targets::section),
    Rule::new("TS323", "policy-hides-policy", Warning, targets::hides),
    Rule::new("TS324", "policy-field-deprecated", Note, deprecated::fields),
    Rule::new("TS330", "breaker-without-health-check", Warning, retries::breaker_without_health_check),
    Rule::new("TS331", "breaker-never-reached", Note, retries::breaker_never_reached),
    Rule::new("TS332", "retry-backoff-refused", Error, retries::backoff_refused),
    Rule::new("TS333", "retry-codes-ignored", Error, retries::codes_ignored),
    Rule::new("TS334", "retries-outlast-request", Warning, retries::outlast_request),
    Rule::new("TS335", "retries-repeat-writes", Warning, routes::repeat_writes),
    Rule::new("TS336", "health-check-timeout-above-interval", Note, retries::health_check_timeout),
    Rule::new("TS337", "no-request-timeout", Note, routes::no_request_timeout),
    Rule::new("TS340", "client-policy-shared-port", Error, targets::shared_port),
    Rule::new("TS341", "extension-api-off", Note, settings::extension_api_off),
    Rule::new("TS343", "proxy-port-without-listener", Warning, routes::port_without_listener),
];

/// Every `BackendTrafficPolicy` of a set.
fn traffic_policies(set: &Set) -> impl Iterator<Item = &Entry> {
    set.of(GROUP, "BackendTrafficPolicy")
}

/// The local rate limit rules of a policy.
fn local_rules(policy: &Entry) -> impl Iterator<Item = Place<'_>> {
    policy.items("/spec/rateLimit/local/rules")
}

/// All rate limit rules of a policy.
pub(super) fn limit_rules(policy: &Entry) -> impl Iterator<Item = Place<'_>> {
    local_rules(policy).chain(policy.items("/spec/rateLimit/global/rules"))
}

/// The conditions of a rate limit rule; all must hold.
pub(super) fn conditions<'a>(rule: &Place<'a>) -> impl Iterator<Item = Place<'a>> + use<'a> {
    rule.get("clientSelectors").into_iter().flat_map(|selectors| selectors.items())
}

/// How a condition compares: `Exact` where nothing is written.
pub(super) fn comparison<'a>(matcher: &Place<'a>) -> &'a str {
    matcher.text_of("type").unwrap_or("Exact")
}
