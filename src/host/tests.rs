//! Whole stacks: what each component and check is here, and what holds of every layout.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::layout::tests::{faults, left_out, task_api_stack, whole};
use super::*;
use crate::generate::{stack_folder, templates};
use crate::spec::{ServiceSpec, arbitrary, read};
use crate::stack::{Folder, Overrides, Stack, resolve};

fn stack_of(folder: &Folder) -> Stack {
    resolve(folder, &Overrides { architecture: "amd64".into(), ..Overrides::default() }).unwrap_or_else(|findings| panic!("{findings}"))
}

fn generated(spec: &ServiceSpec) -> Stack {
    stack_of(&stack_folder(spec))
}

fn template_stack(name: &str) -> Stack {
    generated(&read("service.yaml", crate::generate::template(name).unwrap().as_bytes(), &[]).unwrap().0)
}

/// A stack of these components and manifests.
fn small(components: &str, checks: &str, manifests: &str) -> Stack {
    let text = format!(
        "apiVersion: tstack.dev/v1alpha1\nkind: Stack\nmetadata: {{ name: small }}\ncomponents:\n{components}\nchecks: [{checks}]\n"
    );
    let files = [("stack.yaml", text.as_str()), ("objects.yaml", manifests), ("bin/app", "program")];
    let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
    stack_of(&Folder { origin: "small".into(), files })
}

fn told(stack: &Stack) -> Vec<String> {
    roles(stack)
        .into_iter()
        .map(|(name, role)| match role {
            Role::LeftOut(why) => format!("{name}: left out, {why}"),
            Role::Program(wanted) => {
                format!("{name}: {} {}{}", wanted.program, wanted.version, if wanted.required { "" } else { ", where there is one" })
            }
            other => format!("{name}: {other:?}"),
        })
        .collect()
}

#[test]
fn each_component_of_the_task_api_has_its_role() {
    insta::assert_snapshot!(told(&task_api_stack()).join("\n"), @"
    cert-manager: left out, certificates come from tstack's own CA here, cert-manager needs the Kubernetes API
    certificate: Certificate
    envoy-gateway: envoy-gateway 1.9.1
    envoy-gateway-keys: Needless
    gateway: Objects
    keda: left out, autoscaling needs the Kubernetes API
    keda-keys: Needless
    namespace: Objects
    prometheus: prometheus 3.14.0, where there is one
    routes: Objects
    scaler: left out, autoscaling needs the Kubernetes API
    task-api: Objects
    task-api-image: Image
    ");
}

#[test]
fn a_stack_with_a_gateway_needs_envoy_gateway_and_the_envoy_that_it_is_made_for() {
    let told =
        |stack: &Stack| programs(stack).iter().map(|one| format!("{} {} {}", one.program, one.version, one.required)).collect::<Vec<_>>();
    assert_eq!(told(&task_api_stack()), ["envoy-gateway 1.9.1 true", "envoy 1.39.1 true", "prometheus 3.14.0 false"]);
    let gateway =
        "{ apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: { name: x }, spec: { gatewayClassName: x, listeners: [] } }";
    let chart = |version: &str| {
        format!("  - {{ name: eg, helm: {{ chart: 'oci://elsewhere.test/charts/gateway-helm', version: {version}, namespace: eg }} }}\n")
    };
    let objects = "  - { name: objects, manifests: { files: [objects.yaml] } }";
    let stack = small(&format!("{}{objects}", chart("v1.7.0")), "", gateway);
    assert_eq!(told(&stack), ["envoy-gateway 1.7.0 true", "envoy 1.37.0 true"]);
    // somebody else's controller on a cluster is our own here
    assert_eq!(told(&small(objects, "", gateway)), ["envoy-gateway 1.9.1 true", "envoy 1.39.1 true"]);
    assert_eq!(told(&small(&chart("v1.9.1"), "", gateway)), [""; 0]);
}

#[test]
fn what_has_no_place_is_left_out_with_its_reason() {
    let mut all = Vec::new();
    for (api_version, kind) in [
        ("keda.sh/v1alpha1", "ScaledObject"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("networking.k8s.io/v1", "Ingress"),
        ("v1", "ServiceAccount"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "ResourceQuota"),
        ("cert-manager.io/v1", "Certificate"),
        ("gateway.networking.k8s.io/v1", "UDPRoute"),
        ("gateway.networking.k8s.io/v1", "ListenerSet"),
        ("example.com/v1", "Thing"),
    ] {
        let manifest = format!("{{ apiVersion: {api_version}, kind: {kind}, metadata: {{ name: x }} }}");
        let stack = small("  - { name: objects, manifests: { files: [objects.yaml] } }", "", &manifest);
        let Role::LeftOut(why) = &roles(&stack)["objects"] else { panic!("{kind} has a role") };
        all.push(format!("{kind}: {why}"));
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    ScaledObject: autoscaling needs the Kubernetes API
    HorizontalPodAutoscaler: autoscaling needs the Kubernetes API
    PodDisruptionBudget: there are no nodes to empty
    NetworkPolicy: network policies are the work of a cluster's network
    Ingress: only Gateway API leads requests here
    ServiceAccount: there is no Kubernetes API to have rights at
    ClusterRole: there is no Kubernetes API to have rights at
    StatefulSet: only Deployments run as processes here
    Job: only Deployments run as processes here
    PersistentVolumeClaim: volumes need the nodes of a cluster
    ResourceQuota: there are no nodes to share out
    Certificate: certificates come from tstack's own CA here, cert-manager needs the Kubernetes API
    UDPRoute: exposed ports carry TCP alone
    ListenerSet: Envoy Gateway does not read this kind from files
    Thing: its controller needs the Kubernetes API
    "#);
}

#[test]
fn charts_need_kubernetes() {
    let chart = |name: &str| {
        let stack = small(&format!("  - {{ name: x, helm: {{ chart: 'oci://a.test/{name}', version: 1.0.0, namespace: x }} }}"), "", "");
        told(&stack).remove(0)
    };
    let all: Vec<String> = ["cert-manager", "keda", "gateway-crds-helm", "redis"].into_iter().map(chart).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    x: left out, certificates come from tstack's own CA here, cert-manager needs the Kubernetes API
    x: left out, autoscaling needs the Kubernetes API
    x: left out, Envoy Gateway has its definitions built in here
    x: left out, charts need Kubernetes
    "#);
}

#[test]
fn a_component_with_one_object_that_means_something_is_applied_and_tells_of_the_others() {
    let manifests = "{ apiVersion: v1, kind: ConfigMap, metadata: { name: x } }\n---\n{ apiVersion: v1, kind: ServiceAccount, metadata: { name: x } }\n";
    let stack = small("  - { name: objects, manifests: { files: [objects.yaml] } }", "", manifests);
    assert_eq!(roles(&stack)["objects"], Role::Objects);
    let left: Vec<String> = preview(&stack).left_out.iter().map(|one| format!("{}: {}", one.id, one.why)).collect();
    assert_eq!(left, ["ServiceAccount x: there is no Kubernetes API to have rights at"]);
}

#[test]
fn a_program_of_somebody_elses_image_is_left_out() {
    let manifest = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: redis }
spec: { template: { metadata: { labels: { app: redis } }, spec: { containers: [{ name: redis, image: 'docker.io/library/redis:8' }] } } }
";
    let stack = small("  - { name: cache, manifests: { files: [objects.yaml] } }", "", manifest);
    let why = "cache: left out, there is no program for image docker.io/library/redis:8: only images that the stack makes itself run here";
    assert_eq!(told(&stack), [why]);
}

#[test]
fn checks_of_what_is_left_out_are_left_out_too() {
    let stack = task_api_stack();
    let told = |have_prometheus| -> Vec<String> {
        left_out_checks(&stack, have_prometheus).into_iter().map(|(check, why)| format!("{check}: {why}")).collect()
    };
    insta::assert_snapshot!(told(false).join("\n"), @r#"
    replicas follow the load: autoscaling needs the Kubernetes API
    requests are counted: there is no program of Prometheus on this machine
    scaler ready: autoscaling needs the Kubernetes API
    scaler's query has a value: there is no program of Prometheus on this machine
    "#);
    assert_eq!(told(true).len(), 2, "with Prometheus its queries can be asked");
}

#[test]
fn a_query_for_metrics_that_nobody_scrapes_here_is_left_out() {
    let left = |query: &str| {
        let check = format!("{{ name: q, promql: {{ service: {{ namespace: m, name: p, port: 9090 }}, query: '{query}', min: 0 }} }}");
        let stack = small("  - { name: x, helm: { chart: 'oci://a.test/prometheus', version: 1.0.0, namespace: m } }", &check, "");
        left_out_checks(&stack, true).remove("q").unwrap_or_default()
    };
    let envoy = left(r#"sum(rate(envoy_cluster_upstream_rq_total{envoy_cluster_name=~"a/.*"}[1m]))"#);
    assert_eq!(envoy, "it asks for envoy_cluster_upstream_rq_total, and Prometheus scrapes the stack's own programs alone here");
    assert_eq!(left(r#"sum(http_requests_total{service="a", envoy_x="{"}) / up"#), "");
    assert_ne!(left(r#"sum(a{b="c"}) + container_memory_rss"#), "");
}

#[test]
fn a_check_of_what_a_chart_would_make_is_left_out() {
    let check =
        "{ name: operator, condition: { apiVersion: apps/v1, kind: Deployment, namespace: keda, name: keda-operator, type: Available } }";
    let stack = small("  - { name: x, helm: { chart: 'oci://a.test/keda', version: 1.0.0, namespace: keda } }", check, "");
    let why = "Deployment keda/keda-operator is not of the stack's manifests, and charts need Kubernetes";
    assert_eq!(left_out_checks(&stack, true)["operator"], why);
}

/// What holds of every layout.
fn sound(stack: &Stack) {
    let (objects, around) = whole(stack);
    let layout = layout(&objects, &around);
    assert_eq!(faults(&layout), [""; 0]);
    let documents: Vec<&Value> = layout.files.values().flatten().collect();
    let backends: BTreeSet<(&str, &str)> = documents
        .iter()
        .filter(|one| one["kind"] == "Backend")
        .map(|one| (one["metadata"]["namespace"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap()))
        .collect();
    let services: BTreeSet<(&str, &str)> = layout.services.keys().map(|(namespace, name, _)| (namespace.as_str(), name.as_str())).collect();
    for document in &documents {
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or_default();
        each_backend(document, &mut |reference| {
            let of = reference["namespace"].as_str().unwrap_or(namespace);
            let to = (of, reference["name"].as_str().unwrap());
            // a Service that the stack does not have keeps its name, as on a cluster that lacks it
            let led = if reference["kind"] == "Backend" { backends.contains(&to) } else { !services.contains(&to) };
            assert!(led, "{reference} leads nowhere");
        });
    }
    let ports: Vec<u16> = layout.processes.iter().flat_map(|process| process.ports.values().copied()).collect();
    assert_eq!(ports.len(), ports.iter().collect::<BTreeSet<_>>().len(), "no two processes share a port");
    // every listener that Envoy opens is patched to loopback, and all that is exposed is served
    let patched = documents.iter().filter(|one| one["kind"] == "EnvoyPatchPolicy").map(ToString::to_string).collect::<String>();
    for (gateway, listeners) in &layout.listeners {
        for listener in listeners {
            let name = format!("\"{}/{}/{}\"", gateway.namespace_or_default(), gateway.name, listener.name);
            assert!(patched.contains(&name), "{name} is open to all");
        }
    }
    for (port, who) in &layout.exposed {
        assert!(!matches!(who, Exposed::Nobody(_)), "{port}: {who:?}");
    }
}

fn each_backend(value: &Value, see: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_backend(item, see)),
        Value::Object(map) => {
            for (key, child) in map {
                match (key.as_str(), child) {
                    ("backendRef", one) => see(one),
                    ("backendRefs", Value::Array(all)) => all.iter().for_each(&mut *see),
                    _ => {}
                }
                each_backend(child, see);
            }
        }
        _ => {}
    }
}

#[test]
fn every_layout_of_the_shipped_stacks_and_templates_is_sound() {
    sound(&task_api_stack());
    for template in templates() {
        sound(&template_stack(template.name));
    }
}

#[test]
fn the_whole_template_leaves_out_what_scales_and_guards_nodes() {
    let (objects, around) = whole(&template_stack("production-stack"));
    insta::assert_snapshot!(left_out(&layout(&objects, &around)).join("\n"), @r#"
    PodDisruptionBudget task-api/task-api: there are no nodes to empty
    ScaledObject task-api/task-api-scaler: autoscaling needs the Kubernetes API
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_layout_of_a_generated_stack_is_sound(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let text = arbitrary::specification(&bytes, "api", "apis").to_string();
        sound(&generated(&read("service.yaml", text.as_bytes(), &[]).unwrap().0));
    }
}
