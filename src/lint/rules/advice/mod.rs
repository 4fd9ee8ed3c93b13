//! TS9xx: advice: cost, tenants, and commands in documents.

mod bundles;
mod commands;
mod cost;
mod curl;
mod tenants;

use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS901", "idle-worker", Note, cost::idle_worker),
    Rule::new("TS902", "global-limit-of-one-proxy", Note, cost::global_on_one_proxy),
    Rule::new("TS903", "around-the-clock", Note, cost::around_the_clock),
    Rule::new("TS904", "tenants-share-a-host", Warning, tenants::one_host),
    Rule::new("TS911", "client-dry-run", Warning, commands::client_dry_run),
    Rule::new("TS912", "gateway-api-too-old", Error, bundles::too_old),
    Rule::new("TS913", "exact-count-of-refusals", Warning, commands::exact_count),
    Rule::new("TS914", "wait-for-address", Warning, commands::wait_for_address),
    Rule::new("TS915", "any-certificate", Warning, curl::insecure),
    Rule::new("TS916", "request-without-route", Warning, curl::no_route),
    Rule::new("TS917", "port-not-mapped", Warning, curl::no_port),
    Rule::new("TS918", "active-without-traffic", Note, commands::active_without_traffic),
];
