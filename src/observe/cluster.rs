//! Which cluster this is, and whether it is ours.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::context::{self, ContextServer};
use crate::failure::Failure;
use crate::plan::{ClusterFact, NodeAccess};
use crate::platform::Platform;
use crate::stack::PortMapping;
use crate::state::{Record, StateFolder, Target, owner};
use crate::supervise::Client;
use crate::world::engine::{Container, Engine, State};
use crate::world::kube::Cluster;
use crate::world::{files, machine, programs};

/// Where kubeadm writes the administrator's kubeconfig in a node.
const ADMIN: &str = "/etc/kubernetes/admin.conf";
/// How long a node may take to give its kubeconfig.
const NODE: Duration = Duration::from_secs(10);

/// What was seen of the cluster itself.
#[derive(Clone, Default)]
pub struct Sight {
    /// Is it there, does it run.
    pub fact: ClusterFact,
    /// Its API server, where it answers.
    pub cluster: Option<Cluster>,
    /// The supervisor, where the stack runs without a cluster and it answers.
    pub supervisor: Option<Client>,
    /// How images get into its nodes.
    pub nodes: NodeAccess,
    /// Host ports that it maps.
    pub ports: Vec<PortMapping>,
    /// The uid of its namespace `kube-system`.
    pub identity: Option<String>,
    /// The word with which its nodes are marked, where tstack made it and the record of that is lost.
    pub adopted: Option<String>,
    /// Why the API server of a cluster that runs was not reached.
    pub trouble: Option<Failure>,
    /// The server of a context that the user named.
    pub server: Option<ContextServer>,
}

impl Sight {
    /// Where the objects live, where it answers.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        let cluster = self.cluster.clone().map(Platform::Cluster);
        cluster.or_else(|| self.supervisor.clone().map(Platform::Host))
    }
}

/// Why nothing can be said of a cluster.
#[derive(Debug)]
pub enum SightError {
    /// There is one of that name, and it is not ours: it is left alone.
    Foreign(Failure),
    /// The engine or the API server does not answer; unknown is not absent.
    Unknown(Failure),
}

impl From<SightError> for Failure {
    fn from(error: SightError) -> Self {
        match error {
            SightError::Foreign(failure) | SightError::Unknown(failure) => failure,
        }
    }
}

/// Looks for the kind cluster of a record, or of that name where there is no record. One whose nodes do not carry our mark is
/// not ours, whatever its name is and however far it is made.
///
/// # Errors
/// When the engine does not answer, and when a cluster of the name is there that is not ours.
pub async fn ours(
    engine: &Engine,
    programs: &OsString,
    folder: &StateFolder,
    name: &str,
    record: Option<&Record>,
) -> Result<Sight, SightError> {
    let nodes = engine.containers(&[(Container::KIND_CLUSTER, name)]).await.map_err(SightError::Unknown)?;
    if nodes.is_empty() {
        return Ok(Sight::default());
    }
    let mut sight = Sight {
        nodes: NodeAccess::Containers(nodes.iter().map(|node| node.name.clone()).collect()),
        ports: ports_of(&nodes),
        identity: record.and_then(|record| record.identity.clone()),
        ..Sight::default()
    };
    let running = nodes.iter().all(|node| node.state == State::Running);
    let forget = "`tstack down --forget` removes what tstack has noted under this name, and leaves that cluster alone.";
    let refused = |failure: Failure| SightError::Foreign(if record.is_some() { failure.hint(forget) } else { failure });
    let word = proven(name, &nodes, folder, &machine::name(), record).map_err(refused)?;
    if record.is_none() {
        sight.adopted = Some(word);
        return lost(engine, programs, folder, (name, &nodes), sight).await;
    }
    if sight.identity.is_none() {
        // it was noted before kind was started, and its end never was
        sight.fact = ClusterFact::HalfMade;
        return Ok(sight);
    }
    if !running {
        sight.fact = resting(&nodes);
        return Ok(sight);
    }
    let mut seen = reach(folder).await;
    if seen.is_err() && renewed(programs, folder, name).await {
        seen = reach(folder).await;
    }
    match seen {
        Ok((_, identity)) if sight.identity.as_ref().is_some_and(|recorded| *recorded != identity) => {
            Err(SightError::Foreign(foreign(name, "the API server behind our kubeconfig is another cluster's (another identity)")))
        }
        Ok((cluster, identity)) => {
            sight.fact = ClusterFact::Running;
            sight.identity = Some(identity);
            sight.cluster = Some(cluster);
            Ok(sight)
        }
        Err(failure) => {
            sight.fact = ClusterFact::Silent;
            sight.trouble = Some(failure);
            Ok(sight)
        }
    }
}

/// The cluster behind our kubeconfig, and its identity.
async fn reach(folder: &StateFolder) -> Result<(Cluster, String), Failure> {
    let cluster = Cluster::connect(&folder.kubeconfig(), None).await?;
    let identity = cluster.identity().await?;
    Ok((cluster, identity))
}

/// A cluster with our mark whose record is lost: how far it is made its node tells.
async fn lost(
    engine: &Engine,
    programs: &OsString,
    folder: &StateFolder,
    (name, nodes): (&str, &[Container]),
    sight: Sight,
) -> Result<Sight, SightError> {
    // kubeadm writes it before anything runs; a stopped node is asked as well
    let begun = engine.download(&nodes[0].id, ADMIN).await.map_err(SightError::Unknown)?.is_some();
    if !begun {
        return Ok(Sight { fact: ClusterFact::HalfMade, ..sight });
    }
    if !nodes.iter().all(|node| node.state == State::Running) {
        return Ok(Sight { fact: resting(nodes), ..sight });
    }
    fetch_kubeconfig(programs, folder, name).await.map_err(SightError::Unknown)?;
    let seen = async {
        let (cluster, identity) = reach(folder).await?;
        // the last thing that kind puts in; what came before it cannot be told from the outside
        let whole = !cluster.list("storage.k8s.io/v1", "StorageClass", None).await?.is_empty();
        Ok::<_, Failure>((cluster, identity, whole))
    };
    Ok(match seen.await {
        Ok((_, _, false)) => Sight { fact: ClusterFact::HalfMade, ..sight },
        Ok((cluster, identity, true)) => Sight { fact: ClusterFact::Running, identity: Some(identity), cluster: Some(cluster), ..sight },
        Err(failure) => Sight { fact: ClusterFact::Silent, trouble: Some(failure), ..sight },
    })
}

/// Whether a kubeconfig that led nowhere was not the one that the node has, and is now. It may have been cut short, or changed by a hand.
async fn renewed(programs: &OsString, folder: &StateFolder, name: &str) -> bool {
    let before = files::read_if_there(&folder.kubeconfig()).ok().flatten();
    // a node that is stopped by a signal answers nothing
    let fetched = timeout(NODE, fetch_kubeconfig(programs, folder, name)).await.is_ok_and(|fetched| fetched.is_ok());
    fetched && files::read_if_there(&folder.kubeconfig()).ok().flatten() != before
}

/// Whether a container of this engine carries the mark of this folder, as a node of the cluster that it would make.
///
/// # Errors
/// When the engine does not answer.
pub async fn marked(engine: &Engine, folder: &StateFolder) -> Result<bool, Failure> {
    let name = format!("tstack-{}", folder.name());
    let nodes = engine.containers(&[(Container::KIND_CLUSTER, &name)]).await?;
    Ok(!nodes.is_empty() && proven(&name, &nodes, folder, &machine::name(), None).is_ok())
}

/// How the nodes of a cluster rest, not all of which run.
fn resting(nodes: &[Container]) -> ClusterFact {
    let awake = |node: &Container| matches!(node.state, State::Running | State::Paused);
    if nodes.iter().all(awake) { ClusterFact::Paused } else { ClusterFact::Stopped }
}

/// The word with which every node is marked, if that proves the cluster ours: the one in the record, or, where the record is
/// lost, one that was made for this folder on this machine.
fn proven(name: &str, nodes: &[Container], folder: &StateFolder, machine: &str, record: Option<&Record>) -> Result<String, Failure> {
    let mut words = nodes.iter().map(|node| node.mounts.iter().find_map(|path| owner::word_of(path)));
    let first = words.next().flatten();
    let Some(word) = first.filter(|_| words.all(|word| word == first)) else {
        return Err(foreign(name, "its nodes do not carry tstack's mark"));
    };
    let ours = match record.map(|record| &record.target) {
        Some(Target::Kind { owner, .. }) => word == owner,
        Some(Target::Context { .. } | Target::Host) => false,
        None => owner::is_of(word, folder, machine),
    };
    if ours {
        Ok(word.to_owned())
    } else {
        Err(foreign(name, "its nodes carry the mark of another tstack: another user, folder or machine"))
    }
}

/// The kubeconfig of a cluster whose record is lost.
async fn fetch_kubeconfig(programs: &OsString, folder: &StateFolder, name: &str) -> Result<(), Failure> {
    let kind = programs::kind(programs).await?;
    let text = kind.kubeconfig(name, &tokio_util::sync::CancellationToken::new()).await?;
    folder.create()?;
    files::write_private(&folder.kubeconfig(), text.as_bytes())
}

/// Looks at a cluster that the user named. One that does not look local is asked nothing, unless `allow_remote` or the record says that the
/// user means it.
///
/// # Errors
/// When it does not look local, when its API server does not answer, and when it is another cluster than the one recorded.
pub async fn named(
    kubeconfig: &Path,
    context: &str,
    record: Option<&Record>,
    engine: Option<&Engine>,
    allow_remote: bool,
) -> Result<Sight, SightError> {
    let forget = "If that cluster is gone, `tstack down --forget` removes what tstack has noted of it.";
    let unknown = |failure: Failure| SightError::Unknown(if record.is_some() { failure.hint(forget) } else { failure });
    let before = record.and_then(|record| record.remote_server.as_deref());
    let server = context::server(kubeconfig, context, engine).await.map_err(unknown)?;
    server
        .permitted(context, allow_remote, before)
        .map_err(|failure| SightError::Foreign(if record.is_some() { failure.hint(forget) } else { failure }))?;
    let cluster = Cluster::connect(kubeconfig, Some(context)).await.map_err(unknown)?;
    let identity = cluster.identity().await.map_err(unknown)?;
    if let Some(recorded) = record.and_then(|r| r.identity.as_ref())
        && *recorded != identity
    {
        return Err(SightError::Foreign(
            Failure::preflight(format!("context `{context}` is another cluster than before"))
                .why(format!("its identity is {identity}, the record of this stack says {recorded}"))
                .hint("Give this stack another --name.")
                .hint(forget),
        ));
    }
    let nodes = node_access(&cluster, engine).await.map_err(unknown)?;
    let (fact, identity) = (ClusterFact::Named, Some(identity));
    Ok(Sight { fact, cluster: Some(cluster), nodes, identity, server: Some(server), ..Sight::default() })
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
        Target::Host => "this machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(mounts: &[String]) -> Container {
        Container { name: "tstack-x-control-plane".into(), mounts: mounts.to_vec(), ..Container::default() }
    }

    fn record(owner: &str) -> Record {
        let target = serde_json::json!({"provider": "kind", "cluster": "tstack-x", "owner": owner, "networkMade": false});
        let record = serde_json::json!({"version": 1, "stack": "x", "source": "x", "target": target, "created": "2026-01-01T00:00:00Z"});
        serde_json::from_value(record).unwrap()
    }

    fn folder() -> StateFolder {
        StateFolder::new("/home/a", "x")
    }

    #[test]
    fn a_half_made_cluster_is_ours_only_by_the_mark_that_the_record_has() {
        let word = owner::new_word(&folder(), "laptop", "1");
        let ours = [node(&["/lib/modules".into(), owner::mark(&word)])];
        assert_eq!(proven("tstack-x", &ours, &folder(), "laptop", Some(&record(&word))).unwrap(), word);
        for foreign in [
            // made by kind's own hand meanwhile
            vec![node(&["/lib/modules".into()])],
            // made by another tstack meanwhile
            vec![node(&[owner::mark(&owner::new_word(&folder(), "laptop", "2"))])],
            // some node of it is not ours
            vec![node(&[owner::mark(&word)]), node(&[])],
        ] {
            let failure = proven("tstack-x", &foreign, &folder(), "laptop", Some(&record(&word))).unwrap_err();
            assert_eq!(failure.what, "there is a kind cluster `tstack-x` that this tstack did not make");
            assert!(failure.hints[0].ends_with("nothing was changed."), "{:?}", failure.hints);
        }
    }

    #[test]
    fn a_cluster_is_paused_only_as_a_whole() {
        let with = |states: &[State]| {
            resting(&states.iter().map(|state| Container { state: state.clone(), ..Container::default() }).collect::<Vec<_>>())
        };
        assert_eq!(with(&[State::Paused]), ClusterFact::Paused);
        assert_eq!(with(&[State::Paused, State::Running]), ClusterFact::Paused);
        assert_eq!(with(&[State::Paused, State::Exited]), ClusterFact::Stopped);
        assert_eq!(with(&[State::Created]), ClusterFact::Stopped);
    }

    #[test]
    fn without_a_record_only_a_cluster_of_this_folder_is_taken_up() {
        let word = owner::new_word(&folder(), "laptop", "1");
        let nodes = [node(&[owner::mark(&word)])];
        assert_eq!(proven("tstack-x", &nodes, &folder(), "laptop", None).unwrap(), word);
        let failure = proven("tstack-x", &nodes, &StateFolder::new("/home/b", "x"), "laptop", None).unwrap_err();
        assert_eq!(failure.why, ["its nodes carry the mark of another tstack: another user, folder or machine"]);
    }

    #[test]
    fn a_record_of_a_named_cluster_proves_no_kind_cluster() {
        let mut record = record("w");
        record.target = Target::Context { kubeconfig: "/k".into(), context: "c".into() };
        assert!(proven("tstack-x", &[node(&[owner::mark("w")])], &folder(), "laptop", Some(&record)).is_err());
    }
}
