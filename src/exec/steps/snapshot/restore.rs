//! A cluster from a snapshot: ours by a mark of its own, on ports of its own, with everything that was in it.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{FLAGS, KUBELET, files};
use crate::exec::steps::cluster::{answers, begin};
use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::stack::PortMapping;
use crate::state::owner;
use crate::world::engine::{Container, NewNode};
use crate::world::{files as disk, ports as machine_ports};

pub(in crate::exec::steps) async fn restore(
    context: &Context,
    snapshot: &str,
    ports: &[PortMapping],
    replace: bool,
    deadline: Instant,
    signals: &Signals,
) -> Result<(), Failure> {
    let engine = context.engine()?;
    let cluster = context.kind_cluster()?;
    if replace {
        signals.waiting("the half-made cluster is removed");
        for node in engine.containers(&[(Container::KIND_CLUSTER, &cluster)]).await? {
            engine.remove_container(&node.id).await?;
        }
    }
    let labels = engine.image_labels(snapshot).await?.unwrap_or_default();
    let blueprint = files::blueprint(&labels)?;
    let word = begin(context, engine, Some(&blueprint.template), signals).await?;
    let api_server = machine_ports::free()?;
    let ports: Vec<(u16, u16)> = ports.iter().map(|port| (port.host, port.node)).collect();
    let (before, now) = (owner::mark(&blueprint.word), owner::mark(&word));
    let new = NewNode { name: &blueprint.node, image: snapshot, marks: (&before, &now), ports: &ports, api_server };
    signals.waiting("the node is made");
    let node = engine.make_node(&blueprint.template, new).await?;
    // the kubelet gives its node the word of its new mark
    let flags = files::one(FLAGS, &blueprint.kubelet.replace(&blueprint.word, &word))?;
    engine.upload(&node, KUBELET, futures::stream::once(async move { flags })).await?;
    engine.start(&node).await?;
    let contents = engine.download(&node, &files::place()).await?;
    let contents = files::read(&contents.ok_or_else(|| Failure::step(format!("the image {snapshot} is no snapshot")))?)?;
    if let Some((certificate, key)) = &contents.authority {
        disk::write_private(&context.folder.authority_key(), key)?;
        disk::write_private(&context.folder.authority_certificate(), certificate)?;
    }
    disk::write_private(&context.folder.kubeconfig(), files::with_port(&contents.kubeconfig, api_server).as_bytes())?;
    let since = engine.inspect(&node).await?.map(|details| details.started_at).unwrap_or_default();
    let since: Timestamp =
        since.parse().map_err(|e: jiff::Error| Failure::step("the engine does not say when the node was started").because(&e))?;
    answers(context, signals, deadline).await?;
    let api = context.cluster().await?;
    let identity = api.identity().await?;
    if identity != contents.identity {
        return Err(Failure::step("the restored cluster is not the saved one")
            .why(format!("its identity is {identity}, not {}", contents.identity)));
    }
    // until the kubelet has looked at each, pods say what was true when they were saved
    let later = context.stack.as_ref().map(|stack| stack.latecomers()).unwrap_or_default();
    api.await_pods_since(since, &later, deadline, &|reason| signals.waiting(reason)).await?;
    let made = serde_json::from_value(contents.made).map_err(|e| Failure::step("the snapshot cannot be read").because(&e))?;
    context.note(|record| {
        record.made = made;
        record.identity = Some(identity);
    })
}
