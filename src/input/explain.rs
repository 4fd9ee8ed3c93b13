//! What a schema finds wrong, in words for people.

use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::Value;

use super::finding::{Collector, suggest};
use crate::yaml::{Data, Node};

/// The key of a schema that says in words what its pattern asks for.
pub(super) const EXPECTS: &str = "x-expects";

/// The most unknown keys of one map that are told one by one.
const MOST_KEYS: usize = 200;

/// Adds what one error of the schema means; `noun` is what people call the file.
pub(super) fn explain(error: &ValidationError<'_>, root: &Node, schema: &Value, noun: &str, found: &mut Collector) {
    let pointer = error.instance_path().as_str();
    let above = error.schema_path().as_str().rsplit_once('/').map_or("", |(above, _)| above);
    let rule = schema.pointer(above).unwrap_or(&Value::Null);
    let what = name(pointer, root, noun);
    let at = root.value_pos_at(pointer);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known: Vec<&str> =
                rule.get("properties").and_then(Value::as_object).map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default();
            for key in unexpected.iter().take(MOST_KEYS) {
                let pos = root.pos_at(&format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")));
                found.maybe(pos, format!("{what} has no key `{key}`"), suggest(key, known.iter().copied(), "keys"));
            }
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let help = rule.pointer(&format!("/properties/{key}/description")).and_then(Value::as_str).map(first_sentence);
            found.maybe(root.pos_at(pointer), format!("{what} needs the key `{key}`"), help);
        }
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            let bound = |key: &str| rule.get(key).map(|v| v.as_f64().map_or_else(|| v.to_string(), |n| n.to_string()));
            let range = match (bound("minimum"), bound("maximum")) {
                (Some(low), Some(high)) => format!("{low} to {high}"),
                (Some(low), None) => format!("{low} or more"),
                (_, high) => format!("at most {}", high.unwrap_or_default()),
            };
            found.add(at, format!("{what} must be {range}, found {}", error.instance()));
        }
        ValidationErrorKind::MinItems { limit } => found.add(at, format!("{what} must have at least {limit} {}", entries(*limit))),
        ValidationErrorKind::MaxItems { limit } => found.add(at, format!("{what} may have at most {limit} {}", entries(*limit))),
        // a reference that could not be filled in is already found
        _ if found.has(at) => {}
        _ => {
            let wanted = wanted(rule);
            let seen = seen(error.instance());
            if wanted.is_empty() {
                found.add(at, format!("{what}: {error}"));
            } else {
                found.maybe(at, format!("{what} must be {wanted}, found {seen}"), quote(rule, error.instance()));
            }
        }
    }
}

/// How to say which part of the file is meant: the path with names in place of list positions.
fn name(pointer: &str, root: &Node, noun: &str) -> String {
    let mut path = String::new();
    let mut node = Some(root);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if let Some(Node { data: Data::List(items), .. }) = node {
            node = part.parse::<usize>().ok().and_then(|i| items.get(i));
            match node.and_then(|n| n.get("name")).and_then(Node::as_text) {
                Some(name) => path.extend([".", name]),
                None => path.extend(["[", &part, "]"]),
            }
        } else {
            node = node.and_then(|n| n.get(&part));
            path.extend([".", &part]);
        }
    }
    if path.is_empty() { format!("the {noun}") } else { format!("`{}`", path.trim_start_matches('.')) }
}

const fn entries(number: u64) -> &'static str {
    if number == 1 { "entry" } else { "entries" }
}

/// What a schema asks for: in its own words, where it has any.
fn wanted(rule: &Value) -> String {
    if let Some(words) = rule.get(EXPECTS).and_then(Value::as_str) {
        return words.to_owned();
    }
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| rule.get(key)).and_then(Value::as_array);
    if let Some(all) = alternatives {
        let words: Vec<String> =
            all.iter().filter(|r| r.get("type").and_then(Value::as_str) != Some("null")).map(wanted).filter(|w| !w.is_empty()).collect();
        return words.join(" or ");
    }
    if let Some(value) = rule.get("const") {
        return format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    if let Some(values) = rule.get("enum").and_then(Value::as_array) {
        return values.iter().map(|v| format!("`{}`", v.as_str().unwrap_or_default())).collect::<Vec<_>>().join(" or ");
    }
    let words: Vec<&str> = match rule.get("type") {
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).filter(|w| *w != "null").collect(),
        _ => Vec::new(),
    };
    words
        .iter()
        .map(|word| match *word {
            "integer" => "a whole number",
            "number" => "a number",
            "string" => "a text",
            "boolean" => "`true` or `false`",
            "array" => "a list",
            "object" => "a map",
            other => other,
        })
        .collect::<Vec<_>>()
        .join(" or ")
}

fn seen(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(b) => format!("`{b}`"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) => format!("the text `{}`", s.chars().take(60).collect::<String>()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a map".into(),
    }
}

/// `version: 1.10` is the number 1.1 in YAML: the one wrong type that does not look wrong.
fn quote(rule: &Value, value: &Value) -> Option<String> {
    let text = wanted(rule) == "a text" && (value.is_number() || value.is_boolean());
    text.then(|| "put the value in quotes".to_owned())
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split_once(". ").map_or(text.trim_end_matches('.').to_owned(), |(first, _)| first.to_owned())
}
