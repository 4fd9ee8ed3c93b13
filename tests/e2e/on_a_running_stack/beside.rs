//! `--check live`, beside the stack that runs.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tstack::event::Event;
use tstack::ops::{LiveReport, Wanted, check_live};
use tstack::stack::{self, ComponentKind, Overrides};

use super::Stack;
use crate::support::client::runtime;
use crate::support::{holds, part, same};

/// The built-in stack's own objects, applied a second time in a namespace of their own: all its checks pass there too.
pub(super) fn a_stack_is_proven_beside_itself(on: &Stack) {
    part("check live, of the stack's own objects");
    let (report, said) = live(on, task_api());
    let failure = report.told.outcome.failure();
    holds("it holds", failure.is_none(), || format!("{failure:#?}\n{}", said.join("\n")));
    for check in &report.told.checks {
        println!("    ok  check `{}`: {}", check.name, check.seen);
    }
    holds("its checks ran", report.told.checks.len() >= 10, || format!("{:#?}", report.told.checks));
    for sentence in &report.unproven {
        println!("        not proven: {sentence}");
    }
    let spoken = report.unproven.iter().any(|sentence| sentence.contains("GatewayClass"));
    holds("it says what it does not prove", spoken, || format!("{:?}", report.unproven));
    nothing_stays(on);
}

/// A policy that only the translator refuses.
pub(super) fn what_a_controller_refuses_ends_it_with_its_word_and_leaves_nothing(on: &Stack) {
    part("check live, of what the translator refuses");
    let mut stack = task_api();
    for component in &mut stack.components {
        let ComponentKind::Manifests(objects) = &mut component.kind else { continue };
        for object in objects.iter_mut().filter(|object| object.id.kind == "BackendTrafficPolicy") {
            object.value["spec"]["rateLimit"]["local"]["rules"][0]["clientSelectors"][0]["headers"][0]["value"] = "a".into();
        }
    }
    let (report, said) = live(on, stack);
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

fn task_api() -> stack::Stack {
    let folder = stack::shipped_folder("task-api").unwrap();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    stack::resolve(&folder, &Overrides { architecture: architecture.into(), ..Overrides::default() }).unwrap_or_else(|e| panic!("{e}"))
}

/// A live check, and what its events said.
fn live(on: &Stack, stack: stack::Stack) -> (LiveReport, Vec<String>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&said);
    let listener =
        Box::new(move |event: &Event, at: std::time::Duration| to.lock().unwrap().push(format!("{:6.1} {event:?}", at.as_secs_f64())));
    let began = std::time::Instant::now();
    let report = runtime().block_on(check_live(&on.setup, &on.name, &Wanted::Own, stack, listener, &CancellationToken::new())).unwrap();
    println!("        ({:.1} s)", began.elapsed().as_secs_f64());
    let said = said.lock().unwrap().clone();
    (report, said)
}

fn nothing_stays(on: &Stack) {
    let (namespaces, envoys) = runtime().block_on(async {
        let cluster = on.cluster().await;
        let envoys = cluster.list("apps/v1", "Deployment", Some("gateway.envoyproxy.io/owning-gateway-namespace")).await.unwrap();
        (cluster.list("v1", "Namespace", Some("tstack.dev/check")).await.unwrap().len(), envoys.len())
    });
    same("no throw-away namespace is left", &namespaces, &0);
    same("and one Envoy runs, the stack's own", &envoys, &1);
}
