//! The local CA in the system's trust store: put there on request, taken out by `certs untrust` and by `down`.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::{Engine, Sandbox, rule};

const STACK: &str = r"
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {name: demo}
components:
- {name: web, manifests: {files: [web.yaml]}}
- {name: tls, needs: [web], certificate: {namespace: web, secret: web-tls, commonName: localhost, dnsNames: [localhost], issuer: tstack}}
";
const ANCHORS: &str = "system/usr/local/share/ca-certificates";
const ANCHOR: &str = "system/usr/local/share/ca-certificates/tstack-demo.crt";

/// A system like Debian's with a trust store, and a stack whose CA is made.
fn with_store(refreshing: &Value) -> Sandbox {
    let mut sandbox = Sandbox::with_tools();
    Engine::default().start(&mut sandbox);
    sandbox.tool("update-ca-certificates");
    sandbox.write("stack/stack.yaml", STACK);
    sandbox.write(&format!("{ANCHORS}/company.crt"), "the company's");
    let root = sandbox.path("system").display().to_string();
    sandbox.set("TSTACK_SYSROOT", &root);
    sandbox.script(&[rule("kind create", json!({"stderr": "ERROR: no\n", "exit": 1})), rule("update-ca-certificates", refreshing.clone())]);
    assert_eq!(sandbox.run(&["up", "./stack"]).code, 4, "the CA is made, and no cluster");
    sandbox
}

fn refreshed(sandbox: &Sandbox) -> Vec<String> {
    sandbox.calls().into_iter().filter(|line| line.starts_with("update-ca-certificates")).collect()
}

#[test]
fn it_goes_in_and_out_and_the_store_is_what_it_was() {
    let sandbox = with_store(&json!({}));
    let trust = sandbox.run(&["certs", "trust"]);
    assert_eq!((trust.code, trust.stdout.as_str()), (0, ""), "{trust:?}");
    assert!(trust.stderr.starts_with("This system trusts the local CA now, by [BOX]/system/usr/local/"), "{trust:?}");
    let certificate = fs_err::read(sandbox.path("state/demo/ca.crt")).unwrap();
    assert_eq!(fs_err::read(sandbox.path(ANCHOR)).unwrap(), certificate);
    assert_eq!(fs_err::metadata(sandbox.path(ANCHOR)).unwrap().permissions().mode() & 0o777, 0o644, "every program can read it");
    assert_eq!(refreshed(&sandbox), ["update-ca-certificates"]);
    let show = sandbox.run(&["certs", "show"]);
    assert!(show.stdout.contains("by this system, as [BOX]/system/usr/local/share/ca-certificates/tstack-demo.crt"), "{show:?}");
    assert!(show.stdout.contains("signs for    localhost, 127.0.0.0/8, ::1\n"), "{show:?}");
    let again = sandbox.run(&["certs", "trust"]);
    assert!(again.stderr.starts_with("This system trusts the local CA already"), "{again:?}");
    let untrust = sandbox.run(&["certs", "untrust"]);
    assert_eq!((untrust.code, untrust.stderr.as_str()), (0, "This system no longer trusts the local CA.\n"));
    assert_eq!(sandbox.files("system"), ["usr/local/share/ca-certificates/company.crt"]);
    assert_eq!(refreshed(&sandbox), ["update-ca-certificates", "update-ca-certificates --fresh"]);
    let nothing = sandbox.run(&["certs", "untrust"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, "This system does not trust the local CA.\n"));
}

#[test]
fn down_takes_it_back() {
    let sandbox = with_store(&json!({}));
    assert_eq!(sandbox.run(&["certs", "trust"]).code, 0);
    let down = sandbox.run(&["down", "--name", "demo"]);
    assert_eq!(down.code, 0, "{down:?}");
    assert_eq!(sandbox.files("system"), ["usr/local/share/ca-certificates/company.crt"]);
    assert!(!sandbox.path("state").exists());
}

#[test]
fn what_was_put_there_before_the_stores_program_failed_is_taken_back_too() {
    let sandbox = with_store(&json!({"stderr": "rehash: broken\n", "exit": 1}));
    let trust = sandbox.run(&["certs", "trust"]);
    assert_eq!(trust.code, 4, "{trust:?}");
    assert!(trust.stderr.contains("rehash: broken"), "{trust:?}");
    let down = sandbox.run(&["down", "--name", "demo"]);
    assert_eq!(down.code, 4, "it says that the store is not as it was: {down:?}");
    assert!(sandbox.path("state/demo/state.json").exists(), "and keeps what it knows");
    sandbox.script(&[rule("update-ca-certificates", json!({}))]);
    assert_eq!(sandbox.run(&["down", "--name", "demo"]).code, 0);
    assert_eq!(sandbox.files("system"), ["usr/local/share/ca-certificates/company.crt"]);
}

#[test]
fn a_file_of_others_is_neither_replaced_nor_removed() {
    let sandbox = with_store(&json!({}));
    sandbox.write(ANCHOR, "somebody's");
    let refused = sandbox.run(&["certs", "trust"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("tstack-demo.crt is there already, and not by tstack"), "{refused:?}");
    fs_err::remove_file(sandbox.path(ANCHOR)).unwrap();
    assert_eq!(sandbox.run(&["certs", "trust"]).code, 0);
    sandbox.write(ANCHOR, "somebody's");
    let changed = sandbox.run(&["certs", "untrust"]);
    assert!(changed.stderr.contains("holds something else than tstack put there, and stays"), "{changed:?}");
    assert_eq!(fs_err::read_to_string(sandbox.path(ANCHOR)).unwrap(), "somebody's");
}

#[test]
fn without_the_rights_the_commands_are_told_and_down_knows_of_it() {
    if rustix::process::geteuid().is_root() {
        eprintln!("not tested: root may write every folder");
        return;
    }
    let sandbox = with_store(&json!({}));
    let closed = |mode| fs_err::set_permissions(sandbox.path(ANCHORS), std::fs::Permissions::from_mode(mode)).unwrap();
    closed(0o555);
    let trust = sandbox.run(&["certs", "trust"]);
    assert_eq!(trust.code, 3, "{trust:?}");
    let command = format!("sudo install -m 644 [BOX]/state/demo/ca.crt [BOX]/{ANCHOR} && sudo update-ca-certificates");
    assert!(trust.stderr.contains(&command), "{trust:?}");
    closed(0o755);
    fs_err::copy(sandbox.path("state/demo/ca.crt"), sandbox.path(ANCHOR)).unwrap();
    closed(0o555);
    let down = sandbox.run(&["down", "--name", "demo"]);
    assert_eq!(down.code, 4, "{down:?}");
    let told = format!("{}{}", down.stdout, down.stderr);
    assert!(told.contains(&format!("sudo rm [BOX]/{ANCHOR} && sudo update-ca-certificates --fresh")), "{told}");
    closed(0o755);
    assert_eq!(sandbox.run(&["down", "--name", "demo"]).code, 0);
}

#[test]
fn without_a_store_it_says_so_and_what_helps() {
    let mut sandbox = with_store(&json!({}));
    let root = sandbox.path("elsewhere").display().to_string();
    sandbox.set("TSTACK_SYSROOT", &root);
    let said = sandbox.run(&["certs", "trust"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("this system has no trust store that tstack knows"), "{said:?}");
}
