//! The one place that orders steps, deadlines and cancel. It knows nothing of what a step does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Signals;
use crate::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::plan::{Plan, Step};

/// How long running steps have to end after a cancel; programs get their own grace within it.
const UNWIND: Duration = Duration::from_secs(8);

/// Does what a step says. Acting twice must leave what acting once leaves.
pub trait Act: Send + Sync + 'static {
    /// Does one step. It may be dropped at any await point, after a deadline or a cancel.
    fn act(self: Arc<Self>, step: Step, signals: Arc<Signals>) -> BoxFuture<'static, Result<(), Failure>>;
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Steps that ended well, in the order in which they ended.
    pub done: Vec<String>,
    /// Steps that failed, with why.
    pub failed: Vec<(String, Failure)>,
    /// Steps that did not run.
    pub skipped: Vec<String>,
    /// The user asked to stop.
    pub cancelled: bool,
    /// The whole time.
    pub took: Duration,
    /// How long each step ran.
    pub times: BTreeMap<String, Duration>,
}

impl Outcome {
    /// The failure that decides the exit code: a cancel first, then a failed step, then a failed check.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        if self.cancelled {
            return Some(
                Failure::new(FailureKind::Cancelled, "cancelled")
                    .hint("The same command again goes on from here; `tstack down` removes what is there."),
            );
        }
        let worst = self.failed.iter().find(|(_, f)| f.kind != FailureKind::Check).or_else(|| self.failed.first());
        worst.map(|(_, failure)| failure.clone())
    }
}

/// Runs every step of a plan as soon as what it needs is done, side by side.
///
/// A failed step skips what needs it, and ends what runs beside it and what came of that; all else goes on. After a cancel no step
/// begins, and running ones are given a few seconds to end.
pub async fn run<A: Act>(plan: &Plan, act: Arc<A>, events_tx: &UnboundedSender<Event>, cancel: &CancellationToken) -> Outcome {
    Run { plan, act, events_tx, cancel, outcome: Outcome::default(), ends: HashMap::new(), running: HashMap::new(), tasks: JoinSet::new() }
        .finish()
        .await
}

struct Run<'a, A> {
    plan: &'a Plan,
    act: Arc<A>,
    events_tx: &'a UnboundedSender<Event>,
    cancel: &'a CancellationToken,
    outcome: Outcome,
    /// How each step ended that has ended.
    ends: HashMap<String, End>,
    running: HashMap<Id, Running>,
    tasks: JoinSet<Result<(), Failure>>,
}

/// How a step ended.
enum End {
    Done,
    Failed,
    /// Because of this failed step.
    Skipped(String),
}

/// What a task does.
struct Running {
    step: String,
    lane: Option<&'static str>,
    since: Instant,
    task: AbortHandle,
    /// The step with whose failure this one is given up.
    given_up: Option<String>,
}

impl<A: Act> Run<'_, A> {
    async fn finish(mut self) -> Outcome {
        let began = Instant::now();
        self.start_all_that_can();
        while !self.tasks.is_empty() {
            tokio::select! {
                // what has ended is counted before a cancel is looked at
                biased;
                Some(joined) = self.tasks.join_next_with_id() => {
                    // a step can end because of a cancel before we hear of it; the cancel is told first
                    self.notice_cancel();
                    self.take_in(joined);
                }
                () = self.cancel.cancelled(), if !self.outcome.cancelled => self.notice_cancel(),
            }
            self.start_all_that_can();
        }
        self.outcome.cancelled |= self.cancel.is_cancelled();
        self.skip_the_rest();
        self.outcome.took = began.elapsed();
        let Outcome { done, failed, skipped, took, .. } = &self.outcome;
        self.send(Event::PlanFinished { done: done.len(), failed: failed.len(), skipped: skipped.len(), took: *took });
        self.outcome
    }

    fn notice_cancel(&mut self) {
        if self.cancel.is_cancelled() && !self.outcome.cancelled {
            self.outcome.cancelled = true;
            self.send(Event::Cancelling);
        }
    }

    fn start_all_that_can(&mut self) {
        if self.cancel.is_cancelled() {
            return;
        }
        for step in self.plan.steps() {
            let done = |id: &String| matches!(self.ends.get(id), Some(End::Done));
            if self.ended(&step.id) || self.runs(&step.id) {
                continue;
            }
            if let Some(cause) = step.needs.iter().chain(&step.beside).find_map(|need| self.root_cause(need)) {
                self.skip(step.id.clone(), cause);
            } else if step.needs.iter().all(done)
                && step.after.iter().all(|id| self.ended(id))
                && step.beside.iter().all(|id| self.ended(id) || self.runs(id))
                && !self.running.values().any(|running| step.lane.is_some() && running.lane == step.lane)
            {
                self.start(step.clone());
            }
        }
    }

    fn start(&mut self, step: Step) {
        self.send(Event::StepStarted { id: step.id.clone() });
        let signals = Arc::new(Signals::new(&step.id, self.events_tx.clone(), self.cancel.child_token()));
        let act = Arc::clone(&self.act);
        let (id, lane) = (step.id.clone(), step.lane);
        let task = self.tasks.spawn(async move {
            let deadline = step.deadline;
            let title = step.title.clone();
            let cancel = signals.cancel.clone();
            let work = tokio::time::timeout(deadline, act.act(step, Arc::clone(&signals)));
            tokio::pin!(work);
            let result = tokio::select! {
                result = &mut work => result,
                () = cancel.cancelled() => match tokio::time::timeout(UNWIND, &mut work).await {
                    Ok(result) => result,
                    Err(_) => Ok(Err(Failure::new(FailureKind::Cancelled, format!("{title}: cancelled")))),
                },
            };
            result.unwrap_or_else(|_| Err(too_late(&title, deadline, &signals.last_reason())))
        });
        self.running.insert(task.id(), Running { step: id, lane, since: Instant::now(), task, given_up: None });
    }

    fn runs(&self, id: &str) -> bool {
        self.running.values().any(|running| running.step == id)
    }

    fn take_in(&mut self, joined: Result<(Id, Result<(), Failure>), JoinError>) {
        let (task, result) = match joined {
            Ok(ended) => ended,
            // a panic
            Err(error) => (error.id(), Err(Failure::internal("a step broke down").because(&error))),
        };
        let Some(Running { step: id, since, given_up, .. }) = self.running.remove(&task) else { return };
        let took = since.elapsed();
        self.outcome.times.insert(id.clone(), took);
        match result {
            Ok(()) => {
                self.send(Event::StepDone { id: id.clone(), took });
                self.ends.insert(id.clone(), End::Done);
                self.outcome.done.push(id);
            }
            // whatever it says of its end: it was ended
            Err(_) if given_up.is_some() => {
                self.skip(id, given_up.unwrap_or_default());
            }
            Err(failure) => {
                self.send(Event::StepFailed { id: id.clone(), took, failure: failure.clone() });
                for running in self.running.values_mut().filter(|running| self.plan.falls_with(&running.step, &id)) {
                    running.given_up.get_or_insert_with(|| id.clone());
                    running.task.abort();
                }
                self.ends.insert(id.clone(), End::Failed);
                self.outcome.failed.push((id, failure));
            }
        }
    }

    fn ended(&self, id: &str) -> bool {
        self.ends.contains_key(id)
    }

    /// The failed step because of which `id` will never be done.
    fn root_cause(&self, id: &str) -> Option<String> {
        match self.ends.get(id)? {
            End::Done => None,
            End::Failed => Some(id.to_owned()),
            End::Skipped(because) => Some(because.clone()),
        }
    }

    fn skip(&mut self, id: String, because: String) {
        self.send(Event::StepSkipped { id: id.clone(), because: because.clone() });
        self.ends.insert(id.clone(), End::Skipped(because));
        self.outcome.skipped.push(id);
    }

    fn skip_the_rest(&mut self) {
        let rest: Vec<String> = self.plan.steps().iter().map(|step| step.id.clone()).filter(|id| !self.ended(id)).collect();
        for id in rest {
            self.skip(id, String::new());
        }
    }

    fn send(&self, event: Event) {
        // the reader outlives the run, unless everything is torn down
        let _ = self.events_tx.send(event);
    }
}

fn too_late(title: &str, deadline: Duration, reason: &str) -> Failure {
    let seconds = deadline.as_secs();
    let failure = Failure::step(format!("{title}: not done within {seconds} s"));
    if reason.is_empty() { failure } else { failure.why(format!("it waited for: {reason}")) }
        .hint("`tstack up` again goes on from here; a component's `timeout` in the stack file gives it more time.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::plan::Action;

    /// Acts by the first word of a step's title: `ok`, `fail`, `hang`, `obey`, `panic`.
    #[derive(Default)]
    struct Script {
        order: Mutex<Vec<String>>,
    }

    impl Act for Script {
        fn act(self: Arc<Self>, step: Step, signals: Arc<Signals>) -> BoxFuture<'static, Result<(), Failure>> {
            Box::pin(async move {
                self.order.lock().unwrap().push(step.id.clone());
                match step.title.as_str() {
                    "fail" => Err(Failure::step(format!("{} broke", step.id))),
                    "hang" => {
                        signals.waiting("a thing that never comes");
                        std::future::pending().await
                    }
                    "obey" => {
                        signals.cancel.cancelled().await;
                        Err(Failure::new(FailureKind::Cancelled, "stopped"))
                    }
                    "panic" => panic!("defect"),
                    _ => Ok(()),
                }
            })
        }
    }

    fn step(id: &str, title: &str, needs: &[&str]) -> Step {
        Step::new(id, title, Action::RemoveState).needs(needs.iter().map(|n| (*n).to_owned()))
    }

    async fn outcome(steps: Vec<Step>, cancel: &CancellationToken) -> (Outcome, Vec<Event>) {
        let (events_tx, mut events_rx) = unbounded_channel();
        let outcome = run(&Plan::new(steps).unwrap(), Arc::new(Script::default()), &events_tx, cancel).await;
        drop(events_tx);
        let mut events = Vec::new();
        while let Some(event) = events_rx.recv().await {
            events.push(event);
        }
        (outcome, events)
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_skips_only_what_needs_it_and_names_the_root() {
        let steps = vec![step("a", "fail", &[]), step("b", "ok", &["a"]), step("c", "ok", &["b"]), step("d", "ok", &[])];
        let (outcome, events) = outcome(steps, &CancellationToken::new()).await;
        assert_eq!(outcome.done, ["d"]);
        assert_eq!(outcome.skipped, ["b", "c"]);
        assert_eq!(outcome.failure().unwrap().what, "a broke");
        assert!(events.contains(&Event::StepSkipped { id: "c".into(), because: "a".into() }));
        assert!(matches!(events.last(), Some(Event::PlanFinished { done: 1, failed: 1, skipped: 2, .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_tells_what_was_waited_for() {
        let (outcome, _) = outcome(vec![step("a", "hang", &[]).within(Duration::from_secs(30))], &CancellationToken::new()).await;
        let failure = outcome.failure().unwrap();
        assert_eq!(failure.what, "hang: not done within 30 s");
        assert_eq!(failure.why, ["it waited for: a thing that never comes"]);
        assert_eq!(outcome.took.as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_cancel_nothing_begins_and_what_hangs_is_given_up() {
        let cancel = CancellationToken::new();
        let steps = vec![step("a", "hang", &[]), step("b", "ok", &["a"])];
        let token = cancel.clone();
        let ((outcome, events), ()) = tokio::join!(outcome(steps, &cancel), async move { token.cancel() });
        assert!(outcome.cancelled);
        assert_eq!(outcome.failure().unwrap().kind.exit_code(), 130);
        assert_eq!(outcome.took, UNWIND);
        assert_eq!(events.iter().filter(|e| matches!(e, Event::StepStarted { .. })).count(), 1);
        assert!(events.contains(&Event::StepSkipped { id: "b".into(), because: String::new() }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancel_is_told_before_the_steps_that_it_ends() {
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let ((_, events), ()) = tokio::join!(outcome(vec![step("a", "obey", &[])], &cancel), async move { token.cancel() });
        let wire = |event: &Event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned();
        assert_eq!(events.iter().map(wire).collect::<Vec<_>>(), ["step.started", "plan.cancelling", "step.failed", "plan.finished"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_a_failed_step_still_runs() {
        let steps = vec![step("a", "fail", &[]), step("b", "ok", &[]).after(["a".to_owned()])];
        let (outcome, events) = outcome(steps, &CancellationToken::new()).await;
        assert_eq!(outcome.done, ["b"]);
        let place = |wanted: &Event| events.iter().position(|e| e == wanted).unwrap();
        let failed = events.iter().position(|e| matches!(e, Event::StepFailed { .. })).unwrap();
        assert!(failed < place(&Event::StepStarted { id: "b".into() }));
    }

    #[tokio::test(start_paused = true)]
    async fn steps_of_a_lane_run_one_at_a_time_and_none_waits_for_one_that_cannot_run_yet() {
        let lane = |id: &str, title: &str, needs: &[&str]| step(id, title, needs).within(Duration::from_secs(5)).in_lane("x");
        let steps = vec![step("slow", "hang", &[]).within(Duration::from_secs(7)), step("then", "ok", &[]).after(["slow".into()])];
        let lanes = [lane("a", "ok", &["then"]), lane("b", "hang", &[]), lane("c", "hang", &[])];
        let (outcome, _) = outcome(steps.into_iter().chain(lanes).collect(), &CancellationToken::new()).await;
        assert_eq!(outcome.took.as_secs(), 10, "b and c, one after the other; a between them");
        let failed: Vec<&str> = outcome.failed.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!((failed, outcome.done), (vec!["b", "slow", "c"], vec!["then".to_owned(), "a".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_beside_a_step_begins_with_it_and_falls_with_it() {
        let (cluster, node) =
            (step("cluster", "hang", &[]).within(Duration::from_secs(9)), step("node", "ok", &[]).beside(["cluster".into()]));
        let (load, other) = (step("load", "hang", &["node"]), step("other", "ok", &[]));
        let (outcome, events) = outcome(vec![cluster, node, load, step("more", "ok", &["load"]), other], &CancellationToken::new()).await;
        assert_eq!(outcome.done, ["node", "other"]);
        assert_eq!(outcome.failed.len(), 1, "one cause, told once: {:?}", outcome.failed);
        assert_eq!(outcome.failed[0].0, "cluster");
        assert_eq!(outcome.skipped.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&"load".to_owned(), &"more".to_owned()]));
        assert!(events.contains(&Event::StepSkipped { id: "load".into(), because: "cluster".into() }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_panics_fails_the_run_and_not_the_program() {
        let steps = vec![step("a", "hang", &[]).within(Duration::from_secs(1)), step("b", "panic", &[]), step("c", "ok", &[])];
        let (outcome, _) = outcome(steps, &CancellationToken::new()).await;
        assert_eq!(outcome.done, ["c"]);
        assert_eq!(outcome.failed[0].0, "b", "the step that broke down is named, and no other");
        assert_eq!(outcome.failed[0].1.kind, FailureKind::Internal);
        assert_eq!(outcome.failed[1].0, "a");
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_plan_ends_at_once() {
        let (outcome, events) = outcome(vec![], &CancellationToken::new()).await;
        assert!(outcome.failure().is_none());
        assert_eq!(events.len(), 1);
    }
}
