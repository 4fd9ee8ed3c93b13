//! A Kubernetes object as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What identifies an object in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// `apps/v1`, or `v1` for the core group.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Empty for cluster-wide objects, and where the default namespace is meant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

impl ObjectId {
    /// An id of its parts.
    pub fn new(api_version: impl Into<String>, kind: impl Into<String>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// The id of an object given as JSON; absent parts are empty.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { api_version: text("/apiVersion"), kind: text("/kind"), namespace: text("/metadata/namespace"), name: text("/metadata/name") }
    }

    /// The API group, empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The namespace that is meant: `default` where none is named. Of no meaning for cluster-wide objects.
    #[must_use]
    pub fn namespace_or_default(&self) -> &str {
        if self.namespace.is_empty() { "default" } else { &self.namespace }
    }
}

impl std::fmt::Display for ObjectId {
    /// `Deployment keda/keda-operator`, `ClusterIssuer tstack-ca`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// An object that a stack wants in the cluster.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// What identifies it.
    pub id: ObjectId,
    /// The whole object.
    pub value: Value,
}

impl std::fmt::Debug for Object {
    /// The id alone: the content may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Object {
    /// Takes an object apart far enough to name it.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self { id: ObjectId::of(&value), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_an_object_is_not_shown() {
        let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"tls.key": "a2V5"}});
        let shown = format!("{:?}", Object::new(secret));
        assert!(shown.contains("Secret") && !shown.contains("a2V5"), "{shown}");
    }
}
