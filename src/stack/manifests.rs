//! Manifest files: objects with every parameter filled in and every image of ours written out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::folder::Folder;
use super::{ImageRef, Object, ObjectId};
use crate::input::{self, Collector, Parameters, suggest};
use crate::yaml::{self, Data, Node, Pos};

/// The most objects of one stack: each is held, linted and applied beside all others.
const MOST_OBJECTS: usize = 20_000;

/// Reads the manifest files of a stack and sees to it that no object is there twice.
#[derive(Default)]
pub(super) struct Manifests {
    seen: BTreeMap<ObjectId, Pos>,
    /// The objects with their places, in the order in which they were read.
    pub(super) nodes: Vec<Node>,
}

impl Manifests {
    /// The objects of one file; `at` is where the stack file names it.
    pub(super) fn read(&mut self, path: &str, at: Pos, folder: &Folder, parameters: &Parameters, found: &mut Collector) -> Vec<Object> {
        let Some(bytes) = folder.files.get(path) else {
            let files = folder.files.keys().map(String::as_str).filter(|f| is_yaml(f) && *f != "stack.yaml");
            let hint = suggest(path, files, "the folder has").unwrap_or_else(|| "the folder has no manifest files".into());
            found.hint(at, format!("there is no file `{path}`"), hint);
            return Vec::new();
        };
        let Some((source, text)) = input::text(&format!("{}/{path}", folder.origin), bytes, found) else { return Vec::new() };
        let nodes = match yaml::parse_nodes(text) {
            Ok(nodes) => nodes,
            Err(error) => {
                found.add(Pos { source, line: error.line, column: error.column }, error.message);
                return Vec::new();
            }
        };
        if nodes.is_empty() {
            found.add(at, format!("`{path}` holds no object"));
        }
        if self.seen.len() + nodes.len() > MOST_OBJECTS {
            let message = format!("with `{path}` the stack has more than {MOST_OBJECTS} objects");
            found.hint(at, message, "make several stacks of it");
            return Vec::new();
        }
        nodes.into_iter().filter_map(|node| self.object(node.in_source(source), parameters, found)).collect()
    }

    fn object(&mut self, mut node: Node, parameters: &Parameters, found: &mut Collector) -> Option<Object> {
        parameters.fill(&mut node, false, found);
        if !matches!(node.data, Data::Map(_)) {
            found.add(node.pos, "this document is not a Kubernetes object: it is not a map");
            return None;
        }
        let given = |pointer: &str| node.to_value().pointer(pointer).and_then(Value::as_str).is_some_and(|t| !t.is_empty());
        let missing: Vec<&str> =
            ["apiVersion", "kind", "metadata.name"].into_iter().filter(|key| !given(&format!("/{}", key.replace('.', "/")))).collect();
        if !missing.is_empty() {
            found.add(node.pos, format!("this document is not a Kubernetes object: it has no `{}`", missing.join("`, `")));
            return None;
        }
        let object = Object::new(node.to_value());
        // two versions of one kind are the same object
        let key = ObjectId { api_version: object.id.group().to_owned(), ..object.id.clone() };
        if let Some(first) = self.seen.get(&key) {
            let place = found.place(*first);
            found.add(node.pos, format!("{} is already given at {place}", object.id));
            return None;
        }
        self.seen.insert(key, node.pos);
        self.nodes.push(node);
        Some(object)
    }
}

fn is_yaml(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// Writes the full reference wherever a container names one of `images`, with or without a tag. Gives the places in `images` that were named.
pub(super) fn write_out_images(value: &mut Value, images: &[ImageRef]) -> Vec<usize> {
    let mut used = Vec::new();
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| used.extend(write_out_images(item, images))),
        Value::Object(map) => {
            for (key, child) in map {
                if matches!(key.as_str(), "containers" | "initContainers")
                    && let Value::Array(containers) = child
                {
                    for image in containers.iter_mut().filter_map(|c| c.get_mut("image")) {
                        let Some(Ok(named)) = image.as_str().map(ImageRef::parse) else { continue };
                        if let Some(at) = images.iter().position(|ours| ours.name() == named.name()) {
                            *image = Value::String(images[at].to_string());
                            used.push(at);
                        }
                    }
                }
                used.extend(write_out_images(child, images));
            }
        }
        _ => {}
    }
    used.sort_unstable();
    used.dedup();
    used
}

/// The same in the tree that knows its places, for the linter.
pub(super) fn write_out_images_in(node: &mut Node, images: &[ImageRef]) {
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(|item| write_out_images_in(item, images)),
        Data::Map(entries) => {
            for (key, child) in entries {
                if ["containers", "initContainers"].contains(&key.text.as_str())
                    && let Data::List(containers) = &mut child.data
                {
                    for image in containers.iter_mut().filter_map(|container| container.get_mut("image")) {
                        let Some(Ok(named)) = image.as_text().map(ImageRef::parse) else { continue };
                        if let Some(ours) = images.iter().find(|ours| ours.name() == named.name()) {
                            image.data = Data::Text(ours.to_string());
                        }
                    }
                }
                write_out_images_in(child, images);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_get_the_full_reference_with_or_without_a_tag() {
        let ours = [ImageRef::parse("docker.io/library/task-api:sha-1").unwrap()];
        let mut value = json!({"spec": {"template": {"spec": {
            "containers": [{"image": "task-api"}, {"image": "task-api:dev"}, {"image": "other/task-api"}],
            "initContainers": [{"image": "docker.io/library/task-api"}],
        }}}, "image": "task-api"});
        assert_eq!(write_out_images(&mut value, &ours), [0]);
        let text = value.to_string();
        assert_eq!(text.matches("docker.io/library/task-api:sha-1").count(), 3);
        assert_eq!((value["image"].as_str(), text.contains("other/task-api")), (Some("task-api"), true));
    }
}
