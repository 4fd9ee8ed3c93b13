//! TS7xx: authentication and access: SecurityPolicy, what must not be reachable.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
