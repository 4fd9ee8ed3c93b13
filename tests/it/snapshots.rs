//! Images that stand for work done before: used where they fit, passed over with the reason where they do not.

use serde_json::json;

use crate::support::{Engine, Sandbox};

fn sandbox(kept: serde_json::Value) -> (Sandbox, crate::support::Seen) {
    let mut sandbox = Sandbox::with_tools();
    let seen = Engine { kept, ..Engine::default() }.start(&mut sandbox);
    (sandbox, seen)
}

/// The labels of a node image that was baked when the engine had this id for the node image.
fn baked(id: &str) -> serde_json::Value {
    json!({"tstack.dev/baked-from": format!("docker.io/kindest/node:v1.34.4 {id}"), "tstack.dev/images": "{}"})
}

#[test]
fn a_baked_node_image_is_used_where_it_fits_and_not_where_it_is_not_wanted() {
    let (sandbox, _) = sandbox(json!({"tstack-node": baked("sha256:1")}));
    let first = |args: &[&str]| sandbox.run(&[&["plan", "./stack"], args].concat()).stdout.lines().next().map(str::to_owned);
    let made = "  1. make the cluster (Kubernetes v1.34.4)  (there is none";
    assert_eq!(first(&[]), Some(format!("{made}; the baked node image holds all images)")));
    assert_eq!(first(&["--no-snapshot"]), Some(format!("{made})")));
}

#[test]
fn a_node_image_that_was_baked_from_another_one_is_passed_over() {
    let (sandbox, _) = sandbox(json!({"tstack-node": baked("sha256:2")}));
    let plan = sandbox.run(&["plan", "./stack"]);
    assert!(plan.stdout.starts_with("  1. make the cluster (Kubernetes v1.34.4)  (there is none)"), "{plan:?}");
}

#[test]
fn a_restore_without_a_snapshot_says_what_there_would_have_to_be() {
    let (sandbox, seen) = sandbox(json!({}));
    insta::assert_snapshot!(sandbox.run(&["snapshot", "restore", "./stack"]).failure(), @r"
        exit 3
        error: there is no snapshot of `demo` as the stack is now
          a snapshot is of one name, stack, node image and set of images

        help: `tstack snapshot list` shows those that are there; `tstack up`, then `tstack snapshot save` makes one.
        ");
    assert_eq!(seen.changes(), [] as [String; 0]);
}

#[test]
fn what_is_not_up_is_not_saved() {
    let (sandbox, seen) = sandbox(json!({}));
    let said = sandbox.run(&["snapshot", "save", "--name", "demo"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("there is no `demo` to save"), "{said:?}");
    assert_eq!(seen.changes(), [] as [String; 0]);
}

#[test]
fn only_images_of_ours_are_removed() {
    let (sandbox, seen) = sandbox(json!({}));
    let said = sandbox.run(&["snapshot", "rm", "docker.io/kindest/node:v1.34.4"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("is no snapshot and no baked node image"), "{said:?}");
    assert_eq!(sandbox.run(&["snapshot", "rm", "--all"]).code, 0);
    assert_eq!(seen.changes(), [] as [String; 0]);
}
