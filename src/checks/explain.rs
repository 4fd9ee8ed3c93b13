//! What an unexpected answer says, and what to do about it.

use crate::failure::Failure;
use crate::world::http::{Answer, HttpError, Phase};

use super::outcome::check_failure;

/// Bytes of a body that are shown: enough for Envoy's own texts and a JSON error.
const SHOWN: usize = 300;

/// A request that got no answer.
pub(super) fn unanswered(error: &HttpError) -> Failure {
    let failure = match error.phase {
        Phase::Address => return Failure::usage(format!("cannot check {}", error.url)).why(&error.cause),
        phase => check_failure(format!("{}: {phase}", error.url)).why(&error.cause),
    };
    match error.phase {
        Phase::Connect if error.cause.contains("refused") => {
            failure.hint("Nothing listens on that port: run `tstack status` to see whether the stack is up and where it is exposed.")
        }
        Phase::Handshake if error.cause.contains("UnknownIssuer") => failure
            .hint("Another CA signed that certificate, so another program may hold the port, or the Secret is of an earlier cluster."),
        Phase::Handshake if error.cause.contains("not valid for name") => {
            failure.hint("Add the name to the certificate's dnsNames or ipAddresses in the stack file.")
        }
        Phase::Handshake if error.cause.contains("InvalidContentType") => {
            failure.hint("The port answers without TLS: check that the URL names the https listener.")
        }
        Phase::Handshake if error.transient => {
            failure.hint("The gateway hangs up when it has no certificate: check the listener's certificateRefs and the Secret.")
        }
        _ => failure,
    }
}

/// The evidence in an answer: its status, what proxy and limiter say in the headers, and the first bytes of its body.
pub(super) fn evidence(answer: &Answer) -> String {
    let mut lines = vec![format!("answer: {}", answer.status)];
    for (name, value) in &answer.headers {
        let name = name.as_str();
        if name == "server" || name == "location" || name.starts_with("x-ratelimit-") || name.starts_with("x-envoy-") {
            lines.push(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        }
    }
    let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(SHOWN)]);
    if !body.trim().is_empty() {
        lines.push(body.trim().to_owned());
    }
    lines.join("\n")
}

/// Whether Envoy refused the request because a circuit breaker is open.
///
/// Envoy says so in the body's reset reason; the header comes too, where Envoy's own headers are not suppressed.
pub(super) fn is_overflow(answer: &Answer) -> bool {
    answer.status == 503 && (body_has(answer, "overflow") || answer.header("x-envoy-overloaded") == Some("true"))
}

fn body_has(answer: &Answer, text: &str) -> bool {
    String::from_utf8_lossy(&answer.body).contains(text)
}

/// Whether such an answer is what a route gives that is still on its way to the proxy.
pub(super) fn may_heal(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 404 | 503)
}

/// Evidence and remedy of an answer with an unexpected status.
pub(super) fn with_answer(failure: Failure, answer: &Answer) -> Failure {
    let failure = failure.why(evidence(answer));
    match answer.status.as_u16() {
        404 => failure.hint("No route matched: compare host and path with the HTTPRoute, and see that it is Accepted."),
        429 => failure.hint(
            "The rate limit's bucket is empty: give the check a header with `${unique}` that the limit tells users by, or wait a minute.",
        ),
        500 if answer.body.is_empty() => failure.hint(
            "Envoy Gateway answers 500 on a route whose policy it rejected: look at the conditions of the BackendTrafficPolicy and SecurityPolicy.",
        ),
        503 if is_overflow(answer) => failure.hint("The circuit breaker is open: too many requests are in flight, see that no other load runs."),
        503 if body_has(answer, "no healthy upstream") => {
            failure.hint("The Service has no ready pod: look at its Deployment and at what the readiness probe says.")
        }
        503 if body_has(answer, "reset reason") => {
            failure.hint("The gateway reached no pod of the Service: check the Service's targetPort and that the pods listen on it.")
        }
        502..=504 => failure.hint("The gateway answered, not the backend: look at the pods behind the route."),
        _ => failure,
    }
}
