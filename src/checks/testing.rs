//! A clock that passes only when somebody waits, a cluster of a few lines, and what was told while waiting.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{Clock, ClusterView, Context, numbered, run};
use crate::event::CheckReport;
use crate::failure::Failure;
use crate::stack::{Check, CheckKind, ObjectId, ServiceFile};

/// Time that passes by `pause`, and where a test says so.
#[derive(Default)]
pub(super) struct TestClock(Mutex<Duration>);

impl TestClock {
    pub(super) fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.pass(time);
        Box::pin(tokio::task::yield_now())
    }
}

/// Everything around a check under test.
pub(super) struct Bench {
    pub(super) clock: Arc<TestClock>,
    pub(super) told: Arc<Mutex<Vec<String>>>,
    pub(super) context: Context,
}

impl Bench {
    pub(super) fn new() -> Self {
        let (clock, told) = (Arc::new(TestClock::default()), Arc::new(Mutex::new(Vec::new())));
        let mut context = Context::new(numbered("t"));
        context.clock = Arc::<TestClock>::clone(&clock);
        let to = Arc::clone(&told);
        context.on_wait = Arc::new(move |reason| to.lock().unwrap().push(reason.to_owned()));
        Self { clock, told, context }
    }

    /// With ten seconds to heal, as `up` gives.
    pub(super) fn settling(mut self) -> Self {
        self.context.settle = Duration::from_secs(10);
        self
    }

    pub(super) fn with_cluster(mut self, cluster: impl ClusterView + 'static) -> Self {
        self.context.cluster = Some(Arc::new(cluster));
        self
    }

    pub(super) async fn run(&self, kind: CheckKind) -> CheckReport {
        run(&Check { name: "the check".into(), deep: false, needs: Vec::new(), kind }, &self.context).await
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

/// The failure of a report that must have one.
pub(super) fn failure(report: &CheckReport) -> &Failure {
    assert!(!report.passed);
    report.failure.as_ref().unwrap()
}

/// All of a failure as one text.
pub(super) fn told_of(report: &CheckReport) -> String {
    let failure = failure(report);
    format!("{}\n{}\n{}", failure.what, failure.why.join("\n"), failure.hints.join("\n"))
}

type Gets = dyn Fn(usize, &ObjectId) -> Result<Option<Value>, Failure> + Send + Sync;
type Asks = dyn Fn(usize, &str) -> Result<(u16, String), Failure> + Send + Sync;

/// A cluster whose answers depend on how often it was asked before.
pub(super) struct Scripted {
    asked: Mutex<usize>,
    get: Box<Gets>,
    ask: Box<Asks>,
}

impl Scripted {
    pub(super) fn objects(get: impl Fn(usize, &ObjectId) -> Result<Option<Value>, Failure> + Send + Sync + 'static) -> Self {
        Self { asked: Mutex::default(), get: Box::new(get), ask: Box::new(|_, _| Err(Failure::internal("no service"))) }
    }

    pub(super) fn service(ask: impl Fn(usize, &str) -> Result<(u16, String), Failure> + Send + Sync + 'static) -> Self {
        Self { asked: Mutex::default(), get: Box::new(|_, _| Ok(None)), ask: Box::new(ask) }
    }

    fn count(&self) -> usize {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        *asked - 1
    }
}

impl ClusterView for Scripted {
    fn get<'a>(&'a self, id: &'a ObjectId) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(std::future::ready((self.get)(self.count(), id)))
    }

    fn service_get<'a>(&'a self, _: &'a ServiceFile, path_and_query: &'a str) -> BoxFuture<'a, Result<(u16, String), Failure>> {
        Box::pin(std::future::ready((self.ask)(self.count(), path_and_query)))
    }
}
