//! The room as a whole: whole folders in, a stack or findings out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const GOOD: &str = "\
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {name: demo}
parameters: {port: 8080}
cluster:
  ports: [{host: '${port}', node: 30080}]
expose:
- name: http
  host: ${port}
  service: {namespace: web, name: web, port: 80, nodePort: 30080}
components:
- name: app
  needs: [operator]
  timeout: 90s
  manifests: {files: [app.yaml]}
- name: operator
  images: ['quay.io/a/b:v1']
  helm: {chart: 'oci://quay.io/a/operator', version: v1.2.3, namespace: web}
- name: program
  image: {name: localhost/demo, binary: 'bin/linux-{arch}/demo'}
checks:
- name: page
  http: {url: 'http://localhost:${port}/', headers: {x-user-id: '${unique}'}}
";

const APP: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec: {template: {spec: {containers: [{name: c, image: localhost/demo}]}}}
";

fn folder(stack: &str, app: &str) -> Folder {
    let files: [(&str, &str); 3] = [("stack.yaml", stack), ("app.yaml", app), ("bin/linux-amd64/demo", "program")];
    Folder { origin: "stacks/demo".into(), files: files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into() }
}

fn plain() -> Overrides {
    Overrides { architecture: "amd64".into(), ..Overrides::default() }
}

/// The findings in `GOOD` with one part replaced, without the source lines.
fn short(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let findings = resolve(&folder(&GOOD.replace(from, to), APP), &plain()).unwrap_err();
    let one = |f: &Finding| {
        let hint = f.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
        format!("{}:{}: {}{hint}", f.line, f.column, f.message)
    };
    findings.list().iter().map(one).collect::<Vec<_>>().join("\n")
}

fn shipped_with_program(name: &str) -> Folder {
    let mut folder = shipped_folder(name).unwrap();
    folder.files.insert(format!("bin/linux-amd64/{name}"), b"program".to_vec());
    folder
}

#[test]
fn a_good_folder_becomes_a_stack_in_the_order_of_its_needs() {
    let stack = resolve(&folder(GOOD, APP), &plain()).unwrap();
    let names: Vec<_> = stack.components.iter().map(|c| c.name.as_str()).collect();
    // app needs operator by its own word, and program since a container names its image
    assert_eq!(names, ["operator", "program", "app"]);
    let app = stack.component("app").unwrap();
    assert_eq!(app.timeout, Duration::from_secs(90));
    assert_eq!(app.needs.iter().map(|n| n.component.as_str()).collect::<Vec<_>>(), ["operator", "program"]);
    assert_eq!(stack.cluster.ports, [PortMapping { host: 8080, node: 30080 }]);
    assert_eq!((stack.expose[0].url.as_str(), stack.cluster.image.to_string().as_str()), ("http://localhost:8080", DEFAULT_NODE_IMAGE));
    let CheckKind::Http(http) = &stack.checks[0].kind else { panic!() };
    assert_eq!((http.url.as_str(), http.headers["x-user-id"].as_str()), ("http://localhost:8080/", "${unique}"));
}

#[test]
fn the_tag_of_an_image_changes_with_its_content_and_is_written_into_containers() {
    let image = |folder: &Folder| {
        let stack = resolve(folder, &plain()).unwrap();
        let ComponentKind::Image(build) = &stack.component("program").unwrap().kind else { panic!() };
        let ComponentKind::Manifests(objects) = &stack.component("app").unwrap().kind else { panic!() };
        assert_eq!(objects[1].value["spec"]["template"]["spec"]["containers"][0]["image"], build.image.to_string());
        assert_eq!((build.user, build.program.as_str()), (65532, "demo"));
        build.image.to_string()
    };
    let first = image(&folder(GOOD, APP));
    assert!(first.starts_with("localhost/demo:sha-") && first.len() == "localhost/demo:sha-".len() + 12, "{first}");
    assert_eq!(image(&folder(GOOD, APP)), first);
    let other_env = GOOD.replace("{arch}/demo'", "{arch}/demo', env: {A: b}");
    assert_ne!(image(&folder(&other_env, APP)), first);
    let mut other = folder(GOOD, APP);
    other.files.insert("bin/linux-amd64/demo".into(), b"program2".to_vec());
    assert_ne!(image(&other), first);
}

#[test]
fn every_finding_has_file_line_column_source_and_caret() {
    let bad = GOOD.replace("timeout: 90s", "timeout: soon").replace("needs: [operator]", "needs: [operater]");
    insta::assert_snapshot!(resolve(&folder(&bad, APP), &plain()).unwrap_err(), @r#"
        stacks/demo/stack.yaml:13:11: there is no component `operater`
            needs: [operater]
                    ^
          hint: did you mean `operator`?

        stacks/demo/stack.yaml:14:12: `soon` is not a duration such as `90s`, `5m` or `1h30m`
            timeout: soon
                     ^

        2 errors
        "#);
}

#[test]
fn files_that_are_no_stack_say_so_in_one_or_two_findings() {
    let text = |bytes: &[u8]| {
        let mut folder = folder(GOOD, APP);
        folder.files.insert("stack.yaml".into(), bytes.to_vec());
        resolve(&folder, &plain()).unwrap_err().to_string()
    };
    let none = Folder { origin: "stacks/demo".into(), files: BTreeMap::new() };
    let all = [
        resolve(&none, &plain()).unwrap_err().to_string(),
        text(b""),
        text(b"# nothing\n"),
        text(b"kind: Stack\nmetadata: {name: \xff}\n"),
        text(b"apiVersion: v1\nkind: Pod\nspec: 1\n"),
        text(b"- a\n"),
        text(b"a: [1\nb: 2\n"),
        text(format!("{GOOD}---\na: 1\n").as_bytes()),
        text(format!("{GOOD}kind: Stack\n").as_bytes()),
    ];
    insta::assert_snapshot!(all.join("\n\n"), @r#"
        stacks/demo:1:1: the folder has no `stack.yaml`

        1 error

        stacks/demo/stack.yaml:1:1: the file is empty
          hint: a stack file begins with `apiVersion: tstack.dev/v1alpha1` and `kind: Stack`

        1 error

        stacks/demo/stack.yaml:1:1: the file is empty
          # nothing
          ^
          hint: a stack file begins with `apiVersion: tstack.dev/v1alpha1` and `kind: Stack`

        1 error

        stacks/demo/stack.yaml:2:18: the file is not UTF-8: byte 29 is no character
          metadata: {name: 
                           ^
          hint: save it as UTF-8

        1 error

        stacks/demo/stack.yaml:1:13: `apiVersion` must be `tstack.dev/v1alpha1`, found `v1`
          apiVersion: v1
                      ^

        stacks/demo/stack.yaml:2:7: `kind` must be `Stack`, found `Pod`
          kind: Pod
                ^

        2 errors

        stacks/demo/stack.yaml:1:1: this is not a stack file: it has no `apiVersion: tstack.dev/v1alpha1`
          - a
          ^

        stacks/demo/stack.yaml:1:1: this is not a stack file: it has no `kind: Stack`
          - a
          ^

        2 errors

        stacks/demo/stack.yaml:2:2: illegal placement of ':' indicator
          b: 2
           ^

        1 error

        stacks/demo/stack.yaml:24:1: a second document begins here; this file must hold one
          ---
          ^

        1 error

        stacks/demo/stack.yaml:24:1: the key `kind` is given twice
          kind: Stack
          ^

        1 error
        "#);
}

#[test]
fn bad_clusters_and_exposures_are_found() {
    let all = [
        short("{name: demo}", "{name: My_Stack}"),
        short("{name: demo}", "{name: ''}"),
        short("node: 30080}]", "node: 30080}, {host: '${port}', node: 30081}, {host: 1, node: 30080}]"),
        short("ports: [{", "image: 'kindest//node'\n  minimum: {memory: 4GB, disk: lots}\n  ports: [{"),
        short("nodePort: 30080}", "nodePort: 30081}"),
        short("  host: ${port}\n", "  host: 0\n"),
        short(
            "expose:\n",
            "expose:\n- {name: http, host: 8080, url: 'http://example.com', service: {namespace: a, name: b, port: 1, nodePort: 30080}}\n",
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
        3:18: `My_Stack` is not a name: lower case letters, digits and inner `-`, at most 40
        3:18: `` is not a name: lower case letters, digits and inner `-`, at most 40
        6:50: host port 8080 is mapped twice
        6:91: node port 30080 is mapped twice
        9:9: host port 8080 is mapped to node port 30081, which is not the `nodePort` of this service
        6:10: `kindest//node` is not an image reference: a path has lower case letters, digits, `.`, `_`, `-` and `/`
        7:21: `4GB` is not an amount such as `4Gi` or `500Mi`
        7:32: `lots` is not an amount such as `4Gi` or `500Mi`
        9:9: host port 8080 is mapped to node port 30080, which is not the `nodePort` of this service
        9:9: `expose.http.host` must be 1 to 65535, found 0
        8:33: `example.com` is not this machine: tstack sends requests only to `localhost`, `127.0.0.1` and `[::1]`
        9:9: `http` is exposed twice
        10:9: host port 8080 is exposed twice
        "#);
}

#[test]
fn bad_secrets_are_found() {
    let tls = "[{secret: a, dnsNames: []}, {secret: B_, dnsNames: [b]}]";
    let secrets = |bytes| format!("secrets: {{namespace: App, tls: {tls}, random: [{{secret: a, key: k, bytes: {bytes}}}]}}");
    let all = [
        short("manifests: {files: [app.yaml]}", &secrets(8)),
        short("manifests: {files: [app.yaml]}", &secrets(32)),
        short("manifests: {files: [app.yaml]}", "secrets: {namespace: app}"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    15:128: `components.app.secrets.random[0].bytes` must be 16 to 4096, found 8
    15:24: `App` is not a namespace: lower case letters, digits and inner `-`, at most 63
    15:57: the certificate of `a` holds no name
    15:71: `B_` is not the name of a Secret: lower case letters, digits and inner `-` and `.`
    15:110: there is already a Secret `a` in this component
    15:12: no Secret is named (name some in `tls` or `random`)
    ");
}

#[test]
fn bad_components_are_found() {
    let all = [
        short("name: operator", "name: Operator"),
        short("- name: program", "- name: app"),
        short(
            "  manifests: {files: [app.yaml]}",
            "  manifests: {files: [app.yaml]}\n  helm: {chart: 'oci://a.b/c', version: 1.0.0, namespace: a}",
        ),
        short("  manifests: {files: [app.yaml]}\n", ""),
        short("[operator]", "[operater, 'operator:done', program, 'program:applied']"),
        short("[operator]", "[app]"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    13:11: there is no component `operator` (did you mean `Operator`?)
    16:9: `Operator` is not a name: lower case letters, digits and inner `-`, at most 53
    19:9: there is already a component `app`, at stack.yaml:12
    12:3: component `app` must have exactly one of `helm`, `manifests`, `certificate`, `secrets` and `image`, found helm and manifests
    12:3: component `app` must have exactly one of `helm`, `manifests`, `certificate`, `secrets` and `image`, found none
    13:11: there is no component `operater` (did you mean `operator`?)
    13:21: `done` is not a state of a component (write `operator` or `operator:applied`)
    13:47: `program` is needed twice
    13:10: components need each other: app -> app
    ");
}

#[test]
fn a_cycle_is_shown_as_a_path_even_through_an_image() {
    let all = [short("- name: program\n", "- name: program\n  needs: [app:applied]\n"), short("  images:", "  needs: [app]\n  images:")];
    insta::assert_snapshot!(all.join("\n"), @r#"
        13:10: components need each other: app -> program -> app
        13:10: components need each other: app -> operator -> app
        "#);
}

#[test]
fn bad_values_within_components_are_found() {
    let all = [
        short("quay.io/a/b:v1", "quay.io/a/B:v1"),
        short("oci://quay.io/a/operator", "https://quay.io/a/operator"),
        short("v1.2.3", "v1.2"),
        short("namespace: web}\n- name: program", "namespace: Web, release: A}\n- name: program"),
        short("timeout: 90s", "timeout: 90"),
        short("timeout: 90s", "timeout: 1x"),
        short("app.yaml", "ap.yaml"),
        short("[app.yaml]", "[]"),
        short("bin/linux-{arch}/demo", "bin/linux-{arch}/dmo"),
        short("bin/linux-{arch}/demo", "out/demo"),
        short("localhost/demo", "localhost/demo:v1"),
        short("localhost/demo", "Demo"),
        short(
            "manifests: {files: [app.yaml]}",
            "certificate: {namespace: a, secret: b, commonName: c, issuer: tstack, ipAddresses: [localhost]}",
        ),
        short("manifests: {files: [app.yaml]}", "certificate: {namespace: a, secret: b, commonName: c, issuer: tstack}"),
        short("{port: 8080}", "{prt: 8080}"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
        17:12: `quay.io/a/B:v1` is not an image reference: a path has lower case letters, digits, `.`, `_`, `-` and `/`
        18:17: `https://quay.io/a/operator` is not a chart reference such as `oci://ghcr.io/kedacore/charts/keda`: it does not start with `oci://`
        18:54: `v1.2` is not a semantic version such as `1.2.3` or `v1.2.3`: unexpected end of input while parsing minor version number
        18:73: `Web` is not a namespace: lower case letters, digits and inner `-`, at most 63
        18:87: `A` is not a release name: lower case letters, digits and inner `-`, at most 53
        14:12: `components.app.timeout` must be a text, found the number 90 (put the value in quotes)
        14:12: `1x` is not a duration such as `90s`, `5m` or `1h30m`
        15:23: there is no file `ap.yaml` (did you mean `app.yaml`?)
        15:22: component `app` names no file
        20:41: there is no program `bin/linux-amd64/dmo` in the stack's folder (build it: `make build`)
        20:41: `out/demo` is not below `bin/`, where programs of a stack are looked for
        20:17: `localhost/demo:v1` has a tag or a digest; tstack makes the tag of the content
        20:17: `Demo` is not an image reference: a path has lower case letters, digits, `.`, `_`, `-` and `/`
        15:87: `localhost` is not an IP address
        15:16: the certificate holds no name (clients look at `dnsNames` and `ipAddresses`, not at `commonName`)
        6:18: there is no parameter `port` (did you mean `prt`?)
        9:9: there is no parameter `port` (did you mean `prt`?)
        23:15: there is no parameter `port` (did you mean `prt`?)
        "#);
}

#[test]
fn bad_manifests_are_found_in_their_own_file() {
    let text = |app: &str| resolve(&folder(GOOD, app), &plain()).unwrap_err().to_string();
    let all = [
        text("just text\n"),
        text("apiVersion: v1\nmetadata: {name: 1}\n"),
        text(&format!("{APP}---\n# again\napiVersion: v1\nkind: Namespace\nmetadata: {{name: web}}\n")),
        text("a: 1\na: 2\n"),
        text("# nothing\n"),
        text(&APP.replace("name: web}", "name: '${prot}'}")),
    ];
    insta::assert_snapshot!(all.join("\n\n"), @r#"
        stacks/demo/app.yaml:1:1: this document is not a Kubernetes object: it is not a map
          just text
          ^

        1 error

        stacks/demo/app.yaml:1:1: this document is not a Kubernetes object: it has no `kind`, `metadata.name`
          apiVersion: v1
          ^

        1 error

        stacks/demo/app.yaml:11:1: Namespace web is already given at app.yaml:1
          apiVersion: v1
          ^

        1 error

        stacks/demo/app.yaml:2:1: the key `a` is given twice
          a: 2
          ^

        1 error

        stacks/demo/stack.yaml:15:23: `app.yaml` holds no object
            manifests: {files: [app.yaml]}
                                ^

        1 error

        stacks/demo/app.yaml:1:1: this document is not a Kubernetes object: it has no `metadata.name`
          apiVersion: v1
          ^

        stacks/demo/app.yaml:3:18: there is no parameter `prot`
          metadata: {name: '${prot}'}
                           ^
          hint: did you mean `port`?

        2 errors
        "#);
}

#[test]
fn bad_checks_are_found() {
    let check = |text: &str| short("  http: {url: 'http://localhost:${port}/', headers: {x-user-id: '${unique}'}}", text);
    let all = [
        check("  deep: true"),
        check("  needs: [pg, nothing]\n  http: {url: 'http://localhost'}"),
        check("  needs: [page]\n  rateLimit: {url: 'http://localhost/', requests: 2, perMinute: 1}"),
        check("  http: {url: 'http://localhost'}\n  tls: {address: 'localhost:1'}"),
        check("  http: {url: 'http://example.com/', headers: {'a b': c, d: \"e\\n\"}, json: {version: v1}}"),
        check("  tls: {address: localhost}"),
        check("  circuitBreaker: {url: 'http://localhost/', below: 25, above: 25}"),
        check("  condition: {apiVersion: v1, kind: Pod, name: a, status: Yes}"),
        check("  promql: {service: {namespace: a, name: b, port: 1}, query: ' ', within: 1 minute}"),
        check("  autoscale: {url: 'ftp://localhost/', users: 0, requestsPerSecond: 1, namespace: a, deployment: b, within: 2d}"),
        check("  http: {url: 'http://localhost/'}\n- name: page\n  http: {url: 'http://localhost/'}"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    22:3: check `page` must have exactly one kind, found none (kinds: `http`, `tls`, `rateLimit`, `circuitBreaker`, `condition`, `promql`, `autoscale`)
    23:11: there is no component `pg` (components: `operator`, `program`, `app`)
    23:15: there is no component `nothing` (components: `operator`, `program`, `app`)
    23:10: check `page` puts load on the stack, so it runs when all of it is ready (leave out `needs`)
    23:11: there is no component `page` (components: `operator`, `program`, `app`)
    22:3: check `page` must have exactly one kind, found http and tls (kinds: `http`, `tls`, `rateLimit`, `circuitBreaker`, `condition`, `promql`, `autoscale`)
    23:15: `example.com` is not this machine: tstack sends requests only to `localhost`, `127.0.0.1` and `[::1]`
    23:55: `a b` is not the name of a header
    23:61: the value of the header `d` has characters that no header may have
    23:85: `version` is not a JSON pointer: it must begin with `/`
    23:18: `localhost` is not an address such as `localhost:8443`
    23:64: `below` must be at least 1 and `above` greater than it
    23:14: the check looks at nothing: it has neither `type` nor `fields`
    23:59: the status of a condition is `True`, `False` or `Unknown`, not `Yes`
    23:11: every value passes: the check has neither `min` nor `max`
    23:62: the query is empty
    23:75: `1 minute` is not a duration such as `90s`, `5m` or `1h30m`
    23:20: `ftp://localhost/` is not a URL with `http://` or `https://`
    23:47: the load needs at least one user
    23:109: `2d` is not a duration such as `90s`, `5m` or `1h30m`
    24:9: there is already a check `page`, at stack.yaml:22
    ");
}

#[test]
fn a_wrong_set_points_into_the_command_line() {
    let overrides = Overrides { set: vec![("components.operator.helm.versoin".into(), "v2.0.0".into())], ..plain() };
    insta::assert_snapshot!(resolve(&folder(GOOD, APP), &overrides).unwrap_err(), @r#"
        --set:1:26: `components.operator.helm` has no key `versoin`
          components.operator.helm.versoin=v2.0.0
                                   ^
          hint: did you mean `version`?

        1 error
        "#);
}

#[test]
fn what_acts_on_objects_that_need_another_chart_comes_last_where_all_start_at_once() {
    let stack = resolve(&shipped_with_program("task-api"), &plain()).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(stack.latecomers(), BTreeMap::from([("keda".to_owned(), BTreeSet::from(["monitoring".to_owned()]))]));
}

#[test]
fn every_shipped_stack_resolves_with_every_profile() {
    assert_eq!(shipped(), ["task-api"]);
    for profile in [None, Some("classroom")] {
        let overrides = Overrides { profiles: profile.into_iter().map(str::to_owned).collect(), ..plain() };
        let stack = resolve(&shipped_with_program("task-api"), &overrides).unwrap_or_else(|findings| panic!("{findings}"));
        assert_eq!((stack.components.len(), stack.images().len()), (13, 9));
    }
    assert_eq!(shipped_folder("nothing"), None);
}

#[test]
fn settings_reach_manifests_and_checks_with_their_types() {
    let set = [
        ("parameters.userLimit", "5"),
        ("parameters.maxReplicas", "3"),
        ("components.keda.helm.version", "2.20.0"),
        ("parameters.scaleThreshold", "20"),
    ];
    let overrides = Overrides { set: set.map(|(k, v)| (k.to_owned(), v.to_owned())).into(), ..plain() };
    let stack = resolve(&shipped_with_program("task-api"), &overrides).unwrap_or_else(|findings| panic!("{findings}"));
    let object = |component: &str, kind: &str| {
        let ComponentKind::Manifests(objects) = &stack.component(component).unwrap().kind else { panic!() };
        objects.iter().find(|o| o.id.kind == kind).unwrap().value.clone()
    };
    assert_eq!(object("routes", "BackendTrafficPolicy")["spec"]["rateLimit"]["local"]["rules"][0]["limit"]["requests"], 5);
    let scaler = object("scaler", "ScaledObject");
    assert_eq!((&scaler["spec"]["maxReplicaCount"], &scaler["spec"]["triggers"][0]["metadata"]["threshold"]), (&3.into(), &"20".into()));
    let ComponentKind::Helm(keda) = &stack.component("keda").unwrap().kind else { panic!() };
    assert_eq!(keda.version, "2.20.0");
    let limit = stack.checks.iter().find_map(|c| if let CheckKind::RateLimit(r) = &c.kind { Some(r.per_minute) } else { None });
    assert_eq!(limit, Some(5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_resolve_panic(text in "[-a-z{}\\[\\]:,\"'&*!|> \n#~0.$?<\t]{0,80}") {
        let _ = resolve(&folder(&text, &text), &plain());
        let _ = resolve(&folder(GOOD, &text), &plain());
    }

    #[test]
    fn no_change_of_a_good_file_makes_resolve_panic(at in 0..GOOD.len(), cut in 0_usize..12, insert in "[-a-z0-9{}\\[\\]:,'$~ \n]{0,4}") {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{insert}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(findings) = resolve(&folder(&text, APP), &plain()) {
            prop_assert!(!findings.list().is_empty());
            for finding in findings.list() {
                prop_assert!(finding.line >= 1 && finding.column >= 1 && !finding.message.is_empty());
            }
        }
    }

    #[test]
    fn no_setting_makes_resolve_panic(path in "[a-z.\\\\0-9]{0,12}|components\\.[a-z.0-9]{0,12}", value in "[-a-z0-9{}\\[\\]:,'$~ ]{0,8}") {
        let overrides = Overrides { set: vec![(path, value)], ..plain() };
        let _ = resolve(&folder(GOOD, APP), &overrides);
    }
}
