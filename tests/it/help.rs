//! What the binary says of itself.

use crate::support::{Sandbox, root};

fn out(args: &[&str]) -> String {
    let said = Sandbox::new().run(args);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{args:?}: {}", said.stdout);
    said.stdout
}

/// Each verb once, as `tstack --help` lists them.
fn verbs() -> Vec<String> {
    let help = out(&["--help"]);
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // a line of a verb is indented by two, what a long description goes on with by more
    let verb = |line: &str| line.strip_prefix("  ").filter(|l| !l.starts_with(' '))?.split(' ').next().map(str::to_owned);
    list.lines().filter_map(verb).filter(|verb| verb != "help").collect()
}

#[test]
fn the_whole_help_is_as_reviewed() {
    let mut all = out(&["--help"]);
    for verb in verbs() {
        all += &["\n---- tstack ", &verb, "\n\n", &out(&[&verb, "-h"])].concat();
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn every_verb_has_a_long_help() {
    assert!(verbs().len() >= 9, "{:?}", verbs());
    for verb in verbs() {
        assert!(out(&[&verb, "--help"]).contains(&format!("Usage: tstack {verb}")), "{verb}");
    }
}

#[test]
fn the_version_is_the_package_s() {
    assert_eq!(out(&["--version"]), format!("tstack {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn stacks_are_listed_for_people_and_for_programs() {
    let table = out(&["stacks"]);
    assert!(table.starts_with("STACK") && table.contains("\ntask-api"), "{table}");
    let line: serde_json::Value = serde_json::from_str(&out(&["stacks", "--output", "json"])).unwrap();
    assert!(line.to_string().contains(r#""name":"task-api""#), "{line}");
}

#[test]
fn the_schema_is_the_committed_one() {
    let committed = fs_err::read_to_string(root().join("stacks/stack.schema.json")).unwrap();
    assert!(out(&["schema"]) == committed, "`make schema` writes stacks/stack.schema.json anew");
}

#[test]
fn completions_know_every_verb_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let text = out(&["completions", shell]);
        for verb in verbs() {
            assert!(text.contains(&verb), "{shell} does not complete {verb}");
        }
        assert!(text.contains("--keep-cluster") || text.contains("keep-cluster"), "{shell}");
    }
}

#[test]
fn the_manual_page_is_one() {
    let page = out(&["man"]);
    assert!(page.contains(".TH tstack 1") && page.contains("Exit codes"), "{page}");
}

#[test]
fn usage_errors_are_exit_code_2_and_say_what_is_possible() {
    let said = |args: &[&str]| Sandbox::new().run(args).failure();
    let all =
        [said(&["uo"]), said(&[]).lines().take(1).collect(), said(&["up", "--expose", "ingress"]), said(&["up", "--kubeconfig", "x"])];
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: unrecognized subcommand 'uo'

        Usage: tstack [OPTIONS] <COMMAND>

        For more information, try '--help'.

        exit 2
        exit 2
        error: invalid value 'ingress' for '--expose <HOW>'
          [possible values: auto, forward]

        For more information, try '--help'.

        exit 2
        error: the following required arguments were not provided:
          --context <CONTEXT>

        Usage: tstack up --context <CONTEXT> --kubeconfig <FILE> [STACK]

        For more information, try '--help'.
        ");
}
