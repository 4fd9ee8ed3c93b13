//! Images of nodes: with all images of the stack, with a whole finished stack, and a cluster from one.

mod bake;
mod files;
mod restore;
mod save;

pub(super) use bake::bake;
pub(super) use restore::restore;
pub(super) use save::save;

use crate::exec::Context;
use crate::failure::Failure;
use crate::snapshot::WORKBENCH;
use crate::state::owner;
use crate::world::engine::{Engine, Workbench};
use crate::world::{clock, machine};

/// The folder of the kubelet, and the file in it that has the labels of its node.
const KUBELET: &str = "/var/lib/kubelet";
const FLAGS: &str = "kubeadm-flags.env";

/// A container that is filled and written down; what a killed run of this folder left of its own goes first.
async fn workbench(context: &Context, image: &str, entrypoint: &[&str], volume: Option<&str>) -> Result<String, Failure> {
    let engine = context.engine()?;
    clear(engine, context).await?;
    let word = owner::new_word(&context.folder, &machine::name(), &clock::now().as_nanosecond().to_string());
    let name = format!("{WORKBENCH}{word}");
    engine.make_workbench(Workbench { image, entrypoint, volume, name: &name }).await
}

/// Removes workbenches that earlier runs of this folder left: nobody else works now, as the lock is ours.
pub(super) async fn clear(engine: &Engine, context: &Context) -> Result<(), Failure> {
    for left in engine.containers(&[]).await? {
        let ours = |word: &str| owner::is_of(word, &context.folder, &machine::name());
        if left.name.strip_prefix(WORKBENCH).is_some_and(ours) {
            engine.remove_container(&left.id).await?;
        }
    }
    Ok(())
}
