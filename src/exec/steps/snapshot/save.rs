//! A finished stack, written down while it holds its breath.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::files::{self, Blueprint, Contents, Files};
use super::{FLAGS, KUBELET, workbench};
use crate::exec::steps::node::service_address;
use crate::exec::{Context, Signals, judge};
use crate::failure::Failure;
use crate::observe::wanted_snapshot;
use crate::stack::ObjectId;
use crate::state::Target;
use crate::world::engine::{Container, Engine, KIND_NETWORK};
use crate::world::files::read_if_there;
use crate::world::kube::Cluster;

/// What makes a node this node, and the folder that each goes to. Containers, their logs and what the kubelet knows of them are
/// left out: the pods are started anew from what the API server says, and nothing old has to be cleared away before.
const STATE: [(&str, &str); 9] = [
    ("/var/lib/etcd", "/var/lib"),
    ("/var/lib/kubelet/pki", "/var/lib/kubelet"),
    ("/var/lib/kubelet/config.yaml", "/var/lib/kubelet"),
    ("/var/lib/kubelet/kubeadm-flags.env", "/var/lib/kubelet"),
    ("/var/lib/kubelet/instance-config.yaml", "/var/lib/kubelet"),
    ("/var/local-path-provisioner", "/var"),
    ("/etc/kubernetes", "/etc"),
    ("/etc/cni", "/etc"),
    ("/kind", "/"),
];

/// Stops the kubelet where it stands. Were we killed now, nobody would wake it: so the node itself does after a minute.
const STAND_STILL: &str = "systemd-run --quiet --on-active=60s --timer-property=AccuracySec=1s \
    systemctl kill --signal=CONT kubelet.service && systemctl kill --signal=STOP kubelet.service";

/// Services lead nowhere before kube-proxy has written its rules. Without a request a pod gets next to none of a busy processor, and
/// kubeadm makes kube-proxy without one: it would come last where all pods start at once.
fn proxy() -> Value {
    let container = json!({"name": "kube-proxy", "resources": {"requests": {"cpu": "100m"}}});
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "kube-system", "name": "kube-proxy"},
           "spec": {"template": {"spec": {"containers": [container]}}}})
}

/// How long it may take to run as it should.
const HASTENED: Duration = Duration::from_mins(1);

/// How long services may take to lead to no pod any more.
const SETTLE: Duration = Duration::from_secs(10);

/// How long the leases of leaders may take to go.
const LEASES: Duration = Duration::from_secs(5);

pub(in crate::exec::steps) async fn save(context: &Context, name: &str, signals: &Signals) -> Result<(), Failure> {
    let engine = context.engine()?;
    let stack = context.stack.as_ref().ok_or_else(|| Failure::internal("the plan saves a cluster without a stack"))?;
    let node = the_node(context, engine).await?;
    let (identity, made, word) = match context.record() {
        record if record.identity.is_none() => return Err(Failure::internal("the plan saves a cluster that is not whole")),
        record => match record.target {
            Target::Kind { owner, .. } => (record.identity.unwrap_or_default(), record.made, owner),
            Target::Context { .. } | Target::Host => return Err(Failure::internal("the plan saves a cluster that is not kind's")),
        },
    };
    hasten(context.cluster().await?, signals).await?;
    let saved = wanted_snapshot(stack, context.folder.name());
    let kubeconfig = read_if_there(&context.folder.kubeconfig())?.unwrap_or_default();
    let kubeconfig = String::from_utf8_lossy(&kubeconfig).into_owned();
    let expires = files::expiry(&kubeconfig)?;
    let address = service_address(context.cluster().await?).await?;
    let contents = Contents {
        identity,
        made: json!(made),
        kubeconfig,
        authority: match (read_if_there(&context.folder.authority_certificate())?, read_if_there(&context.folder.authority_key())?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => None,
        },
    };
    let files = Files::of(&contents, address)?;
    let kubelet = engine.download(&node.id, &format!("{KUBELET}/{FLAGS}")).await?.unwrap_or_default();
    let blueprint = Blueprint {
        word,
        node: node.name.clone(),
        template: engine.node_template(&node.id, KIND_NETWORK).await?,
        kubelet: files::text_of(&kubelet).map_err(|e| Failure::step("the arguments of the kubelet cannot be read").because(&e))?,
    };
    let labels = saved.labels(&stack.name, expires, &json!(blueprint).to_string());
    // it is never started: what runs in it is of no matter
    let bench = workbench(context, &saved.baked.name(), &["/bin/true"], None).await?;
    let filled = async {
        engine.upload(&bench, "/", futures::stream::once(async move { files.archive() })).await?;
        freeze(context, engine, &node, &bench, signals).await?;
        signals.waiting("the image is written");
        engine.keep(&bench, name, &saved.baked.name(), &labels).await
    };
    let filled = filled.await;
    filled.and(engine.remove_container(&bench).await)
}

/// Lets kube-proxy, for which all others wait, come in time after a restore.
async fn hasten(cluster: &Cluster, signals: &Signals) -> Result<(), Failure> {
    let proxy = proxy();
    let id = ObjectId::of(&proxy);
    // a cluster without it does without; what another has set of it stays as it is
    if cluster.get(&id).await?.is_none() || cluster.apply(&proxy, false).await.is_err() {
        return Ok(());
    }
    cluster.await_ready(&[id], judge, Instant::now() + HASTENED, &|reason| signals.waiting(reason)).await
}

/// Copies the state of a node while all of its processes are frozen: what etcd has written is whole at every instant.
async fn freeze(context: &Context, engine: &Engine, node: &Container, bench: &str, signals: &Signals) -> Result<(), Failure> {
    let cluster = context.cluster().await?;
    signals.waiting("nobody is sent to its pods any more");
    // were the kubelet awake, it would say at once that its pods are ready
    engine.exec(&node.id, &["/bin/sh", "-c", STAND_STILL]).await?;
    let frozen = hold(cluster, engine, node, bench, signals).await;
    frozen.and(engine.exec(&node.id, &["systemctl", "kill", "--signal=CONT", "kubelet.service"]).await.map(drop))
}

/// The part of [`freeze`] in which the kubelet stands still.
async fn hold(cluster: &Cluster, engine: &Engine, node: &Container, bench: &str, signals: &Signals) -> Result<(), Failure> {
    // pods come back at other addresses: who was sent to an old one would wait until it gives up
    cluster.unsettle_pods(Instant::now() + SETTLE).await?;
    signals.waiting("leaders give up their leases");
    let leases = cluster.list("coordination.k8s.io/v1", "Lease", None).await?;
    // who leads is nobody's matter after a restore, but each would wait for the lease of its former self to end
    let leases: Vec<ObjectId> = leases.iter().map(ObjectId::of).filter(|id| id.namespace != "kube-node-lease").collect();
    cluster.delete_all(&leases, Instant::now() + LEASES, &|_| ()).await?;
    signals.waiting("the cluster holds its breath");
    engine.pause(&node.id).await?;
    let copied = async {
        for (path, folder) in STATE {
            engine.copy(&node.id, path, bench, folder).await?;
        }
        Ok(())
    };
    let copied = copied.await;
    // it goes on whatever came of the copy; where we end here, the next `up` lets it go on
    copied.and(engine.unpause(&node.id).await)
}

/// The node of the cluster: a snapshot holds one.
async fn the_node(context: &Context, engine: &Engine) -> Result<Container, Failure> {
    let mut nodes = engine.containers(&[(Container::KIND_CLUSTER, &context.kind_cluster()?)]).await?;
    match (nodes.pop(), nodes.len()) {
        (Some(node), 0) => Ok(node),
        (None, _) => Err(Failure::step("the cluster has no node any more")),
        (Some(_), more) => Err(Failure::step(format!("the cluster has {} nodes", more + 1)).why("a snapshot holds one node")),
    }
}
