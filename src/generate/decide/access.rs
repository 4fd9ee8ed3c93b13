//! Who may call, and where is counted: seed 001, "Authentication Method Selection" and "Rate Limiting Strategy".

use super::{Answer, Row, given};
use crate::spec::{Auth, Scope, ServiceSpec};

/// The method by its key in a specification.
const fn method(spec: &ServiceSpec) -> &'static str {
    match &spec.auth {
        None => "spec.auth: absent",
        Some(Auth::Jwt(_)) => "spec.auth.jwt",
        Some(Auth::Oidc(_)) => "spec.auth.oidc",
        Some(Auth::Basic { .. }) => "spec.auth.basic",
        Some(Auth::ApiKey(_)) => "spec.auth.apiKey",
        Some(Auth::External(_)) => "spec.auth.external",
    }
}

pub(super) const LOGIN: &[Row] = &[
    Row {
        question: "Must callers say who they are?",
        why: "without it a header such as x-user-id is what the client says, and anybody can say anything",
        instead_of: None,
        kinds: (&["SecurityPolicy"], &[]),
        answer: |spec| match spec.auth {
            Some(_) => given(Answer::Yes, method(spec), "a SecurityPolicy on every route"),
            None => given(Answer::No, method(spec), "everybody may call"),
        },
    },
    Row {
        question: "Is enterprise SSO needed?",
        why: "people log in where they are known, and no password reaches the service",
        instead_of: None,
        kinds: (&["SecurityPolicy"], &[]),
        answer: |spec| match &spec.auth {
            Some(Auth::Oidc(oidc)) => given(Answer::Yes, method(spec), format!("`oidc` with {}", oidc.issuer)),
            Some(_) => given(Answer::No, method(spec), "the next question"),
            None => given(Answer::NotAsked, method(spec), "nobody has to log in"),
        },
    },
    Row {
        question: "Is stateless API auth acceptable?",
        why: "a signed token is checked without asking anybody; it holds until it ends, even when it is taken back",
        instead_of: None,
        kinds: (&["SecurityPolicy"], &[]),
        answer: |spec| match &spec.auth {
            Some(Auth::Jwt(jwt)) => given(Answer::Yes, method(spec), format!("`jwt` with the keys of {}", jwt.issuer)),
            None | Some(Auth::Oidc(_)) => given(Answer::NotAsked, method(spec), "settled before"),
            Some(_) => given(Answer::No, method(spec), "the next question"),
        },
    },
    Row {
        question: "Is it a simple internal API?",
        why: "a password or a key is enough among few, over HTTPS alone; who decides by more than that asks a service of its own",
        instead_of: None,
        kinds: (&["SecurityPolicy"], &["SecurityPolicy"]),
        answer: |spec| match &spec.auth {
            Some(Auth::Basic { secret, .. }) => given(Answer::Yes, method(spec), format!("`basicAuth` with the users in Secret {secret}")),
            Some(Auth::ApiKey(key)) => given(Answer::Yes, method(spec), format!("`apiKeyAuth` with the keys in Secret {}", key.secret)),
            Some(Auth::External(other)) => given(Answer::No, method(spec), format!("`extAuth`: Service {} decides", other.service)),
            None | Some(Auth::Oidc(_) | Auth::Jwt(_)) => given(Answer::NotAsked, method(spec), "settled before"),
        },
    },
];

pub(super) const COUNTING: &[Row] = &[Row {
    question: "Need cross-instance coordination?",
    why: "one count for all Envoys needs a Redis that every request waits for; a count in each Envoy needs nothing",
    instead_of: None,
    kinds: (&["BackendTrafficPolicy"], &["BackendTrafficPolicy"]),
    answer: |spec| {
        let scope = spec.rate_limit.as_ref().map(|limit| limit.scope);
        let answer = Answer::asked(scope.is_some(), scope == Some(Scope::Global));
        match scope {
            Some(Scope::Global) => given(answer, "spec.rateLimit.scope: global", "`rateLimit.global`: one count in Redis"),
            Some(Scope::Local) => {
                let envoys = spec.gateway.as_ref().map_or(1, |gateway| gateway.replicas);
                let then = match envoys {
                    1 => "`rateLimit.local`: counted in the one Envoy".to_owned(),
                    many => format!("`rateLimit.local`: counted in each of {many} Envoys, so up to {many} times as many requests pass"),
                };
                given(answer, "spec.rateLimit.scope: local", then)
            }
            None => given(answer, "spec.rateLimit: absent", "nothing is counted"),
        }
    },
}];
