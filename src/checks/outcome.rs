//! How a check ended, and trying again while it may still heal.

use std::time::Duration;

use super::Context;
use crate::failure::{Failure, FailureKind};

/// How one attempt of a check ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) expected: String,
    pub(super) seen: String,
    pub(super) failure: Option<Failure>,
    /// Whether the same attempt may pass a moment later.
    pub(super) transient: bool,
}

impl Outcome {
    pub(super) fn passed(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { expected: expected.into(), seen: seen.into(), failure: None, transient: false }
    }

    pub(super) fn failed(expected: impl Into<String>, seen: impl Into<String>, failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::passed(expected, seen) }
    }

    pub(super) fn transient(self, transient: bool) -> Self {
        Self { transient, ..self }
    }
}

/// A failed check.
pub(super) fn check_failure(what: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Check, what)
}

/// A check that reads the cluster was run without one.
pub(super) fn no_cluster(expected: impl Into<String>) -> Outcome {
    Outcome::failed(expected, "nothing", check_failure("this check reads the cluster, but there is no connection to it"))
}

/// Waits longer each time, up to an end.
pub(super) struct Backoff<'a> {
    context: &'a Context,
    ends: Duration,
    next: Duration,
}

impl<'a> Backoff<'a> {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(1);

    /// One that ends after `limit`, counted from now.
    pub(super) fn new(context: &'a Context, limit: Duration) -> Self {
        Self { context, ends: context.clock.now().saturating_add(limit), next: Self::FIRST }
    }

    /// Tells the reason and waits; `false` where the time is up.
    pub(super) async fn again(&mut self, reason: &str) -> bool {
        let left = self.ends.saturating_sub(self.context.clock.now());
        if left.is_zero() {
            return false;
        }
        (self.context.on_wait)(reason);
        self.context.clock.pause(self.next.min(left)).await;
        self.next = (self.next * 2).min(Self::LONGEST);
        true
    }

    /// [`Backoff::again`] for an attempt that may still heal, with what was seen as the reason.
    pub(super) async fn heals(&mut self, outcome: &Outcome) -> bool {
        match &outcome.failure {
            Some(failure) if outcome.transient => self.again(&failure.what).await,
            _ => false,
        }
    }
}
