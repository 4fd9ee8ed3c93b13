//! One object with its comments.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::ServiceSpec;
use crate::stack::ObjectId;
use crate::yaml::{self, Map};

/// The label that says who wrote an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The annotation with the digest of the specification that an object was made of.
pub const SPEC_DIGEST: &str = "tstack.dev/spec-digest";

/// An object as it is written: an ordered tree with comments.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What identifies it.
    pub id: ObjectId,
    /// The file that it belongs to: `30-gateway.yaml`. Files in the order of their names are in the order of need.
    pub file: &'static str,
    /// What it is for, one or two sentences.
    pub head: String,
    /// The object.
    pub body: Map,
}

impl Document {
    /// An object of a specification, with everything before `spec`.
    #[must_use]
    pub fn new(spec: &ServiceSpec, file: &'static str, kind: (&str, &str), name: &str, head: impl Into<String>) -> Self {
        let (api_version, kind) = kind;
        let namespace = if kind == "Namespace" { "" } else { spec.namespace.as_str() };
        let mut metadata = Map::new();
        metadata.put("name", name);
        if !namespace.is_empty() {
            metadata.put("namespace", namespace);
        }
        metadata.put("labels", labels_of(spec));
        let mut annotations = Map::new();
        annotations.put(SPEC_DIGEST, &spec.digest);
        metadata.put("annotations", annotations);
        let mut body = Map::new();
        body.put("apiVersion", api_version);
        body.put("kind", kind);
        body.put("metadata", metadata);
        Self { id: ObjectId::new(api_version, kind, namespace, name), file, head: head.into(), body }
    }

    /// With its `spec`.
    #[must_use]
    pub fn with_spec(mut self, spec: Map) -> Self {
        self.body.put("spec", spec);
        self
    }

    /// With more annotations, and the reason for them.
    #[must_use]
    pub fn annotated(mut self, marks: &[(&str, String)], why: &str) -> Self {
        if let Some(annotations) = self.body.map_mut("metadata").and_then(|metadata| metadata.map_mut("annotations")) {
            for (index, (key, value)) in marks.iter().enumerate() {
                let entry = annotations.put(*key, value);
                if index == 0 {
                    entry.above(why);
                }
            }
        }
        self
    }

    /// Its text, with its comments.
    #[must_use]
    pub fn text(&self) -> String {
        yaml::write(Some(&self.head), &self.body)
    }

    /// The object alone.
    #[must_use]
    pub fn value(&self) -> Value {
        self.body.to_value()
    }
}

fn labels_of(spec: &ServiceSpec) -> Map {
    let mut labels = Map::new();
    labels.put("app.kubernetes.io/name", &spec.name);
    labels.put(MANAGED_BY, "tstack");
    labels
}

/// All objects in one stream.
#[must_use]
pub fn render(documents: &[Document]) -> String {
    documents.iter().map(Document::text).collect::<Vec<_>>().join("---\n")
}

/// The files of a folder: each with its objects as one stream.
#[must_use]
pub fn files(documents: &[Document]) -> BTreeMap<&'static str, String> {
    let mut all: BTreeMap<&'static str, String> = BTreeMap::new();
    for document in documents {
        let text = all.entry(document.file).or_default();
        if !text.is_empty() {
            text.push_str("---\n");
        }
        text.push_str(&document.text());
    }
    all
}
