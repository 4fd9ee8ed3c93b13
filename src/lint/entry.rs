//! An object of the set.

use super::place::Place;
use crate::stack::ObjectId;
use crate::yaml::Node;

/// An object and where it is written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What identifies it. The namespace is as written: empty where none is.
    pub id: ObjectId,
    /// The whole document; its places know their source.
    pub node: Node,
}

impl Entry {
    /// The whole object as a place.
    #[must_use]
    pub fn root(&self) -> Place<'_> {
        Place::root(self)
    }

    /// What a JSON pointer leads to: `/spec/rules`.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Place<'_>> {
        self.root().at(pointer)
    }

    /// The items of a list; none where there is no list.
    pub fn items(&self, pointer: &str) -> impl Iterator<Item = Place<'_>> + use<'_> {
        self.at(pointer).into_iter().flat_map(|place| place.items())
    }

    /// A text.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.text()
    }

    /// A whole number.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer)?.number()
    }

    /// A label of the object itself.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.node.get("metadata")?.get("labels")?.get(key)?.as_text()
    }

    /// An annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.node.get("metadata")?.get("annotations")?.get(key)?.as_text()
    }

    /// The namespace that it is in: `default` where none is written. Of no meaning for objects of the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.id.namespace_or_default()
    }

    /// Whether it is of that kind, in any version.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.id.kind == kind && self.id.group() == group
    }
}
