//! What is on disk of earlier runs, and of other runs at the same time.

use serde_json::json;

use crate::support::{Engine, Sandbox, free_port, rule};

#[test]
fn a_record_of_a_newer_tstack_is_left_as_it_is() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    let newer = br#"{"version": 2, "future": true}"#;
    sandbox.write("state/demo/state.json", newer);
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"], &["status", "--name", "demo"], &["plan", "./stack"]] {
        let said = sandbox.run(verb);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 3
                error: the state file [BOX]/state/demo/state.json is of a newer tstack
                  it has version 2, this tstack knows 1

                help: Use the tstack that made it, or a newer one.
                ");
        }
    }
    assert_eq!(fs_err::read(sandbox.path("state/demo/state.json")).unwrap(), newer);
    assert_eq!(sandbox.calls(), [] as [String; 0]);
}

#[test]
fn a_broken_record_is_never_taken_for_none() {
    let mut sandbox = Sandbox::with_tools();
    let engine = Engine::default().start(&mut sandbox);
    sandbox.write("state/demo/state.json", "{\"version\": 1, \"sta");
    let said = sandbox.run(&["up", "./stack"]);
    insta::assert_snapshot!(said.failure(), @r"
        exit 3
        error: the state file [BOX]/state/demo/state.json cannot be read
          it is not JSON: EOF while parsing a string at line 1 column 19

        help: If the cluster is gone, remove the folder [BOX]/state/demo.
        help: If it is there, `kind delete cluster --name tstack-demo` removes it.
        ");
    assert_eq!((sandbox.calls(), engine.changes()), (vec![], vec![]));
}

#[test]
fn a_second_tstack_is_told_who_holds_the_cluster() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "Preparing nodes", "hang": true}))]);
    let port = format!("parameters.httpPort={}", free_port());
    let mut first = sandbox.start(&["up", "./stack", "--set", &port, "--output", "json"]);
    first.until(&["step.waiting", "Preparing nodes"]);
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"]] {
        let said = sandbox.run(verb).without(&first.pid().to_string(), "[PID]");
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 7
                error: another tstack holds the cluster `demo`
                  it is `tstack up, process [PID]`

                help: Wait until it ends, or end it; nothing was changed by this one.
                ");
        }
    }
    assert_eq!(sandbox.calls().len(), 1, "the second one started no program");
}

#[test]
fn where_nothing_is_there_is_nothing_to_remove() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    let said = sandbox.run(&["down", "--name", "demo"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, "Nothing to remove: there is no `demo`.\n"));
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
}

#[test]
fn several_clusters_must_be_told_apart() {
    let sandbox = Sandbox::with_tools();
    for name in ["one", "two"] {
        sandbox.write(&format!("state/{name}/state.json"), "{}");
    }
    insta::assert_snapshot!(sandbox.run(&["down"]).failure(), @r"
        exit 2
        error: there are several clusters
          one, two

        help: Say which with --name.
        ");
}
