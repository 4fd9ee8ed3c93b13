//! `tstack lint` and `tstack explain` from the command line: formats, exit codes, and an answer to every kind of bad input.

use crate::support::{Said, Sandbox};

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop}
spec:
  parentRefs: [{name: shop}]
  rules:
  - backendRefs: [{name: shop, port: 80, weight: 0}]
";

/// Lints one file; rules about other things than this test's are off.
fn lint(sandbox: &Sandbox, args: &[&str]) -> Said {
    sandbox.run(&[&["lint"], args].concat())
}

fn with(text: impl AsRef<[u8]>) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.yaml", text);
    sandbox
}

#[test]
fn an_error_is_shown_with_its_place_and_gives_exit_code_5() {
    let said = lint(&with(ROUTE), &["a.yaml"]);
    assert_eq!((said.code, said.stderr.as_str()), (5, ""));
    assert!(said.stdout.contains("a.yaml:7:5: error TS210: the weights of all backends are 0"), "{}", said.stdout);
    assert!(said.stdout.contains("help: Give at least one backend a weight above 0."), "{}", said.stdout);
}

#[test]
fn rules_are_switched_by_number_name_and_configuration() {
    let mut sandbox = with(ROUTE);
    let code = |sandbox: &Sandbox, args: &[&str]| lint(sandbox, &[&["a.yaml"], args].concat()).code;
    assert_eq!(code(&sandbox, &["--rule", "TS210=off"]), 0);
    assert_eq!(code(&sandbox, &["--rule", "weights-add-to-zero=warning"]), 0);
    assert_eq!(code(&sandbox, &["--rule", "TS210=warning", "--deny", "warning"]), 5);
    insta::assert_snapshot!(lint(&sandbox, &["a.yaml", "--rule", "TS21=off"]).failure(), @"
    exit 2
    error: --rule TS21=off
      there is no rule `TS21`; did you mean `TS201`?

    help: It is written RULE=LEVEL, such as TS304=off.
    ");
    sandbox.write("config.yaml", "apiVersion: tstack.dev/v1alpha1\nkind: Config\nlint: {rules: {TS210: off}}\n");
    sandbox.set("TSTACK_CONFIG", &sandbox.path("config.yaml").display().to_string());
    assert_eq!(code(&sandbox, &[]), 0);
    assert_eq!(code(&sandbox, &["--rule", "TS210=error"]), 5);
}

#[test]
fn each_format_has_its_form() {
    let sandbox = with(ROUTE);
    let json = lint(&sandbox, &["a.yaml", "--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let first = &document["findings"][0];
    assert_eq!(
        (json.code, &first["rule"], &first["line"], &first["column"], &first["file"]),
        (5, &"TS210".into(), &7.into(), &5.into(), &"a.yaml".into())
    );
    let sarif: serde_json::Value = serde_json::from_str(&lint(&sandbox, &["a.yaml", "--format", "sarif"]).stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "TS210");
    let github = lint(&sandbox, &["a.yaml", "--format", "github"]).stdout;
    assert!(github.starts_with("::error file=a.yaml,line=7,col=5,title=TS210 HTTPRoute shop/shop::the weights"), "{github}");
}

#[test]
fn what_cannot_be_read_is_told_before_anything_else_with_exit_code_2() {
    let sandbox = Sandbox::new();
    sandbox.write("empty/a.txt", "");
    sandbox.write("chart/Chart.yaml", "name: x\n");
    sandbox.write("chart/templates/a.yaml", "{{ x }}\n");
    sandbox.write("big.yaml", vec![b'#'; (16 << 20) + 1]);
    let all = [&["none.yaml"][..], &["empty"], &["chart"], &["big.yaml"], &["-", "--fix"]].map(|args| lint(&sandbox, args).failure());
    insta::assert_snapshot!(all.join("\n"), @"
    exit 2
    error: none.yaml does not exist

    help: Give paths of files or folders, or `-` for standard input.

    exit 2
    error: empty holds no files of YAML or JSON

    help: Files of Markdown count with --markdown.

    exit 2
    error: chart is a Helm chart: its templates are no YAML

    help: Lint what it renders: `helm template chart | tstack lint -`.

    exit 2
    error: big.yaml is too large: tstack reads at most 16 MiB of one text

    help: Split it, or name the files that hold the objects.

    exit 2
    error: --fix changes files, and standard input is none

    help: Use --diff to see what it would change.
    ");
}

#[test]
fn texts_that_are_no_objects_are_findings_with_a_remedy() {
    let sandbox = with("");
    sandbox.write("helm.yaml", "kind: Service\nmetadata: {name: {{ .Release.Name }}}\n");
    sandbox.write("tab.yaml", "a:\n\tb: 1\n");
    sandbox.write("bytes.yaml", b"PK\x03\x04\0\0");
    let all = ["a.yaml", "helm.yaml", "tab.yaml", "bytes.yaml"].map(|file| {
        let said = lint(&sandbox, &[file]);
        assert_eq!((said.code, said.stderr.as_str()), (5, ""));
        said.stdout
    });
    insta::assert_snapshot!(all.join("\n"), @r"
    a.yaml:1:1: error TS106: the file is empty
      help: Name files that hold Kubernetes objects.

    1 error (0 objects in 1 file); tstack explain TS106 tells more

    helm.yaml:2:18: error TS102: this is a Helm template, and no YAML before Helm has filled it in
      | metadata: {name: {{ .Release.Name }}}
      |                  ^
      help: Lint what the chart renders: `helm template .. | tstack lint -`.

    1 error (0 objects in 1 file); tstack explain TS102 tells more

    tab.yaml:2:1: error TS101: this line is indented with a tab; YAML takes only blanks
      |  b: 1
      | ^
      help: Put blanks in place of the tab.

    1 error (0 objects in 1 file); tstack explain TS101 tells more

    bytes.yaml:1:5: error TS101: the file is no text: byte 4 is 0
      | PK\x03\x04
      |           ^
      help: Name files of YAML or JSON.

    1 error (0 objects in 1 file); tstack explain TS101 tells more
    ");
}

#[test]
fn fixes_are_shown_and_made_and_comments_stay() {
    let text = "# head\napiVersion: v1\nkind: Service\nmetadata: {name: shop} # name\nspec:\n  Selector: {app: shop} # who\n  ports:\n  - port: \"80\"\n";
    let sandbox = with(text);
    let shown = lint(&sandbox, &["a.yaml", "--diff"]);
    assert_eq!(fs_err::read_to_string(sandbox.path("a.yaml")).unwrap(), text);
    insta::assert_snapshot!(shown.stdout, @r#"
    --- a.yaml
    +++ a.yaml
    @@ -3,6 +3,6 @@
     kind: Service
     metadata: {name: shop} # name
     spec:
    -  Selector: {app: shop} # who
    +  selector: {app: shop} # who
       ports:
    -  - port: "80"
    +  - port: 80
    "#);
    let made = lint(&sandbox, &["a.yaml", "--fix"]);
    assert_eq!(made.code, 0, "{made:?}");
    insta::assert_snapshot!(made.stderr, @"
    fixed a.yaml:6 TS111: key renamed to `selector`
    fixed a.yaml:8 TS113: value set to 80
    ");
    let wanted = text.replace("Selector", "selector").replace("\"80\"", "80");
    assert_eq!(fs_err::read_to_string(sandbox.path("a.yaml")).unwrap(), wanted);
}

#[test]
fn the_shipped_stack_is_clean() {
    let said = lint(&Sandbox::new(), &["task-api", "--deny", "warning"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
}

#[test]
fn up_and_plan_stop_at_an_error_in_the_manifests_before_anything_is_touched() {
    let sandbox = Sandbox::new();
    sandbox.write("stack/stack.yaml", "apiVersion: tstack.dev/v1alpha1\nkind: Stack\nmetadata: {name: demo}\ncomponents:\n- {name: web, manifests: {files: [web.yaml]}}\n");
    sandbox.write("stack/web.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{prot: 80}]}\n");
    let up = sandbox.run(&["up", "./stack"]);
    assert!(!sandbox.path("state").exists());
    assert_eq!(sandbox.run(&["plan", "./stack"]).failure(), up.failure());
    insta::assert_snapshot!(up.failure(), @"
    exit 2
    error: the manifests of `demo` have 2 errors
      ./stack/web.yaml:4:16: TS112: `spec.ports[0]` needs the key `port`
        | spec: {ports: [{prot: 80}]}
      ./stack/web.yaml:4:17: TS111: `spec.ports[0]` has no key `prot`
        | spec: {ports: [{prot: 80}]}

    help: Add the key.
    help: Did you mean `port`?
    help: `tstack explain TS112` tells more; `# tstack: ignore TS112 because ..` above the place accepts it.
    ");
}

#[test]
fn a_rule_is_explained_by_number_or_name_and_a_wrong_one_is_told() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["explain", "ts210"]);
    assert_eq!((page.code, page.stderr.as_str()), (0, ""));
    assert_eq!(sandbox.run(&["explain", "weights-add-to-zero"]).stdout, page.stdout);
    assert!(sandbox.run(&["explain"]).stdout.contains("TS210 error"));
    insta::assert_snapshot!(sandbox.run(&["explain", "TS21"]).failure(), @"
    exit 2
    error: there is no rule `TS21`; did you mean `TS201`?
    ");
}
