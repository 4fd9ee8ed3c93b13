//! Which routes a policy reaches: those that it names, and those below the Gateway that it names.

use std::collections::HashMap;

use crate::lint::entry::Entry;
use crate::lint::model::{Listener, Reference, Route, Topology, targets};
use crate::lint::place::Place;
use crate::lint::set::Set;

/// Kind, namespace and name of something that policies are on.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

/// The key of an object.
pub(super) fn key(entry: &Entry) -> Key<'_> {
    (&entry.id.kind, entry.namespace(), &entry.id.name)
}

/// The key of what a reference names.
pub(super) const fn named<'a>(reference: &Reference<'a>) -> Key<'a> {
    (reference.kind, reference.namespace, reference.name)
}

/// The routes of a set by their own key and by those of their parents.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    pub(super) topology: Topology<'a>,
    by: HashMap<Key<'a>, Vec<usize>>,
}

impl<'a> Reach<'a> {
    pub(super) fn of(set: &'a Set) -> Self {
        let topology = Topology::of(set);
        let mut by: HashMap<Key<'a>, Vec<usize>> = HashMap::new();
        for (number, route) in topology.routes.iter().enumerate() {
            let keys = route.parents.iter().map(|parent| named(&parent.reference)).chain([key(route.entry)]);
            for key in keys {
                let list = by.entry(key).or_default();
                if list.last() != Some(&number) {
                    list.push(number);
                }
            }
        }
        Self { topology, by }
    }

    /// The routes that a target stands for, itself or those below it.
    pub(super) fn routes<'s>(&'s self, target: &Reference<'a>) -> impl Iterator<Item = &'s Route<'a>> + use<'s, 'a> {
        let found = self.by.get(&named(target)).map_or(&[][..], Vec::as_slice);
        found.iter().map(|number| &self.topology.routes[*number])
    }

    /// The rules of routes that a target stands for, with their routes.
    pub(super) fn rules<'s>(&'s self, target: &Reference<'a>) -> impl Iterator<Item = (&'s Route<'a>, Place<'a>)> + use<'s, 'a> {
        let (own, section) = (named(target), target.section);
        self.routes(target).flat_map(move |route| {
            let section = section.filter(|_| key(route.entry) == own);
            let rules = route.entry.items("/spec/rules");
            rules.filter(move |rule| section.is_none() || rule.text_of("name") == section).map(move |rule| (route, rule))
        })
    }
}

/// The listeners over which a target takes requests of a route that it stands for.
pub(super) fn listeners<'r, 'a>(target: &Reference<'a>, route: &'r Route<'a>) -> impl Iterator<Item = &'r Listener<'a>> + use<'r, 'a> {
    let (own, section) = (named(target), target.section);
    let itself = key(route.entry) == own;
    let parents = route.parents.iter().filter(move |parent| itself || named(&parent.reference) == own);
    let listeners = parents.flat_map(|parent| parent.attached(route.entry).map(|(listener, _)| listener));
    listeners.filter(move |listener| itself || section.is_none_or(|section| section == listener.name))
}

/// Policies by what they are on.
pub(super) type On<'a> = HashMap<Key<'a>, Vec<&'a Entry>>;

/// Puts policies under what they are on.
pub(super) fn on<'a>(set: &'a Set, policies: impl Iterator<Item = &'a Entry>) -> On<'a> {
    let mut on: On<'a> = HashMap::new();
    for policy in policies {
        for target in targets(set, policy) {
            on.entry(named(&target.reference)).or_default().push(policy);
        }
    }
    on
}

/// The policies on a route itself and on its parents.
pub(super) fn over<'r, 'a>(route: &'r Route<'a>, on: &'r On<'a>) -> impl Iterator<Item = &'a Entry> + use<'r, 'a> {
    let keys = route.parents.iter().map(|parent| named(&parent.reference)).chain([key(route.entry)]);
    keys.filter_map(|key| on.get(&key)).flatten().copied()
}

/// Whether a rule of a route only sends callers elsewhere.
pub(super) fn only_redirects(rule: &Place<'_>) -> bool {
    rule.get("filters").into_iter().flat_map(|filters| filters.items()).any(|filter| filter.text_of("type") == Some("RequestRedirect"))
}
