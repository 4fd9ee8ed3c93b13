//! What `status` shows of a running forwarder.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Route;

/// How long a trouble that was told is not told again.
const QUIET: Duration = Duration::from_mins(1);
/// How many troubles are remembered for that.
const REMEMBERED: usize = 16;

/// Is told what a person may want to read in a log: one line, without a time.
pub use crate::daemon::Log as Observer;

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
    told: Mutex<VecDeque<(Instant, String)>>,
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
            told: Mutex::default(),
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
            last_error: self.told.lock().unwrap_or_else(PoisonError::into_inner).back().map(|(_, text)| text.clone()),
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

    /// Something went wrong, whether or not a client noticed. What was told a short while ago is not told again, so that the
    /// log of a forwarder that waits for days stays short.
    pub(super) fn trouble(&self, why: &str) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.iter().position(|(_, text)| text == why).and_then(|at| told.remove(at));
        let when = match known {
            Some((when, _)) if now.duration_since(when) < QUIET => when,
            _ => {
                (self.observer)(&format!("{}: {why}", self.route.describe()));
                now
            }
        };
        // the newest is the last
        told.push_back((when, why.to_owned()));
        if told.len() > REMEMBERED {
            told.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::fake::route;

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_a_minute_even_when_others_come_between() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let to = log.clone();
        let board = Board::new(vec![route()], Arc::new(move |text: &str| to.lock().unwrap().push(text.to_owned())));
        let line = &board.lines()[0];
        for _ in 0..3 {
            line.trouble("pod a is gone");
            line.trouble("the API server does not answer");
        }
        line.trouble("pod a is gone");
        assert_eq!(log.lock().unwrap().len(), 2);
        assert_eq!(board.routes()[0].last_error.as_deref(), Some("pod a is gone"));
        tokio::time::advance(QUIET).await;
        line.trouble("pod a is gone");
        let told = log.lock().unwrap().last().unwrap().clone();
        assert_eq!(told, "http (127.0.0.1:0 to Service task-api/gateway:80): pod a is gone");
        assert_eq!(log.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_closed_connection_is_counted_but_not_open() {
        let board = Board::new(vec![route()], Arc::new(|_| {}));
        let open = board.lines()[0].opened();
        assert_eq!((board.routes()[0].open, board.routes()[0].total), (1, 1));
        drop(open);
        assert_eq!((board.routes()[0].open, board.routes()[0].total), (0, 1));
    }
}
