//! Work that ends.
//!
//! A Job is ready when it is done. `Failed` is final: its controller has used up the retries that the object allows.

use serde_json::Value;

use super::Readiness;
use super::condition::{condition, number};

/// The work is done.
pub(super) fn job(object: &Value) -> Readiness {
    // FailureTarget comes before Failed, while the pods still end; both are final
    for name in ["Failed", "FailureTarget"] {
        if let Some(failed) = condition(object, name).filter(|failed| failed.is_true()) {
            return Readiness::Failed(failed.explain());
        }
    }
    if condition(object, "Complete").is_some_and(super::condition::Condition::is_true) {
        return Readiness::Ready;
    }
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Readiness::Waiting("suspended".to_owned());
    }
    let wanted = number(object, "/spec/completions", 1);
    let (done, failed) = (number(object, "/status/succeeded", 0), number(object, "/status/failed", 0));
    let tries = if failed > 0 { format!(", {failed} tries failed") } else { String::new() };
    Readiness::Waiting(format!("{done} of {wanted} runs done{tries}"))
}
