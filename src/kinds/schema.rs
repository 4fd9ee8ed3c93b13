//! A structural schema, as it is written in `schemas/`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use super::pattern::Pattern;
use super::rules::Rule;

/// Schemas by name, each in a place of its own: a node of a map has room for eleven, and most maps hold two or three.
pub(super) type Schemas = BTreeMap<Box<str>, Box<Schema>>;

/// What a value may be. A key that is not known here is an error, so that no condition of a schema is lost unseen.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Schema {
    /// What references of this schema mean; at the root alone.
    #[serde(rename = "$defs")]
    pub(super) definitions: Schemas,
    #[serde(rename = "type")]
    pub(super) kind: Option<Type>,
    #[serde(rename = "$ref")]
    pub(super) reference: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub(super) int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub(super) preserve: bool,
    pub(super) properties: Schemas,
    pub(super) additional_properties: Option<Box<Schema>>,
    pub(super) required: Vec<Box<str>>,
    pub(super) items: Option<Box<Schema>>,
    #[serde(rename = "enum")]
    pub(super) listed: Vec<Value>,
    pub(super) default: Option<Value>,
    pub(super) format: Option<Box<str>>,
    pub(super) pattern: Option<Pattern>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,
    pub(super) all_of: Vec<Schema>,
    pub(super) any_of: Vec<Schema>,
    pub(super) one_of: Vec<Schema>,
    pub(super) not: Option<Box<Schema>>,
    #[serde(rename = "x-kubernetes-list-type")]
    pub(super) list_type: ListType,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    pub(super) map_keys: Vec<Box<str>>,
    #[serde(rename = "x-kubernetes-validations")]
    pub(super) rules: Vec<Rule>,
    #[serde(skip)]
    has_rules: OnceLock<bool>,
}

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// How lists hold items apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ListType {
    #[default]
    Atomic,
    Set,
    Map,
}

impl Schema {
    /// Whether there are rules here or below.
    pub(super) fn has_rules(&self) -> bool {
        *self.has_rules.get_or_init(|| {
            let below = self.properties.values().map(Box::as_ref).chain(self.items.as_deref()).chain(self.additional_properties.as_deref());
            !self.rules.is_empty() || below.into_iter().any(Self::has_rules)
        })
    }

    /// The schema of a key's value.
    pub(super) fn property(&self, key: &str) -> Option<&Schema> {
        self.properties.get(key).or(self.additional_properties.as_ref()).map(Box::as_ref)
    }

    /// The schema that a reference means.
    pub(super) fn definition(&self, reference: &str) -> Option<&Schema> {
        self.definitions.get(reference.strip_prefix("#/$defs/")?).map(Box::as_ref)
    }
}
