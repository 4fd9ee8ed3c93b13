use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A pod's name and its conditions ready, serving and terminating.
type Listed<'a> = (&'a str, Option<bool>, Option<bool>, Option<bool>);

fn slice(port: &serde_json::Value, endpoints: &[Listed]) -> EndpointSlice {
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|(pod, ready, serving, terminating)| {
            json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
                   "targetRef": {"kind": "Pod", "name": pod}})
        })
        .collect();
    serde_json::from_value(json!({"addressType": "IPv4", "metadata": {"name": "s"}, "ports": [port], "endpoints": endpoints})).unwrap()
}

fn service(ports: &serde_json::Value) -> Service {
    serde_json::from_value(json!({"metadata": {"name": "gateway"}, "spec": {"ports": ports}})).unwrap()
}

fn ready(names: &[&str]) -> BTreeMap<Target, Health> {
    names.iter().map(|n| (Target { pod: (*n).into(), port: 80 }, Health::Ready)).collect()
}

#[test]
fn a_service_port_is_found_by_number_and_known_by_name() {
    let service = service(&json!([{"name": "http", "port": 80, "targetPort": "web"}, {"name": "https", "port": 443}]));
    assert_eq!(port_name(&service, 443), Ok("https".into()));
}

#[test]
fn an_unnamed_port_has_the_empty_name() {
    assert_eq!(port_name(&service(&json!([{"port": 80}])), 80), Ok(String::new()));
}

#[test]
fn a_port_that_the_service_lacks_is_answered_with_those_it_has() {
    let service = service(&json!([{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}, {"name": "c", "port": 443}]));
    assert_eq!(port_name(&service, 53).unwrap_err(), "the Service has no TCP port 53; it has: 80, 443");
}

#[test]
fn the_target_port_comes_from_the_slice() {
    let slice = slice(&json!({"name": "http", "port": 10080}), &[("envoy", Some(true), None, None)]);
    assert_eq!(pods([&slice], "http").into_keys().collect::<Vec<_>>(), [Target { pod: "envoy".into(), port: 10080 }]);
    assert!(pods([&slice], "https").is_empty());
}

#[test]
fn only_pods_that_serve_are_kept() {
    let slice = slice(
        &json!({"port": 80}),
        &[
            ("ready", Some(true), Some(true), Some(false)),
            ("unknown", None, None, None),
            ("starting", Some(false), Some(false), Some(false)),
            ("draining", Some(false), Some(true), Some(true)),
            ("dead", Some(false), Some(false), Some(true)),
        ],
    );
    let found: Vec<_> = pods([&slice], "").into_iter().map(|(t, h)| (t.pod, h)).collect();
    assert_eq!(found, [("draining".into(), Health::Draining), ("ready".into(), Health::Ready), ("unknown".into(), Health::Ready)]);
}

#[test]
fn a_pod_in_two_slices_counts_once_with_its_better_health() {
    let old = slice(&json!({"port": 80}), &[("a", Some(true), None, None)]);
    let new = slice(&json!({"port": 80}), &[("a", Some(false), Some(true), Some(true))]);
    assert_eq!(pods([&old, &new], ""), ready(&["a"]));
}

#[test]
fn an_endpoint_that_is_no_pod_is_left_out() {
    let text = json!({"addressType": "IPv4", "metadata": {}, "ports": [{"port": 80}], "endpoints": [{"addresses": ["192.0.2.1"]}]});
    assert!(pods([&serde_json::from_value(text).unwrap()], "").is_empty());
}

#[test]
fn a_draining_pod_is_the_last_resort() {
    let mut pods = ready(&["b"]);
    let draining = Target { pod: "a".into(), port: 80 };
    pods.insert(draining.clone(), Health::Draining);
    let mut pool = Pool::default();
    let first = pool.pick(&pods, &BTreeSet::new()).unwrap();
    assert_eq!(first.pod, "b");
    assert_eq!(pool.pick(&pods, &BTreeSet::from([first])), Some(draining));
}

#[test]
fn a_pod_that_failed_waits_until_it_worked_again() {
    let pods = ready(&["a", "b"]);
    let mut pool = Pool::default();
    let a = pool.pick(&pods, &BTreeSet::new()).unwrap();
    pool.failed(&a);
    let next: Vec<_> = (0..3).map(|_| pool.pick(&pods, &BTreeSet::new()).unwrap().pod).collect();
    assert_eq!(next, ["b", "b", "b"]);
    pool.worked(&a);
    assert_eq!(pool.pick(&pods, &BTreeSet::new()), Some(a));
}

proptest! {
    #[test]
    fn every_untried_pod_comes_once_before_none_is_left(names in prop::collection::btree_set("[a-z]{1,4}", 0..8), failed in any::<prop::sample::Index>()) {
        let pods: BTreeMap<_, _> = names.iter().map(|n| (Target { pod: n.clone(), port: 80 }, Health::Ready)).collect();
        let mut pool = Pool::default();
        if !pods.is_empty() {
            pool.failed(pods.keys().nth(failed.index(pods.len())).unwrap());
        }
        let mut tried = BTreeSet::new();
        while let Some(target) = pool.pick(&pods, &tried) {
            prop_assert!(tried.insert(target), "the same pod came twice");
        }
        prop_assert_eq!(tried, pods.keys().cloned().collect::<BTreeSet<_>>());
    }

    #[test]
    fn healthy_pods_share_the_work_evenly(count in 1..6usize, rounds in 1..5usize) {
        let names: Vec<_> = (0..count).map(|i| i.to_string()).collect();
        let pods = ready(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut pool = Pool::default();
        let mut seen = BTreeMap::<String, usize>::new();
        for _ in 0..count * rounds {
            *seen.entry(pool.pick(&pods, &BTreeSet::new()).unwrap().pod).or_default() += 1;
        }
        prop_assert!(seen.len() == count && seen.values().all(|n| *n == rounds));
    }
}
