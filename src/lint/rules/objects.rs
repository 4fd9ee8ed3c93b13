//! TS1xx: files and objects: what cannot be read, and what the API server refuses for its form.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
