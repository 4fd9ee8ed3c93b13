//! TS8xx: other gateways and traffic for language models.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
