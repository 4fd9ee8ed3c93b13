//! What each component of a stack is here, before anything is touched.

use std::collections::BTreeMap;

use super::{Role, Wanted};
use crate::stack::Stack;

/// What each component is, by its name.
#[must_use]
pub fn roles(_stack: &Stack) -> BTreeMap<String, Role> {
    BTreeMap::new()
}

/// The programs of others that the stack needs, each once.
#[must_use]
pub fn programs(_stack: &Stack) -> Vec<Wanted> {
    Vec::new()
}

/// The checks that cannot be made here, by their names, and why: one sentence for people, without a full stop.
#[must_use]
pub fn left_out_checks(_stack: &Stack, _have_prometheus: bool) -> BTreeMap<String, String> {
    BTreeMap::new()
}
