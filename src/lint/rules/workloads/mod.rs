//! TS5xx: workloads, Services and disruption budgets. What the API server refuses of them by itself is rule TS119.

mod budgets;
mod containers;
mod images;
pub(super) mod pods;
mod probes;
mod selectors;
mod services;
mod shutdown;

use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS502", "service-selects-nothing", Error, selectors::service),
    Rule::new("TS503", "target-port-missing", Error, services::target_port),
    Rule::new("TS505", "service-beside-gateway", Warning, services::beside_gateway),
    Rule::new("TS510", "no-readiness-probe", Warning, probes::no_readiness).in_production(Error),
    Rule::new("TS511", "probe-port-missing", Error, probes::port_missing),
    Rule::new("TS512", "liveness-before-readiness", Warning, probes::liveness_first),
    Rule::new("TS513", "probe-refused", Error, probes::refused),
    Rule::new("TS522", "no-requests", Note, containers::no_requests).in_production(Warning),
    Rule::new("TS523", "privileged", Note, containers::privileged).in_production(Warning),
    Rule::new("TS524", "secret-in-plain-text", Note, containers::secret_in_plain_text).in_production(Warning),
    Rule::new("TS525", "image-without-version", Warning, images::no_version),
    Rule::new("TS526", "killed-while-stopping", Warning, shutdown::killed),
    Rule::new("TS530", "budget-blocks-drains", Warning, budgets::blocks).in_production(Error),
    Rule::new("TS531", "budget-selects-nothing", Warning, budgets::selects_nothing),
    Rule::new("TS532", "two-budgets-for-one-pod", Error, budgets::two),
    Rule::new("TS533", "no-budget", Note, budgets::none),
];
