//! Conditions, the shape in which most controllers say how an object is.

use serde_json::Value;

use super::Readiness;

/// What is said of an object whose controller has not yet seen its newest generation.
const STALE: &str = "its controller has not seen the newest change yet";

/// One entry of a list of conditions.
#[derive(Clone, Copy)]
pub(super) struct Condition<'a> {
    /// The entry as it is.
    entry: &'a Value,
    /// The generation of the object that has the condition.
    generation: Option<i64>,
}

impl<'a> Condition<'a> {
    fn text(self, key: &str) -> &'a str {
        self.entry.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is `True`.
    pub(super) fn is_true(self) -> bool {
        self.text("status") == "True"
    }

    /// Whether it is `False`, which is more than not `True`: `Unknown` is neither.
    pub(super) fn is_false(self) -> bool {
        self.text("status") == "False"
    }

    /// The reason in one word, for programs.
    pub(super) fn reason(self) -> &'a str {
        self.text("reason")
    }

    /// The reason in words, for people.
    pub(super) fn message(self) -> &'a str {
        self.text("message").trim()
    }

    /// Whether it speaks of an older generation of the object.
    pub(super) fn is_stale(self) -> bool {
        let observed = self.entry.get("observedGeneration").and_then(Value::as_i64);
        // controllers that do not use the field leave it out or at zero
        matches!((observed, self.generation), (Some(seen), Some(now)) if seen > 0 && seen < now)
    }

    /// `InvalidCertificateRef: secret task-api/task-api-tls not found`, or what there is of it.
    pub(super) fn explain(self) -> String {
        match (self.reason(), self.message()) {
            ("", "") => {
                format!("{} is {}", self.text("type"), if self.text("status").is_empty() { "unknown" } else { self.text("status") })
            }
            (reason, "") => reason.to_owned(),
            ("", message) => message.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }

    /// Whether its message tells of another object that is not there, which may still come.
    ///
    /// Controllers use one reason (`Invalid`, `InvalidParameters`) for what is wrong in the object and for what it refers to;
    /// only the message tells them apart.
    pub(super) fn speaks_of_missing(self) -> bool {
        let message = self.message().to_lowercase();
        ["not found", "does not exist", "doesn't exist", "failed to find", "unable to find", "no such"]
            .iter()
            .any(|part| message.contains(part))
    }
}

/// The condition of that type in the object's `status.conditions`.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<Condition<'a>> {
    condition_in(object.get("status")?, name, generation(object))
}

/// The condition of that type in the list `conditions` of a part of an object, as listeners, parents and ancestors have it.
pub(super) fn condition_in<'a>(part: &'a Value, name: &str, generation: Option<i64>) -> Option<Condition<'a>> {
    let list = part.get("conditions")?.as_array()?;
    let entry = list.iter().find(|entry| entry.get("type").and_then(Value::as_str) == Some(name))?;
    Some(Condition { entry, generation })
}

/// The number of the newest change of an object's specification.
pub(super) fn generation(object: &Value) -> Option<i64> {
    object.pointer("/metadata/generation").and_then(Value::as_i64)
}

/// Whether `status.observedGeneration` is there and older than the object.
pub(super) fn status_is_stale(object: &Value) -> bool {
    let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
    matches!((observed, generation(object)), (Some(seen), Some(now)) if seen < now)
}

/// Waits for the controller to see the newest change.
pub(super) fn stale() -> Readiness {
    Readiness::Waiting(STALE.to_owned())
}

/// Judges one condition that must be `True`; `is_final` says whether a `False` is repaired by an edit alone.
pub(super) fn must_be_true(found: Option<Condition<'_>>, name: &str, is_final: impl Fn(Condition<'_>) -> bool) -> Readiness {
    match found {
        None => Readiness::Waiting(format!("no condition {name} yet")),
        Some(condition) if condition.is_stale() => stale(),
        Some(condition) if condition.is_true() => Readiness::Ready,
        Some(condition) if condition.is_false() && is_final(condition) => Readiness::Failed(condition.explain()),
        Some(condition) => Readiness::Waiting(condition.explain()),
    }
}

/// Of several judgements the one to tell: a failure, else the first that waits.
pub(super) fn worst(all: impl IntoIterator<Item = Readiness>) -> Readiness {
    let mut found = Readiness::Ready;
    for one in all {
        match (&one, &found) {
            (Readiness::Failed(_), _) => return one,
            (Readiness::Waiting(_), Readiness::Ready) => found = one,
            _ => {}
        }
    }
    found
}

/// The same judgement with the part that it is about: `listener https: …`.
pub(super) fn about(part: &str, readiness: Readiness) -> Readiness {
    match readiness {
        Readiness::Ready => Readiness::Ready,
        Readiness::Waiting(reason) => Readiness::Waiting(format!("{part}: {reason}")),
        Readiness::Failed(reason) => Readiness::Failed(format!("{part}: {reason}")),
    }
}

/// A number at a JSON pointer, or `otherwise`.
pub(super) fn number(object: &Value, pointer: &str, otherwise: i64) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(otherwise)
}

/// The entries of a list at a JSON pointer; none where there is no list.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text at a JSON pointer; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
