//! Ctrl-C: once asks to stop, twice stops; a closed terminal asks to stop; nothing that was started stays.

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
fn a_closed_terminal_is_told_twice_and_asks_once() {
    let (sandbox, up) = hanging(false);
    up.signal(Signal::HUP);
    up.signal(Signal::HUP);
    let said = up.end();
    assert_eq!(said.code, 130, "{said:?}");
    sandbox.hanging_program_has_ended();
    assert!(said.stdout.contains("plan.finished"), "{}", said.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_goes_takes_everything_with_it_in_order() {
    let Some(script) = ["/usr/bin/script", "/bin/script"].into_iter().find(|path| std::path::Path::new(path).exists()) else {
        eprintln!("not tested: this machine has no `script` to play a terminal");
        return;
    };
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "Preparing nodes", "hang": true}))]);
    let port = format!("parameters.httpPort={}", free_port());
    let line = format!("{} up ./stack --provider kind --set {port} --output plain", env!("CARGO_BIN_EXE_tstack"));
    let mut terminal = sandbox.start_program(script, &["-qec", &line, "/dev/null"]);
    terminal.until(&["Preparing nodes"]);
    // killed: the terminal that it played is no more, so tstack is told, and what it writes fails
    drop(terminal);
    sandbox.hanging_program_has_ended();
    sandbox.lock_is_free("demo");
    let journal = fs_err::read_to_string(sandbox.path("state/demo/journal.jsonl")).unwrap();
    assert!(journal.contains("plan.cancelling") && journal.contains("plan.finished"), "{journal}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_nohup_started_lives_on_without_its_terminal() {
    let Some(nohup) = ["/usr/bin/nohup", "/bin/nohup"].into_iter().find(|path| std::path::Path::new(path).exists()) else {
        eprintln!("not tested: this machine has no `nohup`");
        return;
    };
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "Preparing nodes", "hang": true}))]);
    let port = format!("parameters.httpPort={}", free_port());
    let line = [env!("CARGO_BIN_EXE_tstack"), "up", "./stack", "--provider", "kind", "--set", &port, "--output", "json"];
    let mut up = sandbox.start_program(nohup, &line);
    up.until(&["step.waiting", "Preparing nodes"]);
    up.signal(Signal::HUP);
    // heard after the other one, were that heard at all
    let status = fs_err::read_to_string(format!("/proc/{}/status", up.pid())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 1, 1, "{status}");
    up.signal(Signal::INT);
    assert_eq!(up.end().code, 130);
    sandbox.hanging_program_has_ended();
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
