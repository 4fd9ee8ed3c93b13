//! TS5xx: workloads, Services and disruption budgets.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
