use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::kinds::{self, Lookup};
use crate::spec::{arbitrary, read};
use crate::yaml;

fn spec(text: &str) -> ServiceSpec {
    read("service.yaml", text.as_bytes(), &[]).unwrap_or_else(|findings| panic!("{findings}\n{text}")).0
}

/// Everything that a specification of the whole production kind asks for.
const FULL: &str = "\
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: task-api, namespace: tasks, description: Tasks for everybody}
spec:
  profile: production
  hosts: [tasks.example.com]
  workload: {image: 'ghcr.io/example/task-api:1.2.3', metrics: /metrics, env: {LOG: 'yes'}}
  versions: [{name: v1}, {name: v2, image: 'ghcr.io/example/task-api:2.0.0'}]
  split: {strategy: canary, percent: 10}
  tls: {mode: issuer, issuer: {name: letsencrypt}}
  routes:
  - {path: /api/tasks, timeout: 10s}
  - {path: /api/v1, version: v1, methods: [GET, HEAD], rewrite: {prefix: /api}}
  - {path: /old, match: Exact, redirect: {path: /api/tasks, status: 301}}
  rateLimit: {tiers: [{value: gold, requests: 500}]}
  circuitBreaker: {}
  healthCheck: {active: {}}
  retry: {}
  auth: {jwt: {issuer: 'https://id.example.com/', audiences: [tasks], jwksUri: 'https://id.example.com/keys', headers: {x-user-id: sub, x-tier: tier}}}
  ipAllow: [10.0.0.0/8]
  cors: {origins: ['https://app.example.com']}
  client: {maxConnections: 1000, trustedHops: 1}
  autoscale: {max: 20, prometheus: {}, cron: {start: 0 8 * * 1-5, end: 0 18 * * 1-5, replicas: 4}}
";

#[test]
fn a_full_specification_becomes_commented_objects() {
    insta::assert_snapshot!(render(&objects(&spec(FULL))), @r"");
}

#[test]
fn a_local_service_that_exists_needs_four_objects() {
    let local = "\
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: api, namespace: default}
spec:
  gateway: {service: {nodePorts: {http: 30080, https: 30443}}}
  tls: {}
  routes: [{path: /api}]
  rateLimit: {scope: global, unit: Hour}
  autoscale: {cpu: {}}
";
    insta::assert_snapshot!(render(&objects(&spec(local))), @r"");
}

#[test]
fn files_are_named_in_the_order_of_need() {
    let documents = objects(&spec(FULL));
    let files = files(&documents);
    insta::assert_snapshot!(files.keys().copied().collect::<Vec<_>>().join(" "), @r"");
    assert_eq!(files.values().map(String::as_str).collect::<Vec<_>>().join("---\n"), render(&documents));
}

#[test]
fn a_change_of_the_specification_changes_every_digest_and_a_comment_changes_none() {
    let digest = |text: &str| objects(&spec(text))[0].value().pointer("/metadata/annotations").unwrap()[SPEC_DIGEST].clone();
    assert_eq!(digest(FULL), digest(&FULL.replace("  hosts:", "  # where\n  hosts:")));
    assert_ne!(digest(FULL), digest(&FULL.replace("percent: 10", "percent: 25")));
}

/// The group, kind and name of everything that a policy is about.
fn targets_of(object: &Value) -> Vec<String> {
    let refs = object.pointer("/spec/targetRefs").and_then(Value::as_array);
    refs.into_iter().flatten().map(|r| format!("{} {} {}", object["kind"], r["kind"], r["name"])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_specification_becomes_objects_that_can_be_applied(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let text = arbitrary::specification(&bytes, "api", "apis").to_string();
        let spec = spec(&text);
        let documents = objects(&spec);
        let stream = render(&documents);
        prop_assert_eq!(&stream, &render(&objects(&super::tests::spec(&text))), "the same specification, other bytes");
        prop_assert_eq!(files(&documents).values().map(String::as_str).collect::<Vec<_>>().join("---\n"), stream.as_str(), "files and stream differ");

        for node in yaml::parse_nodes(&stream).unwrap() {
            let word = |key: &str| node.get(key).and_then(yaml::Node::as_text).unwrap_or_default().to_owned();
            let Lookup::Known(kind) = kinds::find(&word("apiVersion"), &word("kind")) else {
                return Err(TestCaseError::fail(format!("{} is unknown", word("kind"))));
            };
            let faults = kind.check(&node);
            prop_assert!(faults.is_empty(), "{faults:#?}\n{}", stream);
        }

        let read = yaml::parse_all(&stream).map_err(|error| TestCaseError::fail(format!("{error}\n{stream}")))?;
        prop_assert_eq!(read.len(), documents.len());
        let (mut ids, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for (document, read) in documents.iter().zip(&read) {
            prop_assert_eq!(&document.value(), read, "written and read differ");
            prop_assert_eq!(&crate::stack::ObjectId::of(read), &document.id);
            prop_assert!(ids.insert(document.id.clone()), "{} is there twice", document.id);
            let namespace = read.pointer("/metadata/namespace").and_then(Value::as_str);
            prop_assert_eq!(namespace, (document.id.kind != "Namespace").then_some("apis"));
            prop_assert_eq!(&read["metadata"]["labels"][MANAGED_BY], "tstack");
            prop_assert_eq!(&read["metadata"]["annotations"][SPEC_DIGEST], spec.digest.as_str());
            for target in targets_of(read) {
                prop_assert!(targets.insert(target.clone()), "two policies: {target}");
            }
        }
    }
}
