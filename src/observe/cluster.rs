//! Which cluster this is, and whether it is ours.

use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::plan::{ClusterFact, NODE_OWNER_LABEL, NodeAccess, OWNER_LABEL};
use crate::stack::PortMapping;
use crate::state::{Record, StateFolder, Target};
use crate::world::engine::{Container, Engine, State};
use crate::world::files;
use crate::world::kind::Kind;
use crate::world::kube::Cluster;

/// What was seen of the cluster itself.
#[derive(Clone, Default)]
pub struct Sight {
    /// Is it there, does it run.
    pub fact: ClusterFact,
    /// Its API server, where it answers.
    pub cluster: Option<Cluster>,
    /// How images get into its nodes.
    pub nodes: NodeAccess,
    /// Host ports that it maps.
    pub ports: Vec<PortMapping>,
    /// The uid of its namespace `kube-system`.
    pub identity: Option<String>,
    /// The owner word in its node's label, where tstack made it and the record of that is lost.
    pub adopted: Option<String>,
}

/// Why a cluster was not looked at further.
pub type SightError = Failure;

/// Looks for the kind cluster of a record, or of that name where there is no record.
///
/// # Errors
/// When the engine does not answer (unknown is not absent), and when a cluster of the name is there that is not ours.
pub async fn ours(
    engine: &Engine,
    kind: Option<&Kind>,
    folder: &StateFolder,
    name: &str,
    record: Option<&Record>,
) -> Result<Sight, SightError> {
    let nodes = engine.containers(&[(Container::KIND_CLUSTER, name)]).await?;
    if nodes.is_empty() {
        return Ok(Sight::default());
    }
    let mut sight = Sight {
        nodes: NodeAccess::Containers(nodes.iter().map(|node| node.name.clone()).collect()),
        ports: ports_of(&nodes),
        ..Sight::default()
    };
    let running = nodes.iter().all(|node| node.state == State::Running);
    match record {
        // it was noted before kind was started, and its end never was
        Some(record) if record.identity.is_none() => sight.fact = ClusterFact::HalfMade,
        Some(record) => {
            sight.identity.clone_from(&record.identity);
            if !running {
                sight.fact = ClusterFact::Stopped;
                return Ok(sight);
            }
            let cluster = Cluster::connect(&folder.kubeconfig(), None).await?;
            let identity = cluster.identity().await?;
            if record.identity.as_ref() != Some(&identity) {
                return Err(foreign(name, "it is another cluster than the one that this tstack made (another identity)"));
            }
            sight.fact = ClusterFact::Running;
            sight.cluster = Some(cluster);
        }
        None => adopt(kind, folder, name, running, &mut sight).await?,
    }
    Ok(sight)
}

/// A cluster of the name without a record: ours only if its node says so.
async fn adopt(kind: Option<&Kind>, folder: &StateFolder, name: &str, running: bool, sight: &mut Sight) -> Result<(), Failure> {
    if !running {
        return Err(foreign(name, "it does not run, and there is no record of who made it"));
    }
    let kind = kind.ok_or_else(|| foreign(name, "there is no record of who made it"))?;
    let text = kind.kubeconfig(name, &tokio_util::sync::CancellationToken::new()).await?;
    folder.create()?;
    files::write_private(&folder.kubeconfig(), text.as_bytes())?;
    let cluster = Cluster::connect(&folder.kubeconfig(), None).await?;
    let nodes = cluster.list("v1", "Node", None).await?;
    let label = |key: &str| nodes.iter().find_map(|node| node["metadata"]["labels"][key].as_str());
    match (label(OWNER_LABEL), label(NODE_OWNER_LABEL)) {
        (Some(owner), Some(word)) if owner == folder.name() => {
            sight.adopted = Some(word.to_owned());
            sight.identity = Some(cluster.identity().await?);
            sight.fact = ClusterFact::Running;
            sight.cluster = Some(cluster);
            Ok(())
        }
        _ => {
            folder.remove()?;
            Err(foreign(name, "its node does not carry tstack's label"))
        }
    }
}

/// Looks at a cluster that the user named.
///
/// # Errors
/// When its API server does not answer, and when it is another cluster than the one recorded.
pub async fn named(kubeconfig: &Path, context: &str, record: Option<&Record>, engine: Option<&Engine>) -> Result<Sight, SightError> {
    let cluster = Cluster::connect(kubeconfig, Some(context)).await?;
    let identity = cluster.identity().await?;
    if let Some(recorded) = record.and_then(|r| r.identity.as_ref())
        && *recorded != identity
    {
        return Err(Failure::preflight(format!("context `{context}` is another cluster than before"))
            .why(format!("its identity is {identity}, the record of this stack says {recorded}"))
            .hint("Give this stack another --name, or remove the old record with `tstack down --forget`."));
    }
    let nodes = node_access(&cluster, engine).await?;
    Ok(Sight { fact: ClusterFact::Named, cluster: Some(cluster), nodes, ports: Vec::new(), identity: Some(identity), adopted: None })
}

/// How images get into the nodes of a named cluster: only nodes that really are containers of this engine take them.
async fn node_access(cluster: &Cluster, engine: Option<&Engine>) -> Result<NodeAccess, Failure> {
    let Some(engine) = engine else { return Ok(NodeAccess::None) };
    let nodes = cluster.list("v1", "Node", None).await?;
    let mut containers = Vec::new();
    for node in &nodes {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        match kind_cluster_of(node) {
            // kind writes kind://docker/<cluster>/<node container>
            Some(kind_cluster) => {
                let there = engine.containers(&[(Container::KIND_CLUSTER, kind_cluster)]).await?;
                if let Some(container) = there.iter().find(|c| c.name == name) {
                    containers.push(container.name.clone());
                }
            }
            None if name == "docker-desktop" => return Ok(NodeAccess::Engine),
            None => {}
        }
    }
    Ok(if !nodes.is_empty() && containers.len() == nodes.len() { NodeAccess::Containers(containers) } else { NodeAccess::None })
}

fn kind_cluster_of(node: &Value) -> Option<&str> {
    node["spec"]["providerID"].as_str()?.strip_prefix("kind://docker/")?.split('/').next()
}

fn ports_of(nodes: &[Container]) -> Vec<PortMapping> {
    let mapped = nodes.iter().flat_map(|node| &node.ports);
    let mut ports: Vec<PortMapping> = mapped
        .filter(|port| (30000..=32767).contains(&port.container_port))
        .map(|port| PortMapping { host: port.host_port, node: port.container_port })
        .collect();
    ports.sort();
    ports.dedup();
    ports
}

fn foreign(name: &str, why: &str) -> Failure {
    Failure::preflight(format!("there is a kind cluster `{name}` that this tstack did not make"))
        .why(why)
        .hint("Choose another name with --name; nothing was changed.")
        .hint(format!("If it is no longer needed, `kind delete cluster --name {name}` removes it."))
}

/// What the record says of where the cluster is; for messages.
#[must_use]
pub fn target_name(target: &Target) -> &str {
    match target {
        Target::Kind { cluster, .. } => cluster,
        Target::Context { context, .. } => context,
    }
}
