//! TS7xx: authentication and access: SecurityPolicy, what must not be reachable.
//!
//! What the rules say is what `internal/gatewayapi/securitypolicy.go` of Envoy Gateway 1.9.1 does with an object that the API server took.

mod authorization;
mod exposure;
mod secrets;
#[cfg(test)]
mod tests;
mod tokens;

use crate::lint::entry::Entry;
use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::model::ENVOY_GATEWAY;
use crate::lint::rule::Rule;
use crate::lint::set::Set;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS701", "management-path-open", Warning, exposure::management_path),
    Rule::new("TS702", "credentials-over-http", Warning, exposure::credentials_over_http).in_production(Error),
    Rule::new("TS703", "jwt-without-audience", Warning, tokens::without_audience),
    Rule::new("TS704", "jwks-over-http", Warning, tokens::keys_over_http).in_production(Error),
    Rule::new("TS705", "authentication-optional", Warning, tokens::optional),
    Rule::new("TS706", "claim-is-a-list", Warning, tokens::claim_is_a_list),
    Rule::new("TS707", "jwt-provider-twice", Error, tokens::provider_twice),
    Rule::new("TS708", "authorization-unknown-provider", Error, authorization::unknown_provider),
    Rule::new("TS709", "authorization-always-same", Warning, authorization::always_same),
    Rule::new("TS710", "cors-any-origin-with-credentials", Warning, authorization::any_origin).in_production(Error),
    Rule::new("TS711", "auth-secret-missing", Error, secrets::missing),
    Rule::new("TS712", "auth-secret-content", Error, secrets::content),
    Rule::new("TS713", "api-key-twice", Error, secrets::key_twice),
    Rule::new("TS714", "limit-key-invented", Note, exposure::limit_key_invented).in_production(Warning),
    Rule::new("TS715", "address-rule-behind-proxy", Note, exposure::addresses_behind_proxy),
    Rule::new("TS716", "authorization-refused", Error, authorization::refused),
    Rule::new("TS717", "tcp-authentication", Error, authorization::on_tcp),
    Rule::new("TS718", "oidc-pass-through-without-jwt", Error, tokens::pass_through),
];

/// The ways to find out who calls.
const AUTHENTICATION: [&str; 5] = ["jwt", "oidc", "basicAuth", "apiKeyAuth", "extAuth"];

/// Every SecurityPolicy of a set.
fn security_policies(set: &Set) -> impl Iterator<Item = &Entry> {
    set.of(ENVOY_GATEWAY, "SecurityPolicy")
}

/// Whether a policy asks who calls, or from where.
fn guards(policy: &Entry) -> bool {
    authenticates(policy) || policy.at("/spec/authorization").is_some()
}

/// Whether a policy asks who calls.
fn authenticates(policy: &Entry) -> bool {
    policy.at("/spec").is_some_and(|spec| AUTHENTICATION.iter().any(|way| spec.get(way).is_some()))
}
