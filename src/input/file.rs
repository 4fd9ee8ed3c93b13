//! A type of file: its header, its JSON Schema, and the way from bytes to the typed value.

use std::marker::PhantomData;
use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::explain::explain;
use super::finding::Collector;
use crate::yaml::{self, Data, Node, Pos};

/// The API version of every file that people write for tstack.
pub const API_VERSION: &str = "tstack.dev/v1alpha1";

/// The most values that a file which people write may hold: ten times what a stack of 400 components has.
const MOST_VALUES: usize = 50_000;
/// The most errors of the schema that are put into words.
const MOST_ERRORS: usize = 1000;

/// A schema and what checks it, or why there is no such thing.
type Strict = (Value, Result<Validator, String>);

/// A type of file, for a `static`: the schema is made once, when the first file is read.
pub struct FileType<T> {
    /// Its `kind`.
    pub kind: &'static str,
    /// What people call it: `stack file`.
    pub noun: &'static str,
    strict: LazyLock<Strict>,
    typed: PhantomData<fn() -> T>,
}

impl<T: JsonSchema + DeserializeOwned> FileType<T> {
    /// The files of a kind, whose content is a `T`.
    #[must_use]
    pub const fn new(kind: &'static str, noun: &'static str) -> Self {
        Self { kind, noun, strict: LazyLock::new(strict::<T>), typed: PhantomData }
    }

    /// The tree of a file that says that it is of this type; its places are in a new source of `found`.
    pub fn open(&self, name: &str, bytes: &[u8], found: &mut Collector) -> Option<Node> {
        let (source, text) = text(name, bytes, found)?;
        match yaml::parse(text) {
            Ok(Node { data: Data::Null, .. }) => {
                let hint = format!("a {} begins with `apiVersion: {API_VERSION}` and `kind: {}`", self.noun, self.kind);
                found.hint(Pos { source, line: 1, column: 1 }, "the file is empty", hint);
                None
            }
            Ok(node) => {
                let root = node.in_source(source);
                let values = root.size();
                if values > MOST_VALUES {
                    let hint = "manifests and the values of charts belong into files of their own";
                    let message = format!("the {} holds {values} values; tstack reads at most {MOST_VALUES}", self.noun);
                    found.hint(root.pos, message, hint);
                    return None;
                }
                self.check_header(&root, found).then_some(root)
            }
            Err(error) => {
                found.add(Pos { source, line: error.line, column: error.column }, error.message);
                None
            }
        }
    }

    /// A file of another kind would give a flood of findings; two are enough.
    fn check_header(&self, root: &Node, found: &mut Collector) -> bool {
        let mut good = true;
        for (key, wanted) in [("apiVersion", API_VERSION), ("kind", self.kind)] {
            let message = match root.get(key).map(|node| (node, node.as_text())) {
                Some((_, Some(text))) if text == wanted => continue,
                Some((_, Some(text))) => format!("`{key}` must be `{wanted}`, found `{text}`"),
                Some(_) => format!("`{key}` must be `{wanted}`"),
                None => format!("this is not a {}: it has no `{key}: {wanted}`", self.noun),
            };
            found.add(root.value_pos_at(&format!("/{key}")), message);
            good = false;
        }
        good
    }

    /// Reads a tree whose parameters are filled in, or says everything that the schema finds wrong.
    pub fn read(&self, root: &Node, found: &mut Collector) -> Option<T> {
        let (schema, validator) = &*self.strict;
        let value = root.to_value();
        let validator = match validator {
            Ok(validator) => validator,
            Err(error) => {
                found.add(root.pos, format!("tstack's own schema is broken: {error}"));
                return None;
            }
        };
        for error in validator.iter_errors(&value).take(MOST_ERRORS) {
            explain(&error, root, schema, self.noun, found);
        }
        if !found.is_clean() {
            return None;
        }
        // what the schema lets pass and the types do not: a whole number that is written as `5.0`
        serde_json::from_value(value).map_err(|error| found.add(root.pos, error.to_string())).ok()
    }

    /// The schema for editors: wherever a number or a boolean stands, `${parameter}` may too.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = generated::<T>(false);
        allow_references(&mut schema);
        if let Some(map) = schema.as_object_mut() {
            map.insert("title".into(), format!("tstack {}", self.noun).into());
        }
        schema
    }

    /// Whether a value passes as it is, without references.
    #[cfg(test)]
    pub(crate) fn is_valid(&self, value: &Value) -> bool {
        self.strict.1.as_ref().unwrap().is_valid(value)
    }
}

/// The text of a file, with the number that it has as a source of findings.
pub fn text<'a>(name: &str, bytes: &'a [u8], found: &mut Collector) -> Option<(usize, &'a str)> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((found.source(name, text), text.trim_start_matches('\u{feff}'))),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let pos = Pos {
                line: good.matches('\n').count() + 1,
                column: good.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
                source: found.source(name, good),
            };
            found.hint(pos, format!("the file is not UTF-8: byte {} is no character", error.valid_up_to()), "save it as UTF-8");
            None
        }
    }
}

/// The schema of a file whose parameters are filled in.
fn strict<T: JsonSchema>() -> Strict {
    let mut schema = generated::<T>(true);
    bound_integers(&mut schema);
    let validator = jsonschema::options().offline().build(&schema).map_err(|error| error.to_string());
    (schema, validator)
}

fn generated<T: JsonSchema>(inline: bool) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = inline);
    settings.into_generator().into_root_schema_for::<T>().to_value()
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
