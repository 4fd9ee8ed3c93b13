//! The JSON Schema of the stack file, and what it finds wrong, in words for people.

use jsonschema::error::{ValidationError, ValidationErrorKind};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::StackFile;
use super::finding::{Collector, suggest};
use crate::yaml::{Data, Node};

/// The schema for editors, as `stacks/stack.schema.json` has it: wherever a number or a boolean stands, `${parameter}` may too.
#[must_use]
pub fn schema() -> Value {
    let mut schema = generated(false);
    allow_references(&mut schema);
    if let Some(map) = schema.as_object_mut() {
        map.insert("title".into(), "tstack stack file".into());
    }
    schema
}

/// The schema of a file whose parameters are filled in.
fn strict() -> Value {
    let mut schema = generated(true);
    bound_integers(&mut schema);
    schema
}

fn generated(inline: bool) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = inline);
    settings.into_generator().into_root_schema_for::<StackFile>().to_value()
}

fn allow_references(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(allow_references),
        Value::Object(map) => {
            map.values_mut().for_each(allow_references);
            let words: Vec<&str> = match map.get("type") {
                Some(Value::String(word)) => vec![word],
                Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            if !words.iter().any(|w| ["integer", "number", "boolean"].contains(w)) {
                return;
            }
            // help texts and defaults stay outside, where editors look for them
            let outside = ["description", "default"];
            let inner: serde_json::Map<_, _> =
                map.iter().filter(|(k, _)| !outside.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
            map.retain(|key, _| outside.contains(&key.as_str()));
            map.insert("anyOf".into(), json!([inner, {"type": "string", "pattern": r"^\$\{[A-Za-z][A-Za-z0-9_]*\}$"}]));
        }
        _ => {}
    }
}

/// schemars writes the width of an integer as its format, which validators do not look at.
fn bound_integers(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        Value::Object(map) => {
            if map.get("format").and_then(Value::as_str) == Some("uint32") {
                map.entry("maximum").or_insert_with(|| u32::MAX.into());
            }
            map.values_mut().for_each(bound_integers);
        }
        _ => {}
    }
}

/// Reads the tree as a stack file, or says everything that the schema finds wrong.
pub(super) fn check(root: &Node, found: &mut Collector) -> Option<StackFile> {
    let schema = strict();
    let value = root.to_value();
    let validator = match jsonschema::options().offline().build(&schema) {
        Ok(validator) => validator,
        Err(error) => {
            found.add(root.pos, format!("tstack's own schema is broken: {error}"));
            return None;
        }
    };
    for error in validator.iter_errors(&value) {
        explain(&error, root, &schema, found);
    }
    if !found.is_clean() {
        return None;
    }
    // what the schema lets pass and the types do not: a whole number that is written as `5.0`
    serde_json::from_value(value).map_err(|error| found.add(root.pos, error.to_string())).ok()
}

fn explain(error: &ValidationError<'_>, root: &Node, schema: &Value, found: &mut Collector) {
    let pointer = error.instance_path().as_str();
    let above = error.schema_path().as_str().rsplit_once('/').map_or("", |(above, _)| above);
    let rule = schema.pointer(above).unwrap_or(&Value::Null);
    let what = name(pointer, root);
    let at = root.value_pos_at(pointer);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known: Vec<&str> =
                rule.get("properties").and_then(Value::as_object).map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default();
            for key in unexpected {
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
fn name(pointer: &str, root: &Node) -> String {
    let mut path = String::new();
    let mut node = Some(root);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if let Some(Node { data: Data::List(items), .. }) = node {
            node = part.parse::<usize>().ok().and_then(|i| items.get(i));
            match node.and_then(|n| n.get("name")).and_then(Node::as_text) {
                Some(name) => path.push_str(&format!(".{name}")),
                None => path.push_str(&format!("[{part}]")),
            }
        } else {
            node = node.and_then(|n| n.get(&part));
            path.push_str(&format!(".{part}"));
        }
    }
    if path.is_empty() { "the stack file".into() } else { format!("`{}`", path.trim_start_matches('.')) }
}

/// What a schema asks for.
fn wanted(rule: &Value) -> String {
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

/// `version: 1.10` is the number 1.1 in YAML: the one wrong type whose remedy is not plain.
fn quote(rule: &Value, value: &Value) -> Option<String> {
    let text = wanted(rule) == "a text" && (value.is_number() || value.is_boolean());
    text.then(|| format!("put it in quotes: \"{value}\""))
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split_once(". ").map_or(text.trim_end_matches('.').to_owned(), |(first, _)| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn findings(file: &str) -> String {
        let mut found = Collector::default();
        found.source("stack.yaml", file);
        check(&yaml::parse(file).unwrap(), &mut found);
        found.finish(()).unwrap_err().to_string()
    }

    #[test]
    fn every_wrong_key_and_type_is_found_at_once_in_words() {
        let file = "\
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {descripton: x}
parameters: {list: [1]}
cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
components:
- name: keda
  helm: {chart: x, version: 1.10, namespace: keda, values: [1]}
  need: [x]
- {images: x, name: tls, certificate: {namespace: a, secret: b, commonName: c, issuer: lets-encrypt}}
checks: [{name: c, rateLimit: {url: x, requests: 5000000000, perMinute: -1}}]
profiles: {small: 1}
";
        insta::assert_snapshot!(findings(file), @"");
    }

    #[test]
    fn a_file_that_is_no_map_is_named_as_such() {
        insta::assert_snapshot!(findings("- a\n"), @"");
    }

    /// `TSTACK_UPDATE_SCHEMA=1 cargo test --lib schema` writes it anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the switch and the file belong to this test alone")]
    fn the_committed_schema_is_the_schema_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/stack.schema.json");
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("TSTACK_UPDATE_SCHEMA").is_some() {
            fs_err::write(path, &text).unwrap();
        }
        let committed = fs_err::read_to_string(path).unwrap_or_default();
        assert!(committed == text, "stacks/stack.schema.json is stale: run `TSTACK_UPDATE_SCHEMA=1 cargo test --lib schema`");
    }

    #[test]
    fn editors_accept_a_reference_where_a_number_stands() {
        let file = "{apiVersion: a, kind: b, metadata: {name: c}, components: [], cluster: {ports: [{host: '${p}', node: 30000}]}}";
        let value = yaml::parse(file).unwrap().to_value();
        let validator = jsonschema::options().offline().build(&schema()).unwrap();
        assert!(validator.is_valid(&value));
        assert!(!jsonschema::options().offline().build(&strict()).unwrap().is_valid(&value));
    }
}
