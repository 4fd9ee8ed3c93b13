//! Private keys are in their files, and nowhere else.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::{Engine, Said, Sandbox, rule};

/// A stack that needs the local CA, and a chart that cannot be had.
const STACK: &str = r#"
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {name: demo}
components:
- {name: web, manifests: {files: [web.yaml]}}
- {name: chart, helm: {chart: "oci://registry.example/charts/web", version: 1.2.3, namespace: web}}
- {name: tls, needs: [web], certificate: {namespace: web, secret: web-tls, commonName: localhost, dnsNames: [localhost], issuer: tstack}}
"#;

/// A sandbox in which the CA is made, and everything else fails with its command line.
fn with_keys() -> (Sandbox, Said) {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.write("stack/stack.yaml", STACK);
    sandbox.script(&["kind create", "helm pull"].map(|when| rule(when, json!({"stderr": "ERROR: it is broken\n", "exit": 1}))));
    let up = sandbox.run(&["up", "./stack", "--output", "json"]);
    assert_eq!(up.code, 4, "{up:?}");
    (sandbox, up)
}

#[test]
fn a_key_is_in_its_file_and_in_nothing_that_is_said_or_noted() {
    let (sandbox, up) = with_keys();
    let key = fs_err::read_to_string(sandbox.path("state/demo/ca.key")).unwrap();
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(lines.iter().all(|line| line.len() > 30), "lines that are worth to search for");
    let mut said = vec![up];
    for line in [
        &["up", "./stack"][..],
        &["up", "./stack", "--output", "plain"],
        &["plan", "./stack", "--output", "json"],
        &["status", "--name", "demo", "--output", "json"],
        &["status", "--name", "demo"],
        &["timings", "--name", "demo"],
        &["verify", "--name", "demo"],
    ] {
        said.push(sandbox.run(line));
    }
    assert!(said[1].stderr.contains("ERROR: it is broken"), "the failures are told: {:?}", said[1]);
    for one in &said {
        let all = format!("{}{}", one.stdout, one.stderr);
        assert!(!all.contains("PRIVATE KEY") && lines.iter().all(|line| !all.contains(line)), "a key was said");
    }
    let files = sandbox.files("");
    for file in ["state/demo/journal.jsonl", "state/demo/state.json", "state/.demo.lock", "state/demo/ca.crt", "calls.jsonl"] {
        assert!(files.iter().any(|one| one == file), "{file} is not among {files:?}");
    }
    // but for the programs that play kind and helm
    for file in files.iter().filter(|file| *file != "state/demo/ca.key" && !file.starts_with("bin/")) {
        let content = String::from_utf8_lossy(&fs_err::read(sandbox.path(file)).unwrap_or_default()).into_owned();
        assert!(!content.contains("PRIVATE KEY") && lines.iter().all(|line| !content.contains(line)), "a key is in {file}");
    }
}

#[test]
fn what_is_kept_is_its_owners_alone() {
    let (sandbox, _) = with_keys();
    let mode = |file: &str| fs_err::metadata(sandbox.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["state", "state/demo"].map(mode), [0o700; 2]);
    for file in ["ca.key", "state.json", "journal.jsonl"] {
        assert_eq!(mode(&format!("state/demo/{file}")), 0o600, "{file}");
    }
    assert_eq!(mode("state/.demo.lock"), 0o600);
}

#[test]
fn a_state_folder_that_others_could_read_is_closed_and_that_is_told() {
    let (sandbox, _) = with_keys();
    for (file, mode) in [("state/demo", 0o755), ("state/demo/ca.key", 0o644)] {
        fs_err::set_permissions(sandbox.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let up = sandbox.run(&["up", "./stack"]);
    let told = "Other users could read [BOX]/state/demo and [BOX]/state/demo/ca.key, and can no longer.";
    assert!(up.stderr.contains(told) || up.stdout.contains(told), "{up:?}");
    let mode = |file: &str| fs_err::metadata(sandbox.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["state/demo", "state/demo/ca.key"].map(mode), [0o700, 0o600]);
}

/// A sandbox with a local CA that ends after so many days from now; before now where the number is negative.
fn with_authority(days: i64) -> Sandbox {
    let (sandbox, _) = with_keys();
    let made = tstack::world::clock::now() + jiff::SignedDuration::from_hours((days - 10) * 24 + 1);
    let authority = tstack::certs::Authority::generate("tstack local CA (demo)", made, 10).unwrap();
    sandbox.write("state/demo/ca.crt", authority.cert_pem());
    sandbox.write("state/demo/ca.key", authority.key_pem().reveal());
    sandbox
}

#[test]
fn a_local_ca_that_has_ended_is_not_replaced_unasked() {
    let sandbox = with_authority(-2);
    let before = fs_err::read(sandbox.path("state/demo/ca.crt")).unwrap();
    for verb in ["up", "plan"] {
        let said = sandbox.run(&[verb, "./stack"]);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(
            said.stderr.contains("the local CA [BOX]/state/demo/ca.crt cannot sign what the stack wants\n  it expired on "),
            "{said:?}"
        );
        assert!(said.stderr.contains("help: `tstack up --new-ca` makes a new one"), "{said:?}");
    }
    assert_eq!(fs_err::read(sandbox.path("state/demo/ca.crt")).unwrap(), before);
    let plan = sandbox.run(&["plan", "./stack", "--new-ca"]);
    let step = "make a local certificate authority  (asked for; who trusts the old one must trust it anew)";
    assert!(plan.stdout.contains(step), "{plan:?}");
    sandbox.run(&["up", "./stack", "--new-ca"]);
    assert_ne!(fs_err::read(sandbox.path("state/demo/ca.crt")).unwrap(), before);
}

#[test]
fn a_local_ca_that_ends_soon_is_told_with_what_follows_and_kept() {
    let sandbox = with_authority(5);
    let before = fs_err::read(sandbox.path("state/demo/ca.crt")).unwrap();
    let said = sandbox.run(&["up", "./stack", "--output", "json"]);
    let note = "ends soon: it expires in 5 days, on ";
    assert!(said.stdout.contains(note) && said.stdout.contains("wherever the old one was trusted, the new one must be"), "{said:?}");
    assert_eq!(fs_err::read(sandbox.path("state/demo/ca.crt")).unwrap(), before);
}
