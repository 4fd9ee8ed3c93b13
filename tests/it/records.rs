//! What is on disk of earlier runs, and of other runs at the same time.

use serde_json::json;
use tstack::state::owner;

use crate::support::{Engine, Sandbox, free_port, rule};

#[test]
fn a_record_of_a_newer_tstack_is_left_as_it_is() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    let newer = br#"{"version": 3, "future": true}"#;
    sandbox.write("state/demo/state.json", newer);
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"], &["status", "--name", "demo"], &["plan", "./stack"]] {
        let said = sandbox.run(verb);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 3
                error: the state file [BOX]/state/demo/state.json is of a newer tstack
                  it has version 3, this tstack knows 2

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
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"], &["status", "--name", "demo"], &["plan", "./stack"]] {
        let said = sandbox.run(verb);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 3
                error: the record of `demo` is damaged, and nothing is guessed
                  [BOX]/state/demo/state.json: it ends too early

                help: If it ran on a context of yours, name that again: `tstack up --name demo --context CONTEXT` notes anew what it applies.
                help: `tstack down --name demo --forget` removes what tstack has noted under this name, and leaves what the stack has made in a cluster of yours.
                ");
        }
    }
    assert_eq!((sandbox.calls(), engine.changes()), (vec![], vec![]));
    let forgotten = sandbox.run(&["down", "--name", "demo", "--forget"]);
    assert_eq!(forgotten.code, 0, "{forgotten:?}");
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
    assert_eq!((sandbox.calls(), engine.changes()), (vec![], vec![]));
}

#[test]
fn a_record_that_was_copied_from_another_name_is_not_acted_on() {
    let mut sandbox = Sandbox::with_tools();
    let engine = Engine::default().start(&mut sandbox);
    let target = json!({"provider": "kind", "cluster": "tstack-other", "owner": "o", "networkMade": true});
    let record = json!({
        "version": 1, "stack": "demo", "source": "", "target": target, "created": "2026-11-22T00:00:00Z", "identity": "u", "verified": null,
    });
    sandbox.write("state/demo/state.json", record.to_string());
    for verb in [&["up", "./stack"][..], &["down", "--name", "demo"], &["status", "--name", "demo"], &["plan", "./stack"]] {
        let said = sandbox.run(verb);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 3
                error: the record of `demo` is that of another cluster
                  [BOX]/state/demo/state.json speaks of `tstack-other`; the cluster of `demo` would be `tstack-demo`

                help: It was copied or moved there: give the folder its name back, or remove [BOX]/state/demo. Nothing was changed.
                ");
        }
    }
    assert_eq!((sandbox.calls(), engine.changes()), (vec![], vec![]));
}

#[test]
fn what_is_left_of_a_record_of_a_context_is_shown_and_not_acted_on() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    let damaged =
        r#"{"version": 2, "stack": "demo", "target": {"provider": "context", "kubeconfig": "/home/a/.kube/config", "context": "prod"#;
    sandbox.write("state/demo/state.json", format!("{damaged}\0\0"));
    sandbox.write("state/demo/state.json.copy", damaged);
    let said = sandbox.run(&["down", "--name", "demo"]);
    insta::assert_snapshot!(said.failure(), @r"
        exit 3
        error: the record of `demo` is damaged, and nothing is guessed
          [BOX]/state/demo/state.json: it is not JSON: control character (\u0000-\u001F) found while parsing a string at line 1 column 121
          [BOX]/state/demo/state.json.copy: it ends too early
          what can still be read of it, and may be wrong: stack demo, provider context, kubeconfig /home/a/.kube/config

        help: If it ran on a context of yours, name that again: `tstack up --name demo --context CONTEXT` notes anew what it applies.
        help: `tstack down --name demo --forget` removes what tstack has noted under this name, and leaves what the stack has made in a cluster of yours.
        ");
}

/// A sandbox in which an `up` failed when kind did, and left a record of it.
fn after_a_failed_up(engine: Engine) -> Sandbox {
    let mut sandbox = Sandbox::with_tools();
    engine.start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "ERROR", "exit": 1})), rule("kind delete", json!({}))]);
    assert_eq!(up(&sandbox).code, 4);
    sandbox
}

fn up(sandbox: &Sandbox) -> crate::support::Said {
    sandbox.run(&["up", "./stack", "--set", &format!("parameters.httpPort={}", free_port())])
}

#[test]
fn a_damaged_record_is_healed_from_its_copy_and_that_is_told() {
    let sandbox = after_a_failed_up(Engine::default());
    let whole = fs_err::read(sandbox.path("state/demo/state.json")).unwrap();
    sandbox.write("state/demo/state.json", "");
    let said = up(&sandbox);
    assert_eq!(said.code, 4, "{said:?}");
    let told = "note    [BOX]/state/demo/state.json (it is empty) was damaged: the record is taken from its copy.";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    assert_eq!(fs_err::read(sandbox.path("state/demo/state.json.broken")).unwrap(), b"");
    // a flipped letter in the name of the cluster
    let flipped = String::from_utf8(whole).unwrap().replace("tstack-demo", "tstack-demo2");
    sandbox.write("state/demo/state.json", flipped);
    let said = sandbox.run(&["down", "--name", "demo"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("its digest is another"), "{}", said.stderr);
    assert!(sandbox.calls().iter().all(|call| !call.contains("demo2")), "{:?}", sandbox.calls());
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
}

#[test]
fn a_cluster_of_ours_is_removed_though_both_files_of_its_record_are_damaged() {
    let mut sandbox = Sandbox::with_tools();
    let folder = tstack::state::StateFolder::new(sandbox.path("state"), "demo");
    let mark = owner::mark(&owner::new_word(&folder, &tstack::world::machine::name(), "an earlier run"));
    let node = json!({"Id": "1", "Names": ["/tstack-demo-control-plane"], "State": "exited", "Labels": {"io.x-k8s.kind.cluster": "tstack-demo"},
                      "Mounts": [{"Type": "bind", "Source": "/lib/modules", "Destination": mark}]});
    Engine { nodes: json!([node]), begun: false, ..Engine::default() }.start(&mut sandbox);
    sandbox.script(&[rule("kind delete", json!({}))]);
    sandbox.write("state/demo/state.json", "");
    sandbox.write("state/demo/state.json.copy", "\0\0\0\0");
    let said = sandbox.run(&["down"]);
    assert_eq!(said.code, 0, "{said:?}");
    for told in ["state.json (it is empty) and ", "were damaged: what there is of `demo` is found by the marks on it."] {
        assert!(said.stderr.contains(told), "{}", said.stderr);
    }
    assert!(sandbox.calls()[0].starts_with("kind delete cluster --name tstack-demo"), "{:?}", sandbox.calls());
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
}

#[test]
fn a_journal_that_cannot_be_written_ends_no_run() {
    let sandbox = after_a_failed_up(Engine::default());
    fs_err::remove_file(sandbox.path("state/demo/journal.jsonl")).unwrap();
    fs_err::create_dir(sandbox.path("state/demo/journal.jsonl")).unwrap();
    let said = up(&sandbox);
    assert!(said.stderr.contains("note    This run keeps no journal: cannot write [BOX]/state/demo/journal.jsonl"), "{}", said.stderr);
    assert!(said.stderr.contains("`kind create cluster` ended with exit status 1"), "{}", said.stderr);
}

#[test]
fn the_lock_of_a_killed_tstack_is_free_and_what_it_had_started_is_ended() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "Preparing nodes", "hang": true}))]);
    let port = format!("parameters.httpPort={}", free_port());
    let mut first = sandbox.start(&["up", "./stack", "--set", &port, "--output", "json"]);
    first.until(&["step.waiting", "Preparing nodes"]);
    // SIGKILL, and its end is waited for
    drop(first);
    let said = sandbox.run(&["down", "--name", "demo"]);
    assert_eq!(said.code, 0, "{said:?}");
    sandbox.hanging_program_has_ended();
    assert!(!sandbox.path("state").exists(), "{:?}", sandbox.files("state"));
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
        insta::with_settings!({filters => [(r"since \S+ UTC \(\d+ s ago\)", "since [TIME]")]}, { insta::allow_duplicates! {
            insta::assert_snapshot!(said.failure(), @r"
                exit 7
                error: another tstack holds the cluster `demo`
                  it is `tstack up, process [PID], since [TIME]`

                help: Wait until it ends, or end it; nothing was changed by this one.
                ");
        }});
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
