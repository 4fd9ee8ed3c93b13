//! tstack is killed with -9 where it hurts most; the next run goes on from what is there, and `down` finds all of it.

use std::time::Duration;

use tstack::event::Event;

use crate::support::machine::{Snapshot, kill, processes};
use crate::support::program::Running;
use crate::support::{Sandbox, holds, part, same, told};
use crate::the_main_job::{all_green, checks, nothing_is_left};

const NAME: &str = "e2e-crash";
const UP: [&str; 3] = ["up", "--output", "json"];

#[test]
#[ignore = "needs the test bed: make e2e"]
fn crash_and_resume() {
    let s = Sandbox::new("crash_and_resume");
    let before = Snapshot::take(&s);

    part("killed while kind makes the cluster");
    let mut up = s.start_tstack(NAME, &UP);
    reaches(
        &mut up,
        "kind has the node's container and starts Kubernetes in it",
        |event| matches!(event, Event::StepWaiting { id, reason } if id == "cluster" && reason.contains("Starting control-plane")),
    );
    same("kill -9 ends it without a word", &up.crash().code, &None);
    // kind lives on: it must neither be in the way of the next run nor clean up under its hands
    println!("        still there: {:?}", programs(&s));

    part("killed while helm installs");
    let mut up = s.start_tstack(NAME, &UP);
    reaches(&mut up, "the next `up` makes the cluster anew", |event| matches!(event, Event::StepDone { id, .. } if id == "cluster"));
    reaches(&mut up, "and gets to the charts", |event| matches!(event, Event::StepStarted { id } if id == "apply:cert-manager"));
    // cert-manager's definitions are among its templates, so that its release is pending for seconds
    let selector = "owner=helm,name=cert-manager,status=pending-install";
    let kubeconfig = s.folder(NAME).join("kubeconfig");
    let watch = ["--kubeconfig", kubeconfig.to_str().unwrap(), "get", "secrets", "-A", "-l", selector];
    let mut releases =
        s.start("kubectl", &[&watch[..], &["--watch", "-o", "jsonpath={.metadata.namespace} {.metadata.name}{\"\\n\"}"]].concat());
    let release = releases.line_that(|line| !line.is_empty()).expect("a release begins");
    up.crash();
    for (pid, command) in programs(&s) {
        if command.contains(" upgrade --install ") {
            kill(pid);
        }
    }
    releases.crash();
    let stuck = stuck(&s, &release);
    println!("        stuck: {stuck}");

    part("the next `up` converges");
    let up = s.tstack(NAME, &UP).well();
    println!("{}", told::times(&up));
    let healed = told::events(&up).iter().any(|e| matches!(e, Event::StepNote { text, .. } if text.contains("stuck in a pending state")));
    holds("the stuck release is dropped and installed again", healed, || up.all());
    all_green(&up, checks());
    same("and then there is nothing to do", &s.tstack(NAME, &["plan", "--exit-code"]).code, &Some(0));

    part("the stack goes, the cluster stays, and the stack comes back");
    let down = s.tstack(NAME, &["down", "--keep-cluster", "--output", "json"]).well();
    println!("{}", told::times(&down));
    let plan = s.tstack(NAME, &["plan", "--output", "json"]).well();
    let steps = told::steps(&plan);
    holds("the cluster and its images are kept", !steps.iter().any(|id| id == "cluster" || id == "images"), || plan.all());
    holds("all the rest is to be made", steps.iter().filter(|id| id.starts_with("apply:")).count() == 12, || plan.all());
    let up = s.tstack(NAME, &UP).well();
    println!("{}", told::times(&up));
    all_green(&up, checks());

    part("killed while the cluster is deleted");
    let mut down = s.start_tstack(NAME, &["down", "--output", "json"]);
    reaches(&mut down, "`down` deletes the cluster", |event| matches!(event, Event::StepStarted { id } if id == "cluster"));
    down.crash();
    let down = s.tstack(NAME, &["down", "--output", "json"]).well();
    holds("the next `down` takes seconds", down.took < Duration::from_mins(1), || down.all());
    nothing_is_left(&before, &Snapshot::take(&s));
}

#[track_caller]
fn reaches(run: &mut Running, sentence: &str, wanted: impl Fn(&Event) -> bool) {
    let line = run.line_that(|line| told::event(line).is_some_and(|event| wanted(&event)));
    holds(sentence, line.is_some(), || "it ended before".into());
}

/// Programs that an ended tstack of this sandbox had started.
fn programs(s: &Sandbox) -> Vec<(i32, String)> {
    let ours = |(_, command): &(i32, String)| command.contains("/kind create ") || command.contains("/helm ");
    processes(s).into_iter().filter(ours).collect()
}

/// The release is stuck in pending-install. Where helm was faster than the kill, its record is set back to what a kill leaves.
fn stuck(s: &Sandbox, release: &str) -> String {
    let (namespace, secret) = release.split_once(' ').unwrap();
    let label = s.kubectl(NAME, &["label", "secret", secret, "-n", namespace, "status=pending-install", "--overwrite"]).well();
    let how = if label.stdout.contains("not labeled") { "by the kill" } else { "by its label, since helm was faster than the kill" };
    format!("{secret} in {namespace}, {how}")
}
