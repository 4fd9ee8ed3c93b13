//! The checks of a stack.
//!
//! Purpose: send real requests and judge the answers, so that ready means that a request passed.
//! Reads: the stack's checks, answers from 127.0.0.1 and from the cluster. Writes: load on 127.0.0.1 only, bounded in count and time.
//! Must not: change the cluster, print, or send anything to another host.

mod answers;
mod autoscale;
mod bucket;
mod circuit_breaker;
mod condition;
mod context;
mod explain;
mod fields;
mod http;
mod outcome;
mod promql;
mod rate_limit;
mod request;
mod tls;
mod within;

pub use context::{Clock, ClusterView, Context, SystemClock, numbered};

use crate::event::CheckReport;
use crate::stack::{Check, CheckKind};

/// Runs one check. It never fails itself: what goes wrong is in the report.
///
/// Checks for which [`CheckKind::puts_load`] holds must run alone. The future may be dropped at any time: load ends with it.
pub async fn run(check: &Check, context: &Context) -> CheckReport {
    let started = context.clock.now();
    let outcome = match &check.kind {
        CheckKind::Http(check) => http::run(check, context).await,
        CheckKind::Tls(check) => tls::run(check, context).await,
        CheckKind::RateLimit(check) => rate_limit::run(check, context).await,
        CheckKind::CircuitBreaker(check) => circuit_breaker::run(check, context).await,
        CheckKind::Condition(check) => condition::run(check, context).await,
        CheckKind::Promql(check) => promql::run(check, context).await,
        CheckKind::Autoscale(check) => autoscale::run(check, context).await,
    };
    CheckReport {
        name: check.name.clone(),
        kind: check.kind.word().to_owned(),
        passed: outcome.failure.is_none(),
        expected: outcome.expected,
        seen: outcome.seen,
        took: context.clock.now().saturating_sub(started),
        failure: outcome.failure,
        skipped: None,
    }
}

#[cfg(test)]
mod testing;
