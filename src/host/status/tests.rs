use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::host::layout;
use crate::host::layout::tests::{around, laid, objects};
use crate::ready::{Readiness, judge};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: cart } }
  template:
    metadata: { labels: { app: cart } }
    spec: { containers: [{ name: app, image: 'localhost/app:1', ports: [{ containerPort: 8000 }] }] }
";

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: edge }
spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  gatewayClassName: edge
  listeners:
    - { name: http, protocol: HTTP, port: 80 }
    - { name: https, protocol: HTTPS, port: 443, tls: { certificateRefs: [{ name: tls }] } }
    - { name: admin, protocol: HTTP, port: 9999 }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart, namespace: shop }
spec: { parentRefs: [{ name: edge }] }
";

fn running(state: State) -> Running {
    Running { state, ..Running::default() }
}

/// What `ready` says of the Deployment whose two processes are like this.
fn judged(states: &[(&str, Running)]) -> Readiness {
    let processes = states.iter().map(|(name, running)| ((*name).to_owned(), running.clone())).collect();
    let known = Known { processes, ..Known::default() };
    judge(&statuses(&[objects(DEPLOYMENT).remove(0).1], &laid(DEPLOYMENT, &[]), &known)[0])
}

#[test]
fn a_deployment_is_ready_when_each_of_its_processes_is() {
    let ready = running(State::Ready);
    assert_eq!(judged(&[("shop/cart/0", ready.clone()), ("shop/cart/1", ready)]), Readiness::Ready);
}

#[test]
fn a_deployment_waits_for_processes_that_are_not_there_or_not_ready() {
    let ready = running(State::Ready);
    assert_eq!(judged(&[("shop/cart/0", ready.clone())]), Readiness::Waiting("1 of 2 replicas updated".into()));
    let slow = running(State::NotReady("GET /ready: 503".into()));
    assert_eq!(judged(&[("shop/cart/0", ready.clone()), ("shop/cart/1", slow)]), Readiness::Waiting("1 of 2 replicas available".into()));
    let replaced = Running { older: 1, ..ready.clone() };
    assert_eq!(judged(&[("shop/cart/0", ready), ("shop/cart/1", replaced)]), Readiness::Waiting("1 old replicas still to end".into()));
}

#[test]
fn a_process_that_ends_again_and_again_fails_its_deployment_with_its_last_lines() {
    let log = vec!["starting".to_owned(), "error: no such table".to_owned()];
    let failed = Running { state: State::Failed("ended with exit code 101".into()), restarts: 3, older: 0, log };
    let ready = running(State::Ready);
    assert_eq!(
        judged(&[("shop/cart/0", ready.clone()), ("shop/cart/1", failed.clone())]),
        Readiness::Failed("CrashLoopBackOff: process shop/cart/1 ended with exit code 101, 3 restarts".into())
    );
    let known =
        Known { processes: BTreeMap::from([("shop/cart/0".to_owned(), ready), ("shop/cart/1".to_owned(), failed)]), ..Known::default() };
    let layout = laid(DEPLOYMENT, &[]);
    assert_eq!(
        evidence(&layout.processes[0].object, &layout, &known),
        ["process shop/cart/1: ended with exit code 101, 3 restarts", "last lines of process shop/cart/1:\nstarting\nerror: no such table"]
    );
}

#[test]
fn a_deployment_says_which_object_it_waits_for() {
    let text = DEPLOYMENT.replace("ports:", "envFrom: [{ configMapRef: { name: settings } }], ports:");
    let layout = laid(&text, &[]);
    let object = objects(&text).remove(0).1;
    let judged = judge(&statuses(&[object], &layout, &Known::default())[0]);
    assert_eq!(judged, Readiness::Waiting("CreateContainerConfigError: ConfigMap shop/settings is not there".into()));
}

#[test]
fn a_newer_generation_of_an_object_waits_for_a_newer_verdict() {
    let (layout, objects) = gateway();
    let mut known = verdicts("True");
    let route = |known: &Known| judge(&statuses(&objects, &layout, known)[2]);
    assert_eq!(route(&known), Readiness::Ready);
    known.generations.insert(objects[2].id.clone(), 2);
    assert!(matches!(route(&known), Readiness::Waiting(why) if why.contains("has not seen the newest change")));
}

fn gateway() -> (Layout, Vec<Object>) {
    let all = objects(GATEWAY);
    let layout = layout(&all, &around(&all, &[(8080, "elsewhere", 80), (8443, "elsewhere", 443)]));
    (layout, all.into_iter().map(|(_, object)| object).collect())
}

/// What Envoy Gateway 1.9.1 says of them in its file mode; `certificate` is whether the Secret of the listener https is there.
fn verdicts(certificate: &str) -> Known {
    let condition = |name: &str, status: &str, reason: &str| json!({"type": name, "status": status, "reason": reason, "message": reason});
    let listener = |name: &str, status: &str, reason: &str| {
        json!({"name": name, "conditions": [
            condition("Programmed", status, "Programmed"), condition("Accepted", "True", "Accepted"), condition("ResolvedRefs", status, reason),
        ]})
    };
    let https = if certificate == "True" { "ResolvedRefs" } else { "InvalidCertificateRef" };
    let gateway = json!({
        "conditions": [condition("Accepted", "True", "Accepted"), condition("Programmed", "False", "AddressNotAssigned")],
        "listeners": [listener("http", "True", "ResolvedRefs"), listener("https", certificate, https)],
    });
    let parent = json!({
        "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
        "parentRef": {"name": "edge"},
        "conditions": [condition("Accepted", "True", "Accepted"), condition("ResolvedRefs", "True", "ResolvedRefs")],
    });
    let verdict = |status: Value| Verdict { status, generation: 1 };
    let key = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
    Known {
        verdicts: BTreeMap::from([
            (key("GatewayClass", "/edge"), verdict(json!({"conditions": [condition("Accepted", "True", "Accepted")]}))),
            (key("Gateway", "shop/edge"), verdict(gateway)),
            (key("HTTPRoute", "shop/cart"), verdict(json!({"parents": [parent]}))),
        ]),
        listening: BTreeSet::from([8080, 8443]),
        ..Known::default()
    }
}

#[test]
fn a_gateway_is_programmed_when_our_envoy_listens_on_its_ports() {
    let (layout, objects) = gateway();
    let mut known = verdicts("True");
    let shown = statuses(&objects, &layout, &known);
    assert_eq!(shown.iter().map(judge).collect::<Vec<_>>(), [Readiness::Ready, Readiness::Ready, Readiness::Ready]);
    let programmed = &shown[1]["status"]["conditions"][1];
    assert_eq!(programmed["message"], "Envoy listens on 127.0.0.1:8080 and 127.0.0.1:8443");
    assert_eq!(shown[1]["spec"]["listeners"].as_array().unwrap().len(), 2, "the listener that nobody reaches is not there");
    known.listening.remove(&8443);
    let waits = "listener https: Pending: Envoy does not listen on 127.0.0.1:8443 yet";
    assert_eq!(judge(&statuses(&objects, &layout, &known)[1]), Readiness::Waiting(waits.into()));
}

#[test]
fn a_listener_without_its_certificate_is_told_of_alone() {
    let (layout, objects) = gateway();
    let mut known = verdicts("False");
    known.listening.remove(&8443);
    let shown = &statuses(&objects, &layout, &known)[1];
    assert_eq!(shown["status"]["conditions"][1]["status"], "True", "as on a cluster, where a Gateway's word is not its listeners'");
    let waits = "listener https: InvalidCertificateRef: InvalidCertificateRef";
    assert_eq!(judge(shown), Readiness::Waiting(waits.into()));
}

#[test]
fn before_envoy_gateway_has_spoken_its_objects_wait_and_all_others_are_ready() {
    let text = "
{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings, namespace: shop } }
---
{ apiVersion: v1, kind: Service, metadata: { name: cart, namespace: shop }, spec: { type: LoadBalancer, selector: { app: x }, ports: [{ port: 80 }] } }
---
{ apiVersion: gateway.envoyproxy.io/v1alpha1, kind: EnvoyProxy, metadata: { name: edge, namespace: shop }, status: { conditions: [] } }
";
    let objects: Vec<Object> = objects(text).into_iter().map(|(_, object)| object).collect();
    let shown = statuses(&objects, &laid(text, &[]), &Known::default());
    assert!(shown.iter().all(|one| judge(one) == Readiness::Ready && one["metadata"]["generation"] == 1), "{shown:?}");
    assert!(shown[3].get("status").is_none(), "what a manifest says of its status is not how it is");
    let (layout, gateway) = gateway();
    let waiting = statuses(&gateway, &layout, &Known::default());
    assert!(waiting.iter().all(|one| matches!(judge(one), Readiness::Waiting(_)) && one.get("status").is_none()));
}
