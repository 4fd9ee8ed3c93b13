//! TS9xx: advice: cost, tenants, and commands in documents.

mod cost;
mod tenants;

use crate::lint::finding::Severity::{Note, Warning};
use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS901", "idle-worker", Note, cost::idle_worker),
    Rule::new("TS902", "global-limit-of-one-proxy", Note, cost::global_on_one_proxy),
    Rule::new("TS903", "around-the-clock", Note, cost::around_the_clock),
    Rule::new("TS904", "tenants-share-a-host", Warning, tenants::one_host),
];
