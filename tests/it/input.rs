//! Everything that a person can write wrong is told before anything is touched: exit code 2, and no state folder.

use crate::support::{Said, Sandbox};

const GOOD: &str = "\
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {name: demo}
cluster:
  ports: [{host: 8080, node: 30080}]
components:
- name: web
  needs: [operator]
  manifests: {files: [web.yaml]}
- name: operator
  images: ['quay.io/a/b:v1']
  helm: {chart: 'oci://quay.io/a/operator', version: v1.2.3, namespace: web}
";

/// Runs `up` on bytes that stand for a stack file.
fn up_on(stack: impl AsRef<[u8]>) -> (Sandbox, Said) {
    let sandbox = Sandbox::new();
    sandbox.write("stack/stack.yaml", stack);
    sandbox.write("stack/web.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n");
    let said = sandbox.run(&["up", "./stack"]);
    (sandbox, said)
}

/// The text of the refusal.
#[track_caller]
fn refused(sandbox: &Sandbox, said: &Said) -> String {
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!sandbox.path("state").exists(), "the state folder was touched");
    said.failure()
}

#[track_caller]
fn refusal(stack: impl AsRef<[u8]>) -> String {
    let (sandbox, said) = up_on(stack);
    refused(&sandbox, &said)
}

/// The refusal of the good file with one part replaced.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    refusal(GOOD.replace(from, to))
}

#[test]
fn files_that_are_no_stack() {
    let all = [
        refusal(""),
        refusal("a: [1\nb: 2\n"),
        refusal(format!("{GOOD}---\na: 1\n")),
        refusal(b"kind: Stack\nmetadata: {name: \xff}\n"),
        refusal("apiVersion: v1\nkind: Pod\n"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn keys_and_types_that_do_not_exist() {
    let all = [with("needs:", "need:"), with("{name: demo}", "demo"), with("namespace: web}", "namespace: web}\nextra: 1")];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn components_that_do_not_fit_together() {
    let all = [with("name: operator", "name: web"), with("[operator]", "[operater]"), with("  images:", "  needs: [web]\n  images:")];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn values_that_mean_nothing() {
    let all = [with("host: 8080", "host: 80800"), with("quay.io/a/b:v1", "quay.io/a/B:v1"), with("v1.2.3", "1.2")];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn every_finding_is_told_at_once() {
    let text = refusal(GOOD.replace("[operator]", "[operater]").replace("v1.2.3", "1.2").replace("quay.io/a/b:v1", "quay.io/a/B:v1"));
    assert_eq!(text.matches("stack.yaml:").count(), 3 + 1, "one line each, and the headline: {text}");
}

#[test]
fn places_where_no_stack_is() {
    let sandbox = Sandbox::new();
    sandbox.write("other/values.yaml", "a: 1\n");
    sandbox.write("large/stack.yaml", vec![b'#'; (4 << 20) + 1]);
    fs_err::create_dir_all(sandbox.path("folder/stack.yaml")).unwrap();
    let up = |stack: &str| refused(&sandbox, &sandbox.run(&["up", stack]));
    let all = [up("task-ap"), up("./nothing"), up("./stack"), up("./other/values.yaml"), up("./folder"), up("./large")];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn plan_refuses_what_up_refuses() {
    let (sandbox, up) = up_on(GOOD.replace("[operator]", "[operater]"));
    assert_eq!(sandbox.run(&["plan", "./stack"]).failure(), up.failure());
}

#[test]
fn for_programs_a_refusal_is_one_line_of_json() {
    let (sandbox, _) = up_on("");
    let said = sandbox.run(&["up", "./stack", "--output", "json"]);
    assert_eq!((said.code, said.stderr.as_str(), said.stdout.lines().count()), (2, "", 1));
    let mut line: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let why = line["why"].take();
    assert_eq!(line["kind"], "usage", "{line}");
    assert!(line["what"].as_str().unwrap().ends_with("stack.yaml is not valid"), "{line}");
    assert!(why[0].as_str().unwrap().contains("the file is empty"), "{why}");
}

#[test]
fn settings_that_are_no_settings() {
    let sandbox = Sandbox::new();
    sandbox.write("stack/stack.yaml", GOOD.replace("  needs: [operator]\n", ""));
    sandbox.write("stack/web.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n");
    let up = |args: &[&str]| refused(&sandbox, &sandbox.run(&[&["up", "./stack"], args].concat()));
    let all = [
        up(&["--set", "cluster.image"]),
        up(&["--set", "cluster.imge=a"]),
        up(&["--set", "components.operator.helm.version=new"]),
        up(&["--profile", "classroom"]),
        up(&["--name", "My_Cluster"]),
        up(&["--name", "../up"]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn a_configuration_that_cannot_be_meant() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.yaml", "apiVersion: tstack.dev/v1alpha1\nkind: Config\nmirors: {}\n");
    sandbox.write("plain.yaml", "apiVersion: tstack.dev/v1alpha1\nkind: Config\nmirrors: {'*': 'http://mirror.example.com'}\n");
    let up = |args: &[&str]| refused(&sandbox, &sandbox.run(&[&["up"], args].concat()));
    let all = [
        up(&["--config", "absent.yaml"]),
        up(&["--config", "bad.yaml"]),
        up(&["--config", "plain.yaml"]),
        up(&["--mirror", "docker.io=http://mirror.example.com"]),
        up(&["--mirror", "nonsense"]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"");
}

#[test]
fn without_a_home_the_place_for_state_must_be_named() {
    let mut sandbox = Sandbox::new();
    sandbox.unset("HOME");
    sandbox.unset("TSTACK_STATE");
    insta::assert_snapshot!(sandbox.run(&["status"]).failure(), @"");
}
