//! The objects of a stack, each with the number of its newest change.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stack::{Object, ObjectId};

/// What an API server would have in its store.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<ObjectId, Kept>,
    /// The last generation of objects that were deleted: one that comes again is not taken for the old one.
    past: BTreeMap<ObjectId, i64>,
}

#[derive(Clone, Debug)]
struct Kept {
    component: String,
    object: Object,
    generation: i64,
}

impl Store {
    /// Keeps objects; the generation of one rises when more than its metadata is another.
    pub(super) fn apply(&mut self, component: &str, objects: Vec<Object>) {
        for object in objects {
            let before = self.objects.get(&object.id);
            let generation = match before {
                Some(kept) if same_but_metadata(&kept.object.value, &object.value) => kept.generation,
                Some(kept) => kept.generation + 1,
                None => self.past.get(&object.id).map_or(1, |last| last + 1),
            };
            self.objects.insert(object.id.clone(), Kept { component: component.to_owned(), object, generation });
        }
    }

    /// Forgets an object.
    pub(super) fn delete(&mut self, id: &ObjectId) {
        if let Some(kept) = self.objects.remove(id) {
            self.past.insert(id.clone(), kept.generation);
        }
    }

    /// All objects with their components, in the order of their ids.
    pub(super) fn all(&self) -> Vec<(String, Object)> {
        self.objects.values().map(|kept| (kept.component.clone(), kept.object.clone())).collect()
    }

    /// The generation of an object.
    pub(super) fn generation(&self, id: &ObjectId) -> Option<i64> {
        self.objects.get(id).map(|kept| kept.generation)
    }

    /// The generation of each object.
    pub(super) fn generations(&self) -> BTreeMap<ObjectId, i64> {
        self.objects.iter().map(|(id, kept)| (id.clone(), kept.generation)).collect()
    }
}

fn same_but_metadata(a: &Value, b: &Value) -> bool {
    let content = |value: &Value| -> BTreeMap<String, Value> {
        let fields = value.as_object().into_iter().flatten();
        fields.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status")).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    content(a) == content(b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gateway(port: u16, label: &str) -> Object {
        Object::new(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "g", "labels": {"x": label}}, "spec": {"port": port}
        }))
    }

    #[test]
    fn the_generation_rises_with_the_specification_alone() {
        let mut store = Store::default();
        let id = gateway(1, "").id;
        let mut generations = Vec::new();
        for object in [gateway(1, "a"), gateway(1, "b"), gateway(2, "b")] {
            store.apply("gateway", vec![object]);
            generations.push(store.generations()[&id]);
        }
        assert_eq!(generations, [1, 1, 2]);
    }

    #[test]
    fn an_object_that_comes_again_is_another_one() {
        let mut store = Store::default();
        store.apply("gateway", vec![gateway(1, "")]);
        store.delete(&gateway(1, "").id);
        assert!(store.all().is_empty());
        store.apply("gateway", vec![gateway(1, "")]);
        assert_eq!(store.generations()[&gateway(1, "").id], 2);
    }
}
