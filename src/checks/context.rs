//! What the checks need of the rest: a view of the cluster, the time, and somebody to tell what is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde_json::Value;

use crate::failure::Failure;
use crate::stack::{ObjectId, ServiceFile};
use crate::world::http::Limits;

/// What the checks read of a cluster.
pub trait ClusterView: Send + Sync {
    /// An object, or `None` where there is none.
    fn get<'a>(&'a self, id: &'a ObjectId) -> BoxFuture<'a, Result<Option<Value>, Failure>>;

    /// A GET to a Service through the API server: the status and the body, whatever the status is.
    fn service_get<'a>(&'a self, service: &'a ServiceFile, path_and_query: &'a str) -> BoxFuture<'a, Result<(u16, String), Failure>>;
}

/// The time, so that tests need not wait for it.
pub trait Clock: Send + Sync {
    /// The time since some fixed instant; it never goes back.
    fn now(&self) -> Duration;

    /// Lets `time` pass. For repeated questions to which the other side gives no event to watch.
    fn pause(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // no event tells when another process' bucket is full or its route is there; the callers bound it
            drop(tokio::time::timeout(time, std::future::pending::<()>()).await);
        })
    }
}

/// Everything a check needs besides its own description.
#[derive(Clone)]
pub struct Context {
    /// The cluster, for the checks that read it.
    pub cluster: Option<Arc<dyn ClusterView>>,
    /// The CA that https and TLS checks trust, as PEM.
    pub ca_pem: Option<String>,
    /// How long a failure that may heal by itself is tried again: about 10 s in `up`, since a fresh route reaches Envoy
    /// a moment after it is accepted; zero in `verify`.
    pub settle: Duration,
    /// Limits of each connection.
    pub limits: Limits,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told what is waited for, each time that changes.
    pub on_wait: Arc<dyn Fn(&str) + Send + Sync>,
    /// Gives what `${unique}` stands for: a text that it never gave before, also not in an earlier run.
    pub unique: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Context {
    /// A context without cluster and CA, which does not try again and tells nobody. Change its fields as needed.
    pub fn new(unique: Arc<dyn Fn() -> String + Send + Sync>) -> Self {
        Self {
            cluster: None,
            ca_pem: None,
            settle: Duration::ZERO,
            limits: Limits::default(),
            clock: Arc::new(SystemClock::default()),
            on_wait: Arc::new(|_| ()),
            unique,
        }
    }
}

/// A source of unique texts: `prefix-1`, `prefix-2`, … The prefix must be new in each run of the program.
pub fn numbered(prefix: impl Into<String>) -> Arc<dyn Fn() -> String + Send + Sync> {
    let (prefix, next) = (prefix.into(), AtomicU64::new(1));
    Arc::new(move || format!("{prefix}-{}", next.fetch_add(1, Ordering::Relaxed)))
}
