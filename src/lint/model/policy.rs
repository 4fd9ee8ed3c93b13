//! Policies and what they are on.

use std::collections::HashMap;

use super::{Answer, Asker, GATEWAY_API, Labels, Name, Reference, grants, selects};
use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::set::Set;

/// One target of a policy.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// What it is; `reference.section` is a listener or a rule of it.
    pub reference: Reference<'a>,
    /// Whether labels chose it; then `reference.place` is the selector.
    pub selected: bool,
}

/// The targets of a policy: `targetRef`, `targetRefs`, and the objects of the set that `targetSelectors` choose.
#[must_use]
pub fn targets<'a>(set: &'a Set, policy: &'a Entry) -> Vec<Target<'a>> {
    let named = policy.at("/spec/targetRef").into_iter().chain(policy.items("/spec/targetRefs"));
    let named = named.filter_map(|place| Some(Target { reference: Reference::read(place, GATEWAY_API, "")?, selected: false }));
    named.chain(policy.items("/spec/targetSelectors").flat_map(|selector| chosen(set, policy, &selector))).collect()
}

/// What a target selector chooses of the set.
fn chosen<'a>(set: &'a Set, policy: &'a Entry, selector: &Place<'a>) -> Vec<Target<'a>> {
    let group = selector.text_of("group").unwrap_or(GATEWAY_API);
    let Some(kind) = selector.text_of("kind") else { return Vec::new() };
    let from = selector.at("/namespaces/from").and_then(|from| from.text()).unwrap_or("Same");
    let target = |entry: &'a Entry| {
        let labels = Labels::all(entry.at("/metadata/labels").map(|labels| labels.node));
        let reference = Reference {
            place: selector.clone(),
            group,
            kind,
            namespace: entry.namespace(),
            name: &entry.id.name,
            section: None,
            port: None,
        };
        // namespaces by selector are not looked into: what they hold is not certain
        let near =
            reference.namespace == policy.namespace() || (from == "All" && grants(set, Asker::of(&reference), &reference) == Answer::Yes);
        (near && selects(selector, &labels) == Answer::Yes).then_some(Target { reference, selected: true })
    };
    set.of(group, kind).filter_map(target).collect()
}

/// Every policy of a kind by what it is on: made once by a rule that needs it.
#[derive(Debug)]
pub struct Policies<'a> {
    by_target: HashMap<Name<'a>, Vec<(&'a Entry, Target<'a>)>>,
}

impl<'a> Policies<'a> {
    /// Looks at all policies of a kind.
    #[must_use]
    pub fn of(set: &'a Set, group: &str, kind: &str) -> Self {
        let mut by_target: HashMap<_, Vec<_>> = HashMap::new();
        for policy in set.of(group, kind) {
            for target in targets(set, policy) {
                let to = &target.reference;
                by_target.entry((to.kind, to.namespace, to.name)).or_default().push((policy, target));
            }
        }
        Self { by_target }
    }

    /// The policies that name an object itself, whole or a section of it, in the order of the set.
    #[must_use]
    pub fn on(&self, entry: &'a Entry) -> &[(&'a Entry, Target<'a>)] {
        self.by_target.get(&(entry.id.kind.as_str(), entry.namespace(), entry.id.name.as_str())).map_or(&[], Vec::as_slice)
    }
}
