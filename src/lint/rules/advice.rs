//! TS9xx: advice: cost, tenants, and commands in documents.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
