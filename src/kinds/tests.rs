//! The kinds as a whole.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Fault, Lookup, all, find};
use crate::yaml::{self, Node};

fn walk(schema: &super::schema::Schema, seen: &mut impl FnMut(&super::schema::Schema)) {
    seen(schema);
    let lists = [&schema.all_of, &schema.any_of, &schema.one_of];
    let maps = [&schema.properties, &schema.definitions];
    let below = maps.into_iter().flat_map(|map| map.values().map(Box::as_ref)).chain(lists.into_iter().flatten());
    below
        .chain(schema.items.as_deref())
        .chain(schema.additional_properties.as_deref())
        .chain(schema.not.as_deref())
        .for_each(|s| walk(s, seen));
}

#[test]
fn every_schema_can_be_read_with_its_patterns_formats_and_references() {
    for kind in all() {
        let root = kind.read().unwrap_or_else(|error| panic!("{} {}: {error}", kind.api_version(), kind.kind));
        walk(&root, &mut |schema| {
            assert!(schema.pattern.as_ref().is_none_or(super::pattern::Pattern::is_readable), "{:?}", schema.pattern);
            assert!(schema.format.as_deref().is_none_or(|format| super::format::KNOWN.contains(&format)), "{:?}", schema.format);
            for rule in &schema.rules {
                assert_eq!(rule.broken(), None, "{}", rule.text);
            }
            assert!(schema.reference.as_ref().is_none_or(|name| root.definition(name).is_some()), "{:?}", schema.reference);
        });
    }
}

fn faults(object: &Node) -> Vec<Fault> {
    let part = |key: &str| object.get(key).unwrap().as_text().unwrap();
    let Lookup::Known(kind) = find(part("apiVersion"), part("kind")) else { panic!("unknown kind") };
    kind.check(object)
}

/// The fixtures of a folder of `tests/fixtures/kinds`, which the real API server judges too (`tests/e2e`).
fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kinds").join(folder);
    let files = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|file| (file.display().to_string(), fs_err::read_to_string(&file).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn what_the_api_server_takes_has_no_fault() {
    let mut kinds = BTreeSet::new();
    for (file, text) in fixtures("good") {
        let object = yaml::parse(&text).unwrap();
        assert_eq!(faults(&object), [], "{file}");
        kinds.insert(object.get("kind").unwrap().as_text().unwrap().to_owned());
    }
    let ours = all().iter().filter(|kind| {
        kind.is_custom() && ["gateway.networking.k8s.io", "gateway.envoyproxy.io", "keda.sh", "cert-manager.io"].contains(&kind.group)
    });
    let missing: Vec<_> = ours.map(|kind| kind.kind).filter(|kind| !kinds.contains(*kind)).collect();
    assert!(missing.is_empty(), "no good fixture of {missing:?}");
}

#[test]
fn what_the_api_server_refuses_has_the_fault_that_its_fixture_names() {
    for (file, text) in fixtures("bad") {
        let wanted = text.lines().next().unwrap().strip_prefix("# fault: ").unwrap();
        let messages: Vec<_> = faults(&yaml::parse(&text).unwrap()).into_iter().map(|fault| fault.message).collect();
        assert!(!wanted.is_empty() && messages.iter().any(|message| message.contains(wanted)), "{file}: {messages:#?}");
    }
}

fn said(text: &str) -> String {
    let object = yaml::parse(text).unwrap();
    let lines = faults(&object).into_iter().map(|fault| {
        let pos = if fault.on_key { object.pos_at(&fault.pointer) } else { object.value_pos_at(&fault.pointer) };
        let hint = fault.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}:{}: {}{hint}", pos.line, pos.column, fault.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn faults_of_a_built_in_kind_are_said_in_words() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: Tasks, label: {}, labels: {app: a b, _x: y}, annotations: {on: true}}
spec:
  replicas: '3'
  selector: {}
  template:
    spec:
      restartPolicy: always
      containers:
      - {image: x, ports: [{containerPort: 99999999999}], resources: {limits: {cpu: 0.5, memory: 4GB}}, readyness: {}}
status: {replicas: x, y: 1}
";
    insta::assert_snapshot!(said(text), @"
    3:50: `metadata.labels.app` must be a label: at most 63 letters, digits, inner `-`, `_` and `.`, found the text `a b`
    3:55: the key `_x` must be a name such as `app` or `example.com/app`
    3:25: `metadata` has no key `label`; did you mean `labels`?
    3:81: `metadata.annotations.on` must be a text, found `true`; put the value in quotes
    5:13: `spec.replicas` must be a whole number, found the text `3`; leave the quotes out
    9:22: `spec.template.spec.restartPolicy` must be `Always`, `Never` or `OnFailure`, found the text `always`; did you mean `Always`?
    11:44: `spec.template.spec.containers[0].ports[0].containerPort` must be -2147483648 to 2147483647, found the number 99999999999
    11:98: `spec.template.spec.containers[0].resources.limits.memory` must be an amount such as `500m`, `2` or `4Gi`, found the text `4GB`
    11:105: `spec.template.spec.containers[0]` has no key `readyness`
    11:9: `spec.template.spec.containers[0]` needs the key `name`
    12:20: `status.replicas` must be a whole number, found the text `x`
    12:23: `status` has no key `y`; keys: `availableReplicas`, `collisionCount`, `conditions`, `observedGeneration`, `readyReplicas`, `replicas`, `terminatingReplicas`, `unavailableReplicas`, `updatedReplicas`
    6:3: `spec.selector` selects nothing: it must select the pods of the template
    3:18: `metadata.name` must be a DNS name: lower case letters, digits, inner `-` and `.`, found the text `Tasks`
    ");
}

#[test]
fn faults_of_a_custom_kind_are_said_in_words() {
    let text = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {}
spec:
  gatewayClassName: ''
  addresses: [{value: nobody}, {value: 10.0.0.1}]
  listeners:
  - {name: http, port: 0, protocol: HTTP, allowedRoutes: {namespaces: {from: all}}, hostname: EXAMPLE.com}
  - {name: http, protocol: 7, tls: []}
  gateway: ~
";
    insta::assert_snapshot!(said(text), @"
    5:21: `spec.gatewayClassName` must have 1 to 253 characters, found none
    6:15: `spec.addresses[0]` fits none of its forms; `spec.addresses[0].value` must be an IPv4 address, found the text `nobody`
    8:24: `spec.listeners[0].port` must be 1 to 65535, found 0
    8:78: `spec.listeners[0].allowedRoutes.namespaces.from` must be `All`, `Selector` or `Same`, found the text `all`; did you mean `All`?
    8:95: `spec.listeners[0].hostname` must be a host name in lower case, such as `example.com` or `*.example.com`, found the text `EXAMPLE.com`
    9:28: `spec.listeners[1].protocol` must be a text, found the number 7; put the value in quotes
    9:36: `spec.listeners[1].tls` must be a map, found a list
    9:5: `spec.listeners[1]` needs the key `port`
    9:5: `spec.listeners[1]` has the same `name` as `spec.listeners[0]`
    10:3: `spec` has no key `gateway`; keys: `addresses`, `allowedListeners`, `defaultScope`, `gatewayClassName`, `infrastructure`, `listeners`, `tls`
    3:1: `metadata` needs the key `name`
    ");
}

#[test]
fn a_kind_is_found_or_something_better_is_said() {
    let show = |api_version: &str, kind: &str| match find(api_version, kind) {
        Lookup::Known(kind) => format!("{} of {}", kind.plural, kind.source),
        other => format!("{other:?}"),
    };
    let asked = [
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("gateway.networking.k8s.io/v1alpha2", "HTTPRoute"),
        ("policy/v1beta1", "PodDisruptionBudget"),
        ("extensions/v1beta1", "Ingress"),
        ("gateway.envoyproxy.io/v1alpha1", "HTTPRoute"),
        ("gateway.networking.k8s.io/v1", "Gatewai"),
        ("keda.io/v1alpha1", "ScaledObject"),
        ("example.com/v1", "Thing"),
        ("v1", "Deployment"),
    ];
    let answers: Vec<String> = asked.iter().map(|(api_version, kind)| show(api_version, kind)).collect();
    insta::assert_snapshot!(answers.join("\n"), @r#"
    httproutes of Gateway API 1.6.1
    OtherVersion { served: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"] }
    OtherVersion { served: ["policy/v1"] }
    OtherVersion { served: ["networking.k8s.io/v1"] }
    UnknownKind { kinds: ["Backend", "BackendTrafficPolicy", "ClientTrafficPolicy", "EnvoyExtensionPolicy", "EnvoyPatchPolicy", "EnvoyProxy", "HTTPRouteFilter", "SecurityPolicy"], suggestion: Some(("gateway.networking.k8s.io/v1", "HTTPRoute")) }
    UnknownKind { kinds: ["BackendTLSPolicy", "GRPCRoute", "Gateway", "GatewayClass", "HTTPRoute", "ListenerSet", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute"], suggestion: Some(("gateway.networking.k8s.io/v1", "Gateway")) }
    UnknownGroup { suggestion: Some(("keda.sh/v1alpha1", "ScaledObject")) }
    UnknownGroup { suggestion: None }
    UnknownKind { kinds: ["ConfigMap", "Endpoints", "Event", "LimitRange", "Namespace", "Node", "PersistentVolume", "PersistentVolumeClaim", "Pod", "PodTemplate", "ReplicationController", "ResourceQuota", "Secret", "Service", "ServiceAccount"], suggestion: Some(("apps/v1", "Deployment")) }
    "#);
}
