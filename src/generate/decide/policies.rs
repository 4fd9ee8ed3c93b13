//! Which policy holds what: seed 001, "Which Policy for Which Scenario?".

use super::{Answer, Given, Row, given};
use crate::spec::{Auth, Scope, ServiceSpec};

/// A row whose yes is a field of one kind of policy, and whose no leaves that field out.
fn row(yes: bool, field: &str, value: &str, then: &str) -> Given {
    let written = if value.is_empty() { field.to_owned() } else { format!("{field}: {value}") };
    if yes {
        given(Answer::Yes, written, then)
    } else {
        given(Answer::No, format!("{field}: {}", if value.is_empty() { "absent".to_owned() } else { format!("not {value}") }), "left out")
    }
}

fn scope(spec: &ServiceSpec) -> Option<Scope> {
    spec.rate_limit.as_ref().map(|limit| limit.scope)
}

pub(super) const ROWS: &[Row] = &[
    Row {
        question: "Rate limit all traffic globally?",
        why: "all Envoys count in one Redis, which Envoy Gateway must know in its own configuration",
        instead_of: Some(
            "`rateLimit.type: Global`: `global` alone says it; and without Redis the policy is refused and its routes answer 500",
        ),
        kinds: (&["BackendTrafficPolicy"], &[]),
        answer: |spec| row(scope(spec) == Some(Scope::Global), "spec.rateLimit.scope", "global", "BackendTrafficPolicy `rateLimit.global`"),
    },
    Row {
        question: "Rate limit per instance?",
        why: "each Envoy counts by itself: nothing more to run, and with n Envoys up to n times the limit",
        instead_of: None,
        kinds: (&["BackendTrafficPolicy"], &[]),
        answer: |spec| row(scope(spec) == Some(Scope::Local), "spec.rateLimit.scope", "local", "BackendTrafficPolicy `rateLimit.local`"),
    },
    Row {
        question: "Retry transient failures?",
        why: "what no pod has seen can be tried again without doing it twice",
        instead_of: Some("`retry.attempts` and a list in `retryOn`: the fields are `numRetries`, `retryOn.triggers` and `perRetry`"),
        kinds: (&["BackendTrafficPolicy"], &[]),
        answer: |spec| row(spec.retry.is_some(), "spec.retry", "", "BackendTrafficPolicy `retry`"),
    },
    Row {
        question: "Circuit breaker for unreliable backends?",
        why: "a pod that fails gets no requests for a while: by asking it (active) or by watching its answers (passive, outlier detection)",
        instead_of: Some(
            "`healthChecks`: the field is `healthCheck`; `circuitBreaker` limits how much work there is, not which pods get it",
        ),
        kinds: (&["BackendTrafficPolicy"], &[]),
        answer: |spec| {
            let (active, passive) = (spec.active_health_check.is_some(), spec.passive_health_check.is_some());
            let field = if active { "spec.healthCheck.active" } else { "spec.healthCheck.passive" };
            row(active || passive, field, "", "BackendTrafficPolicy `healthCheck`")
        },
    },
    Row {
        question: "TLS termination at gateway?",
        why: "the certificate belongs to the listener; a ClientTrafficPolicy can only narrow how TLS is spoken, such as its oldest version",
        instead_of: Some("ClientTrafficPolicy `tls.certificateRefs`: no such field; it is the Gateway's"),
        kinds: (&["Gateway"], &[]),
        answer: |spec| row(spec.tls.is_some(), "spec.tls", "", "Gateway `listeners[].tls.certificateRefs`"),
    },
    Row {
        question: "Client connection timeouts?",
        why: "a client that never ends its request or its connection would hold a place for ever",
        instead_of: None,
        kinds: (&["ClientTrafficPolicy"], &[]),
        answer: |spec| {
            let given = spec.client.as_ref().is_some_and(|client| client.request_timeout.is_some() || client.idle_timeout.is_some());
            row(given, "spec.client", "", "ClientTrafficPolicy `timeout.http`")
        },
    },
    Row {
        question: "JWT token validation?",
        why: "Envoy checks the signature itself, with the issuer's public keys",
        instead_of: None,
        kinds: (&["SecurityPolicy"], &[]),
        answer: |spec| row(matches!(spec.auth, Some(Auth::Jwt(_))), "spec.auth.jwt", "", "SecurityPolicy `jwt.providers`"),
    },
    Row {
        question: "SSO with identity provider?",
        why: "Envoy sends people to log in and keeps the session in a cookie",
        instead_of: None,
        kinds: (&["SecurityPolicy"], &[]),
        answer: |spec| row(matches!(spec.auth, Some(Auth::Oidc(_))), "spec.auth.oidc", "", "SecurityPolicy `oidc`"),
    },
    Row {
        question: "IP-based access control?",
        why: "what is not on the list is refused with 403; behind a proxy the client's address has to come from X-Forwarded-For",
        instead_of: Some("`authorization.rules[].ipAddress`: the field is `principal.clientCIDRs`"),
        kinds: (&["SecurityPolicy"], &[]),
        answer: |spec| row(!spec.ip_allow.is_empty(), "spec.ipAllow", "", "SecurityPolicy `authorization` with `principal.clientCIDRs`"),
    },
];
