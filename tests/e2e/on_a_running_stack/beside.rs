//! `--check live`, beside the stack that runs.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tstack::event::Event;
use tstack::failure::FailureKind;
use tstack::ops::{LiveReport, Wanted, check_live};
use tstack::stack::{self, ComponentKind, ObjectId, Overrides};

use super::Stack;
use crate::support::client::runtime;
use crate::support::{holds, part, same};

/// The label of throw-away namespaces.
const LABEL: &str = "tstack.dev/check";

/// A policy that only the translator refuses; and before that, a check that was killed while its objects were there.
pub(super) fn what_a_controller_refuses_ends_it_with_its_word_and_leaves_nothing(on: &Stack) {
    part("check live, of what the translator refuses, after one that was killed");
    let left = killed(on);
    holds(&format!("what the killed one had made is there: {}", left.join(", ")), !left.is_empty(), String::new);
    let mut stack = task_api();
    for component in &mut stack.components {
        let ComponentKind::Manifests(objects) = &mut component.kind else { continue };
        for object in objects.iter_mut().filter(|object| object.id.kind == "BackendTrafficPolicy") {
            object.value["spec"]["rateLimit"]["local"]["rules"][0]["clientSelectors"][0]["headers"][0]["value"] = "a".into();
        }
    }
    let (report, said) = live(on, stack, &CancellationToken::new(), |_| ());
    let removed = report.told.titles.iter().any(|(id, title)| id == "leftovers" && left.iter().all(|name| title.contains(name)));
    holds("the next one removes that first", removed, || format!("{:?}", report.told.titles));
    let failure = report.told.outcome.failure().expect("a Distinct selector with a value is refused");
    let text = format!("{failure:?}");
    holds("the failure has the translator's words", text.contains("Invalid") && text.contains("unable to translate rateLimit"), || {
        text.clone()
    });
    holds("and does not speak of `tstack up`", !text.contains("tstack up"), || text.clone());
    let skipped = report.told.outcome.skipped.iter().any(|step| step == "check:user rate limit");
    holds("no request was sent", skipped, || said.join("\n"));
    nothing_stays(on);
}

/// Stopped by its user while it waits for Envoy.
pub(super) fn a_cancel_leaves_nothing(on: &Stack) {
    part("check live, cancelled");
    let cancel = CancellationToken::new();
    let at_objects = cancel.clone();
    let (report, said) = live(on, task_api(), &cancel, move |event| {
        if is_applied(event) {
            at_objects.cancel();
        }
    });
    let failure = report.told.outcome.failure().expect("it was cancelled");
    same("it ends as cancelled", &failure.kind, &FailureKind::Cancelled);
    holds("and removed what it had made", report.told.outcome.done.iter().any(|step| step == "clean"), || said.join("\n"));
    nothing_stays(on);
}

fn is_applied(event: &Event) -> bool {
    matches!(event, Event::StepDone { id, .. } if id == "objects")
}

/// A check that is dropped, as a kill drops it, when its objects are there. The namespaces that it left.
fn killed(on: &Stack) -> Vec<String> {
    let applied = CancellationToken::new();
    let tell = applied.clone();
    let listener = Box::new(move |event: &Event, _: std::time::Duration| {
        if is_applied(event) {
            tell.cancel();
        }
    });
    runtime().block_on(async {
        let cancel = CancellationToken::new();
        tokio::select! {
            _ = check_live(&on.setup, &on.name, &Wanted::Own, task_api(), listener, &cancel) => panic!("it ended before it was killed"),
            () = applied.cancelled() => {}
        }
    });
    runtime().block_on(async {
        let left = on.cluster().await.list("v1", "Namespace", Some(LABEL)).await.unwrap();
        left.iter().map(|namespace| ObjectId::of(namespace).name).collect()
    })
}

fn task_api() -> stack::Stack {
    let folder = stack::shipped_folder("task-api").unwrap();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    stack::resolve(&folder, &Overrides { architecture: architecture.into(), ..Overrides::default() }).unwrap_or_else(|e| panic!("{e}"))
}

/// A live check, and what its events said.
fn live(
    on: &Stack,
    stack: stack::Stack,
    cancel: &CancellationToken,
    mut on_event: impl FnMut(&Event) + Send + 'static,
) -> (LiveReport, Vec<String>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&said);
    let listener = Box::new(move |event: &Event, at: std::time::Duration| {
        to.lock().unwrap().push(format!("{:6.1} {event:?}", at.as_secs_f64()));
        on_event(event);
    });
    let began = std::time::Instant::now();
    let report = runtime().block_on(check_live(&on.setup, &on.name, &Wanted::Own, stack, listener, cancel)).unwrap();
    println!("        ({:.1} s)", began.elapsed().as_secs_f64());
    let said = said.lock().unwrap().clone();
    (report, said)
}

fn nothing_stays(on: &Stack) {
    let (namespaces, envoys) = runtime().block_on(async {
        let cluster = on.cluster().await;
        let envoys = cluster.list("apps/v1", "Deployment", Some("gateway.envoyproxy.io/owning-gateway-namespace")).await.unwrap();
        (cluster.list("v1", "Namespace", Some(LABEL)).await.unwrap().len(), envoys.len())
    });
    same("no throw-away namespace is left", &namespaces, &0);
    same("and one Envoy runs, the stack's own", &envoys, &1);
}
