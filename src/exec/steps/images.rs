//! Images: pulled by the engine, made by us, streamed into the nodes.

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::plan::NodeAccess;
use crate::stack::{ComponentKind, ImageRef};
use crate::state::Target;
use crate::world::engine::{Container, Engine};
use bytes::Bytes;

/// What reads an archive inside a node, from its standard input.
pub(super) const IMPORT: [&str; 6] = ["ctr", "--namespace=k8s.io", "images", "import", "--digests", "-"];

pub(super) async fn pull(context: &Context, image: &ImageRef, signals: &Signals) -> Result<(), Failure> {
    let mirror = context.engines.mirrors.resolve(image);
    let progress = |done: u64, total: u64| {
        if total > 0 {
            signals.waiting(format!("{} of {} MB", done / 1_000_000, total / 1_000_000));
        }
    };
    context.engine()?.pull(image, mirror, &progress).await
}

pub(super) async fn load(context: &Context, images: &[ImageRef], signals: &Signals) -> Result<(), Failure> {
    let engine = context.engine()?;
    let nodes = nodes(context, engine).await?;
    let NodeAccess::Containers(nodes) = nodes else {
        // Docker Desktop's nodes use the engine's own store: what is pulled is there
        return Ok(());
    };
    for node in &nodes {
        signals.waiting(format!("one archive of {} streams into {node}", images.len()));
        let archive = engine.save(images);
        engine.exec_with_stdin(node, &IMPORT, archive).await?;
    }
    Ok(())
}

pub(super) async fn build(context: &Context, component: &str, signals: &Signals) -> Result<(), Failure> {
    let component = context.component(component)?;
    let ComponentKind::Image(build) = &component.kind else {
        return Err(Failure::internal(format!("component `{}` is no image", component.name)));
    };
    if matches!(context.record().target, Target::Host) {
        return super::host::unpack(context, build);
    }
    let archive = Bytes::from(crate::image::archive(build)?);
    let engine = context.engine()?;
    match nodes(context, engine).await? {
        NodeAccess::Containers(nodes) => {
            for node in &nodes {
                signals.waiting(format!("{} streams into {node}", build.image));
                let bytes = archive.clone();
                engine.exec_with_stdin(node, &IMPORT, futures::stream::once(async move { Ok(bytes) })).await?;
            }
            Ok(())
        }
        NodeAccess::Engine => engine.load(futures::stream::once(async move { archive })).await,
        NodeAccess::None => Err(Failure::internal("the plan puts an image into nodes that take none")),
    }
}

/// The nodes of a kind cluster of ours are looked up when they are needed: a step before may have made them.
async fn nodes(context: &Context, engine: &Engine) -> Result<NodeAccess, Failure> {
    match context.record().target {
        Target::Kind { cluster, .. } => {
            let nodes = engine.containers(&[(Container::KIND_CLUSTER, &cluster)]).await?;
            Ok(NodeAccess::Containers(nodes.into_iter().map(|node| node.name).collect()))
        }
        Target::Context { .. } | Target::Host => Ok(context.engines.nodes.clone()),
    }
}
