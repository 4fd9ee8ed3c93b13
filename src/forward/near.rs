//! The short way: from this machine straight to a node port, where the node is reached and proven to be the cluster's.
//!
//! Through the API server each connection costs a TLS stream of its own and four copies of each byte. A node of a kind cluster is a
//! container of this machine; where its address can be reached (Linux, engine on this machine), the kernel carries the bytes to a ready pod.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::tunnel::{End, Tunnel};
use crate::world::backoff::Backoff;
use crate::world::kube::client_for_tunnels_at;

/// How long the node's API server may take to say who it is.
const PROOF: Duration = Duration::from_secs(3);
/// How long a connection may take on this machine before the way through the API server is taken.
const NEAR: Duration = Duration::from_millis(500);

/// The node's address, for as long as it is proven.
#[derive(Clone)]
pub(super) struct Near {
    address: watch::Receiver<Option<IpAddr>>,
    _proving: Arc<AbortOnDropHandle<()>>,
}

impl Near {
    /// Begins to look for the node, and goes on until this is dropped.
    pub(super) fn look(client: Client, kubeconfig: PathBuf, identity: String) -> Self {
        let (to, address) = watch::channel(None);
        let proving = tokio::spawn(async move { prove_for_ever(client, &kubeconfig, &identity, &to).await });
        Self { address, _proving: Arc::new(AbortOnDropHandle::new(proving)) }
    }

    /// A connection to a ready pod behind the node port. None where there is no proven node, or it does not accept at once.
    pub(super) async fn dial(&self, node_port: u16) -> Option<Tunnel> {
        let address = (*self.address.borrow())?;
        straight(SocketAddr::from((address, node_port))).await
    }
}

/// A connection without anything between us and the kernel.
async fn straight(to: SocketAddr) -> Option<Tunnel> {
    let stream = timeout(NEAR, TcpStream::connect(to)).await.ok()?.ok()?;
    // small answers are not held back for more
    let _ = stream.set_nodelay(true);
    let (tell, ended) = oneshot::channel();
    let io = Straight { stream, tell: Some(tell) };
    Some(Tunnel { io: Box::new(io), end: Box::pin(async { ended.await.unwrap_or(End::Closed) }), halves: true })
}

/// Keeps `to` at the node's address. The watch tells when the node changes; that it ends tells that the API server went away, and with
/// a node that starts again its address may be another container's.
async fn prove_for_ever(client: Client, kubeconfig: &Path, identity: &str, to: &watch::Sender<Option<IpAddr>>) {
    let nodes = watcher(Api::<Node>::all(client), watcher::Config::default()).backoff(Backoff::new());
    let mut nodes = pin!(nodes);
    while let Some(event) = nodes.next().await {
        match event {
            Ok(watcher::Event::InitApply(node) | watcher::Event::Apply(node)) => {
                let Some(address) = address_of(&node) else { continue };
                if *to.borrow() != Some(address) {
                    let proven = is_it(address, kubeconfig, identity).await.then_some(address);
                    to.send_replace(proven);
                }
            }
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Ok(watcher::Event::Delete(_)) | Err(_) => {
                to.send_replace(None);
            }
        }
    }
}

/// The address under which a node knows itself.
fn address_of(node: &Node) -> Option<IpAddr> {
    let addresses = node.status.as_ref()?.addresses.as_deref()?;
    addresses.iter().find(|one| one.type_ == "InternalIP")?.address.parse().ok()
}

/// Whether the API server of our cluster answers at that address: its certificate is of the cluster's CA, and its identity is ours.
async fn is_it(address: IpAddr, kubeconfig: &Path, identity: &str) -> bool {
    let asked = async {
        let client = client_for_tunnels_at(kubeconfig, SocketAddr::from((address, 6443))).await.ok()?;
        Api::<Namespace>::all(client).get("kube-system").await.ok()?.metadata.uid
    };
    matches!(timeout(PROOF, asked).await, Ok(Some(uid)) if uid == identity)
}

/// A TCP connection that tells how it ended.
struct Straight {
    stream: TcpStream,
    tell: Option<oneshot::Sender<End>>,
}

impl Straight {
    fn ended(&mut self, end: End) {
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(end);
        }
    }
}

impl AsyncRead for Straight {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, buffer));
        match &read {
            Ok(()) if buffer.filled().len() == before => this.ended(End::Closed),
            Ok(()) => {}
            Err(error) => this.ended(End::Broken(error.to_string())),
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Straight {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "near_tests.rs"]
mod tests;
