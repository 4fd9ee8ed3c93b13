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
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:1:1: the file is empty
            |   hint: a stack file begins with `apiVersion: tstack.dev/v1alpha1` and `kind: Stack`

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:2:2: illegal placement of ':' indicator
            |   b: 2
            |    ^

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:13:1: a second document begins here; this file must hold one
            |   ---
            |   ^

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:2:18: the file is not UTF-8: byte 29 is no character
            |   metadata: {name:
            |                    ^
            |   hint: save it as UTF-8

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:1:13: `apiVersion` must be `tstack.dev/v1alpha1`, found `v1`
            |   apiVersion: v1
            |               ^
          ./stack/stack.yaml:2:7: `kind` must be `Stack`, found `Pod`
            |   kind: Pod
            |         ^
        ");
}

#[test]
fn keys_and_types_that_do_not_exist() {
    let all = [with("needs:", "need:"), with("{name: demo}", "demo"), with("namespace: web}", "namespace: web}\nextra: 1")];
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:8:3: `components.web` has no key `need`
            |     need: [operator]
            |     ^
            |   hint: did you mean `needs`?

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:3:11: `metadata` must be a map, found the text `demo`
            |   metadata: demo
            |             ^

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:13:1: the stack file has no key `extra`
            |   extra: 1
            |   ^
            |   hint: keys: `apiVersion`, `kind`, `metadata`, `parameters`, `cluster`, `expose`, `components`, `checks`, `profiles`
        ");
}

#[test]
fn components_that_do_not_fit_together() {
    let all = [with("name: operator", "name: web"), with("[operator]", "[operater]"), with("  images:", "  needs: [web]\n  images:")];
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:8:11: there is no component `operator`
            |     needs: [operator]
            |             ^
            |   hint: components: `web`, `web`
          ./stack/stack.yaml:10:9: there is already a component `web`, at stack.yaml:7
            |   - name: web
            |           ^

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:8:11: there is no component `operater`
            |     needs: [operater]
            |             ^
            |   hint: did you mean `operator`?

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:8:10: components need each other: web -> operator -> web
            |     needs: [operator]
            |            ^
        ");
}

#[test]
fn values_that_mean_nothing() {
    let all = [with("host: 8080", "host: 80800"), with("quay.io/a/b:v1", "quay.io/a/B:v1"), with("v1.2.3", "v1.2")];
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:5:18: `cluster.ports[0].host` must be 1 to 65535, found 80800
            |     ports: [{host: 80800, node: 30080}]
            |                    ^

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:11:12: `quay.io/a/B:v1` is not an image reference: a path has lower case letters, digits, `.`, `_`, `-` and `/`
            |     images: ['quay.io/a/B:v1']
            |              ^

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:12:54: `v1.2` is not a semantic version such as `1.2.3` or `v1.2.3`: unexpected end of input while parsing minor version number
            |     helm: {chart: 'oci://quay.io/a/operator', version: v1.2, namespace: web}
            |                                                        ^
        ");
}

#[test]
fn every_finding_is_told_at_once() {
    let text = refusal(GOOD.replace("[operator]", "[operater]").replace("v1.2.3", "v1.2").replace("quay.io/a/b:v1", "quay.io/a/B:v1"));
    assert_eq!(text.matches("stack.yaml:").count(), 3, "{text}");
}

#[test]
fn places_where_no_stack_is() {
    let sandbox = Sandbox::new();
    sandbox.write("other/values.yaml", "a: 1\n");
    sandbox.write("large/stack.yaml", vec![b'#'; (4 << 20) + 1]);
    fs_err::create_dir_all(sandbox.path("folder/stack.yaml")).unwrap();
    let up = |stack: &str| refused(&sandbox, &sandbox.run(&["up", stack]));
    let all = [up("task-ap"), up("./nothing"), up("./stack"), up("./other/values.yaml"), up("./folder"), up("./large")];
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: there is no stack `task-ap`
          built in are: task-api

        help: A path needs a slash: `tstack up ./my-stack`.

        exit 2
        error: ./nothing does not exist

        help: Give the path of a folder that holds a `stack.yaml`, or the path of that file.

        exit 2
        error: ./stack holds no `stack.yaml`

        exit 2
        error: ./other/values.yaml is not a stack: the file of a stack is called `stack.yaml`

        exit 2
        error: ./folder holds no `stack.yaml`

        exit 2
        error: ./large/stack.yaml is too large: 5 MiB, and tstack reads at most 4 MiB
        ");
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
    assert_eq!((line["event"].take(), line["data"]["kind"].take()), ("failure".into(), "usage".into()), "{line}");
    let why = line["data"]["why"].take();
    assert!(line["data"]["what"].as_str().unwrap().ends_with("stack.yaml is not valid"), "{line}");
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
    insta::assert_snapshot!(all.join("\n"), @r"
        exit 2
        error: --set cluster.image: it is written PATH=VALUE

        help: For example --set parameters.httpPort=8081.

        exit 2
        error: --set is not valid
          --set:1:9: `cluster` has no key `imge`
            |   cluster.imge=a
            |           ^
            |   hint: did you mean `image`?

        exit 2
        error: --set is not valid
          --set:1:34: `new` is not a semantic version such as `1.2.3` or `v1.2.3`: unexpected character 'n' while parsing major version number
            |   components.operator.helm.version=new
            |                                    ^

        exit 2
        error: --profile is not valid
          --profile:1:1: there is no profile `classroom`
            |   classroom
            |   ^
            |   hint: this stack has no profiles

        exit 2
        error: `My_Cluster` cannot be the name of a cluster
          a name has lower case letters, digits and `-` between them, at most 40 characters

        exit 2
        error: `../up` cannot be the name of a cluster
          a name has lower case letters, digits and `-` between them, at most 40 characters
        ");
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
    insta::assert_snapshot!(all.join("\n"), @"
    exit 2
    error: there is no configuration file absent.yaml

    exit 2
    error: the configuration is wrong
      bad.yaml: unknown field `mirors`, expected one of `apiVersion`, `kind`, `mirrors`, `set`, `lint`

    help: The README's section on mirrors has an example.

    exit 2
    error: the configuration is wrong
      plain.yaml: the mirror of `*`: `http://mirror.example.com` is http without TLS, which is only accepted for this machine (127.0.0.1); use https

    help: The README's section on mirrors has an example.

    exit 2
    error: the configuration is wrong
      the command line: the mirror of `docker.io`: `http://mirror.example.com` is http without TLS, which is only accepted for this machine (127.0.0.1); use https

    help: The README's section on mirrors has an example.

    exit 2
    error: the configuration is wrong
      --mirror nonsense: it is written HOST=ADDRESS, such as docker.io=https://mirror.example.com

    help: The README's section on mirrors has an example.
    ");
}

#[test]
fn without_a_home_the_place_for_state_must_be_named() {
    let mut sandbox = Sandbox::new();
    sandbox.unset("HOME");
    sandbox.unset("TSTACK_STATE");
    insta::assert_snapshot!(sandbox.run(&["status"]).failure(), @r"
        exit 2
        error: there is no place for tstack's state
          neither TSTACK_STATE nor HOME is set

        help: Set TSTACK_STATE to a folder.
        ");
}

/// A refusal of hostile input: short, and with the place.
#[track_caller]
fn bounded(text: &str) -> String {
    assert!(text.len() < 100_000, "{} bytes were told", text.len());
    text.lines().filter(|line| !line.trim_start().starts_with('|')).collect::<Vec<_>>().join("\n")
}

#[test]
fn yaml_that_is_made_to_exhaust_a_reader() {
    let laughs = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = format!("*a{}, ", n - 1).repeat(10);
        format!("{text}a{n}: &a{n} [{before}]\n")
    });
    let long = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1000));
    let all = [
        refusal("[".repeat(10_000)),
        refusal("{a: ".repeat(10_000)),
        refusal((0..200).fold(String::new(), |text, n| format!("{text}{}-\n", " ".repeat(n)))),
        refusal(laughs),
        refusal(long),
        refusal(format!("{GOOD}x: &x {{<<: *x}}\n")),
        refusal(format!("{GOOD}metadata: {{name: again}}\n")),
        refusal(format!("{GOOD}x: [{}]\n", "1,".repeat(60_000))),
        refusal("---\n".repeat(100_000)),
        refusal(format!("{}: 1\n", "k".repeat(1 << 20))),
        refusal(GOOD.replace("demo", "de\0mo")),
    ];
    insta::assert_snapshot!(all.map(|text| bounded(&text)).join("\n\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:1:256: too much for one file; tstack reads at most 200000 values, aliases written out, nested 64 deep

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:1:1021: too much for one file; tstack reads at most 200000 values, aliases written out, nested 64 deep

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:65:65: too much for one file: it is nested too deep; tstack reads at most 200000 values, nested 64 deep

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:6:35: too much for one file; tstack reads at most 200000 values, aliases written out, nested 64 deep

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:2:253: too much for one file; tstack reads at most 200000 values, aliases written out, nested 64 deep

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:13:12: Recursive reference not allowed here

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:13:1: the key `metadata` is given twice

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:1:1: the stack file holds 60027 values; tstack reads at most 50000

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:2:1: a second document begins here; this file must hold one

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:1:1048577: mapping values are not allowed in this context

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:3:20: unexpected character: `\u{0}'
        ");
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let text = refusal(format!("\u{feff}{}", GOOD.replace("[operator]", "[operater]")));
    assert!(text.contains("stack.yaml:8:11: there is no component `operater`"), "{text}");
}

#[test]
fn a_million_mistakes_are_told_in_a_few_lines() {
    let one = "- {name: A, needs: [b, c], helm: {chart: x, version: y, namespace: Z}, images: ['A']}\n";
    let head = GOOD.split("components:").next().unwrap();
    let text = refusal(format!("{head}components:\n{}", one.repeat(1500)));
    assert!(text.contains(" more; the first 100 are told"), "{}", &text[text.len() - 300..]);
    bounded(&text);
    let text = refusal(format!("{head}components: [{}]\n", "a, ".repeat(40_000)));
    assert!(text.contains("`components[0]` must be a map, found the text `a`"), "{text}");
    bounded(&text);
    let text = refusal(format!("{head}components: []\n{}", (0..40_000).map(|n| format!("key{n}: 1\n")).collect::<Vec<_>>().concat()));
    bounded(&text);
    let many = (0..2001).map(|n| format!("- {{name: c{n}, manifests: {{files: [web.yaml]}}}}\n")).collect::<Vec<_>>().concat();
    let text = refusal(format!("{head}components:\n{many}"));
    assert!(text.contains("the stack has 2001 components; tstack takes at most 2000"), "{text}");
}

#[test]
fn paths_that_lead_elsewhere() {
    let all = [with("web.yaml", "../web.yaml"), with("web.yaml", "/etc/passwd"), with("web.yaml", "./web.yaml")];
    insta::assert_snapshot!(all.map(|text| bounded(&text)).join("\n\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:9:23: there is no file `../web.yaml`

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:9:23: there is no file `/etc/passwd`

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:9:23: there is no file `./web.yaml`
        ");
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_are_none_or_lie_elsewhere() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::new();
    sandbox.write("stack/stack.yaml", GOOD);
    let web = sandbox.path("stack/web.yaml");
    let up = || refused(&sandbox, &sandbox.run(&["up", "./stack"]));
    let mut all = Vec::new();
    // opening a pipe that nobody writes to would wait for ever
    rustix::fs::mkfifoat(rustix::fs::CWD, &web, rustix::fs::Mode::RWXU).unwrap();
    all.push(up());
    fs_err::remove_file(&web).unwrap();
    symlink("/dev/zero", &web).unwrap();
    all.push(up());
    fs_err::remove_file(&web).unwrap();
    sandbox.write("home/key.yaml", "a: 1");
    symlink(sandbox.path("home/key.yaml"), &web).unwrap();
    all.push(up());
    all.push(refused(&sandbox, &sandbox.run(&["up", "task-api", "--config", "/dev/zero"])));
    all.push(refused(&sandbox, &sandbox.run(&["generate", "/dev/zero"])));
    all.push(refused(&sandbox, &sandbox.run(&["lint", "/dev/zero"])));
    insta::assert_snapshot!(all.into_iter().map(|text| bounded(&text)).collect::<Vec<_>>().join("\n\n"), @r"
        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:9:23: there is no file `web.yaml`

        exit 2
        error: ./stack/stack.yaml is not valid
          ./stack/stack.yaml:9:23: there is no file `web.yaml`

        exit 2
        error: ./stack/web.yaml leads out of the stack's folder
          it is a link to [BOX]/home/key.yaml

        help: Put a copy of the file in its place.

        exit 2
        error: /dev/zero is too large: tstack reads at most 64 MiB of one file

        exit 2
        error: /dev/zero is too large: tstack reads at most 64 MiB of one file

        exit 2
        error: /dev/zero is too large: tstack reads at most 16 MiB of one text

        help: Split it, or name the files that hold the objects.
        ");
}
