//! TS2xx: Gateway API: Gateways, routes, and who may refer to whom.

mod backends;
mod exposure;
mod filters;
mod gateways;
mod grants;
mod listeners;
mod matches;
mod parents;

use crate::lint::finding::Severity::{Error, Note, Warning};
use crate::lint::model::ENVOY_GATEWAY as ENVOY;
use crate::lint::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    Rule::new("TS201", "class-unknown", Error, gateways::class_unknown),
    Rule::new("TS202", "controller-unknown", Warning, gateways::controller_unknown),
    Rule::new("TS203", "parameters-missing", Error, gateways::parameters_missing),
    Rule::new("TS204", "listener-without-tls", Error, listeners::without_tls),
    Rule::new("TS205", "listener-protocols-conflict", Error, listeners::protocols_conflict),
    Rule::new("TS206", "listener-protocol-unknown", Error, listeners::protocol_unknown),
    Rule::new("TS207", "namespace-selector-missing", Error, listeners::selector_missing),
    Rule::new("TS208", "route-kind-unsupported", Error, listeners::kind_unsupported),
    Rule::new("TS210", "weights-add-to-zero", Error, backends::weights_add_to_zero),
    Rule::new("TS211", "parent-missing", Error, parents::missing),
    Rule::new("TS212", "listener-unknown", Error, parents::listener_unknown),
    Rule::new("TS213", "route-not-allowed", Error, parents::not_allowed),
    Rule::new("TS214", "no-common-hostname", Error, parents::no_common_hostname),
    Rule::new("TS215", "route-without-parent", Warning, parents::none),
    Rule::new("TS216", "hostname-unused", Warning, parents::hostname_unused),
    Rule::new("TS220", "backend-missing", Error, backends::missing),
    Rule::new("TS221", "backend-port-unknown", Error, backends::port_unknown),
    Rule::new("TS222", "backend-kind", Error, backends::kind),
    Rule::new("TS223", "service-without-pods", Warning, backends::without_pods),
    Rule::new("TS224", "backend-external-name", Error, backends::external_name),
    Rule::new("TS225", "reference-not-granted", Error, grants::not_granted),
    Rule::new("TS226", "grant-permits-nothing", Error, grants::permits_nothing),
    Rule::new("TS230", "match-repeated", Error, matches::repeated),
    Rule::new("TS231", "match-of-another-route", Warning, matches::of_another_route),
    Rule::new("TS232", "regex-invalid", Error, matches::regex_invalid),
    Rule::new("TS233", "regex-hides-prefix", Warning, matches::regex_hides_prefix),
    Rule::new("TS241", "filter-missing", Error, filters::missing),
    Rule::new("TS242", "redirect-loop", Error, filters::redirect_loop),
    Rule::new("TS250", "address-pending", Note, exposure::address_pending),
    Rule::new("TS260", "gateway-without-tls", Warning, exposure::without_tls),
    Rule::new("TS261", "route-without-tls", Warning, exposure::plain_http),
    Rule::new("TS262", "backend-without-tls", Note, exposure::backend_tls),
    Rule::new("TS263", "tenants-share-hostname", Warning, exposure::tenants),
    Rule::new("TS264", "canary-step", Note, exposure::canary_step),
];
