use serde_json::json;

use super::*;

fn around() -> Around {
    Around {
        class: Some("eg".into()),
        proxy: json!({
            "concurrency": 1,
            "provider": {"type": "Kubernetes", "kubernetes": {
                "envoyDeployment": {"container": {"image": "envoy:lent"}},
                "envoyService": {"name": "tstack-envoy", "type": "NodePort", "patch": {"value": {"spec": {"ports": [{"nodePort": 30080}]}}}},
            }},
        }),
        issuers: BTreeSet::from(["tstack-ca".to_owned()]),
        cluster_wide: BTreeSet::from([("gateway.networking.k8s.io/v1".to_owned(), "GatewayClass".to_owned())]),
    }
}

fn run(objects: &[Value]) -> Throwaway {
    let objects: Vec<Object> = objects.iter().cloned().map(Object::new).collect();
    let names = Names::new(objects.iter().map(|object| object.id.namespace.as_str()).filter(|n| !n.is_empty()), "c");
    rewrite(&objects, &[], &names, &around())
}

fn one<'a>(out: &'a Throwaway, kind: &str) -> &'a Value {
    &out.objects.iter().find(|object| object.id.kind == kind).unwrap_or_else(|| panic!("no {kind} in {:?}", out.objects)).value
}

fn gateway(listeners: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g", "namespace": "shop"},
        "spec": {"gatewayClassName": "prod", "listeners": listeners},
    })
}

#[test]
fn a_gateway_takes_the_running_class_and_an_envoy_that_takes_no_port_of_it() {
    let out = run(&[gateway(&json!([]))]);
    assert_eq!(one(&out, "Gateway")["metadata"]["namespace"], "c");
    assert_eq!(one(&out, "Gateway")["spec"]["gatewayClassName"], "eg");
    assert_eq!(one(&out, "Gateway")["spec"]["infrastructure"]["parametersRef"]["name"], "tstack-check");
    let proxy = one(&out, "EnvoyProxy");
    assert_eq!(proxy["spec"]["provider"]["kubernetes"]["envoyService"], json!({"type": "ClusterIP"}));
    assert_eq!(proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"]["container"]["image"], "envoy:lent");
    assert!(out.unproven[0].starts_with("how people reach Envoy"), "{:?}", out.unproven);
}

#[test]
fn what_the_sets_own_class_says_of_envoy_is_said_to_the_gateway() {
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "prod"},
        "spec": {"parametersRef": {"name": "p", "namespace": "infra"}},
    });
    let proxy = json!({
        "apiVersion": EG, "kind": "EnvoyProxy", "metadata": {"name": "p", "namespace": "infra"},
        "spec": {"concurrency": 4, "provider": {"kubernetes": {"envoyDeployment": {"replicas": 2}}}},
    });
    let out = run(&[class, proxy, gateway(&json!([]))]);
    let spec = &one(&out, "EnvoyProxy")["spec"];
    assert_eq!((&spec["concurrency"], &spec["provider"]["kubernetes"]["envoyDeployment"]["replicas"]), (&json!(4), &json!(2)));
    assert_eq!(out.objects.len(), 2, "neither the class nor its EnvoyProxy is applied as it is: {:?}", out.objects);
    assert_eq!(out.unproven[0], "GatewayClass prod belongs to the whole cluster: the running stack's class `eg` took its place");
}

#[test]
fn node_ports_and_load_balancers_are_not_asked_for() {
    let out = run(&[json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "x", "externalTrafficPolicy": "Local", "ports": [{"port": 80, "nodePort": 30080}]},
    })]);
    assert_eq!(one(&out, "Service")["spec"], json!({"type": "ClusterIP", "ports": [{"port": 80}]}));
    assert_eq!(out.unproven, ["Service shop/s was a ClusterIP here: its type LoadBalancer was not tried"]);
}

#[test]
fn a_secret_that_nobody_makes_gets_a_stand_in_and_that_is_said() {
    let listener = |host: &str| json!([{"name": "https", "hostname": host, "tls": {"certificateRefs": [{"name": "shop-tls"}]}}]);
    let out = run(&[gateway(&listener("shop.example"))]);
    let certificate = &one(&out, "Certificate")["spec"];
    assert_eq!(certificate["secretName"], "shop-tls");
    assert_eq!(certificate["dnsNames"], json!(["localhost", "shop.example"]));
    assert_eq!(certificate["issuerRef"]["name"], "tstack-ca");
    assert!(out.unproven.iter().any(|sentence| sentence.contains("shop-tls")), "{:?}", out.unproven);

    let own = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-tls", "namespace": "shop"}});
    let out = run(&[own, gateway(&listener("shop.example"))]);
    assert!(!out.objects.iter().any(|object| object.id.kind == "Certificate"));
}

#[test]
fn an_issuer_that_the_stack_does_not_have_is_replaced_and_one_that_it_has_is_not() {
    let certificate = |issuer: &str| {
        json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "c", "namespace": "shop"},
            "spec": {"secretName": "c", "issuerRef": {"kind": "ClusterIssuer", "name": issuer}},
        })
    };
    let out = run(&[certificate("letsencrypt")]);
    assert_eq!(one(&out, "Certificate")["spec"]["issuerRef"]["name"], "tstack-ca");
    assert_eq!(out.unproven.len(), 1);
    assert!(run(&[certificate("tstack-ca")]).unproven.is_empty());
}

#[test]
fn a_query_that_anybody_may_have_answered_proves_little_and_that_is_said() {
    let scaler = |query: &str| {
        json!({
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "s", "namespace": "shop"},
            "spec": {"triggers": [{"type": "prometheus", "metadata": {"query": query}}]},
        })
    };
    assert_eq!(run(&[scaler("sum(rate(requests_total[1m]))")]).unproven.len(), 1);
    let out = run(&[scaler("sum(rate(requests_total{namespace=\"shop\"}[1m]))")]);
    assert!(out.unproven.is_empty());
    assert!(one(&out, "ScaledObject").to_string().contains("namespace=\\\"c\\\""), "{:?}", out.objects);
}
