//! Tokens: `jwt` and `oidc`.

use super::security_policies;
use crate::lint::place::Place;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Claims that identity providers send as lists; `scope` is one text with spaces.
const LISTS: [&str; 7] = ["permissions", "roles", "groups", "scopes", "authorities", "entitlements", "amr"];

fn providers(set: &Set) -> impl Iterator<Item = Place<'_>> {
    security_policies(set).flat_map(|policy| policy.items("/spec/jwt/providers"))
}

/// `JWTProvider`: "If not provided, JWT audiences are not checked."
pub(super) fn without_audience(set: &Set, sink: &mut Sink) {
    for provider in providers(set) {
        if provider.get("audiences").is_none_or(|audiences| audiences.items().next().is_none()) {
            sink.at(
                &provider.get("name").unwrap_or(provider),
                "no `audiences`: a token that the issuer gave out for any other service is good here too",
                "Write `audiences` with the name that the issuer puts into tokens for this service.",
            );
        }
    }
}

/// Whoever can change the answer signs tokens. Names without a dot and Services are inside the cluster.
pub(super) fn keys_over_http(set: &Set, sink: &mut Sink) {
    for uri in providers(set).filter_map(|provider| provider.at("/remoteJWKS/uri")) {
        let Some(rest) = uri.text().and_then(|text| text.strip_prefix("http://")) else { continue };
        let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
        if host.contains('.') && !host.split('.').any(|label| label == "svc") {
            sink.at(
                &uri,
                "the keys that prove tokens come over plain HTTP: whoever can change the answer can sign tokens",
                "Write the `https://` address of the keys, or give them with `localJWKS`.",
            );
        }
    }
}

/// What passes although nobody proved who calls.
pub(super) fn optional(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set) {
        let is_set = |pointer: &str| policy.at(pointer).filter(|flag| flag.flag() == Some(true));
        let is_restricted = policy.at("/spec/authorization").is_some();
        if let Some(flag) = is_set("/spec/jwt/optional").filter(|_| !is_restricted) {
            sink.at(
                &flag,
                "requests without a token pass, and no `authorization` says what they may do",
                "Leave out `optional`, or add an `authorization` that asks for a claim where it matters.",
            );
        }
        if let Some(flag) = is_set("/spec/jwt/failOpen").filter(|_| !is_restricted) {
            sink.at(
                &flag,
                "requests with a bad token or none pass, and no `authorization` says what they may do",
                "Leave out `failOpen`, or add an `authorization` that asks for a claim.",
            );
        }
        if let Some(flag) = is_set("/spec/extAuth/failOpen") {
            sink.at(
                &flag,
                "while the authorization service is down, or its settings are invalid, everybody passes",
                "Leave out `failOpen`: then requests are refused until the service answers again.",
            );
        }
    }
}

/// `JWTProvider`: "Array type claims are not supported".
pub(super) fn claim_is_a_list(set: &Set, sink: &mut Sink) {
    for entry in providers(set).filter_map(|provider| provider.get("claimToHeaders")).flat_map(|list| list.items()) {
        let Some(claim) = entry.get("claim") else { continue };
        let name = claim.text().unwrap_or_default();
        if LISTS.contains(&name.rsplit(['.', ':']).next().unwrap_or_default()) {
            sink.at(
                &claim,
                format!("`{name}` is a list with most issuers, and only texts, numbers and booleans become headers: the header is then not there"),
                "Read the list with `authorization` (`valueType: StringArray`), or have the issuer put one text into the token.",
            );
        }
    }
}

/// validateJWTProvider: "provider name must be unique".
pub(super) fn provider_twice(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set) {
        let mut seen = Vec::new();
        for name in policy.items("/spec/jwt/providers").filter_map(|provider| provider.get("name")) {
            let Some(text) = name.text() else { continue };
            if seen.contains(&text) {
                sink.at(
                    &name,
                    format!("there are two providers `{text}`: Envoy Gateway refuses the whole policy, and its routes answer 500"),
                    "Give each provider a name of its own.",
                );
            }
            seen.push(text);
        }
    }
}

/// validateSecurityPolicy; it ends before routes are closed, so they stay open.
pub(super) fn pass_through(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set) {
        let Some(flag) = policy.at("/spec/oidc/passThroughAuthHeader").filter(|flag| flag.flag() == Some(true)) else { continue };
        let mut readers = policy.items("/spec/jwt/providers").filter(|provider| {
            provider.get("extractFrom").is_none_or(|from| from.get("headers").is_some_and(|headers| headers.items().next().is_some()))
        });
        if readers.next().is_none() && policy.at("/spec/mergeType").is_none() {
            sink.at(
                &flag,
                "requests that bring a token are passed by the login, and no `jwt` provider here reads it from a header: Envoy Gateway refuses the policy, and its routes are not protected",
                "Add a `jwt` provider for these tokens, or leave out `passThroughAuthHeader`.",
            );
        }
    }
}
