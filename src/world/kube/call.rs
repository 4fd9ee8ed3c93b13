//! One call to the API server, and what went wrong with it.

use std::future::Future;
use std::time::Duration;

use kube::core::Status;
use tokio::time::{Instant, timeout};

use crate::failure::{Failure, chain};
use crate::stack::ObjectId;
use crate::world::backoff::Backoff;

/// How long a single request may take; above the 30 s that the API server gives a webhook at most.
const LIMIT: Duration = Duration::from_secs(40);
/// How long a read is tried again while the API server is busy.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

/// Why a call gave no answer that can be used.
#[derive(Debug)]
pub(super) enum CallError {
    /// The API server refused.
    Refused(Box<Status>),
    /// The API server does not know the kind.
    NotServed(String),
    /// No answer came: connection refused, timeout, TLS.
    NoAnswer(String),
    /// The answer cannot be read, or the request could not be made.
    Other(String),
}

impl From<kube::Error> for CallError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused(status),
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => Self::NoAnswer(chain(&error)),
            other => Self::Other(chain(&other)),
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(status) if status.message.is_empty() => write!(f, "{} (HTTP {})", status.reason, status.code),
            Self::Refused(status) => f.write_str(status.message.trim()),
            Self::NotServed(kind) => write!(f, "the API server does not serve {kind}"),
            Self::NoAnswer(why) => write!(f, "the API server does not answer: {why}"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl CallError {
    /// Whether the object is not there, or its kind is not served.
    pub(super) fn is_absent(&self) -> bool {
        match self {
            // an unknown path is answered in plain text, which kube gives the code alone and `is_not_found` does not see
            Self::Refused(status) => status.code == 404 || status.is_not_found(),
            Self::NotServed(_) => true,
            Self::NoAnswer(_) | Self::Other(_) => false,
        }
    }

    /// Whether there is an object of that name already.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Self::Refused(status) if status.reason == "AlreadyExists")
    }

    /// Whether the API server is only busy or starting.
    fn is_busy(&self) -> bool {
        matches!(self, Self::Refused(status) if matches!(status.code, 429 | 503 | 504))
    }

    /// What passes by itself, as a reason to try again; `None` for what an edit or another right alone repairs.
    pub(super) fn passing(&self) -> Option<String> {
        match self {
            Self::NotServed(kind) => Some(format!("{kind} is not served yet")),
            Self::NoAnswer(_) => Some(self.to_string()),
            Self::Other(_) => None,
            Self::Refused(status) => passing(status),
        }
    }

    /// A failure of a step, with the field errors that the API server gives and what can be done.
    pub(super) fn failure(&self, what: impl Into<String>) -> Failure {
        let mut failure = Failure::step(what).why(self.to_string());
        match self {
            Self::Refused(status) => {
                for cause in causes(status) {
                    if !self.to_string().contains(&cause) {
                        failure = failure.why(cause);
                    }
                }
                match hint(status) {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            Self::NotServed(_) => {
                failure.hint("Install what brings this kind (its CustomResourceDefinition) first, or correct apiVersion and kind.")
            }
            Self::NoAnswer(_) => failure.hint("See that the cluster runs: `tstack status`."),
            Self::Other(_) => failure,
        }
    }

    /// The failure of an act on one object: `cannot apply Gateway task-api/edge`.
    pub(super) fn on(&self, act: &str, id: &ObjectId) -> Failure {
        self.failure(format!("cannot {act} {id}"))
    }
}

fn passing(status: &Status) -> Option<String> {
    let message = status.message.trim();
    let has_cause = |reason: &str| status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason);
    let kind = status.details.as_ref().map_or("", |details| details.kind.as_str());
    match status.code {
        429 | 503 | 504 => Some(format!("the API server is busy: {message}")),
        // "failed calling" is a webhook that did not answer; one that said no says "denied the request"
        500 if message.contains("failed calling webhook") || message.contains("conversion webhook for") => Some(webhook(message)),
        500 if matches!(status.reason.as_str(), "ServerTimeout" | "Timeout") || message.contains("etcdserver:") => Some(message.to_owned()),
        404 if kind == "namespaces" => Some(format!("its namespace is not there yet: {message}")),
        // without details the path itself is unknown: the kind went away, or is not there yet
        404 if status.details.as_ref().is_none_or(|details| details.name.is_empty()) => Some("its kind is not served yet".to_owned()),
        409 if status.reason == "AlreadyExists" => Some("made by another at the same moment".to_owned()),
        409 if !has_cause("FieldManagerConflict") && !message.starts_with("Apply failed") => {
            Some(format!("changed by another at the same moment: {message}"))
        }
        403 if has_cause("NamespaceTerminating") || message.contains("because it is being terminated") => {
            Some("its namespace is being deleted".to_owned())
        }
        // a pod right after its namespace: the account's controller has not come to it
        403 if message.contains("error looking up service account") => Some(message.to_owned()),
        _ => None,
    }
}

/// `webhook w.example does not answer: connect: connection refused`, out of a message that repeats the whole URL.
fn webhook(message: &str) -> String {
    let name = message.split('"').nth(1).unwrap_or("of a conversion");
    let cause = message.rsplit_once("\": ").map_or(message, |(_, cause)| cause);
    format!("webhook {name} does not answer yet: {cause}")
}

fn causes(status: &Status) -> Vec<String> {
    let all = status.details.iter().flat_map(|details| &details.causes);
    all.map(|cause| match cause.field.as_str() {
        "" | "<nil>" => cause.message.clone(),
        field => format!("{field}: {}", cause.message),
    })
    .collect()
}

fn hint(status: &Status) -> Option<String> {
    let conflicts: Vec<_> =
        status.details.iter().flat_map(|details| &details.causes).filter(|cause| cause.reason == "FieldManagerConflict").collect();
    if let Some(first) = conflicts.first() {
        let owner = first.message.split('"').nth(1).unwrap_or("another manager");
        let fields: Vec<&str> = conflicts.iter().map(|cause| cause.field.as_str()).collect();
        return Some(format!("Remove {} from the manifest, or give it up at its owner: field manager `{owner}`.", fields.join(", ")));
    }
    match status.code {
        400 | 422 => Some("Correct the named fields in the manifest.".to_owned()),
        401 => Some("The credentials in the kubeconfig are not accepted any more: make a new kubeconfig for this cluster.".to_owned()),
        403 if status.message.contains("cannot ") => {
            Some("The account in the kubeconfig lacks this right: use one of a cluster administrator.".to_owned())
        }
        _ if status.message.contains("denied the request") || status.message.contains("denied request") => {
            Some("Change the object as the message says; a policy in the cluster refuses it.".to_owned())
        }
        _ => None,
    }
}

/// One request under the time limit.
pub(super) async fn once<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match timeout(LIMIT, request).await {
        Ok(answer) => answer.map_err(CallError::from),
        Err(_) => Err(CallError::NoAnswer(format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

/// A request that may be made again, while the API server is busy, for a few seconds.
pub(super) async fn patient<T, F: Future<Output = kube::Result<T>>>(request: impl Fn() -> F) -> Result<T, CallError> {
    let (deadline, mut backoff) = (Instant::now() + BUSY_LIMIT, Backoff::new());
    loop {
        match once(request()).await {
            Err(error) if error.is_busy() && backoff.pause_until(deadline).await => {}
            answer => return answer,
        }
    }
}
