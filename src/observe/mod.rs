//! Sees how the world is.
//!
//! Purpose: fill `plan::Observed`, three-valued: what cannot be known is a failure, never taken for absent.
//! Reads: cluster, engine, state. Writes: nothing.
//! Must not: change anything.

mod authority;
mod cluster;
mod context;
mod host;
mod kept;
mod objects;

pub use authority::{authority, authority_damage};
pub use cluster::{Sight, SightError, marked, named, ours, target_name};
pub use context::ContextServer;
pub use host::{adapted, held, host_spec, processes, wanted};
pub use kept::{Kept, baked, engine_has, saved, wanted_snapshot};
pub use objects::{Seen, components, objects_of};

use std::collections::BTreeSet;

use crate::certs::Authority;
use crate::failure::Failure;
use crate::plan::{HostFact, NodeAccess, Observed};
use crate::stack::{ComponentKind, ImageRef, Stack};
use crate::state::{Record, StateFolder, Target};
use crate::world::chart;
use crate::world::clock;
use crate::world::engine::{Engine, EngineImage, local_name, missing_in_node};

/// Everything that the plan of `up` is decided on.
///
/// # Errors
/// When something cannot be known: the engine or the API server does not answer.
pub async fn for_up(
    stack: &Stack,
    folder: &StateFolder,
    record: &Record,
    sight: &Sight,
    engine: Option<&Engine>,
) -> Result<Observed, Failure> {
    let mut observed = for_down(folder, record, sight).await?;
    let authority = authority(folder)?.filter(|a| a.usable(clock::now()).is_ok());
    observed.authority = authority.as_ref().map(Authority::fingerprint);
    observed.authority_damage = authority_damage(folder)?;
    observed.pulled_charts = pulled_charts(stack, folder)?;
    if let Some(engine) = engine {
        let mut wanted = stack.images();
        if matches!(record.target, Target::Kind { .. }) {
            wanted.push(stack.cluster.image.clone());
        }
        for image in wanted {
            if engine.image_present(&image).await?.is_some() {
                observed.engine_images.insert(image);
            }
        }
        // nodes that do not run cannot be asked
        if sight.cluster.is_some() {
            observed.node_images = node_images(stack, engine, &observed.nodes).await?;
        }
    }
    if let Some(cluster) = &sight.cluster {
        objects::releases(cluster, stack, &mut observed).await?;
    }
    if matches!(record.target, Target::Host) {
        observed.node_images = host::programs_in_place(stack, folder);
    }
    if let Some(platform) = sight.platform() {
        objects::objects(&platform, stack, folder.name(), authority.as_ref(), &mut observed).await?;
    }
    Ok(observed)
}

/// Everything that the plan of `down` is decided on.
///
/// # Errors
/// When the forwarder's socket cannot be asked.
pub async fn for_down(folder: &StateFolder, record: &Record, sight: &Sight) -> Result<Observed, Failure> {
    let forwarder = crate::forward::status(&folder.path()).await?;
    Ok(Observed {
        cluster: sight.fact.clone(),
        nodes: sight.nodes.clone(),
        ports: sight.ports.clone(),
        forwarder: forwarder.map(|f| f.routes.into_iter().map(|route| (route.route.host, route.route.service)).collect()),
        verified: record.verified.as_ref().map(|v| v.digest.clone()),
        made: record.made.clone(),
        needs: record.needs.clone(),
        trusted: record.trusted.iter().map(|one| one.anchor.clone()).collect(),
        exported: record.exported.iter().map(|one| one.file.clone()).collect(),
        network_made: matches!(record.target, Target::Kind { network_made: true, .. }),
        host: matches!(record.target, Target::Host).then(HostFact::default),
        ..Observed::default()
    })
}

fn pulled_charts(stack: &Stack, folder: &StateFolder) -> Result<BTreeSet<String>, Failure> {
    let mut pulled = BTreeSet::new();
    for component in &stack.components {
        if let ComponentKind::Helm(wanted) = &component.kind
            && chart::kept(&folder.chart(&component.name, &wanted.version), wanted.digest.as_deref())?.is_some()
        {
            pulled.insert(component.name.clone());
        }
    }
    Ok(pulled)
}

/// Which of the wanted images every node has, by content: the same tag with other content is not the same image. What the
/// engine no longer has is compared by name alone, since nothing says which content it had.
async fn node_images(stack: &Stack, engine: &Engine, nodes: &NodeAccess) -> Result<BTreeSet<ImageRef>, Failure> {
    let nodes = match nodes {
        NodeAccess::Containers(nodes) => nodes,
        NodeAccess::Engine => return engine_images(stack, engine).await,
        NodeAccess::None => return Ok(BTreeSet::new()),
    };
    let mut known: Vec<(ImageRef, EngineImage)> = Vec::new();
    let mut by_name: Vec<ImageRef> = Vec::new();
    for image in stack.images() {
        match engine.image(&image).await? {
            Some(found) => known.push((image, found)),
            None => by_name.push(image),
        }
    }
    for component in &stack.components {
        if let ComponentKind::Image(build) = &component.kind {
            known.push((build.image.clone(), EngineImage { id: crate::image::config_digest(build)?, ..EngineImage::default() }));
        }
    }
    let mut everywhere: BTreeSet<ImageRef> = known.iter().map(|(image, _)| image.clone()).chain(by_name.iter().cloned()).collect();
    for node in nodes {
        let has = engine.node_images(node).await?;
        let named = |image: &ImageRef| has.iter().any(|found| found.name == local_name(image));
        let missing = missing_in_node(&known, &has);
        everywhere.retain(|image| !missing.contains(image) && (!by_name.contains(image) || named(image)));
    }
    Ok(if nodes.is_empty() { BTreeSet::new() } else { everywhere })
}

/// Where the nodes use the engine's own store: what the engine has, they have. The tag of an image of ours is made of its content.
async fn engine_images(stack: &Stack, engine: &Engine) -> Result<BTreeSet<ImageRef>, Failure> {
    let mut wanted = stack.images();
    wanted.extend(
        stack.components.iter().filter_map(|c| if let ComponentKind::Image(build) = &c.kind { Some(build.image.clone()) } else { None }),
    );
    let mut there = BTreeSet::new();
    for image in wanted {
        if engine.image_present(&image).await?.is_some() {
            there.insert(image);
        }
    }
    Ok(there)
}
