//! Whoever reads what tstack writes may go away: nothing is said about that, and nothing depends on it.

use serde_json::json;

use crate::support::{Engine, Sandbox, free_port, rule};

#[test]
fn data_that_nobody_reads_is_no_failure() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    for args in [
        &["plan", "./stack"][..],
        &["plan", "./stack", "--output", "json"],
        &["lint", "./stack"],
        &["stacks"],
        &["schema"],
        &["explain"],
        &["explain", "TS210"],
        &["completions", "bash"],
        &["man"],
        &["generate", "--list"],
        &["--help"],
        &["--version"],
    ] {
        for unread in [false, true] {
            assert_eq!(sandbox.run_unread(args, unread), (Some(0), String::new()), "{args:?}");
        }
    }
}

#[test]
fn a_failure_that_nobody_reads_is_in_the_exit_code() {
    let sandbox = Sandbox::with_tools();
    assert_eq!(sandbox.run_unread(&["up", "./stack"], true).0, Some(3));
    assert_eq!(sandbox.run_unread(&["up", "--no-such-flag"], true).0, Some(2));
}

#[test]
fn an_up_that_nobody_reads_goes_on_to_its_end() {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.script(&[rule("kind create", json!({"stderr": "ERROR", "exit": 1}))]);
    for output in ["plain", "json", "quiet"] {
        let port = format!("parameters.httpPort={}", free_port());
        let args = ["up", "./stack", "--set", &port, "--output", output];
        assert_eq!(sandbox.run_unread(&args, true), (Some(4), String::new()));
        let journal = fs_err::read_to_string(sandbox.path("state/demo/journal.jsonl")).unwrap();
        assert!(journal.lines().last().unwrap().contains("plan.finished"), "{journal}");
    }
}
