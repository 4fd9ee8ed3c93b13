//! What the cases of the pages do not show: other severities, and silence.

use crate::lint::{Profile, Set, Severity, Source, Surroundings, run};
use crate::yaml;

/// The findings of one rule: severity and line.
fn told(rule: &str, text: &str, around: Surroundings) -> Vec<(Severity, usize)> {
    let source = Source { file: "a.yaml".into(), text: text.to_owned() };
    let set = Set::new(vec![source], yaml::parse_nodes(text).unwrap(), around);
    run(&set).into_iter().filter(|finding| finding.rule == rule).map(|finding| (finding.severity, finding.line)).collect()
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {{ name: a, namespace: shop }}\nspec:\n  \
         targetRefs: [{{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: shop }}]\n  {spec}\n"
    )
}

const GLOBAL: &str = "rateLimit: { global: { rules: [{ limit: { requests: 5, unit: Minute } }] } }";

fn configuration(more: &str) -> String {
    format!("---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {{ type: Kubernetes }}\n{more}\n")
}

#[test]
fn a_global_limit_is_an_error_only_where_the_configuration_is_shown_and_has_no_redis() {
    let told = |text: &str| told("TS311", text, Surroundings::default());
    assert_eq!(told(&policy(GLOBAL)), [(Severity::Warning, 6)]);
    assert_eq!(told(&(policy(GLOBAL) + &configuration(""))), [(Severity::Error, 6)]);
    assert_eq!(told(&(policy(GLOBAL) + &configuration("rateLimit: { backend: { type: Redis } }"))), []);
}

#[test]
fn a_type_without_its_part_or_beside_the_other_is_an_error() {
    let told = |limit: &str| told("TS312", &policy(&format!("rateLimit: {{ {limit} }}")), Surroundings::default());
    let rules = "{ rules: [{ limit: { requests: 5, unit: Minute } }] }";
    assert_eq!(told("type: Global"), [(Severity::Error, 6)]);
    assert_eq!(told(&format!("type: Local, local: {rules}, global: {rules}")), [(Severity::Error, 6)]);
    assert_eq!(told(&format!("type: Local, local: {rules}")), [(Severity::Warning, 6)]);
}

#[test]
fn a_target_that_is_not_in_the_set_is_missing_only_where_the_set_is_all_there_is() {
    let told = |complete| told("TS321", &policy("timeout: {}"), Surroundings { complete, ..Surroundings::default() });
    assert_eq!(told(false), []);
    assert_eq!(told(true), [(Severity::Error, 5)]);
}

#[test]
fn a_target_of_the_same_name_in_another_namespace_is_told() {
    let route = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: shop, namespace: other }\nspec: {}\n";
    assert_eq!(told("TS321", &(policy("timeout: {}") + route), Surroundings::default()), [(Severity::Warning, 5)]);
}

#[test]
fn policies_on_a_route_and_on_a_rule_of_it_do_not_conflict() {
    let on_rule = policy("timeout: {}").replace("name: a,", "name: b,").replace("name: shop }", "name: shop, sectionName: cart }");
    assert_eq!(told("TS320", &format!("{}---\n{on_rule}", policy("timeout: {}")), Surroundings::default()), []);
    let again = policy("timeout: {}").replace("name: a,", "name: b,");
    assert_eq!(told("TS320", &format!("{}---\n{again}", policy("timeout: {}")), Surroundings::default()), [(Severity::Error, 12)]);
}

#[test]
fn a_policy_that_repeats_what_it_replaces_loses_nothing() {
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: shop, namespace: shop }\n\
                 spec: { parentRefs: [{ name: shop }] }\n---\n";
    let on_gateway = policy("circuitBreaker: {}").replace("name: a,", "name: b,").replace("kind: HTTPRoute", "kind: Gateway");
    let told = |own: &str| told("TS323", &format!("{route}{on_gateway}---\n{}", policy(own)), Surroundings::default());
    assert_eq!(told("timeout: {}"), [(Severity::Warning, 17)]);
    assert_eq!(told("circuitBreaker: {}"), []);
}

#[test]
fn twenty_remembered_callers_are_a_warning_in_production() {
    let limit = "rateLimit: { local: { rules: [{ clientSelectors: [{ headers: [{ type: Distinct, name: x-user-id }] }], \
                 limit: { requests: 5, unit: Minute } }] } }";
    let told = |profile| told("TS313", &policy(limit), Surroundings { profile, ..Surroundings::default() });
    assert_eq!(told(Profile::Local), [(Severity::Note, 6)]);
    assert_eq!(told(Profile::Production), [(Severity::Warning, 6)]);
}

#[test]
fn retries_of_a_route_that_takes_every_method_are_a_note() {
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: shop, namespace: shop }\n\
                 spec: { rules: [{ backendRefs: [{ name: shop, port: 80 }] }] }\n---\n";
    let retry = policy("retry: { retryOn: { triggers: [5xx] } }");
    assert_eq!(told("TS335", &format!("{route}{retry}"), Surroundings::default()), [(Severity::Note, 11)]);
    let reads = route.replace("backendRefs", "matches: [{ method: GET }], backendRefs");
    assert_eq!(told("TS335", &format!("{reads}{retry}"), Surroundings::default()), []);
}
