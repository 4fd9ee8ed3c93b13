//! The JSON Schema of the stack file, and what it finds wrong, in words for people.

use std::sync::LazyLock;

use jsonschema::Validator;
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

/// The schema of a file whose parameters are filled in, and what checks it.
static STRICT: LazyLock<(Value, Result<Validator, String>)> = LazyLock::new(|| {
    let mut schema = generated(true);
    bound_integers(&mut schema);
    let validator = jsonschema::options().offline().build(&schema).map_err(|error| error.to_string());
    (schema, validator)
});

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
    let (schema, validator) = &*STRICT;
    let value = root.to_value();
    let validator = match validator {
        Ok(validator) => validator,
        Err(error) => {
            found.add(root.pos, format!("tstack's own schema is broken: {error}"));
            return None;
        }
    };
    for error in validator.iter_errors(&value) {
        explain(&error, root, schema, found);
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
                Some(name) => path.extend([".", name]),
                None => path.extend(["[", &part, "]"]),
            }
        } else {
            node = node.and_then(|n| n.get(&part));
            path.extend([".", &part]);
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

/// `version: 1.10` is the number 1.1 in YAML: the one wrong type that does not look wrong.
fn quote(rule: &Value, value: &Value) -> Option<String> {
    let text = wanted(rule) == "a text" && (value.is_number() || value.is_boolean());
    text.then(|| "put the value in quotes".to_owned())
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
        insta::assert_snapshot!(findings(file), @r#"
        stack.yaml:3:1: `metadata` needs the key `name`
          metadata: {descripton: x}
          ^
          hint: Lower case letters, digits and `-`, at most 40 characters; the cluster is called `tstack-<name>`

        stack.yaml:3:12: `metadata` has no key `descripton`
          metadata: {descripton: x}
                     ^
          hint: did you mean `description`?

        stack.yaml:4:20: `parameters.list` must be `true` or `false` or a number or a text, found a list
          parameters: {list: [1]}
                             ^

        stack.yaml:5:26: `cluster.ports[0].host` must be 1 to 65535, found 99999
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                   ^

        stack.yaml:5:39: `cluster.ports[0].node` must be 30000 to 32767, found 80
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                                ^

        stack.yaml:5:61: `cluster.minimum.cpus` must be a whole number, found the text `two`
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                                                      ^

        stack.yaml:5:74: `cluster.minimum.memory` must be a text, found the number 4
          cluster: {ports: [{host: 99999, node: 80}], minimum: {cpus: two, memory: 4}}
                                                                                   ^
          hint: put the value in quotes

        stack.yaml:8:29: `components.keda.helm.version` must be a text, found the number 1.1
            helm: {chart: x, version: 1.10, namespace: keda, values: [1]}
                                      ^
          hint: put the value in quotes

        stack.yaml:8:60: `components.keda.helm.values` must be a map, found a list
            helm: {chart: x, version: 1.10, namespace: keda, values: [1]}
                                                                     ^

        stack.yaml:9:3: `components.keda` has no key `need`
            need: [x]
            ^
          hint: did you mean `needs`?

        stack.yaml:10:12: `components.tls.images` must be a list, found the text `x`
          - {images: x, name: tls, certificate: {namespace: a, secret: b, commonName: c, issuer: lets-encrypt}}
                     ^

        stack.yaml:10:88: `components.tls.certificate.issuer` must be `cert-manager` or `tstack`, found the text `lets-encrypt`
          - {images: x, name: tls, certificate: {namespace: a, secret: b, commonName: c, issuer: lets-encrypt}}
                                                                                                 ^

        stack.yaml:11:50: `checks.c.rateLimit.requests` must be 1 to 10000, found 5000000000
          checks: [{name: c, rateLimit: {url: x, requests: 5000000000, perMinute: -1}}]
                                                           ^

        stack.yaml:11:73: `checks.c.rateLimit.perMinute` must be 0 to 4294967295, found -1
          checks: [{name: c, rateLimit: {url: x, requests: 5000000000, perMinute: -1}}]
                                                                                  ^

        stack.yaml:12:19: `profiles.small` must be a map, found the number 1
          profiles: {small: 1}
                            ^

        15 errors
        "#);
    }

    #[test]
    fn a_file_that_is_no_map_is_named_as_such() {
        insta::assert_snapshot!(findings("- a\n"), @r#"
        stack.yaml:1:1: the stack file must be a map, found a list
          - a
          ^

        1 error
        "#);
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
        assert!(!STRICT.1.as_ref().unwrap().is_valid(&value));
    }
}
