//! The node while kind makes a cluster of it: it takes images, and its API server answers, long before kind is done.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::Instant;

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::stack::ObjectId;
use crate::world::backoff::Backoff;
use crate::world::engine::{Container, State};
use crate::world::files;
use crate::world::kube::Cluster;

/// Where kubeadm writes the administrator's kubeconfig in the node.
const ADMIN: &str = "/etc/kubernetes/admin.conf";
/// Nobody tells when containerd or an API server begins to answer, and everything else waits for it.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn takes_images(context: &Context, signals: &Signals, deadline: Instant) -> Result<(), Failure> {
    signals.waiting("kind has not started the node yet");
    let node = container(context, deadline).await?;
    signals.waiting("containerd in the node does not answer yet");
    let mut tries = Tries::until(deadline);
    while let Err(failure) = context.engine()?.exec(&node, &["ctr", "version"]).await {
        tries.after(failure).await?;
    }
    Ok(())
}

pub(super) async fn server_answers(context: &Context, signals: &Signals, deadline: Instant) -> Result<(), Failure> {
    let (kind, name) = (context.kind()?, context.kind_cluster()?);
    let node = container(context, deadline).await?;
    signals.waiting("kubeadm has not written its keys yet");
    let mut tries = Tries::until(deadline);
    while let Err(failure) = context.engine()?.exec(&node, &["test", "-s", ADMIN]).await {
        tries.after(failure).await?;
    }
    let path = context.folder.kubeconfig();
    files::write_private(&path, kind.kubeconfig(&name, &signals.cancel).await?.as_bytes())?;
    signals.waiting("the API server does not answer yet");
    let mut tries = Tries::until(deadline);
    let cluster = loop {
        match serves_us(&path).await {
            Ok(cluster) => break cluster,
            Err(failure) => tries.after(failure).await?,
        }
    };
    lead_to_server(context, &node, &cluster).await
}

/// Leads to the API server before kube-proxy does. Pods of a node that has its images at hand run before it: those that do not find the API
/// server end, and the kubelet starts them again only after 10 s, then 20. The rules of kube-proxy come before these ones.
async fn lead_to_server(context: &Context, node: &str, cluster: &Cluster) -> Result<(), Failure> {
    if let Some(address) = service_address(cluster).await? {
        context.engine()?.exec(node, &["/bin/sh", "-c", &way_to_server(address)]).await?;
    }
    Ok(())
}

/// The address under which pods ask for the API server; `None` where it is none of IPv4, as the rule is. Without it all only takes longer.
pub(super) async fn service_address(cluster: &Cluster) -> Result<Option<Ipv4Addr>, Failure> {
    let service = cluster.get(&ObjectId::new("v1", "Service", "default", "kubernetes")).await?;
    Ok(service.and_then(|service| service["spec"]["clusterIP"].as_str()?.parse().ok()))
}

/// The command that makes a node lead to its own API server under that service address.
pub(super) fn way_to_server(address: Ipv4Addr) -> String {
    format!(
        "for chain in PREROUTING OUTPUT; do iptables -w -t nat -A $chain -d {address}/32 -p tcp --dport 443 -j DNAT \
         --to-destination $(cat /kind/old-ipv4):6443; done"
    )
}

/// kubeadm gives the administrator their rights after the server is ready.
async fn serves_us(kubeconfig: &Path) -> Result<Cluster, Failure> {
    let cluster = Cluster::connect(kubeconfig, None).await?;
    cluster.says_ready().await?;
    cluster.identity().await?;
    Ok(cluster)
}

/// The name of the node's container, once it runs.
async fn container(context: &Context, deadline: Instant) -> Result<String, Failure> {
    let (engine, name) = (context.engine()?, context.kind_cluster()?);
    let labels = [(Container::KIND_CLUSTER, name.as_str())];
    // whoever begins to listen first misses no start
    let mut starts = engine.starts(&labels);
    let mut tries = Tries::until(deadline);
    loop {
        if let Some(node) = engine.containers(&labels).await?.into_iter().find(|node| node.state == State::Running) {
            return Ok(node.name);
        }
        match tokio::time::timeout_at(deadline, starts.next()).await {
            Ok(Some(Ok(()))) => {}
            Err(_) => return Err(Failure::step(format!("kind has started no node of {name}"))),
            // an engine that does not tell is asked
            Ok(Some(Err(failure))) => tries.after(failure).await?,
            Ok(None) => tries.after(Failure::step("the engine no longer tells which containers start")).await?,
        }
    }
}

/// Tries until a deadline.
pub(super) struct Tries {
    backoff: Backoff,
    deadline: Instant,
}

impl Tries {
    pub(super) const fn until(deadline: Instant) -> Self {
        Self { backoff: Backoff::up_to(LONGEST_PAUSE), deadline }
    }

    /// Lets a pause go by after a failure; when the deadline has come, that failure.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.backoff.pause_until(self.deadline).await { Ok(()) } else { Err(failure) }
    }
}
