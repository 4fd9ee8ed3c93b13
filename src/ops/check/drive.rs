//! Runs the steps of a live check with somebody listening, and removes what it made, whatever came of them.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::act::Live;
use super::place;
use crate::event::{CheckReport, Event, StepInfo};
use crate::exec::{self, Outcome};
use crate::ops::drive::{Listener, Told};
use crate::plan::{Plan, Step};
use crate::world::clock::Start;
use crate::world::kube::Cluster;

/// The id of the removal.
const CLEAN: &str = "clean";

/// Runs the steps, then removes the namespaces, whatever came of the steps. The listener sees one run.
pub(super) async fn drive(
    began: Start,
    target: &str,
    plan: &Plan,
    act: Arc<Live>,
    listener: &mut Listener,
    cancel: &CancellationToken,
) -> Told {
    let (events_tx, mut events_rx) = unbounded_channel();
    let cluster = act.cluster.clone();
    let namespaces: Vec<String> = act.names.all().cloned().collect();
    let clean = StepInfo {
        id: CLEAN.into(),
        title: format!("remove {}", namespaces.join(", ")),
        cause: "nothing of a check stays".into(),
        after: plan.steps().iter().map(|step| step.id.clone()).collect(),
        ..StepInfo::default()
    };
    let steps: Vec<StepInfo> = plan.steps().iter().map(Step::info).chain([clean.clone()]).collect();
    let titles = steps.iter().map(|step| (step.id.clone(), step.title.clone())).collect();
    let _ = events_tx.send(Event::PlanStarted { verb: "check".to_owned(), target: target.to_owned(), steps });
    let mut checks = Vec::new();
    let listen = async {
        let mut last = None;
        while let Some(event) = events_rx.recv().await {
            match event {
                // the removal comes after it
                Event::PlanFinished { .. } if last.is_none() => last = Some(event),
                event => {
                    listener(&event, began.elapsed());
                    if let Event::CheckDone { report, .. } = event {
                        checks.push(report);
                    }
                }
            }
        }
    };
    let run = async {
        let mut outcome = exec::run(plan, act, &events_tx, cancel).await;
        remove(&cluster, &namespaces, &events_tx, &mut outcome).await;
        let counts = (outcome.done.len(), outcome.failed.len(), outcome.skipped.len());
        outcome.took = began.elapsed();
        let _ = events_tx.send(Event::PlanFinished { done: counts.0, failed: counts.1, skipped: counts.2, took: outcome.took });
        drop(events_tx);
        outcome
    };
    let (outcome, ()) = tokio::join!(run, listen);
    let place = |id: &str| plan.steps().iter().position(|step| step.id == format!("check:{id}"));
    checks.sort_by_key(|report: &CheckReport| place(&report.name));
    Told { outcome, checks, titles }
}

/// The last step, which no failure and no cancel skips. A namespace that was never made is gone already.
async fn remove(cluster: &Cluster, namespaces: &[String], events_tx: &UnboundedSender<Event>, outcome: &mut Outcome) {
    let began = Instant::now();
    let _ = events_tx.send(Event::StepStarted { id: CLEAN.into() });
    let tell = |reason| drop(events_tx.send(Event::StepWaiting { id: CLEAN.into(), reason }));
    let result = place::remove(cluster, namespaces, &tell).await;
    let took = began.elapsed();
    outcome.times.insert(CLEAN.into(), took);
    match result {
        Ok(()) => {
            outcome.done.push(CLEAN.into());
            let _ = events_tx.send(Event::StepDone { id: CLEAN.into(), took });
        }
        Err(failure) => {
            let failure = failure.hint("The next `--check live` tries again to remove it.");
            outcome.failed.push((CLEAN.into(), failure.clone()));
            let _ = events_tx.send(Event::StepFailed { id: CLEAN.into(), took, failure });
        }
    }
}
