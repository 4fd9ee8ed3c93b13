//! TS6xx: TLS: certificates, issuers, Secrets.

use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[];
