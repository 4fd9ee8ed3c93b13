//! A node image that holds all images of the stack, so that `up` loads none.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::time::Instant;

use super::workbench;
use crate::exec::steps::images::IMPORT;
use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::snapshot::Baked;
use crate::stack::{ComponentKind, ImageRef};
use crate::world::backoff::Backoff;
use crate::world::engine::{Engine, local_name};

/// The volume of the workbench: layers are unpacked there, since a container's own system is no place for that.
const VOLUME: &str = "/bake";
/// Runs containerd on a copy of its store, tells when it has ended, and stays for what is done then.
const CONTAINERD: &str = "cp -a /var/lib/containerd /bake/containerd && mkfifo /bake/ended
containerd --root /bake/containerd > /bake/log 2>&1 & echo $! > /bake/pid
wait; echo > /bake/ended; exec sleep infinity";
/// Makes of the store on the volume what lies in the image.
const PACK: &str = include_str!("pack.sh");

pub(in crate::exec::steps) async fn bake(context: &Context, name: &str, deadline: Instant, signals: &Signals) -> Result<(), Failure> {
    let stack = context.stack.as_ref().ok_or_else(|| Failure::internal("the plan bakes an image without a stack"))?;
    let wanted = Baked::of(stack);
    let engine = context.engine()?;
    let mut ids: BTreeMap<ImageRef, String> = BTreeMap::new();
    for image in std::iter::once(&wanted.node).chain(&wanted.pulled) {
        let id = engine.image_present(image).await?;
        ids.insert(image.clone(), id.ok_or_else(|| Failure::step(format!("the engine no longer has the image {image}")))?);
    }
    let base = local_name(&wanted.node);
    signals.waiting("a container of the node image is made");
    let bench = workbench(context, &base, &["/bin/sh", "-c", CONTAINERD], Some(VOLUME)).await?;
    let made = tokio::select! {
        made = fill(context, engine, &bench, &wanted, deadline, signals) => made,
        () = signals.cancel.cancelled() => Err(Failure::new(crate::failure::FailureKind::Cancelled, "bake: cancelled")),
    };
    let kept = match made {
        Ok(()) => {
            signals.waiting("the image is written");
            engine.keep(&bench, name, &base, &wanted.labels(&ids)).await
        }
        failed => failed,
    };
    // also what failed leaves no container behind
    let removed = engine.remove_container(&bench).await;
    kept.and(removed)
}

async fn fill(
    context: &Context,
    engine: &Engine,
    bench: &str,
    wanted: &Baked,
    deadline: Instant,
    signals: &Signals,
) -> Result<(), Failure> {
    engine.start(bench).await?;
    signals.waiting("containerd starts on a copy of its store");
    // nobody tells when it answers
    let mut backoff = Backoff::new();
    while let Err(failure) = engine.exec(bench, &["ctr", "version"]).await {
        if !backoff.pause_until(deadline).await {
            return Err(failure);
        }
    }
    signals.waiting(format!("one archive of {} images is unpacked", wanted.pulled.len()));
    if !wanted.pulled.is_empty() {
        engine.exec_with_stdin(bench, &IMPORT, engine.save(&wanted.pulled)).await?;
    }
    let stack = context.stack.iter().flat_map(|stack| &stack.components);
    for build in stack.filter_map(|c| if let ComponentKind::Image(build) = &c.kind { Some(build) } else { None }) {
        let archive = Bytes::from(crate::image::archive(build)?);
        engine.exec_with_stdin(bench, &IMPORT, futures::stream::once(async move { Ok(archive) })).await?;
    }
    signals.waiting("layers are put where nodes read them without a copy");
    engine.exec(bench, &["/bin/bash", "-c", PACK]).await.map(drop)
}
