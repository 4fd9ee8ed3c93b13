//! Listens, and gives each connection a pod.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::board::{Board, Line, Observer};
use super::carry::{Carried, Held, carry};
use super::endpoints::{Pool, Snapshot};
use super::search::{Search, Shared};
use super::tunnel::{Cluster, Upstream};
use super::{Route, board};
use crate::failure::Failure;
use crate::world::backoff::Backoff;

/// Connections of all routes that are open at once; more wait in the kernel's queue. Each takes two file descriptors.
const CONNECTIONS: usize = 512;

/// Routes that are served by this process, until this is dropped; open connections end with it.
pub struct Served {
    board: Arc<Board>,
    _task: AbortOnDropHandle<()>,
}

impl Served {
    /// The port on 127.0.0.1 at which the route of that name is reached.
    #[must_use]
    pub fn port(&self, route: &str) -> Option<u16> {
        let found = self.board.routes().into_iter().find(|status| status.route.name == route)?;
        found.listens.first()?.parse::<SocketAddr>().ok().map(|address| address.port())
    }

    /// What went wrong last on any route, for the one whose request got no answer.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.board.routes().into_iter().find_map(|status| status.last_error)
    }
}

/// Serves routes from this process, as the daemon does. Every port is bound when this returns; port 0 takes a free one.
///
/// # Errors
/// When a port cannot be bound; the message names it.
pub async fn serve(cluster: kube::Client, routes: Vec<Route>, observer: Observer) -> Result<Served, Failure> {
    let board = Arc::new(Board::new(routes, observer));
    let bound = bind(&board).await?;
    // dropped with its task, and all connections with it
    let task = tokio::spawn(run(Cluster { client: cluster, near: None }, bound, CancellationToken::new()));
    Ok(Served { board, _task: AbortOnDropHandle::new(task) })
}

/// A route and a socket that listens for it.
pub(super) type Bound = Vec<(Arc<Line>, Vec<TcpListener>)>;

/// Binds each route's port on 127.0.0.1, and on `::1` where the machine has it.
pub(super) async fn bind(board: &Board) -> Result<Bound, Failure> {
    let mut bound = Vec::new();
    for line in board.lines() {
        let busy = |address: SocketAddr, error: &io::Error| cannot_listen(&line.route, address, error);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, line.route.host));
        let v4 = TcpListener::bind(address).await.map_err(|e| busy(address, &e))?;
        let port = v4.local_addr().map_err(|e| busy(address, &e))?.port();
        let mut listeners = vec![v4];
        // many programs try ::1 first for `localhost`: if another program has it there, they would reach that one
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        match TcpListener::bind(address).await {
            Ok(v6) => listeners.push(v6),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => return Err(busy(address, &e)),
            // the machine has no IPv6
            Err(_) => {}
        }
        listeners.iter().filter_map(|l| l.local_addr().ok()).for_each(|a| line.listens_on(a));
        bound.push((line.clone(), listeners));
    }
    Ok(bound)
}

fn cannot_listen(route: &Route, address: SocketAddr, error: &io::Error) -> Failure {
    let failure = Failure::preflight(format!("cannot listen on {address} for {}", route.describe())).because(error);
    match error.kind() {
        io::ErrorKind::AddrInUse => failure.hint(format!("End the program that holds port {}, or choose another port.", address.port())),
        io::ErrorKind::PermissionDenied => failure.hint("Choose a port above 1023."),
        _ => failure,
    }
}

/// Serves what was bound until cancelled; then everything ends at once, open connections too.
pub(super) async fn run<U: Upstream>(upstream: U, bound: Bound, cancel: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    for (line, listeners) in bound {
        let (to, pods) = watch::channel(Snapshot { problem: Some("the API server has not answered yet".into()), ..Snapshot::default() });
        let doubt = Arc::new(Notify::new());
        let (up, service, asked) = (upstream.clone(), line.route.service.clone(), doubt.clone());
        tasks.spawn(async move { up.follow(service, to, asked).await });
        tasks.spawn(tell(line.clone(), pods.clone()));
        let shared = Arc::new(Shared { upstream: upstream.clone(), line, pods, doubt, pool: Mutex::new(Pool::default()) });
        for listener in listeners {
            tasks.spawn(accept(listener, shared.clone(), room.clone()));
        }
    }
    cancel.cancelled().await;
    tasks.shutdown().await;
}

/// Puts what the watch finds on the board.
async fn tell(line: Arc<board::Line>, mut pods: watch::Receiver<Snapshot>) {
    while pods.changed().await.is_ok() {
        let snapshot = pods.borrow_and_update().clone();
        line.pods.store(snapshot.pods.len(), Relaxed);
        if let Some(problem) = snapshot.problem {
            line.trouble(&problem);
        }
    }
}

async fn accept<U: Upstream>(listener: TcpListener, shared: Arc<Shared<U>>, room: Arc<Semaphore>) {
    let mut connections = JoinSet::new();
    let mut backoff = Backoff::new();
    while let Ok(place) = room.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((client, _)) => {
                backoff = Backoff::new();
                let shared = shared.clone();
                connections.spawn(async move {
                    connection(client, &shared).await;
                    drop(place);
                });
            }
            // out of file descriptors, or the client left already: nothing announces that the next accept will do
            Err(error) => {
                shared.line.trouble(&format!("cannot take a connection: {error}"));
                backoff.pause().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<U: Upstream>(mut client: TcpStream, shared: &Shared<U>) {
    let _open = shared.line.opened();
    // small requests and answers must not wait for each other's acknowledgements
    let _ = client.set_nodelay(true);
    let (mut held, mut search) = (Held::default(), Search::new());
    let why = loop {
        let (target, tunnel) = match search.next(shared).await {
            Ok(found) => found,
            Err(why) => break why,
        };
        match carry(&mut client, tunnel, &mut held).await {
            Carried::Done => return shared.pool.lock().unwrap_or_else(PoisonError::into_inner).worked(&target),
            Carried::Retry(end) => search.ended(shared, target, end),
            Carried::Cut(why) => break format!("pod {} port {}: {why}", target.pod, target.port),
        }
    };
    shared.line.lost(&why);
    // a reset, so that no client takes a cut answer for a whole one
    let _ = client.set_zero_linger();
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
