//! One connection to one pod: a port-forward of the API server.

use std::sync::Arc;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::Portforwarder;
use kube::{Api, Client};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};

use super::endpoints::{Snapshot, Target};
use super::follow;
use super::near::Near;
use crate::failure::chain;
use crate::stack::ServiceFile;

/// What bytes go through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection to a pod. The pod's own accept may still be to come: see [`End::Refused`].
pub(super) struct Tunnel {
    /// The bytes.
    pub(super) io: Box<dyn Stream>,
    /// Resolves once the tunnel cannot be used any more.
    pub(super) end: BoxFuture<'static, End>,
    /// Its sending half can be closed alone, as TCP's can.
    pub(super) halves: bool,
}

/// How a tunnel ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In order, by either side.
    Closed,
    /// The node never connected to the pod's port, so no byte of the client's reached a program.
    Refused(String),
    /// Something between us and the pod gave way; what was sent may or may not have arrived.
    Broken(String),
}

/// Where pods are found and reached; the tests put their own in its place.
pub(super) trait Upstream: Clone + Send + Sync + 'static {
    /// Keeps `to` at the pods behind the service, for ever; asks anew at once when `doubt` is notified.
    fn follow(&self, service: ServiceFile, to: watch::Sender<Snapshot>, doubt: Arc<Notify>) -> impl Future<Output = ()> + Send;
    /// Opens a tunnel to a pod; by the Service's node port, where that way is open, to any of them.
    fn dial(&self, namespace: &str, target: &Target, node_port: Option<u16>) -> impl Future<Output = Result<Tunnel, String>> + Send;
    /// The cluster's identity.
    fn identity(&self) -> impl Future<Output = Result<String, String>> + Send;
}

/// A real cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) client: Client,
    /// The way past the API server.
    pub(super) near: Option<Near>,
}

impl Upstream for Cluster {
    async fn follow(&self, service: ServiceFile, to: watch::Sender<Snapshot>, doubt: Arc<Notify>) {
        follow::follow(self.client.clone(), service, to, doubt).await;
    }

    async fn dial(&self, namespace: &str, target: &Target, node_port: Option<u16>) -> Result<Tunnel, String> {
        if let (Some(near), Some(port)) = (&self.near, node_port)
            && let Some(tunnel) = near.dial(port).await
        {
            return Ok(tunnel);
        }
        let pods = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let mut forwarder = pods.portforward(&target.pod, &[target.port]).await.map_err(|e| explain(&e))?;
        let (Some(io), Some(error)) = (forwarder.take_stream(target.port), forwarder.take_error(target.port)) else {
            return Err("the port-forward has no stream".into());
        };
        let mut forwarder = Abort(Some(forwarder));
        let end = async move {
            if let Some(text) = error.await {
                return reported(text);
            }
            match forwarder.0.take() {
                Some(forwarder) => joined(forwarder.join().await),
                None => End::Closed,
            }
        };
        Ok(Tunnel { io: Box::new(io), end: Box::pin(end), halves: false })
    }

    async fn identity(&self) -> Result<String, String> {
        let namespace = Api::<Namespace>::all(self.client.clone()).get("kube-system").await.map_err(|e| explain(&e))?;
        namespace.metadata.uid.ok_or_else(|| "the namespace kube-system has no uid".into())
    }
}

/// A port-forward whose task ends with it: dropped alone, it would wait for an answer that a dead connection never gives.
struct Abort(Option<Portforwarder>);

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(forwarder) = &self.0 {
            forwarder.abort();
        }
    }
}

/// What the node's container runtime reported. Only texts that say that no connection was made count as a refusal
/// (containerd and CRI-O both wrap Go's `dial tcp … connect: connection refused`); all others leave open what arrived.
fn reported(text: String) -> End {
    const NEVER_CONNECTED: [&str; 6] = [
        "failed to connect to",
        "connect: connection refused",
        "failed to dial",
        "network namespace",
        "sandbox is not running",
        "not found",
    ];
    if NEVER_CONNECTED.iter().any(|part| text.contains(part)) && !text.contains("read tcp") && !text.contains("write tcp") {
        End::Refused(text)
    } else {
        End::Broken(text)
    }
}

/// What the port-forward's task ended with. kube-rs does not export the error's type, so its text has to tell.
fn joined<E: std::error::Error + 'static>(result: Result<(), E>) -> End {
    match result {
        Ok(()) => End::Closed,
        // the far side closed first, in order, and our own close frame came too late
        Err(e) if e.to_string().starts_with("failed to send a WebSocket message") && !caused_by_io(&e) => End::Closed,
        Err(e) => End::Broken(chain(&e)),
    }
}

fn caused_by_io(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source()).any(<dyn std::error::Error>::is::<std::io::Error>)
}

/// The API server's own words where it spoke; the chain of causes where it did not.
pub(super) fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let spoken = std::iter::successors(Some(error), |e| e.source()).find_map(|e| match e.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some(format!("{} ({})", status.message, status.code)),
        _ => None,
    });
    spoken.unwrap_or_else(|| chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_nobody_listens_on_is_a_refusal() {
        let text = "error forwarding port 81 to pod 6f2c, uid : failed to execute portforward in network namespace \"/var/run/netns/cni-1\": \
                    failed to connect to localhost:81 inside namespace \"6f2c\", IPv4: dial tcp4 127.0.0.1:81: connect: connection refused";
        assert_eq!(reported(text.into()), End::Refused(text.into()));
    }

    #[test]
    fn a_reset_after_the_connect_leaves_open_what_arrived() {
        let text = "error forwarding port 80 to pod 6f2c, uid : failed to execute portforward in network namespace \"/var/run/netns/cni-1\": \
                    read tcp4 127.0.0.1:51234->127.0.0.1:80: read: connection reset by peer";
        assert_eq!(reported(text.into()), End::Broken(text.into()));
    }

    #[test]
    fn the_api_servers_own_words_are_told() {
        let status = kube::core::Status::failure("pods \"a\" not found", "NotFound").with_code(404).boxed();
        assert_eq!(explain(&kube::Error::Api(status)), "pods \"a\" not found (404)");
    }
}
