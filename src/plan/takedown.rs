//! In which order what was made is taken back: what needs another goes before it, and side by side what need not wait for one another.

use std::collections::{BTreeMap, BTreeSet};

use super::Made;
use crate::stack::ObjectId;

/// One thing that is taken back.
pub(super) struct Turn {
    /// Its place in what was made.
    pub(super) place: usize,
    /// The places of what must be gone before; what these wait for themselves is left out.
    pub(super) waits: Vec<usize>,
}

/// The turns, each after all that it waits for; of what was made together the newest goes first. Definitions and namespaces have none.
///
/// `needs` has what each component needs, as the stack said when it was applied. What is not known of a component may be anything: it
/// goes before all that is older.
pub(super) fn turns(made: &[Made], needs: &BTreeMap<String, Vec<String>>) -> Vec<Turn> {
    let mut open: Vec<Entry<'_>> = made.iter().enumerate().rev().filter_map(|(place, made)| Entry::of(place, made, needs)).collect();
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for name in open.iter().flat_map(|entry| entry.needs.iter().flatten()) {
        *wanted.entry(*name).or_default() += 1;
    }
    let mut gone: Vec<(Entry<'_>, BTreeSet<usize>)> = Vec::with_capacity(open.len());
    let mut turns = Vec::with_capacity(open.len());
    while !open.is_empty() {
        // stacks have no circles; a record of several of them may, and must not keep anything from going
        let next = open.iter().position(|entry| wanted.get(entry.component).is_none_or(|count| *count == 0)).unwrap_or(0);
        let entry = open.remove(next);
        for name in entry.needs.iter().flatten() {
            wanted.entry(*name).and_modify(|count| *count -= 1);
        }
        let (mut waits, mut before) = (Vec::new(), BTreeSet::new());
        for (other, its) in gone.iter().rev().filter(|(other, _)| entry.is_ground || other.may_need(entry.component)) {
            if before.insert(other.place) {
                waits.push(other.place);
                before.extend(its);
            }
        }
        waits.reverse();
        turns.push(Turn { place: entry.place, waits });
        gone.push((entry, before));
    }
    turns
}

/// What is to be taken back, and what it needs.
struct Entry<'a> {
    place: usize,
    component: &'a str,
    /// Every component that it needs, also by way of others; `None` where that was not noted.
    needs: Option<BTreeSet<&'a str>>,
    /// Others may stand on it without saying so: all that is newer goes before.
    is_ground: bool,
}

impl<'a> Entry<'a> {
    fn of(place: usize, made: &'a Made, needs: &'a BTreeMap<String, Vec<String>>) -> Option<Self> {
        let (component, is_ground) = match made {
            Made::Objects { component, ids } => (component, ids.iter().any(is_ground)),
            Made::Release { component, .. } => (component, true),
            Made::Definitions { .. } | Made::Namespace { .. } => return None,
        };
        Some(Self { place, component, needs: closure(component, needs), is_ground })
    }

    fn may_need(&self, component: &str) -> bool {
        self.needs.as_ref().is_none_or(|needs| needs.contains(component))
    }
}

/// Namespaces hold objects of others; definitions, webhooks and aggregated APIs decide about them.
fn is_ground(id: &ObjectId) -> bool {
    matches!(id.kind.as_str(), "Namespace" | "CustomResourceDefinition")
        || matches!(id.group(), "admissionregistration.k8s.io" | "apiregistration.k8s.io")
}

fn closure<'a>(component: &str, needs: &'a BTreeMap<String, Vec<String>>) -> Option<BTreeSet<&'a str>> {
    let mut all = BTreeSet::new();
    let mut open: Vec<&str> = needs.get(component)?.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if name != component && all.insert(name) {
            open.extend(needs.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    Some(all)
}
