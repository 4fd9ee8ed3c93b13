//! One of each kind; tests/host asks the real Envoy Gateway and Envoy.

use serde_json::json;

use super::*;

const TEXT: &str = include_str!("../../../../tests/fixtures/host/everything.yaml");

fn everything() -> Layout {
    laid(TEXT, &[(8080, "edge", 80), (9000, "edge", 9000), (9443, "edge", 9443)])
}

fn spec<'a>(layout: &'a Layout, kind: &str, name: &str) -> &'a Value {
    &document(layout, kind, name)["spec"]
}

#[test]
fn nothing_is_at_fault_and_only_what_is_not_reached_is_left_out() {
    let layout = everything();
    assert_eq!(faults(&layout), [""; 0]);
    insta::assert_debug_snapshot!(left_out(&layout), @r#"
    [
        "Gateway shop/edge, listener hidden: no entry of `expose` leads to port 8888 of Service edge",
        "Gateway shop/edge, listener datagrams: exposed ports carry TCP alone",
        "ClientTrafficPolicy shop/clients, http3: exposed ports carry TCP alone",
    ]
    "#);
}

#[test]
fn references_to_services_lead_to_their_backends_wherever_they_are() {
    let layout = everything();
    let route = spec(&layout, "HTTPRoute", "cart");
    assert_eq!(route["parentRefs"], json!([{"name": "edge", "port": 8080}]));
    let backend = |name: &str, port: u16| json!({"name": name, "port": port, "group": "gateway.envoyproxy.io", "kind": "Backend"});
    // `cart.80` is a Backend of the stack's own
    let mut first = backend("cart.80.service", 80);
    first["weight"] = json!(3);
    assert_eq!(without_order(&route["rules"][0]["backendRefs"][0]), without_order(&first));
    assert_eq!(without_order(&route["rules"][0]["filters"][0]["requestMirror"]["backendRef"]), without_order(&backend("idle", 80)));
    let mut other = backend("auth", 9001);
    other["namespace"] = json!("auth");
    assert_eq!(without_order(&route["rules"][2]["backendRefs"][0]), without_order(&other));
    for kind in ["GRPCRoute", "TCPRoute", "TLSRoute"] {
        let document = layout.files[MAIN_FILE].iter().find(|one| one["kind"] == kind).unwrap();
        assert_eq!(document["apiVersion"], "gateway.networking.k8s.io/v1", "{kind}");
        assert_eq!(without_order(&document["spec"]["rules"][0]["backendRefs"][0]), without_order(&backend("cart.90", 90)), "{kind}");
    }
    assert_eq!(
        without_order(&spec(&layout, "BackendTLSPolicy", "cart-tls")["targetRefs"]),
        without_order(&json!([
            {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "cart.90"}
        ]))
    );
}

/// A value with its keys in order: a reference keeps the order in which it was written.
fn without_order(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> = map.iter().map(|(key, value)| (key, without_order(value))).collect();
            format!("{sorted:?}")
        }
        Value::Array(items) => format!("{:?}", items.iter().map(without_order).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

#[test]
fn a_grant_on_a_service_is_one_on_its_backend() {
    let layout = everything();
    let to = &spec(&layout, "ReferenceGrant", "shop-may")["to"];
    assert_eq!(to[1], json!({"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "auth"}));
}

#[test]
fn a_policy_reaches_a_granted_service_of_another_namespace_through_a_backend_of_its_own() {
    let layout = everything();
    let reference = &spec(&layout, "SecurityPolicy", "asked")["extAuth"]["http"]["backendRefs"][0];
    assert_eq!((&reference["namespace"], &reference["name"]), (&json!("shop"), &json!("auth.in.auth")));
    assert_eq!(spec(&layout, "Backend", "auth.in.auth"), spec(&layout, "Backend", "auth"));
    // without the grant it is refused as on a cluster
    let refused =
        laid(&TEXT.replace("kind: SecurityPolicy, namespace: shop", "kind: SecurityPolicy, namespace: elsewhere"), &[(8080, "edge", 80)]);
    assert_eq!(spec(&refused, "SecurityPolicy", "asked")["extAuth"]["http"]["backendRefs"][0]["namespace"], "auth");
}

#[test]
fn labels_that_envoy_gateway_does_not_read_become_names() {
    let layout = everything();
    let policy = spec(&layout, "BackendTrafficPolicy", "by-label");
    assert_eq!(policy["targetRefs"], json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "cart"}]));
    assert!(policy.get("targetSelectors").is_none());
    let allowed = &spec(&layout, "Gateway", "edge")["listeners"][0]["allowedRoutes"];
    assert_eq!(allowed, &json!({"namespaces": {"from": "All"}}), "all routes of it are in namespaces that the selector takes");
}

#[test]
fn how_envoy_runs_is_kept_but_for_what_is_kubernetes() {
    let layout = everything();
    insta::assert_snapshot!(spec(&layout, "EnvoyProxy", "edge").to_string(), @r#"
    {"concurrency":1,"logging":{"level":{"default":"warn"}},"provider":{"type":"Host","host":{"envoyVersion":"1.39.1"}}}
    "#);
}

#[test]
fn secrets_that_only_programs_need_are_not_in_envoy_gateways_files() {
    let layout = everything();
    let secrets: Vec<&Value> =
        layout.files[MAIN_FILE].iter().filter(|one| one["kind"] == "Secret").map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(secrets, ["users"]);
    // the API server would have folded `stringData` into `data`
    assert_eq!(document(&layout, "Secret", "users")["data"][".htpasswd"], "Zm9vOntTSEF9VzZwaDVNbTVQejhHZ2lVTGJQZ3pHMzdtajlnPQ==");
    assert!(!format!("{:?}", layout.processes).contains("secret"), "the environment of a process is not shown");
    assert_eq!(layout.processes[1].env["PASSWORD"], "secret");
}

#[test]
fn a_process_gets_the_environment_of_its_container() {
    let layout = everything();
    let process = layout.processes.iter().find(|process| process.name == "shop/cart/1").unwrap();
    insta::assert_debug_snapshot!(process.env, @r#"
    {
        "GREETING": "hello",
        "HOST": "127.0.0.1",
        "HOSTNAME": "cart-1",
        "PASSWORD": "secret",
        "POD": "cart-1",
        "PORT": "20003",
        "PORT_GRPC": "20004",
        "PORT_HTTP": "20003",
        "SAID": "hello for $5 and $(NOTHING)",
        "response.body": "<p>busy</p>",
    }
    "#);
}
