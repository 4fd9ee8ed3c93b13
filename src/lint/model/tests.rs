use super::*;
use crate::lint::set::{Look, Profile, Set, Source, Surroundings};
use crate::yaml;

fn set_of(text: &str, complete: bool) -> Set {
    let surroundings = Surroundings { profile: Profile::Local, complete, ..Surroundings::default() };
    let documents = yaml::parse_nodes(text).unwrap();
    Set::new(vec![Source { file: "x.yaml".into(), text: text.to_owned() }], documents, surroundings)
}

fn only<'a>(set: &'a Set, kind: &str) -> &'a Entry {
    set.entries().iter().find(|entry| entry.id.kind == kind).unwrap()
}

const SHOP: &str = r"
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: shop } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: edge }
spec:
  gatewayClassName: eg
  listeners:
    - { name: http, protocol: HTTP, port: 80, allowedRoutes: { namespaces: { from: All } } }
    - { name: same, protocol: HTTP, port: 81 }
    - { name: team, protocol: HTTP, port: 82, allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { team: shop } } } } }
    - { name: tcp, protocol: TCP, port: 83, allowedRoutes: { namespaces: { from: All } } }
    - { name: grpc, protocol: HTTP, port: 84, allowedRoutes: { namespaces: { from: All }, kinds: [{ kind: GRPCRoute }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart, namespace: shop, labels: { app: cart } }
spec:
  parentRefs: [{ name: edge, namespace: edge }, { name: edge, namespace: edge, sectionName: http }, { name: other }]
  hostnames: [shop.example.com]
  rules:
    - backendRefs: [{ name: cart, port: 8000 }, { name: cart, namespace: old, port: 8000, weight: 3 }]
";

#[test]
fn a_wildcard_covers_what_lies_below_it_and_nothing_else() {
    assert!(covers("*.example.com", "a.example.com") && covers("*.example.com", "a.b.example.com"));
    assert!(covers("*.com", "*.example.com") && covers("*", "example.com"));
    assert!(!covers("*.example.com", "example.com") && !covers("*.example.com", "*.com") && !covers("*.ample.com", "*.example.com"));
}

#[test]
fn a_route_and_a_listener_share_the_narrower_of_their_hostnames() {
    assert_eq!(intersection(None, &[]), ["*"]);
    assert_eq!(intersection(Some("a.example.com"), &[]), ["a.example.com"]);
    assert_eq!(intersection(Some("*.example.com"), &["a.example.com", "b.test"]), ["a.example.com"]);
    assert_eq!(intersection(Some("a.example.com"), &["*.example.com"]), ["a.example.com"]);
    assert!(intersection(Some("a.example.com"), &["b.example.com"]).is_empty());
}

#[test]
fn a_route_attaches_to_the_listeners_that_allow_its_namespace_and_kind() {
    let set = set_of(SHOP, false);
    let parents = parents(&set, only(&set, "HTTPRoute"));
    let allowed: Vec<_> = parents[0].listeners.iter().map(|(listener, allows)| (listener.name, *allows)).collect();
    let [yes, no] = [Answer::Yes, Answer::No];
    assert_eq!(allowed, [("http", yes), ("same", no), ("team", yes), ("tcp", no), ("grpc", no)]);
    assert_eq!(parents[1].listeners.len(), 1);
    assert!(matches!(parents[2].look, Look::Unknown(None)));
    let topology = Topology::of(&set);
    assert_eq!(topology.routes_of(only(&set, "Gateway")).count(), 2);
}

#[test]
fn labels_of_a_namespace_that_the_set_does_not_show_are_unknown_but_for_its_name() {
    let hidden = SHOP.replace("kind: Namespace", "kind: Nothing");
    let set = set_of(&hidden, false);
    let of = |set: &Set| parents(set, only(set, "HTTPRoute"))[0].listeners[2].1;
    assert_eq!(of(&set), Answer::Unknown);
    let named = hidden.replace("matchLabels: { team: shop }", "matchLabels: { kubernetes.io/metadata.name: other }");
    assert_eq!(of(&set_of(&named, false)), Answer::No);
}

#[test]
fn a_route_without_a_namespace_may_be_applied_to_any() {
    let set = set_of(&SHOP.replace("name: cart, namespace: shop", "name: cart"), false);
    assert_eq!(parents(&set, only(&set, "HTTPRoute"))[0].listeners[1].1, Answer::Unknown);
}

#[test]
fn of_a_gateway_that_is_given_twice_the_one_in_the_file_of_the_route_is_meant() {
    let at =
        |text: &str, source: usize| yaml::parse_nodes(text).unwrap().into_iter().map(|node| node.in_source(source)).collect::<Vec<_>>();
    let other = SHOP.replace("protocol: HTTP,", "protocol: TCP,");
    let route = SHOP.replace("kind: Gateway", "kind: Nothing");
    let of = |documents: Vec<yaml::Node>| {
        let set = Set::new(Vec::new(), documents, Surroundings::default());
        let route = set.of(GATEWAY_API, "HTTPRoute").last().unwrap();
        parents(&set, route)[1].listeners.first().map(|(_, allows)| *allows)
    };
    assert_eq!(of([at(&other, 0), at(SHOP, 1)].concat()), Some(Answer::Yes));
    assert_eq!(of([at(&other, 0), at(SHOP, 1), at(&route, 2)].concat()), None);
    assert_eq!(of([at(SHOP, 0), at(&route, 1)].concat()), Some(Answer::Yes));
}

#[test]
fn a_reference_into_another_namespace_needs_a_grant_that_names_both_sides() {
    let grant = |kind: &str| {
        format!(
            "{SHOP}---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {{ name: g, namespace: old }}\n\
             spec: {{ from: [{{ group: gateway.networking.k8s.io, kind: {kind}, namespace: shop }}], to: [{{ group: '', kind: Service }}] }}\n"
        )
    };
    let judged = |text: &str, complete: bool| {
        let set = set_of(text, complete);
        let backends: Vec<_> = backends_of(only(&set, "HTTPRoute")).collect();
        assert_eq!(backends[1].weight, 3);
        backends.iter().map(|backend| grants(&set, Asker::of(&backend.reference), &backend.reference)).collect::<Vec<_>>()
    };
    assert_eq!(judged(SHOP, false), [Answer::Yes, Answer::Unknown]);
    assert_eq!(judged(SHOP, true), [Answer::Yes, Answer::No]);
    assert_eq!(judged(&grant("HTTPRoute"), true), [Answer::Yes, Answer::Yes]);
    assert_eq!(judged(&grant("GRPCRoute"), true), [Answer::Yes, Answer::No]);
}

#[test]
fn a_policy_is_on_what_it_names_and_on_what_its_labels_choose() {
    let policy = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {{ name: {name}, namespace: shop }}\nspec: {spec}\n"
        )
    };
    let named = policy("a", "{ targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: cart, sectionName: pay }] }");
    let chosen = policy("b", "{ targetSelectors: [{ kind: HTTPRoute, matchLabels: { app: cart } }] }");
    let other = policy("c", "{ targetSelectors: [{ kind: HTTPRoute, matchLabels: { app: pay } }] }");
    let set = set_of(&[SHOP, &named, &chosen, &other].concat(), false);
    let policies = Policies::of(&set, ENVOY_GATEWAY, "BackendTrafficPolicy");
    let on: Vec<_> =
        policies.on(only(&set, "HTTPRoute")).iter().map(|(policy, target)| (policy.id.name.as_str(), target.reference.section)).collect();
    assert_eq!(on, [("a", Some("pay")), ("b", None)]);
}

#[test]
fn the_number_of_envoys_is_known_where_the_set_shows_the_class() {
    let class = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: eg }\n\
                 spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller, parametersRef: { group: gateway.envoyproxy.io, kind: EnvoyProxy, name: p, namespace: x } }\n";
    let proxy = |kubernetes: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {{ name: p, namespace: x }}\n\
             spec: {{ provider: {{ type: Kubernetes, kubernetes: {kubernetes} }} }}\n"
        )
    };
    let count = |more: &[&str]| {
        let set = set_of(&[&[SHOP], more].concat().concat(), false);
        replicas(&set, only(&set, "Gateway"))
    };
    assert_eq!(count(&[]), None);
    assert_eq!(count(&[class]), None);
    assert_eq!(count(&[class, &proxy("{ envoyDeployment: { replicas: 3 } }")]), Some(3));
    assert_eq!(count(&[class, &proxy("{ envoyHpa: { maxReplicas: 9 }, envoyDeployment: { replicas: 3 } }")]), Some(9));
    assert_eq!(count(&[class, &proxy("{ envoyDaemonSet: {} }")]), None);
    let bare = class.replace(", parametersRef: { group: gateway.envoyproxy.io, kind: EnvoyProxy, name: p, namespace: x }", "");
    assert_eq!(count(&[&bare]), Some(1));
}

#[test]
fn a_service_selects_workloads_by_the_labels_of_their_pods() {
    let set = set_of(
        "apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { selector: { app: a }, ports: [{ port: 80 }] }\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: d }\nspec: { template: { metadata: { labels: { app: a, version: v1 } } } }\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: e }\nspec: { template: { metadata: { labels: { app: b } } } }\n",
        false,
    );
    let service = only(&set, "Service");
    assert_eq!(workloads(&set, service).iter().map(|entry| entry.id.name.as_str()).collect::<Vec<_>>(), ["d"]);
    assert!(service_port(service, 80).is_some() && service_port(service, 8080).is_none());
}
