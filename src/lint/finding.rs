//! One thing that the linter has to say.

use serde::{Serialize, Serializer};

use super::fix::Fix;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works, but not as most people want it.
    Warning,
    /// It is refused, or does not do what it says.
    Error,
}

/// A finding: where, what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The number of the rule: `TS201`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file as people know it; `-` for standard input.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The object: `HTTPRoute task-api/task-api-route`. Empty where a file holds none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// What is wrong and why, one sentence without a full stop.
    pub message: String,
    /// What to do, one imperative sentence.
    pub remedy: String,
    /// The line as it is written.
    pub source: String,
    /// What `--fix` does about it.
    #[serde(rename = "fixable", serialize_with = "as_flag")]
    pub fix: Option<Fix>,
}

/// Scripts need to know only that there is one.
#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn as_flag<S: Serializer>(fix: &Option<Fix>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(fix.is_some())
}
