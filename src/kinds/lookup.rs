//! Finds a kind by what an object says it is.

use super::index::Kind;

/// What an `apiVersion` and a `kind` stand for.
#[derive(Debug)]
pub enum Lookup {
    /// A kind that tstack knows.
    Known(&'static Kind),
    /// The group has the kind, in other versions alone, or it moved to another group.
    OtherVersion {
        /// What to write as `apiVersion` instead, best first.
        served: Vec<String>,
    },
    /// The group has no such kind.
    UnknownKind {
        /// The kinds of the group.
        kinds: Vec<&'static str>,
        /// What was likely meant: `apiVersion` and `kind`.
        suggestion: Option<(String, &'static str)>,
    },
    /// A group that tstack does not know.
    UnknownGroup {
        /// What was likely meant: `apiVersion` and `kind`.
        suggestion: Option<(String, &'static str)>,
    },
}

/// Groups that Kubernetes moved away from, and where their kinds went.
const MOVED: &[(&str, &[&str])] = &[("extensions", &["apps", "networking.k8s.io"])];

/// Every kind, by group, version and name.
#[must_use]
pub fn all() -> &'static [Kind] {
    Kind::table()
}

/// Finds a kind. An `apiVersion` is `group/version`, or a version alone for the core group.
#[must_use]
pub fn find(api_version: &str, kind: &str) -> Lookup {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let of_group = |group: &str| all().iter().filter(|k| k.group == group).collect::<Vec<_>>();
    let here = of_group(group);
    if let Some(known) = here.iter().find(|k| k.version == version && k.kind == kind) {
        return Lookup::Known(known);
    }
    let moved = MOVED.iter().filter(|(old, _)| *old == group).flat_map(|(_, new)| new.iter().flat_map(|g| of_group(g)));
    let served = versions(here.iter().copied().chain(moved).filter(|k| k.kind == kind));
    if !served.is_empty() {
        return Lookup::OtherVersion { served };
    }
    let suggestion = suggestion(&here, group, kind);
    if here.is_empty() {
        return Lookup::UnknownGroup { suggestion };
    }
    let mut kinds: Vec<_> = here.iter().map(|k| k.kind).collect();
    kinds.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    Lookup::UnknownKind { kinds, suggestion }
}

/// The API versions of some kinds, stable ones first.
fn versions<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Vec<String> {
    let mut found: Vec<_> = kinds.collect();
    found.sort_by_key(|k| (k.deprecated, rank(k.version)));
    found.iter().map(|k| k.api_version()).collect()
}

/// Orders versions as Kubernetes does: stable, beta, alpha, higher numbers first.
fn rank(version: &str) -> (u8, std::cmp::Reverse<u32>, std::cmp::Reverse<u32>) {
    let numbers: Vec<u32> = version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let number = |at: usize| std::cmp::Reverse(numbers.get(at).copied().unwrap_or_default());
    let stage = if version.contains("alpha") { 2 } else { u8::from(version.contains("beta")) };
    (stage, number(0), number(1))
}

fn suggestion(here: &[&'static Kind], group: &str, kind: &str) -> Option<(String, &'static str)> {
    let best = |found: Vec<&'static Kind>| {
        let first = found.into_iter().min_by_key(|k| (k.deprecated, rank(k.version)))?;
        Some((first.api_version(), first.kind))
    };
    let called = |name: &str| all().iter().filter(|k| k.kind == name).collect::<Vec<_>>();
    // the same kind in another group is likelier than another kind of this group
    let near_kind = crate::input::nearest(kind, here.iter().map(|k| k.kind));
    let near_group = crate::input::nearest(group, all().iter().map(|k| k.group));
    best(called(kind)).or_else(|| best(here.iter().copied().filter(|k| Some(k.kind) == near_kind).collect())).or_else(|| {
        let there: Vec<_> = all().iter().filter(|k| Some(k.group) == near_group).collect();
        let near = crate::input::nearest(kind, there.iter().map(|k| k.kind))?;
        best(there.into_iter().filter(|k| k.kind == near).collect())
    })
}
