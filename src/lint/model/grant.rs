//! `ReferenceGrant`: who may refer into a namespace.

use super::{Answer, GATEWAY_API, Reference};
use crate::lint::set::Set;

/// Who refers: the kind and namespace of the object that holds the reference.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The group of the kind.
    pub group: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The namespace.
    pub namespace: &'a str,
}

impl<'a> Asker<'a> {
    /// The object that holds a reference.
    #[must_use]
    pub fn of(reference: &Reference<'a>) -> Self {
        let entry = reference.place.entry;
        Self { group: entry.id.group(), kind: &entry.id.kind, namespace: entry.namespace() }
    }
}

/// Whether a reference is allowed: it stays in its namespace, or a `ReferenceGrant` of the other namespace says so. No only where the
/// set is all there is of that namespace.
#[must_use]
pub fn grants(set: &Set, from: Asker<'_>, to: &Reference<'_>) -> Answer {
    if from.namespace == to.namespace {
        return Answer::Yes;
    }
    for grant in set.of(GATEWAY_API, "ReferenceGrant").filter(|grant| grant.namespace() == to.namespace) {
        let asked = grant.items("/spec/from").any(|one| {
            one.text_of("group") == Some(from.group)
                && one.text_of("kind") == Some(from.kind)
                && one.text_of("namespace") == Some(from.namespace)
        });
        let given = grant.items("/spec/to").any(|one| {
            one.text_of("group") == Some(to.group)
                && one.text_of("kind") == Some(to.kind)
                && one.text_of("name").is_none_or(|name| name.is_empty() || name == to.name)
        });
        if asked && given {
            return Answer::Yes;
        }
    }
    let around = set.surroundings();
    if around.complete && !around.open.contains(to.namespace) { Answer::No } else { Answer::Unknown }
}
