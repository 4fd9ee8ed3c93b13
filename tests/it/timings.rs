//! `timings`: where the time of the last runs went.

use serde_json::{Value, json};

use crate::support::{Sandbox, root};

/// A sandbox with the journal of an `up` and a `verify` under the name `demo`.
fn recorded() -> Sandbox {
    let sandbox = Sandbox::new();
    let journal = fs_err::read(root().join("tests/fixtures/timings/host.jsonl")).unwrap();
    sandbox.write("state/demo/journal.jsonl", &journal);
    sandbox.write("old.jsonl", &journal);
    sandbox
}

fn said(sandbox: &Sandbox, args: &[&str]) -> String {
    let all = [&["timings", "--name", "demo"], args].concat();
    let said = sandbox.run(&all);
    assert_eq!(said.code, 0, "{args:?}: {}", said.stderr);
    said.stdout
}

#[test]
fn without_a_number_the_last_up_is_meant() {
    let sandbox = recorded();
    assert!(said(&sandbox, &[]).starts_with("run 2: up of this machine, 2026-11-21 20:36:04 UTC, done after 7.7 s\n"));
    assert!(said(&sandbox, &["1"]).starts_with("run 1: verify of this machine, "));
    assert_eq!(said(&sandbox, &["--list"]).lines().count(), 3);
}

#[test]
fn a_saved_file_needs_no_cluster() {
    let sandbox = recorded();
    let text = sandbox.run(&["timings", "--file", "old.jsonl"]).stdout;
    assert_eq!(text, said(&sandbox, &[]));
    let both = sandbox.run(&["timings", "--compare", "old.jsonl", "state/demo/journal.jsonl"]).stdout;
    assert!(both.lines().any(|line| line.contains("total") && line.ends_with("0 ms")), "{both}");
    assert!(said(&sandbox, &["--compare", "2", "1"]).starts_with("A run 2: up of"));
}

#[test]
fn a_program_reads_the_same_as_json() {
    let sandbox = Sandbox::new();
    let event = |at: f64, event: &str, more: Value| {
        let mut line = more;
        line["event"] = json!(event);
        line["at"] = json!(at);
        format!("{line}\n")
    };
    let step = |id: &str, needs: Value| json!({"id": id, "title": format!("do {id}"), "cause": "", "needs": needs});
    let steps = json!([step("a", json!([])), step("b", json!(["a"])), step("c", json!(["b"]))]);
    let journal = [
        format!("{}\n", json!({"event": "run", "verb": "up", "time": "2026-01-01T10:00:00Z", "version": "0.1.0"})),
        event(0.2, "plan.started", json!({"verb": "up", "target": "tstack-demo", "steps": steps})),
        event(0.2, "step.started", json!({"id": "a"})),
        event(0.7, "step.waiting", json!({"id": "a", "reason": "a pod"})),
        event(1.2, "step.done", json!({"id": "a", "took": 1.0})),
        event(1.25, "step.started", json!({"id": "b"})),
        event(3.25, "step.failed", json!({"id": "b", "took": 2.0, "failure": {"kind": "step", "what": "it broke"}})),
        event(3.3, "plan.finished", json!({"done": 1, "failed": 1, "skipped": 1, "took": 3.1})),
    ];
    sandbox.write("run.jsonl", journal.concat());
    let json = |args: &[&str]| {
        let all = [&["timings", "--file", "run.jsonl", "--output", "json"], args].concat();
        let line: Value = serde_json::from_str(&sandbox.run(&all).stdout).unwrap();
        line
    };
    insta::assert_json_snapshot!("timings", json(&[]));
    insta::assert_json_snapshot!(json(&["--list"]), @r#"
    {
      "event": "timings.list",
      "data": [
        {
          "number": 1,
          "verb": "up",
          "target": "tstack-demo",
          "time": "2026-01-01T10:00:00Z",
          "version": "0.1.0",
          "outcome": "failed",
          "total": 3.3,
          "before": 0.2,
          "steps": 2,
          "bound": 3.0
        }
      ]
    }
    "#);
    let compared = json(&["--compare", "1", "1"]);
    assert_eq!(compared["event"], "timings.compare");
    assert_eq!(compared["data"]["steps"][0], json!({"id": "a", "title": "do a", "a": 1.0, "b": 1.0, "longer": 0.0, "critical": true}));
}

#[test]
fn a_page_is_written_beside_the_table() {
    let sandbox = recorded();
    let said = sandbox.run(&["timings", "--name", "demo", "--html", "run.html"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, "\nrun.html shows it as a page\n"));
    assert!(said.stdout.contains("what would help"));
    let page = fs_err::read_to_string(sandbox.path("run.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
}

#[test]
fn what_is_not_there_is_said_with_where_to_get_it() {
    let sandbox = recorded();
    sandbox.write("empty.jsonl", "{\"event\":\"summary\",\"data\":{}}\nno json\n");
    let say = |args: &[&str]| sandbox.run(args).failure();
    let all = [
        say(&["timings", "--name", "other"]),
        say(&["timings", "--name", "demo", "3"]),
        say(&["timings", "--file", "nowhere.jsonl"]),
        say(&["timings", "--file", "empty.jsonl"]),
        say(&["timings", "0"]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    exit 3
    error: no run of `other` is recorded
      [BOX]/state/other/journal.jsonl holds none; `down` removes it with all else of the stack

    help: `tstack up` records one.
    help: To keep a run: `tstack up --output json > run.jsonl`, and then `tstack timings --file run.jsonl`.

    exit 2
    error: there is no run 3
      2 runs are recorded; 1 is the last

    help: `tstack timings --list` shows them.

    exit 2
    error: there is no file nowhere.jsonl

    help: It takes a journal.jsonl, or what `tstack up --output json` wrote.

    exit 2
    error: empty.jsonl holds no run
      none of its 2 lines is the beginning of a plan

    help: It takes a journal.jsonl, or what `tstack up --output json` wrote.

    exit 2
    error: invalid value '0' for '[RUN]': it is 1 for the last run, 2 for the one before, and so on

    For more information, try '--help'.
    ");
}

/// What `up` itself writes: the journal, and the saved events.
#[cfg(all(unix, feature = "test-fakes"))]
#[test]
fn a_run_is_read_from_its_journal_and_from_its_saved_events_alike() {
    use crate::support::{Engine, free_port, rule};
    let mut sandbox = Sandbox::with_tools();
    sandbox.script(&[rule("kind create cluster", json!({"stderr": "ERROR: no log line\n", "exit": 1}))]);
    Engine::default().start(&mut sandbox);
    let port = format!("parameters.httpPort={}", free_port());
    let saved = sandbox.run(&["up", "./stack", "--set", &port, "--output", "json"]);
    assert_eq!(saved.code, 4, "{saved:?}");
    sandbox.write("run.jsonl", &saved.stdout);
    let json = |args: &[&str]| {
        let all = [&["timings", "--output", "json"], args].concat();
        let line: Value = serde_json::from_str(&sandbox.run(&all).stdout).unwrap();
        line["data"].clone()
    };
    let (journal, mut file) = (json(&["--name", "demo"]), json(&["--file", "run.jsonl"]));
    assert_eq!((journal["outcome"].as_str(), journal["criticalPath"][0]["id"].as_str()), (Some("failed"), Some("cluster")));
    assert!(journal["before"].as_f64() > Some(0.0), "the look at the engine comes before the first step, and takes its time: {journal}");
    file["time"] = journal["time"].clone();
    file["version"] = journal["version"].clone();
    assert_eq!(file, journal);
}
