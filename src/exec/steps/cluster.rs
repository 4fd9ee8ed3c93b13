//! The cluster itself: made, started, deleted.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::node::Tries;
use super::{network, snapshot};
use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::plan::{NODE_OWNER_LABEL, OWNER_LABEL};
use crate::stack::{ImageRef, PortMapping};
use crate::state::{Target, owner};
use crate::world::backoff::Backoff;
use crate::world::engine::{Container, Engine, Info, NodeTemplate, State};
use crate::world::kind::{NewCluster, control_plane_patches};
use crate::world::kube::{Cluster, says_where};
use crate::world::{files, machine, programs};

/// How long an engine may take to let go of a container that it was about to start.
const GONE: Duration = Duration::from_secs(40);

/// How long a node may take to end by itself; its etcd is written so that it survives being killed.
const GRACE_SECONDS: i32 = 20;

pub(super) async fn create(context: &Context, image: &ImageRef, ports: &[PortMapping], signals: &Signals) -> Result<(), Failure> {
    let (kind, name) = (context.kind()?, context.kind_cluster()?);
    let engine = context.engine()?;
    let kubeconfig = context.folder.kubeconfig_of_kind();
    let word = begin(context, engine, None, signals).await?;
    let info = engine.info().await?;
    let ports: Vec<(u16, u16)> = ports.iter().map(|port| (port.host, port.node)).collect();
    let labels = [(OWNER_LABEL, context.folder.name()), (NODE_OWNER_LABEL, word.as_str())];
    let image = image.to_string();
    let mark = owner::mark(&word);
    let patches = patches(context, &info)?;
    let new = NewCluster {
        name: &name,
        image: &image,
        ports: &ports,
        labels: &labels,
        mark: &mark,
        patches: patches.as_deref(),
        cgroup_v1: info.cgroup_version == 1,
    };
    let say = |line: &str| signals.waiting(kind_line(line));
    if let Err(failure) = kind.create(&new, &kubeconfig, &signals.cancel, &say).await {
        if signals.cancel.is_cancelled() || !remove_late_nodes(engine, &name, &mark).await? {
            return Err(failure);
        }
        signals.note("a run that was ended had asked the engine for a node, which was made only now; it is removed");
        kind.create(&new, &kubeconfig, &signals.cancel, &say).await?;
    }
    // the same as what stands there since the API server answers
    files::move_over(&kubeconfig, &context.folder.kubeconfig())?;
    let identity = context.cluster().await?.identity().await?;
    context.note(|record| record.identity = Some(identity))
}

/// Removes nodes of ours that stand in the way of a cluster that is being made; whether there were any. Whoever ends kind cannot take back
/// what it has asked the engine for. Where kind itself fails it removes its nodes, so none of this run is among them.
async fn remove_late_nodes(engine: &Engine, cluster: &str, mark: &str) -> Result<bool, Failure> {
    let nodes = engine.containers(&[(Container::KIND_CLUSTER, cluster)]).await?;
    if nodes.is_empty() || !nodes.iter().all(|node| is_marked(node, mark)) {
        return Ok(false);
    }
    until_gone(engine, cluster, mark).await?;
    Ok(true)
}

/// Removes the nodes with that mark until the engine shows none: one that it is about to start, or to remove, is there a little longer.
async fn until_gone(engine: &Engine, cluster: &str, mark: &str) -> Result<(), Failure> {
    let (deadline, mut backoff) = (Instant::now() + GONE, Backoff::new());
    loop {
        let mut nodes = engine.containers(&[(Container::KIND_CLUSTER, cluster)]).await?;
        nodes.retain(|node| is_marked(node, mark));
        if nodes.is_empty() {
            return Ok(());
        }
        let mut refused = None;
        for node in nodes {
            refused = engine.remove_container(&node.id).await.err().or(refused);
        }
        if !backoff.pause_until(deadline).await {
            return Err(refused.unwrap_or_else(|| Failure::step(format!("the engine does not let go of the node of `{cluster}`"))));
        }
    }
}

fn is_marked(node: &Container, mark: &str) -> bool {
    node.mounts.iter().any(|path| path == mark)
}

/// Writes the patches of the control plane. An engine in a machine of its own may refuse to mount a folder that it does not share, or
/// finds nothing there: none are given where that is known, and an empty folder is no error of kubeadm's.
fn patches(context: &Context, engine: &Info) -> Result<Option<PathBuf>, Failure> {
    if machine::engine_disk(engine).is_none() {
        return Ok(None);
    }
    let folder = context.folder.kubeadm_patches();
    files::make_private_dir(&folder)?;
    for (file, content) in control_plane_patches(engine.memory) {
        files::write_private(&folder.join(file), content.as_bytes())?;
    }
    Ok(Some(folder))
}

/// Notes what is about to be made, before anything is: a crash from here on leaves a cluster that is known to be ours and half made.
/// Sees to the network, too, made as it was for a saved node where there is one. Gives the word that marks the node as ours.
pub(super) async fn begin(context: &Context, engine: &Engine, like: Option<&NodeTemplate>, signals: &Signals) -> Result<String, Failure> {
    let mut word = String::new();
    let note = |network_there: bool| {
        context.note(|record| {
            record.identity = None;
            record.made.clear();
            record.verified = None;
            if let Target::Kind { owner, network_made, .. } = &mut record.target {
                *network_made |= !network_there;
                word.clone_from(owner);
            }
        })
    };
    network::ensure(context, engine, like, note, signals).await?;
    Ok(word)
}

pub(super) async fn start(context: &Context, signals: &Signals, deadline: Instant) -> Result<(), Failure> {
    let name = context.kind_cluster()?;
    let engine = context.engine()?;
    for node in engine.containers(&[(Container::KIND_CLUSTER, &name)]).await? {
        match node.state {
            State::Paused => engine.unpause(&node.id).await?,
            _ => engine.start(&node.id).await?,
        }
    }
    let kubeconfig = context.folder.kubeconfig();
    if !says_where(&kubeconfig).await {
        // cut short, or gone with the record: the node has it too
        context.folder.create()?;
        let kind = programs::kind(&context.engines.places.search).await?;
        files::write_private(&kubeconfig, kind.kubeconfig(&name, &signals.cancel).await?.as_bytes())?;
    }
    answers(context, signals, deadline).await
}

/// Waits until the API server of a node that was started answers: the engine knows when the container runs, nobody tells more.
pub(super) async fn answers(context: &Context, signals: &Signals, deadline: Instant) -> Result<(), Failure> {
    let mut tries = Tries::until(deadline);
    while let Err(failure) = Cluster::connect(&context.folder.kubeconfig(), None).await {
        signals.waiting(format!("the API server does not answer yet: {}", failure.what));
        tries.after(failure).await?;
    }
    context.cluster().await.map(|_| ())
}

/// Freezes the nodes, or stops them so that their memory is given back.
pub(super) async fn pause(context: &Context, release_memory: bool, signals: &Signals) -> Result<(), Failure> {
    let name = context.kind_cluster()?;
    let engine = context.engine()?;
    for node in engine.containers(&[(Container::KIND_CLUSTER, &name)]).await? {
        match (node.state, release_memory) {
            (State::Running, false) => engine.pause(&node.id).await?,
            (State::Paused, true) => {
                // what is frozen cannot end
                engine.unpause(&node.id).await?;
                stop(engine, &node.id, signals).await?;
            }
            (_, true) => stop(engine, &node.id, signals).await?,
            (_, false) => {}
        }
    }
    Ok(())
}

async fn stop(engine: &Engine, node: &str, signals: &Signals) -> Result<(), Failure> {
    signals.waiting(format!("the node ends its processes, for {GRACE_SECONDS} s at most"));
    engine.stop(node, GRACE_SECONDS).await
}

pub(super) async fn delete(context: &Context, signals: &Signals) -> Result<(), Failure> {
    let (kind, name) = (context.kind()?, context.kind_cluster()?);
    // a save that was killed left one
    snapshot::clear(context.engine()?, context).await?;
    let kubeconfig = context.folder.kubeconfig();
    if !says_where(&kubeconfig).await {
        // kind would delete the cluster and then fail, since it finds no entry to take out of a file that was cut short
        files::remove_if_there(&kubeconfig)?;
    }
    let deleted = kind.delete(&name, &kubeconfig, &signals.cancel).await.map(drop);
    if signals.cancel.is_cancelled() {
        return deleted;
    }
    // an engine that is still starting the node may refuse once: it is asked again, and all that kind does more is to its kubeconfig, which is ours
    match context.record().target {
        Target::Kind { owner, .. } => until_gone(context.engine()?, &name, &owner::mark(&owner)).await?,
        Target::Context { .. } | Target::Host => deleted?,
    }
    context.forget(|record| {
        record.identity = None;
        record.made.clear();
    });
    Ok(())
}

/// kind's progress lines carry bullets and pictures.
fn kind_line(line: &str) -> String {
    line.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '"' && c != ')').trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_kind_lose_their_pictures() {
        assert_eq!(kind_line(" • Preparing nodes 📦   ..."), "Preparing nodes");
        assert_eq!(kind_line(" ✓ Starting control-plane 🕹️"), "Starting control-plane");
    }
}
