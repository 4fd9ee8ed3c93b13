//! What the cases of the pages do not show: other severities, and silence.

use crate::lint::{Profile, Set, Severity, Source, Surroundings, run};
use crate::yaml;

/// The findings of one rule: severity and line.
fn told(rule: &str, text: &str, around: Surroundings) -> Vec<(Severity, usize)> {
    let source = Source { file: "a.yaml".into(), text: text.to_owned() };
    let set = Set::new(vec![source], yaml::parse_nodes(text).unwrap(), around);
    run(&set).into_iter().filter(|finding| finding.rule == rule).map(|finding| (finding.severity, finding.line)).collect()
}

fn policy(target: &str, spec: &str) -> String {
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{ name: a, namespace: shop }}\nspec:\n  \
         targetRefs: [{{ group: gateway.networking.k8s.io, kind: {target}, name: shop }}]\n  {spec}\n---\n"
    )
}

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: shop, namespace: shop }\nspec:\n  \
                       gatewayClassName: eg\n  listeners:\n    - { name: http, port: 80, protocol: HTTP }\n---\n";
const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: shop, namespace: shop }\nspec:\n  \
                     parentRefs: [{ name: shop }]\n  rules: [{ matches: [{ path: { value: /metrics } }], backendRefs: [{ name: shop, port: 80 }] }]\n---\n";
const KEYS: &str = "apiKeyAuth: { credentialRefs: [{ name: keys }], extractFrom: [{ headers: [x-api-key] }] }";

#[test]
fn keys_over_plain_http_are_an_error_in_production_and_a_gateway_s_policy_counts() {
    let text = |target: &str| format!("{}{GATEWAY}{ROUTE}", policy(target, KEYS));
    for target in ["HTTPRoute", "Gateway"] {
        assert_eq!(told("TS702", &text(target), Surroundings::default()), [(Severity::Warning, 6)], "{target}");
    }
    let production = Surroundings { profile: Profile::Production, ..Surroundings::default() };
    assert_eq!(told("TS702", &text("HTTPRoute"), production), [(Severity::Error, 6)]);
    let redirect = text("HTTPRoute").replace("backendRefs: [{ name: shop, port: 80 }]", "filters: [{ type: RequestRedirect }]");
    assert_eq!(told("TS702", &redirect, Surroundings::default()), []);
}

#[test]
fn a_management_path_below_a_gateway_with_authentication_is_not_open() {
    assert_eq!(told("TS701", &format!("{GATEWAY}{ROUTE}"), Surroundings::default()).len(), 1);
    assert_eq!(told("TS701", &format!("{GATEWAY}{ROUTE}{}", policy("Gateway", KEYS)), Surroundings::default()), []);
    assert_eq!(told("TS701", &format!("{GATEWAY}{ROUTE}{}", policy("Gateway", "cors: {}")), Surroundings::default()).len(), 1);
}

#[test]
fn a_secret_that_is_not_in_the_set_is_missing_only_where_the_set_is_all_there_is() {
    let told = |complete| told("TS711", &policy("HTTPRoute", KEYS), Surroundings { complete, ..Surroundings::default() });
    assert_eq!(told(false), []);
    assert_eq!(told(true), [(Severity::Error, 6)]);
}

#[test]
fn passwords_are_read_from_data_too() {
    let secret = |data: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: users, namespace: shop }}\n{data}\n");
    let told = |data: &str| {
        let text = policy("HTTPRoute", "basicAuth: { users: { name: users } }") + &secret(data);
        told("TS712", &text, Surroundings::default()).len()
    };
    // alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=, then alice:secret
    assert_eq!(told("data: { .htpasswd: YWxpY2U6e1NIQX1XNnBoNU1tNVB6OEdnaVVMYlBnekczN21qOWc9 }"), 0);
    assert_eq!(told("data: { .htpasswd: YWxpY2U6c2VjcmV0 }"), 1);
    assert_eq!(told("stringData: { users: alice }"), 1, "the key is another");
    assert_eq!(told("type: Opaque"), 0, "somebody else fills it");
}

#[test]
fn an_authorization_that_decides_something_is_well() {
    let told = |authorization: &str| {
        told("TS709", &policy("HTTPRoute", &format!("authorization: {authorization}")), Surroundings::default()).len()
    };
    assert_eq!(told("{ rules: [{ action: Allow }] }"), 0);
    assert_eq!(told("{ defaultAction: Deny }"), 0, "closed on purpose");
    assert_eq!(told("{ defaultAction: Allow, rules: [{ action: Allow }] }"), 1);
    assert_eq!(told("{}"), 1);
}
