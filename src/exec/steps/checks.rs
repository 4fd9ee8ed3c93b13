//! Runs one check of the stack.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::checks::{self, ClusterView};
use crate::event::CheckReport;
use crate::exec::{Context, Signals};
use crate::failure::{Failure, FailureKind};
use crate::platform::Platform;
use crate::stack::{Check, ObjectId, ServiceFile};
use crate::world::{clock, files};

/// A fresh route reaches the proxy a moment after it is accepted.
const SETTLE: Duration = Duration::from_secs(15);

pub(super) async fn run(context: &Context, name: &str, signals: &Signals) -> Result<(), Failure> {
    let check = context.stack.as_ref().and_then(|stack| stack.checks.iter().find(|check| check.name == name));
    let check = check.ok_or_else(|| Failure::internal(format!("the plan names check `{name}`, which the stack does not have")))?;
    let ca = files::read_if_there(&context.folder.authority_certificate())?;
    let ca = ca.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    run_check(check, context.platform().await?, ca, signals).await
}

/// Tells of a check that is not made.
pub(super) fn skip(name: &str, kind: &str, reason: &str, signals: &Signals) {
    signals.check(CheckReport::skip(name, kind, reason));
}

/// Runs one check, which trusts that CA, against what the stack runs on.
///
/// # Errors
/// When the check does not hold, with what was seen; when the user cancels.
pub async fn run_check(check: &Check, platform: &Platform, ca: Option<String>, signals: &Signals) -> Result<(), Failure> {
    let cluster: Arc<dyn ClusterView> = Arc::new(View(platform.clone()));
    // new in every run, and for every check: no bucket of an earlier run is met again
    let unique = checks::numbered(format!("tstack-{:x}", clock::now().as_nanosecond()));
    let id = &check.name;
    let (reasons_tx, mut reasons_rx) = tokio::sync::mpsc::unbounded_channel::<String>();
    let own = checks::Context {
        cluster: Some(cluster),
        ca_pem: ca,
        settle: SETTLE,
        on_wait: Arc::new(move |reason| drop(reasons_tx.send(reason.to_owned()))),
        ..checks::Context::new(unique)
    };
    let work = checks::run(check, &own);
    tokio::pin!(work);
    let report = loop {
        tokio::select! {
            report = &mut work => break report,
            Some(reason) = reasons_rx.recv() => signals.waiting(reason),
            () = signals.cancel.cancelled() => return Err(Failure::new(FailureKind::Cancelled, format!("check {id}: cancelled"))),
        }
    };
    signals.check(report.clone());
    match report.failure {
        None if report.passed => Ok(()),
        None => Err(Failure::new(FailureKind::Check, format!("check {id}: expected {}, saw {}", report.expected, report.seen))),
        Some(failure) => Err(Failure { kind: FailureKind::Check, ..failure }),
    }
}

/// The platform as checks see it: they read and never write.
struct View(Platform);

impl ClusterView for View {
    fn get<'a>(&'a self, id: &'a ObjectId) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(self.0.get(id))
    }

    fn service_get<'a>(&'a self, service: &'a ServiceFile, path_and_query: &'a str) -> BoxFuture<'a, Result<(u16, String), Failure>> {
        Box::pin(self.0.service_get(service, path_and_query))
    }
}
