//! Ctrl-C: once asks to stop, twice stops; nothing that was started stays.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Engine, Running, Sandbox, free_port, rule};

/// An `up` that waits for a kind which never ends.
fn hanging(deaf: bool) -> (Sandbox, Running) {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "Preparing nodes", "hang": true, "deaf": deaf}))]);
    let port = format!("parameters.httpPort={}", free_port());
    let mut up = sandbox.start(&["up", "./stack", "--set", &port, "--output", "json"]);
    up.until(&["step.waiting", "Preparing nodes"]);
    (sandbox, up)
}

fn stops_in_order_after(signal: Signal) {
    let (sandbox, up) = hanging(false);
    up.signal(signal);
    let said = up.end();
    assert_eq!(said.code, 130, "{said:?}");
    sandbox.hanging_program_has_ended();
    for event in ["plan.cancelling", "step.skipped", "plan.finished"] {
        assert!(said.stdout.contains(event), "{event}: {}", said.stdout);
    }
    // on record as begun, so that the next run knows whose the half-made cluster is
    let record: Value = serde_json::from_slice(&fs_err::read(sandbox.path("state/demo/state.json")).unwrap()).unwrap();
    assert_eq!((&record["stack"], &record["identity"]), (&json!("demo"), &json!(null)));
}

#[test]
fn the_first_ctrl_c_ends_what_runs_and_keeps_the_record() {
    stops_in_order_after(Signal::INT);
}

#[test]
fn an_end_by_the_system_is_as_orderly() {
    stops_in_order_after(Signal::TERM);
}

#[test]
fn the_second_ctrl_c_does_not_wait_for_a_program_that_does_not_listen() {
    let (sandbox, mut up) = hanging(true);
    up.signal(Signal::INT);
    up.until(&["plan.cancelling"]);
    up.signal(Signal::INT);
    let said = up.end();
    assert_eq!(said.code, 130, "{said:?}");
    assert!(!said.stdout.contains("plan.finished"), "it waited for the program: {}", said.stdout);
    sandbox.hanging_program_has_ended();
    assert!(sandbox.path("state/demo/state.json").exists());
}
