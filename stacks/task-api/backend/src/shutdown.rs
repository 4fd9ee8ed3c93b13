//! Going away gracefully: no new connections, not ready, what is in flight still finishes.

use std::future::pending;
use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::Shared;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Closed,
}

/// Whether the process is going away, and how many requests it has to finish.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    in_flight: watch::Sender<usize>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), in_flight: watch::Sender::new(0) }
    }
}

impl Drain {
    /// Starts draining: from here on the process is not ready.
    pub fn begin(&self) {
        self.phase.send_modify(|phase| *phase = Phase::Draining.max(*phase));
    }

    /// Whether draining has started.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        *self.in_flight.borrow()
    }

    /// Waits until draining has started.
    pub async fn begun(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until connections are refused.
    pub async fn closed(&self) {
        self.reached(Phase::Closed).await;
    }

    /// Waits until connections are refused and no request is in flight any more.
    pub async fn idle(&self) {
        self.closed().await;
        // The sender lives in self, so waiting cannot fail.
        let _ = self.in_flight.subscribe().wait_for(|count| *count == 0).await;
    }

    async fn reached(&self, least: Phase) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase >= least).await;
    }
}

/// Middleware: keeps count of requests, and asks clients to leave while draining.
pub async fn track(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let _counted = Counted::enter(&app.drain.in_flight);
    let mut response = next.run(request).await;
    if app.drain.is_draining() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// One request in flight, however it ends.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn enter(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A listener that closes its socket as soon as draining starts, while the connections it
/// has accepted live on.
pub struct Gate {
    listener: Option<TcpListener>,
    address: SocketAddr,
    app: Shared,
}

impl Gate {
    /// Guards `listener`.
    ///
    /// # Errors
    /// When the listener's own address cannot be read.
    pub fn new(listener: TcpListener, app: Shared) -> std::io::Result<Self> {
        Ok(Self { address: listener.local_addr()?, listener: Some(listener), app })
    }
}

impl Listener for Gate {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                biased;
                () = self.app.drain.begun() => {}
                accepted = Listener::accept(listener) => {
                    // Small answers should leave at once; without it they are merely slower.
                    let _ = accepted.0.set_nodelay(true);
                    return accepted;
                }
            }
            self.listener = None;
            self.app.drain.phase.send_replace(Phase::Closed);
        }
        pending().await
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}
