//! What a stack runs on: a cluster or this machine's own processes, chosen or asked for.

use serde_json::json;

use crate::support::{Said, Sandbox};

fn plan(sandbox: &Sandbox, args: &[&str]) -> Said {
    sandbox.run(&[&["plan"], args].concat())
}

#[test]
fn without_an_engine_it_is_this_machine_and_the_reason_is_told_first() {
    let sandbox = Sandbox::with_tools();
    let said = plan(&sandbox, &["./stack", "--provider", "auto"]);
    assert_eq!(said.stderr, "Without a cluster, as processes on this machine: no container engine is running.\n");
    insta::assert_snapshot!(said.stdout, @r"
        1. start the supervisor  (none runs)
        2. apply web (1 object)  (not there)  <- 1
        3. wait until web is ready  (it was just applied)  <- 1, 2
        ");
    assert!(!sandbox.path("state").exists());
}

#[test]
fn what_has_no_place_without_a_cluster_is_told_before_anything_is_touched() {
    let sandbox = Sandbox::with_tools();
    let said = plan(&sandbox, &["task-api", "--provider", "host"]);
    assert_eq!(said.stderr, "");
    for line in [
        "get envoy-gateway 1.9.1",
        "get envoy 1.39.1",
        "check: scaler ready  (autoscaling needs the Kubernetes API)",
        "without keda: autoscaling needs the Kubernetes API",
        "without cert-manager: certificates come from tstack's own CA here, cert-manager needs the Kubernetes API",
    ] {
        assert!(said.stdout.contains(line), "{line}\n{}", said.stdout);
    }
    assert!(!said.stdout.contains("pull "), "{}", said.stdout);
}

#[test]
fn a_stack_does_not_change_what_it_runs_on_under_its_name() {
    let sandbox = Sandbox::with_tools();
    let record = |target| {
        let created = "2026-01-01T00:00:00Z";
        json!({"version": 1, "stack": "demo", "source": "./stack", "target": target, "created": created}).to_string()
    };
    sandbox
        .write("state/demo/state.json", record(json!({"provider": "kind", "cluster": "tstack-demo", "owner": "w", "networkMade": false})));
    insta::assert_snapshot!(plan(&sandbox, &["./stack", "--provider", "host"]).failure(), @r"
        exit 3
        error: `demo` runs on `tstack-demo` already

        help: Give the other one a name of its own with --name, or take this one down first.
        ");
    sandbox.write("state/demo/state.json", record(json!({"provider": "host"})));
    insta::assert_snapshot!(plan(&sandbox, &["./stack", "--provider", "kind"]).failure(), @r"
        exit 3
        error: `demo` runs on `this machine` already

        help: Give the other one a name of its own with --name, or take this one down first.
        ");
}
