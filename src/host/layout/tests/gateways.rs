//! Gateways: which listeners are served, and where.

use serde_json::json;

use super::*;
use crate::host::{Exposed, Listener};

fn class(proxy: &str) -> String {
    let parameters = if proxy.is_empty() {
        String::new()
    } else {
        format!(", parametersRef: {{ group: gateway.envoyproxy.io, kind: EnvoyProxy, name: {proxy}, namespace: shop }}")
    };
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{ name: edge }}
spec: {{ controllerName: gateway.envoyproxy.io/gatewayclass-controller{parameters} }}
---"
    )
}

fn gateway(name: &str, ports: &[u16]) -> String {
    let listeners: Vec<String> = ports.iter().map(|port| format!("{{ name: p{port}, protocol: HTTP, port: {port} }}")).collect();
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{ name: {name}, namespace: shop }}
spec: {{ gatewayClassName: edge, listeners: [{}] }}
---",
        listeners.join(", ")
    )
}

const PROXY: &str = "
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: { name: one, namespace: shop }
spec: { mergeGateways: true, provider: { type: Kubernetes, kubernetes: { envoyService: { name: front } } } }
---";

fn hosts(layout: &Layout) -> Vec<String> {
    let each = layout.listeners.iter().flat_map(|(id, all)| all.iter().map(|one| format!("{}/{} {}", id.name, one.name, one.host)));
    each.collect()
}

#[test]
fn a_listener_has_the_port_of_the_exposure_that_leads_to_its_envoy() {
    let layout = laid(&(class("") + &gateway("a", &[80, 443])), &[(8443, "whatever", 443), (8080, "whatever", 80)]);
    assert_eq!(hosts(&layout), ["a/p80 8080", "a/p443 8443"]);
    assert!(layout.exposed.values().all(|who| matches!(who, Exposed::Gateway(id) if id.name == "a")));
}

#[test]
fn two_gateways_with_the_same_port_are_told_apart_by_the_name_of_their_service() {
    let text = class("") + &gateway("a", &[80]) + &gateway("b", &[80]);
    let b = laid(&text, &[(8080, "x", 80)]).faults[0].hint.split_whitespace().find(|word| word.starts_with("envoy-")).unwrap().to_owned();
    assert!(b.starts_with("envoy-shop-b-"), "{b}");
    let layout = laid(&text, &[(8081, &b, 80), (8080, "x", 80)]);
    assert_eq!((hosts(&layout), faults(&layout)), (vec!["a/p80 8080".to_owned(), "b/p80 8081".to_owned()], vec![]));
    // each Envoy has its own patch
    assert_eq!(document(&layout, "EnvoyPatchPolicy", "tstack-loopback-b")["spec"]["targetRef"]["name"], "b");
}

#[test]
fn gateways_that_share_an_envoy_share_its_service_and_one_patch_of_their_class() {
    let layout = laid(&(class("one") + PROXY + &gateway("a", &[80]) + &gateway("b", &[80])), &[(8080, "front", 80)]);
    assert_eq!(hosts(&layout), ["a/p80 8080", "b/p80 8080"]);
    let patch = &document(&layout, "EnvoyPatchPolicy", "tstack-loopback-a")["spec"];
    assert_eq!(patch["targetRef"], json!({"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "edge"}));
    let names: Vec<&Value> = patch["jsonPatches"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names[..4], ["shop/a/p80", "shop/a/p80", "shop/b/p80", "shop/b/p80"]);
}

#[test]
fn a_gateway_that_nobody_reaches_is_a_fault_that_says_what_to_expose() {
    let layout = laid(&(class("one") + PROXY + &gateway("a", &[80])), &[(9090, "other", 9090)]);
    let told = "Gateway shop/a: no entry of `expose` leads to Gateway shop/a; Add one for a port of Service front to the stack file.";
    assert_eq!(faults(&layout), [told]);
    assert_eq!((layout.marker, layout.listeners.len()), (None, 0));
    let who = "port 9090 of Service envoy-gateway-system/other is of no process here";
    assert_eq!(layout.exposed[&9090], Exposed::Nobody(who.into()));
}

#[test]
fn a_gateway_whose_parameters_are_still_to_come_is_no_fault() {
    assert_eq!(faults(&laid(&(class("one") + &gateway("a", &[80])), &[(9090, "front", 9090)])), [""; 0]);
    assert_eq!(faults(&laid(&gateway("a", &[80]), &[])), [""; 0]);
}

#[test]
fn a_class_without_parameters_gets_those_that_say_which_envoy_to_start() {
    let layout = laid(&(class("") + &gateway("a", &[80])), &[(8080, "x", 80)]);
    assert_eq!(document(&layout, "GatewayClass", "edge")["spec"]["parametersRef"]["name"], "tstack-host");
    assert_eq!(
        document(&layout, "EnvoyProxy", "tstack-host")["spec"]["provider"],
        json!({"type": "Host", "host": {"envoyVersion": "1.39.1"}})
    );
}

#[test]
fn a_second_proxy_has_a_file_of_its_own_since_envoy_gateway_keeps_one_of_each_file() {
    let layout = laid(&(class("one") + PROXY + &PROXY.replace("name: one", "name: two") + &gateway("a", &[80])), &[(8080, "front", 80)]);
    assert_eq!(layout.files.keys().collect::<Vec<_>>(), ["more-1.yaml", MAIN_FILE]);
    assert_eq!(layout.files["more-1.yaml"][0]["metadata"]["name"], "two");
}

#[test]
fn classes_and_gateways_of_other_controllers_are_left_out() {
    let text = class("").replace("gateway.envoyproxy.io/gatewayclass-controller", "example.com/other") + &gateway("a", &[80]);
    let told =
        ["GatewayClass edge: its controller is not Envoy Gateway", "Gateway shop/a: the controller of its class is not Envoy Gateway"];
    assert_eq!(left_out(&laid(&text, &[(8080, "x", 80)])), told);
}

#[test]
fn a_service_that_is_exposed_without_a_gateway_is_reached_at_its_processes() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: envoy-gateway-system }
spec: { selector: { app: cart }, ports: [{ port: 80 }] }
";
    let key = ("envoy-gateway-system".to_owned(), "cart".to_owned(), 80);
    assert_eq!(laid(text, &[(8080, "cart", 80)]).exposed[&8080], Exposed::Service(key));
}

#[test]
fn what_would_leave_a_route_unprotected_is_a_fault() {
    let policy = |kind: &str, spec: &str| {
        let target = "targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: cart }]";
        let text = format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: {kind}\nmetadata: {{ name: x, namespace: shop }}\nspec: {{ {target}, {spec} }}\n"
        );
        faults(&laid(&text, &[])).concat()
    };
    let all = [
        policy("BackendTrafficPolicy", "rateLimit: { global: { rules: [] } }"),
        policy("SecurityPolicy", "oidc: { provider: { issuer: 'https://id.test' } }"),
        policy("EnvoyExtensionPolicy", "wasm: [{ name: x }]"),
        policy("BackendTrafficPolicy", "targetSelectors: [{ kind: HTTPRoute, namespaces: { from: All } }]"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    BackendTrafficPolicy shop/x: a global rate limit counts in Redis, which runs only on a cluster; Use `rateLimit.local`, or `--provider kind`.
    SecurityPolicy shop/x: Envoy Gateway asks the issuer of `oidc` for its endpoints, and here it has no network; Write `provider.authorizationEndpoint` and `provider.tokenEndpoint`.
    EnvoyExtensionPolicy shop/x: Envoy Gateway fetches `wasm` code, and here it has no network; Use `--provider kind`.
    BackendTrafficPolicy shop/x: it selects targets in other namespaces by their labels, which Envoy Gateway does not read from files; Give each of these namespaces a policy of its own.
    "#);
    let whole =
        "oidc: { provider: { issuer: 'https://id.test', authorizationEndpoint: 'https://id.test/a', tokenEndpoint: 'https://id.test/t' } }";
    assert_eq!(policy("SecurityPolicy", whole), "");
}

#[test]
fn a_port_that_a_service_does_not_have_is_a_fault_with_those_that_it_has() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: a, port: 80 }, { name: b, port: 81 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart, namespace: shop }
spec: { rules: [{ backendRefs: [{ name: cart, port: 8000 }, { name: not-there, port: 1 }] }] }
";
    let layout = laid(text, &[]);
    let told = "HTTPRoute shop/cart: it refers to port 8000 of Service shop/cart, which the Service does not have; Write a port that it has: 80, 81.";
    assert_eq!(faults(&layout), [told]);
    // Envoy Gateway says of it what a cluster's would
    assert_eq!(document(&layout, "HTTPRoute", "cart")["spec"]["rules"][0]["backendRefs"][1], json!({"name": "not-there", "port": 1}));
}

#[test]
fn a_listener_for_chosen_namespaces_is_one_for_what_they_come_to() {
    let text = |labels: &str, routes: &[&str]| {
        let mut text = class("")
            + &gateway("a", &[80]).replace(
                "port: 80 }",
                &format!("port: 80, allowedRoutes: {{ namespaces: {{ from: Selector, selector: {{ matchLabels: {{ {labels} }} }} }} }} }}"),
            );
        for namespace in routes {
            let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r, namespace: HERE }";
            text = text + "\n" + &route.replace("HERE", namespace) + "\nspec: { parentRefs: [{ name: a, namespace: shop }] }\n---";
        }
        text
    };
    let from = |labels: &str, routes: &[&str]| {
        let layout = laid(&text(labels, routes), &[(8080, "x", 80)]);
        match faults(&layout).first() {
            None => document(&layout, "Gateway", "a")["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["from"].clone(),
            Some(fault) => json!(fault),
        }
    };
    let shop = "kubernetes.io/metadata.name: shop";
    assert_eq!(from(shop, &["shop"]), "All");
    assert_eq!(from(shop, &["shop", "other"]), "Same");
    assert!(from("kubernetes.io/metadata.name: other", &["shop", "other"]).as_str().unwrap().contains("does not read from files"));
}

#[test]
fn the_listeners_of_a_layout_know_their_own_port_and_ours() {
    let layout = laid(&(class("") + &gateway("a", &[80])), &[(8080, "x", 80)]);
    assert_eq!(layout.listeners.values().next().unwrap(), &[Listener { name: "p80".into(), port: 80, host: 8080 }]);
}
