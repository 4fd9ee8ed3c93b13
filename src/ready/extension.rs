//! What extends the API server.

use serde_json::Value;

use super::Readiness;
use super::condition::{condition, list, must_be_true, text, worst};

/// A CRD serves its kind when it is `Established` and its names are accepted. A clash of names is final: another definition
/// has them.
pub(super) fn definition(object: &Value) -> Readiness {
    let names = must_be_true(condition(object, "NamesAccepted"), "NamesAccepted", |_| true);
    let established = must_be_true(condition(object, "Established"), "Established", |_| false);
    worst([names, established])
}

/// An aggregated API answers when it is `Available`; every `False` is a program that does not answer yet.
pub(super) fn api_service(object: &Value) -> Readiness {
    must_be_true(condition(object, "Available"), "Available", |_| false)
}

/// The API server can call webhooks in the cluster only when their CA is filled in, which an injector does after it has started.
/// That they answer is seen in what they do, not here.
pub(super) fn webhooks(object: &Value) -> Readiness {
    worst(list(object, "/webhooks").iter().map(|webhook| {
        let in_cluster = webhook.pointer("/clientConfig/service").is_some_and(Value::is_object);
        if in_cluster && text(webhook, "/clientConfig/caBundle").is_empty() {
            let name = text(webhook, "/name");
            return Readiness::Waiting(format!("webhook {name} has no CA yet"));
        }
        Readiness::Ready
    }))
}
