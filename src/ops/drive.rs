//! Runs a plan with somebody listening, and keeps the journal.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::event::{CheckReport, Event};
use crate::exec::{self, Context, Outcome};
use crate::failure::Failure;
use crate::plan::{Plan, stack_digest};
use crate::stack::Stack;
use crate::state::{Journal, Verified};
use crate::world::clock;

/// Who is told of each event, with the time since the verb began its work: what a person waits before the first step counts too.
pub type Listener = Box<dyn FnMut(&Event, Duration) + Send>;

/// What came of a run.
#[derive(Debug)]
pub struct Told {
    /// How it ended.
    pub outcome: Outcome,
    /// The results of the checks, in the order of the plan.
    pub checks: Vec<CheckReport>,
    /// Id and title of each step.
    pub titles: Vec<(String, String)>,
}

impl Told {
    /// How many checks passed; one that was skipped did not.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.checks.iter().filter(|check| check.passed).count()
    }

    /// What is recorded of a run in which no check failed.
    pub(super) fn verified(&self, stack: &Stack) -> Verified {
        Verified { digest: stack_digest(stack), at: clock::now(), passed: self.passed() }
    }
}

/// Runs a plan to its end.
pub(super) async fn drive(
    verb: &str,
    target: &str,
    plan: &Plan,
    context: Arc<Context>,
    listener: &mut Listener,
    cancel: &CancellationToken,
) -> Result<Told, Failure> {
    // what lies in the folder goes with it, so a `down` has no journal to keep; and a node image is baked for no cluster
    let kept = verb != "down" && context.folder.path().is_dir();
    let (events_tx, mut events_rx) = unbounded_channel();
    let began = context.began;
    let mut journal = None;
    if kept {
        match Journal::open(&context.folder, verb, began.time) {
            Ok(opened) => journal = Some(opened),
            // nothing of the stack hangs on it
            Err(failure) => {
                let text = format!("This run keeps no journal: {} ({}).", failure.what, failure.why.join(", "));
                listener(&Event::Note { text }, began.elapsed());
            }
        }
    }
    let steps = plan.steps().iter().map(crate::plan::Step::info).collect();
    let _ = events_tx.send(Event::PlanStarted { verb: verb.to_owned(), target: target.to_owned(), steps });
    for left_out in plan.left_out() {
        let _ = events_tx.send(Event::LeftOut { what: left_out.what.clone(), reason: left_out.reason.clone() });
    }
    let mut checks = Vec::new();
    let listen = async {
        while let Some(event) = events_rx.recv().await {
            let at = began.elapsed();
            if let Some(journal) = &mut journal {
                journal.append(&event, at);
            }
            listener(&event, at);
            if let Event::CheckDone { report, .. } = event {
                checks.push(report);
            }
        }
    };
    let run = async {
        let outcome = exec::run(plan, context, &events_tx, cancel).await;
        // the listener ends when nobody can send any more
        drop(events_tx);
        outcome
    };
    let (outcome, ()) = tokio::join!(run, listen);
    let place = |report: &CheckReport| plan.steps().iter().position(|step| step.id == format!("check:{}", report.name));
    checks.sort_by_key(place);
    let titles = plan.steps().iter().map(|step| (step.id.clone(), step.title.clone())).collect();
    Ok(Told { outcome, checks, titles })
}
