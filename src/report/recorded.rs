//! Runs as they happen, and a writer that keeps what was written; for the tests of the renderers.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::event::{CheckReport, Event, StepInfo};
use crate::failure::Failure;

use super::Renderer;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) fn play(renderer: &mut dyn Renderer, events: &[(u64, Event)]) {
    for (at, event) in events {
        renderer.on(event, Duration::from_millis(*at));
    }
}

fn plan() -> (u64, Event) {
    let step = |id: &str, title: &str, cause: &str, needs: &[&str]| StepInfo {
        id: id.into(),
        title: title.into(),
        cause: cause.into(),
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        ..StepInfo::default()
    };
    let steps = vec![
        step("cluster", "make cluster tstack-task-api", "there is none", &[]),
        step("install:cert-manager", "install cert-manager v1.19.1", "not installed", &["cluster"]),
        step("install:keda", "install keda 2.21.0", "not installed", &["cluster"]),
        step("apply:task-api", "apply task-api", "12 objects are new", &["install:keda"]),
        step("verify", "run 2 checks", "they never ran", &["apply:task-api"]),
    ];
    (0, Event::PlanStarted { verb: "up".into(), target: "tstack-task-api".into(), steps })
}

fn started(at: u64, id: &str) -> (u64, Event) {
    (at, Event::StepStarted { id: id.into() })
}

fn waiting(at: u64, id: &str, reason: &str) -> (u64, Event) {
    (at, Event::StepWaiting { id: id.into(), reason: reason.into() })
}

fn done(at: u64, id: &str, took: u64) -> (u64, Event) {
    (at, Event::StepDone { id: id.into(), took: Duration::from_millis(took) })
}

fn finished(at: u64, done: usize, failed: usize, skipped: usize) -> (u64, Event) {
    (at, Event::PlanFinished { done, failed, skipped, took: Duration::from_millis(at) })
}

pub(super) fn checks() -> Vec<CheckReport> {
    let report = |name: &str, kind: &str, passed, expected: &str, seen: &str, took| CheckReport {
        name: name.into(),
        kind: kind.into(),
        passed,
        expected: expected.into(),
        seen: seen.into(),
        took: Duration::from_millis(took),
        failure: None,
        skipped: None,
    };
    let mut limit = report("anonymous-limit", "rateLimit", false, "100 x 200, 10 x 429", "110 x 200", 2_340);
    limit.failure = Some(
        Failure::new(crate::failure::FailureKind::Check, "the rate limit did not hold: no request got 429")
            .why(
                "BackendTrafficPolicy task-api/task-api-protection: Accepted=False\nspec.rateLimit: <global> needs \u{1b}[1mRedis\u{1b}[0m",
            )
            .hint("read its status: kubectl -n task-api describe btp task-api-protection"),
    );
    vec![report("https", "http", true, "200", "200", 41), limit]
}

/// All goes well; two steps at once, and a reason that changes.
pub(super) fn good() -> Vec<(u64, Event)> {
    let [https, _] = <[CheckReport; 2]>::try_from(checks()).unwrap();
    vec![
        plan(),
        started(10, "cluster"),
        waiting(500, "cluster", "Node tstack-task-api-control-plane: NotReady"),
        waiting(900, "cluster", "Node tstack-task-api-control-plane: NetworkPluginNotReady"),
        done(31_210, "cluster", 31_200),
        started(31_220, "install:cert-manager"),
        started(31_220, "install:keda"),
        waiting(33_000, "install:keda", "Deployment keda/keda-operator: 0 of 1 replicas available"),
        (34_000, Event::StepNote { id: "install:keda".into(), text: "a release stuck in pending-install was rolled back".into() }),
        done(40_000, "install:cert-manager", 8_780),
        done(43_600, "install:keda", 12_380),
        started(43_610, "apply:task-api"),
        done(45_000, "apply:task-api", 1_390),
        started(45_010, "verify"),
        (45_100, Event::CheckDone { id: "verify".into(), report: https }),
        done(47_500, "verify", 2_490),
        finished(72_500, 5, 0, 0),
    ]
}

/// One of two steps at once fails; what needs it does not run, the other ends.
pub(super) fn broken() -> Vec<(u64, Event)> {
    let failure = Failure::step("Deployment keda/keda-operator did not become ready")
        .why("Pod keda/keda-operator-5c: container keda-operator is in CrashLoopBackOff, 4 restarts")
        .why("last lines of its log:\n\u{1b}[31mERROR\u{1b}[0m cannot list ScaledObjects\u{7}\npanic: forbidden")
        .hint("look at it: kubectl -n keda describe pod keda-operator-5c");
    let skipped = |at, id: &str, because: &str| (at, Event::StepSkipped { id: id.into(), because: because.into() });
    vec![
        plan(),
        started(10, "cluster"),
        done(31_210, "cluster", 31_200),
        started(31_220, "install:cert-manager"),
        started(31_220, "install:keda"),
        waiting(33_000, "install:keda", "Deployment keda/keda-operator: 0 of 1 replicas available"),
        (39_400, Event::StepFailed { id: "install:keda".into(), took: Duration::from_millis(8_180), failure }),
        skipped(39_400, "apply:task-api", "install:keda"),
        skipped(39_400, "verify", "apply:task-api"),
        done(40_000, "install:cert-manager", 8_780),
        finished(40_000, 2, 1, 2),
    ]
}

/// The user stops it while the cluster is made.
pub(super) fn cancelled() -> Vec<(u64, Event)> {
    let skipped = |id: &str| (6_400, Event::StepSkipped { id: id.into(), because: String::new() });
    vec![
        plan(),
        started(10, "cluster"),
        waiting(500, "cluster", "Node tstack-task-api-control-plane: NotReady"),
        done(5_010, "cluster", 5_000),
        started(5_020, "install:cert-manager"),
        (6_300, Event::Cancelling),
        done(6_400, "install:cert-manager", 1_380),
        skipped("install:keda"),
        skipped("apply:task-api"),
        skipped("verify"),
        finished(6_500, 2, 0, 3),
    ]
}
