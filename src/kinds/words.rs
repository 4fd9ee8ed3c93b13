//! What a schema asks for and what it met instead, in words.

use serde_json::Value;

use super::schema::{Schema, Type};
use crate::yaml::{Data, Node};

/// Patterns that have a name that people know, by the pattern.
const FORMS: &[(&str, &str)] = &[
    (r"^([0-9]{1,5}(h|m|s|ms)){1,4}$", "a duration such as `90s`, `5m` or `1h30m`"),
    (r"^([0-9]+(\.[0-9]+)?(s|m|h))+$", "a duration such as `90s`, `5m` or `1.5h`"),
    (r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", DNS_NAME),
    (
        r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "the name of an API group such as `gateway.networking.k8s.io`, or empty",
    ),
    (
        r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "a host name in lower case, such as `example.com` or `*.example.com`",
    ),
    (r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "lower case letters, digits and inner `-`"),
    (r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$", "a kind such as `Service`"),
    (r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$", QUANTITY),
    (r"^[1-9]+[0-9]*([EPTGMK]i|[EPTGMk])?$", "a whole amount of bytes such as `4Ki` or `32768`, without a fraction"),
    (r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$", "the name of an HTTP header: letters, digits and `-`, no blanks"),
];

/// What a name that DNS takes looks like.
pub(super) const DNS_NAME: &str = "a DNS name: lower case letters, digits, inner `-` and `.`";
/// What an amount looks like.
pub(super) const QUANTITY: &str = "an amount such as `500m`, `2` or `4Gi`";

/// What the type of a schema asks for.
pub(super) fn wanted(schema: &Schema) -> &'static str {
    match schema.kind {
        None if schema.int_or_string => "a whole number or a text",
        None => "set",
        Some(Type::Object) => "a map",
        Some(Type::Array) => "a list",
        Some(Type::String) => "a text",
        Some(Type::Integer) => "a whole number",
        Some(Type::Number) => "a number",
        Some(Type::Boolean) => "`true` or `false`",
    }
}

/// What is there.
pub(super) fn seen(node: &Node) -> String {
    match &node.data {
        Data::Null => "nothing".into(),
        Data::Bool(b) => format!("`{b}`"),
        Data::Number(n) => format!("the number {n}"),
        Data::Text(t) if t.is_empty() => "an empty text".into(),
        Data::Text(t) => format!("the text `{}`", cut(t)),
        Data::List(_) => "a list".into(),
        Data::Map(_) => "a map".into(),
    }
}

/// A text, no longer than fits into a sentence.
pub(super) fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// The values that are listed, and the one that is near to what is there.
pub(super) fn listed(values: &[Value]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .map(|v| v.as_str().map_or_else(|| format!("`{v}`"), |s| if s.is_empty() { "empty".into() } else { format!("`{s}`") }))
        .collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

/// What a pattern asks for.
pub(super) fn form(pattern: &str) -> String {
    let known = FORMS.iter().find(|(p, _)| *p == pattern);
    known.map_or_else(|| format!("a text that matches `{pattern}`"), |(_, words)| (*words).to_owned())
}

/// A range of numbers: `1 to 65535`.
pub(super) fn range(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) if (low - high).abs() < f64::EPSILON => format!("{low}"),
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} or more"),
        (_, high) => format!("at most {}", high.unwrap_or_default()),
    }
}

/// A count that is allowed: `1 to 16 items`, `at most 253 characters`.
pub(super) fn count(low: Option<usize>, high: Option<usize>, one: &str, many: &str) -> String {
    match (low.filter(|low| *low > 0), high) {
        (Some(low), Some(high)) if low == high => format!("{low} {}", if low == 1 { one } else { many }),
        (Some(low), Some(high)) => format!("{low} to {high} {many}"),
        (Some(low), None) => format!("at least {low} {}", if low == 1 { one } else { many }),
        (None, high) => {
            let high = high.unwrap_or_default();
            format!("at most {high} {}", if high == 1 { one } else { many })
        }
    }
}

/// A hint for the wrong types that do not look wrong.
pub(super) fn quoting(schema: &Schema, node: &Node) -> Option<String> {
    match (schema.kind, &node.data) {
        (Some(Type::String), Data::Number(_) | Data::Bool(_)) => Some("put the value in quotes".into()),
        (Some(Type::Integer | Type::Number), Data::Text(t)) if t.parse::<f64>().is_ok() => Some("leave the quotes out".into()),
        (Some(Type::Boolean), Data::Text(t)) if ["true", "false"].contains(&t.as_str()) => Some("leave the quotes out".into()),
        (Some(Type::Boolean), Data::Text(t)) if ["yes", "on", "True", "TRUE"].contains(&t.as_str()) => Some("write `true`".into()),
        (Some(Type::Boolean), Data::Text(t)) if ["no", "off", "False", "FALSE"].contains(&t.as_str()) => Some("write `false`".into()),
        (Some(Type::Array), Data::Map(_)) => Some("begin the item with `- `".into()),
        _ => None,
    }
}
