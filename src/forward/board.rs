//! What `status` shows of a running forwarder.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Route;

/// Is told what a person may want to read in a log: one line, without a time.
pub type Observer = Arc<dyn Fn(&str) + Send + Sync>;

/// A running forwarder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The daemon's process id, for people; tstack itself ends it through its socket.
    pub pid: u32,
    /// When it began to listen.
    pub since: Timestamp,
    /// What it serves.
    pub routes: Vec<RouteStatus>,
}

/// One route of a running forwarder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
    /// What is served.
    #[serde(flatten)]
    pub route: Route,
    /// The addresses that are listened on: `127.0.0.1:8080`.
    pub listens: Vec<String>,
    /// Pods that serve now.
    pub pods: usize,
    /// Connections that are open now.
    pub open: u64,
    /// Connections since the start.
    pub total: u64,
    /// Connections that a client lost, or never got.
    pub failed: u64,
    /// The newest trouble, whether or not a client noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The counters behind a [`Status`], shared by all tasks of a forwarder.
pub struct Board {
    observer: Observer,
    lines: Vec<Arc<Line>>,
}

/// One route's counters.
pub(super) struct Line {
    pub(super) route: Route,
    observer: Observer,
    pub(super) pods: AtomicUsize,
    open: AtomicU64,
    total: AtomicU64,
    failed: AtomicU64,
    listens: Mutex<Vec<String>>,
    last_error: Mutex<Option<String>>,
}

impl Board {
    /// A board with every count at nought.
    #[must_use]
    pub fn new(routes: Vec<Route>, observer: Observer) -> Self {
        let line = |route| Line {
            route,
            observer: observer.clone(),
            pods: AtomicUsize::new(0),
            open: AtomicU64::new(0),
            total: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            listens: Mutex::default(),
            last_error: Mutex::default(),
        };
        Self { lines: routes.into_iter().map(|r| Arc::new(line(r))).collect(), observer }
    }

    /// The counts of now.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteStatus> {
        self.lines.iter().map(|line| line.status()).collect()
    }

    pub(super) fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    pub(super) fn note(&self, text: &str) {
        (self.observer)(text);
    }
}

impl Line {
    fn status(&self) -> RouteStatus {
        RouteStatus {
            route: self.route.clone(),
            listens: self.listens.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            pods: self.pods.load(Relaxed),
            open: self.open.load(Relaxed),
            total: self.total.load(Relaxed),
            failed: self.failed.load(Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn listens_on(&self, address: std::net::SocketAddr) {
        self.listens.lock().unwrap_or_else(PoisonError::into_inner).push(address.to_string());
    }

    /// Counts a connection as open until the answer is dropped.
    pub(super) fn opened(self: &Arc<Self>) -> impl Drop + Send + use<> {
        struct Open(Arc<Line>);
        impl Drop for Open {
            fn drop(&mut self) {
                self.0.open.fetch_sub(1, Relaxed);
            }
        }
        self.total.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Open(self.clone())
    }

    /// A client lost its connection or never got one.
    pub(super) fn lost(&self, why: &str) {
        self.failed.fetch_add(1, Relaxed);
        self.trouble(why);
    }

    /// Something went wrong, whether or not a client noticed. The same trouble in a row is told once, so that the log of a
    /// forwarder that waits for days stays short.
    pub(super) fn trouble(&self, why: &str) {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_deref() != Some(why) {
            (self.observer)(&format!("{}: {why}", self.route.describe()));
            *last = Some(why.to_owned());
        }
    }
}
