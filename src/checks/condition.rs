//! A condition and fields of a Kubernetes object.

use serde_json::Value;

use super::outcome::{Backoff, Outcome, check_failure, no_cluster};
use super::{ClusterView, Context, fields};
use crate::failure::Failure;
use crate::stack::{ConditionCheck, ObjectId};

pub(super) async fn run(check: &ConditionCheck, context: &Context) -> Outcome {
    let Some(cluster) = context.cluster.as_deref() else { return no_cluster(expected(check)) };
    let mut backoff = Backoff::new(context, context.settle);
    loop {
        // every reason may heal: a controller writes status whenever it comes to it
        let outcome = once(check, cluster).await.transient(true);
        if !backoff.heals(&outcome).await {
            return outcome;
        }
    }
}

fn expected(check: &ConditionCheck) -> String {
    let condition = check.condition.as_ref().map(|name| format!("{name}={}", check.status));
    let fields = Some(fields::wanted(&check.fields)).filter(|text| !text.is_empty());
    let all: Vec<String> = condition.into_iter().chain(fields).collect();
    if all.is_empty() { "it exists".to_owned() } else { all.join(", ") }
}

async fn once(check: &ConditionCheck, cluster: &dyn ClusterView) -> Outcome {
    let expected = expected(check);
    let id = ObjectId::new(&check.api_version, &check.kind, check.namespace.clone().unwrap_or_default(), &check.name);
    let object = match cluster.get(&id).await {
        Ok(Some(object)) => object,
        Ok(None) => {
            let failure = check_failure(format!("{id} does not exist"));
            let failure =
                failure.hint("Run `tstack plan` to see what is missing, or correct apiVersion, kind, namespace and name of the check.");
            return Outcome::failed(expected, "no such object", failure);
        }
        Err(failure) => return Outcome::failed(expected, "no answer of the API server", failure),
    };
    let judged = check.condition.as_ref().map(|name| condition(&object, name, &check.status));
    let mut problems: Vec<String> = judged.iter().filter_map(|judged| judged.as_ref().err().cloned()).collect();
    problems.extend(fields::differences(&object, &check.fields));
    if problems.is_empty() {
        return Outcome::passed(expected.clone(), expected);
    }
    let seen = problems.join("; ");
    let failure = check_failure(format!("{id}: {}", problems[0]));
    let failure = problems[1..].iter().fold(failure, Failure::why).why(others(&object, check));
    let describe = match &check.namespace {
        Some(namespace) => format!("kubectl describe {} {} -n {namespace}", check.kind.to_lowercase(), check.name),
        None => format!("kubectl describe {} {}", check.kind.to_lowercase(), check.name),
    };
    Outcome::failed(expected, seen, failure.hint(format!("See its events: `{describe}`.")))
}

/// Judges one condition; the error is for people, with reason and message as the controller wrote them.
fn condition(object: &Value, name: &str, status: &str) -> Result<(), String> {
    let Some(condition) = conditions(object).find(|condition| text(condition, "type") == name) else {
        return Err(format!("it has no condition {name} yet, expected {name}={status}"));
    };
    if text(condition, "status") != status {
        return Err(format!("{}, expected {name}={status}", describe(condition)));
    }
    // a condition about an earlier generation says nothing about the object as it is now
    let (about, is) =
        (condition.get("observedGeneration").and_then(Value::as_i64), object.pointer("/metadata/generation").and_then(Value::as_i64));
    match (about, is) {
        (Some(about), Some(is)) if about < is => {
            Err(format!("{name}={status} is about generation {about}, but the object is at generation {is}"))
        }
        _ => Ok(()),
    }
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(condition: &'a Value, key: &str) -> &'a str {
    condition.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `Ready=False, TriggerError: no answer`.
fn describe(condition: &Value) -> String {
    let state = format!("{}={}", text(condition, "type"), text(condition, "status"));
    match (text(condition, "reason"), text(condition, "message")) {
        ("", "") => state,
        (reason, "") => format!("{state}, {reason}"),
        ("", message) => format!("{state}: {message}"),
        (reason, message) => format!("{state}, {reason}: {message}"),
    }
}

/// The object's other conditions, which often hold the cause.
fn others(object: &Value, check: &ConditionCheck) -> String {
    let named = check.condition.as_deref().unwrap_or_default();
    let lines: Vec<String> = conditions(object).filter(|c| text(c, "type") != named).map(describe).collect();
    if lines.is_empty() { String::new() } else { format!("its other conditions:\n{}", lines.join("\n")) }
}

#[cfg(test)]
mod tests;
