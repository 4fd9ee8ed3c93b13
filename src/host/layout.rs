//! From objects to processes and Envoy Gateway's resources.

use std::collections::{BTreeMap, BTreeSet};

use super::{Layout, Surroundings};
use crate::stack::Object;

/// The container ports of each process that these objects make: each needs a loopback port before [`layout`] can be.
#[must_use]
pub fn wanted_ports(_objects: &[(String, Object)]) -> BTreeMap<String, BTreeSet<u16>> {
    BTreeMap::new()
}

/// What the objects of a stack are here. Each comes with the name of its component.
#[must_use]
pub fn layout(_objects: &[(String, Object)], _around: &Surroundings) -> Layout {
    Layout::default()
}
