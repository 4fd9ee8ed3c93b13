//! kind and helm: missing, too old, silent; told with the place and the remedy, before anything is touched.

use serde_json::json;

use crate::support::{Engine, Sandbox, Seen, rule};

/// A stack for which both programs are needed: they are looked for when the plan is known, and before anything is touched.
const STACK: &str = "\
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: { name: demo }
components:
  - name: web
    helm: { chart: oci://registry.example/charts/web, version: 1.2.3, namespace: web }
";

fn sandbox() -> (Sandbox, Seen) {
    let mut sandbox = Sandbox::with_tools();
    sandbox.write("charts/stack.yaml", STACK);
    let engine = Engine::default().start(&mut sandbox);
    (sandbox, engine)
}

fn up(sandbox: &Sandbox, engine: &Seen) -> String {
    let said = sandbox.run(&["up", "./charts"]).failure();
    assert_eq!(engine.changes(), [] as [String; 0]);
    assert!(!sandbox.path("state").exists(), "nothing is touched");
    said
}

#[test]
fn without_helm_it_says_where_was_looked_and_how_to_get_it() {
    let (sandbox, engine) = sandbox();
    fs_err::remove_file(sandbox.path("bin/helm")).unwrap();
    insta::assert_snapshot!(up(&sandbox, &engine), @r"
        exit 3
        error: the program `helm` is not there
          looked in [BOX]/bin

        help: Install Helm 3: https://helm.sh/docs/intro/install
        ");
}

#[test]
fn without_kind_it_says_where_was_looked_and_how_to_get_it() {
    let (mut sandbox, engine) = sandbox();
    fs_err::remove_file(sandbox.path("bin/kind")).unwrap();
    let path = format!("{}:/nonexistent/bin", sandbox.path("bin").display());
    sandbox.set("PATH", &path);
    insta::assert_snapshot!(up(&sandbox, &engine), @r"
        exit 3
        error: the program `kind` is not there
          looked in [BOX]/bin, /nonexistent/bin

        help: Install kind: https://kind.sigs.k8s.io/docs/user/quick-start#installation
        ");
}

#[test]
fn a_tool_that_is_too_old_is_named_with_both_versions() {
    let (sandbox, engine) = sandbox();
    sandbox.script(&[rule("kind version", json!({"stdout": "kind v0.20.0 go1.20.4 linux/amd64\n"}))]);
    let kind = up(&sandbox, &engine);
    sandbox.script(&[rule("helm version", json!({"stdout": "v3.10.3+g835b733\n"}))]);
    insta::assert_snapshot!(format!("{kind}\n{}", up(&sandbox, &engine)), @r"
        exit 3
        error: `[BOX]/bin/kind` is version 0.20.0; 0.24.0 or later is needed

        help: Install kind: https://kind.sigs.k8s.io/docs/user/quick-start#installation

        exit 3
        error: `[BOX]/bin/helm` is version 3.10.3+g835b733; 3.14.0 or later is needed

        help: Install Helm 3: https://helm.sh/docs/intro/install
        ");
}

#[test]
fn a_tool_that_does_not_tell_its_version_shows_what_it_said() {
    let (sandbox, engine) = sandbox();
    sandbox.script(&[rule("helm version", json!({"stderr": "Segmentation fault\n", "exit": 139}))]);
    insta::assert_snapshot!(up(&sandbox, &engine), @r"
        exit 3
        error: `[BOX]/bin/helm` does not tell its version
          Segmentation fault
          $ [BOX]/bin/helm version --short

        help: Install Helm 3: https://helm.sh/docs/intro/install
        ");
}

#[test]
fn a_kind_that_fails_shows_its_words_and_command_line_and_skips_what_needs_a_cluster() {
    let mut sandbox = Sandbox::with_tools();
    sandbox.script(&[rule(
        "kind create cluster",
        json!({"stderr": "ERROR: failed to create cluster: could not find a log line\n", "exit": 1}),
    )]);
    Engine::default().start(&mut sandbox);
    let port = crate::support::free_port();
    let said = sandbox.run(&["up", "./stack", "--set", &format!("parameters.httpPort={port}"), "--output", "json"]);
    assert_eq!(said.code, 4, "{said:?}");
    let events: Vec<serde_json::Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| events.iter().filter(|e| e["event"] == event).collect::<Vec<_>>();
    let failed = of("step.failed");
    let failure = &failed[0]["failure"];
    assert_eq!((failed.len(), failed[0]["id"].as_str()), (1, Some("cluster")));
    assert_eq!(failure["what"], "`kind create cluster` ended with exit status 1");
    assert!(failure["why"][0].as_str().unwrap().contains("could not find a log line"), "{failure}");
    assert!(failure["why"][1].as_str().unwrap().starts_with("$ [BOX]/bin/kind create cluster --name tstack-demo"), "{failure}");
    let skipped: Vec<_> = of("step.skipped").iter().map(|e| (e["id"].as_str().unwrap(), e["because"].as_str().unwrap())).collect();
    let of_cluster = |id| (id, "cluster");
    assert_eq!(skipped, ["server", "apply:web", "ready:web", "node"].map(of_cluster));
    // for people the same, and what was begun is on record: the next `up` makes the cluster anew
    let said = sandbox.run(&["up", "./stack", "--set", &format!("parameters.httpPort={port}")]);
    assert_eq!(said.code, 4);
    insta::with_settings!({filters => [(r"\d+(\.\d+)? ?m?s\b", "[TIME]")]}, {
        insta::assert_snapshot!(said.stderr, @"
        [   [TIME]] up      tstack-demo: 5 steps
        [   [TIME]] start   make the cluster (Kubernetes v1.34.4): there is none
        [   [TIME]] start   wait until the node takes images: the cluster is being made
        [   [TIME]] wait    wait until the node takes images: kind has not started the node yet
        [   [TIME]] wait    make the cluster (Kubernetes v1.34.4): ERROR: failed to create cluster: could not find a log line
        [   [TIME]] failed  make the cluster (Kubernetes v1.34.4) ([TIME]): `kind create cluster` ended with exit status 1
        [   [TIME]] end     0 steps done, 1 failed, 4 did not run, [TIME]

        error: `kind create cluster` ended with exit status 1
          ERROR: failed to create cluster: could not find a log line
          $ [BOX]/bin/kind create cluster --name tstack-demo --image docker.io/kindest/node:v1.34.4 --config - --kubeconfig [BOX]/state/demo/kubeconfig.kind
          4 steps did not run because of this: wait until the node takes images, wait until the API server answers, apply web (1 object), wait until web is ready
        ");
    });
    let record: serde_json::Value = serde_json::from_slice(&fs_err::read(sandbox.path("state/demo/state.json")).unwrap()).unwrap();
    assert_eq!((&record["identity"], &record["target"]["cluster"]), (&json!(null), &json!("tstack-demo")));
}
