//! An object as the API server gives it, as plain JSON without what nobody here reads: who owns each of its fields, and in definitions of
//! kinds their schemas. Those of one chart are megabytes of text, and ten times that as values.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use kube::discovery::ApiResource;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// An object of any kind.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) metadata: ObjectMeta,
    /// All of it, the metadata too. Entries of a list lack apiVersion and kind.
    pub(super) value: Value,
}

impl Resource for Plain {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn api_version(of: &ApiResource) -> Cow<'_, str> {
        of.api_version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Lean(Place::Object).deserialize(deserializer)?;
        let metadata = value.get("metadata").map_or_else(|| Ok(ObjectMeta::default()), ObjectMeta::deserialize).map_err(Error::custom)?;
        Ok(Self { metadata, value })
    }
}

/// Where in an object a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Object,
    Metadata,
    Deeper,
}

/// Reads a value, and passes over what is left out.
struct Lean(Place);

impl<'de> DeserializeSeed<'de> for Lean {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lean {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self(Place::Deeper))? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            match (self.0, key.as_str()) {
                (Place::Metadata, "managedFields") | (Place::Deeper, "openAPIV3Schema") => {
                    entries.next_value::<IgnoredAny>()?;
                }
                (Place::Object, "metadata") => drop(map.insert(key, entries.next_value_seed(Self(Place::Metadata))?)),
                _ => drop(map.insert(key, entries.next_value_seed(Self(Place::Deeper))?)),
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_whole_but_for_the_owners_of_its_fields_and_the_schemas_of_kinds() {
        let text = r#"{"metadata": {"name": "a", "uid": "u", "managedFields": [{"manager": "m"}], "labels": {"x": "y"}},
            "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}], "n": [1, -2, 1.5, true, null]}}"#;
        let plain: Plain = serde_json::from_str(text).unwrap();
        let mut whole: Value = serde_json::from_str(text).unwrap();
        whole["metadata"].as_object_mut().unwrap().remove("managedFields");
        whole["spec"]["versions"][0]["schema"] = serde_json::json!({});
        assert_eq!(plain.value, whole);
        assert_eq!(plain.metadata.uid.as_deref(), Some("u"));
    }

    #[test]
    fn what_is_called_so_in_somebodys_own_data_stays() {
        let text = r#"{"metadata": {"annotations": {"managedFields": "mine"}}, "data": {"managedFields": "mine"}}"#;
        let plain: Plain = serde_json::from_str(text).unwrap();
        assert_eq!(plain.value, serde_json::from_str::<Value>(text).unwrap());
    }
}
