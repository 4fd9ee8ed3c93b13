//! Baked node images and snapshots: made, used by `up` by itself, removed; and a cluster that rests.

use crate::support::machine::Snapshot;
use crate::support::{Sandbox, holds, part, same, told};
use crate::the_main_job::{all_green, checks};

const NAME: &str = "e2e-snapshots";
const UP: [&str; 5] = ["up", "--provider", "kind", "--output", "json"];

#[test]
#[ignore = "needs the test bed: make e2e"]
fn snapshots() {
    let s = Sandbox::new("snapshots");
    let before = Snapshot::take(&s);

    part("a baked node image is used by the next up");
    let baked = told::data(&s.tstack(NAME, &["snapshot", "bake", "--output", "json"]).well(), "summary");
    let _removed = Removed(&s);
    holds("it tells the image's name", baked["image"].as_str().is_some_and(|name| name.starts_with("localhost/tstack-node:")), || {
        baked.to_string()
    });
    let again = told::data(&s.tstack(NAME, &["snapshot", "bake", "--output", "json"]).well(), "summary");
    same("baked twice is baked once", &again["made"], &false.into());
    same("and leaves no container", &Snapshot::take(&s).containers, &before.containers);
    let plan = s.tstack(NAME, &["plan", "--provider", "kind"]).well();
    holds("the plan says that it is used", plan.stdout.contains("the baked node image holds all images"), || plan.all());
    holds("and loads nothing", !plan.stdout.contains("load ") && !plan.stdout.contains("into the node"), || plan.all());
    let up = s.tstack(NAME, &UP).well();
    println!("{}", told::times(&up));
    all_green(&up, checks());

    part("a cluster rests and goes on");
    s.tstack(NAME, &["pause"]).well();
    let status = s.tstack(NAME, &["status"]);
    holds("status says so", status.stdout.contains("paused"), || status.all());
    let resumed = s.tstack(NAME, &["resume"]).well();
    println!("        resumed in {:.1} s", resumed.took.as_secs_f64());
    s.tstack(NAME, &["verify"]).well();

    part("a finished stack is saved, and comes back");
    let saved = told::data(&s.tstack(NAME, &["snapshot", "save", "--output", "json"]).well(), "summary");
    let authority = std::fs::read_to_string(s.folder(NAME).join("ca.crt")).unwrap();
    s.tstack(NAME, &["verify"]).well();
    s.tstack(NAME, &["down"]).well();
    same("down leaves no container", &Snapshot::take(&s).containers, &before.containers);
    // its address is the first of the network, unless somebody else has it
    let other = s.run("docker", &["network", "create", "kind"]);
    let moved = s.run(
        "docker",
        &[
            "run",
            "--detach",
            "--network",
            "kind",
            "--name",
            "tstack-e2e-neighbour",
            "--entrypoint",
            "sleep",
            saved["image"].as_str().unwrap(),
            "infinity",
        ],
    );
    let restored = s.tstack(NAME, &[&UP[..], &["--set", "parameters.httpPort=18980", "--set", "parameters.httpsPort=18943"]].concat());
    s.run("docker", &["rm", "--force", "tstack-e2e-neighbour"]);
    let restored = restored.well();
    println!("{}", told::times(&restored));
    holds("it had a neighbour", other.code.is_some() && moved.code == Some(0), || moved.all());
    all_green(&restored, checks());
    same("the local CA is the same", &std::fs::read_to_string(s.folder(NAME).join("ca.crt")).unwrap(), &authority);
    s.tstack(NAME, &["down"]).well();
    if other.code == Some(0) {
        s.run("docker", &["network", "rm", "kind"]);
    }

    part("what was kept is removed by name");
    let all = told::data(&s.tstack(NAME, &["snapshot", "list", "--output", "json"]).well(), "snapshots");
    let kinds = |kind: &str| all.as_array().unwrap().iter().filter(|image| image["kind"] == kind).count();
    holds("both kinds are told apart", kinds("baked") >= 1 && kinds("snapshot") >= 1, || all.to_string());
    for image in [&saved, &baked] {
        s.tstack(NAME, &["snapshot", "rm", image["image"].as_str().unwrap()]).well();
    }
    same("nothing is left", &Snapshot::take(&s), &before);
}

/// The images go whatever comes of the scenario.
struct Removed<'a>(&'a Sandbox);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.run("docker", &["rm", "--force", "tstack-e2e-neighbour"]);
            self.0.tstack(NAME, &["down"]);
            self.0.tstack(NAME, &["snapshot", "rm", "--all"]);
        }
    }
}
