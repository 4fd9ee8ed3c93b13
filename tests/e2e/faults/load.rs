//! Parts of a running stack end while requests come at a fixed rate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::row::Row;
use super::{UP, converged, leaves_nothing};
use crate::support::load::{Load, Seen};
use crate::support::machine::Snapshot;
use crate::support::{Sandbox, holds, part, passes};

pub(super) const TASKS: &str = "http://127.0.0.1:8080/api/tasks";

/// A hundred requests a second, half on new connections and half on one that is kept.
pub(super) const RATE: Duration = Duration::from_millis(20);

const ENVOY: &str = "gateway.envoyproxy.io/owning-gateway-name=task-api-gateway";

/// What a stack runs: its namespace, and the label of its pods or Deployment.
pub(super) const PARTS: [(&str, &str, &str); 5] = [
    ("Envoy", "envoy-gateway-system", ENVOY),
    ("Envoy Gateway", "envoy-gateway-system", "control-plane=envoy-gateway"),
    ("the API", "task-api", "app.kubernetes.io/name=task-api"),
    ("KEDA", "keda", "app.kubernetes.io/part-of=keda-operator"),
    ("Prometheus", "monitoring", "app.kubernetes.io/name=prometheus"),
];

#[test]
#[ignore = "needs the test bed: make faults"]
fn pods_are_deleted_under_load() {
    const NAME: &str = "e2e-pods";
    let s = Sandbox::new("pods_are_deleted_under_load");
    let mut row = Row::begin("pods of Envoy, Envoy Gateway, the API, KEDA and Prometheus deleted under 60 s of load each");
    let before = Snapshot::take(&s);
    s.tstack(NAME, &UP).well();
    let kubeconfig = s.folder(NAME).join("kubeconfig");
    for (what, namespace, selector) in PARTS {
        part(&format!("{what}, under 60 s at 100 requests a second"));
        let mut load = Load::every(RATE, TASKS);
        let began = Instant::now();
        let deleted = s.kubectl_with(&kubeconfig, &["delete", "pods", "-n", namespace, "-l", selector, "--wait=true"]).well().stdout;
        holds("pods were deleted", !deleted.trim().is_empty() && !deleted.contains("No resources"), || deleted.clone());
        row.struck();
        s.kubectl_with(&kubeconfig, &["wait", "--for=condition=Ready", "pods", "-n", namespace, "-l", selector, "--timeout=120s"]).well();
        println!("        others are ready after {:.1} s", began.elapsed().as_secs_f64());
        passes(Duration::from_mins(1).saturating_sub(began.elapsed()).max(Duration::from_millis(1)));
        load.more(20);
        let seen = load.end();
        tell(&mut row, what, &seen);
        holds("it was away for less than 15 s", seen.gap < Duration::from_secs(15), || format!("{:?}", seen.gap));
        row.converged();
    }
    converged(&s, NAME);
    leaves_nothing(&s, NAME, &before);
}

#[test]
#[ignore = "needs the test bed: make faults"]
fn ten_minutes_of_restarts() {
    const NAME: &str = "e2e-load";
    let s = Sandbox::new("ten_minutes_of_restarts");
    let mut row = Row::begin("10 minutes at 100 requests a second on the mapped port, every component restarted in turn");
    let before = Snapshot::take(&s);
    s.tstack(NAME, &UP).well();
    let seen = restarts(&s, &s.folder(NAME).join("kubeconfig"), Duration::from_mins(10), &mut row);
    let bad: Vec<&String> = seen.failed.iter().filter(|failed| failed.contains(": 5")).collect();
    holds("no request was answered with 5xx", bad.is_empty(), || format!("{bad:#?}"));
    converged(&s, NAME);
    row.converged();
    leaves_nothing(&s, NAME, &before);
}

/// Restarts every part in turn, under load, for that long.
pub(super) fn restarts(s: &Sandbox, kubeconfig: &Path, time: Duration, row: &mut Row) -> Seen {
    let kubeconfig: PathBuf = kubeconfig.into();
    let mut load = Load::every(RATE, TASKS);
    let began = Instant::now();
    'time: loop {
        for namespace in ["envoy-gateway-system", "task-api", "keda", "monitoring", "cert-manager"] {
            let names = s.kubectl_with(&kubeconfig, &["get", "deployments", "-n", namespace, "-o", "name"]).well().stdout;
            for name in names.lines() {
                if began.elapsed() > time {
                    break 'time;
                }
                let failed = load.so_far().failed.len();
                s.kubectl_with(&kubeconfig, &["rollout", "restart", name, "-n", namespace]).well();
                s.kubectl_with(&kubeconfig, &["rollout", "status", name, "-n", namespace, "--timeout=180s"]).well();
                row.struck();
                let more = load.so_far().failed.len() - failed;
                println!("        {:>4.0} s  {namespace} {name}: {more} failed", began.elapsed().as_secs_f64());
            }
        }
    }
    load.more(100);
    let seen = load.end();
    tell(row, "restarts", &seen);
    seen
}

/// What came of the requests, in the log and in the table.
pub(super) fn tell(row: &mut Row, what: &str, seen: &Seen) {
    let all = seen.answered + seen.failed.len();
    row.requests(seen.failed.len(), all);
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for failed in &seen.failed {
        *why.entry(failed).or_default() += 1;
    }
    let (gap, slowest) = (seen.gap.as_secs_f64(), seen.slowest.as_secs_f64());
    println!("        {} of {all} failed, longest gap {gap:.2} s, slowest {slowest:.2} s", seen.failed.len());
    for (why, count) in &why {
        println!("        {count} x {why}");
    }
    row.note(format!("{what}: {} of {all} failed, longest gap {gap:.2} s", seen.failed.len()));
}
