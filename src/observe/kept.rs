//! Images of ours that stand for work done before.

use std::collections::{BTreeMap, BTreeSet};

use crate::failure::Failure;
use crate::plan::cluster_digest;
use crate::snapshot::{Baked, Saved};
use crate::stack::{ImageRef, Stack};
use crate::world::clock;
use crate::world::engine::Engine;

/// An image that would stand for work, if it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is none.
    None,
    /// There is one, and it is not to be used: why, as one sentence without its end.
    Unfit(String),
    /// There is one that fits.
    Fits,
}

/// The baked node image of a stack.
///
/// # Errors
/// When the engine does not answer.
pub async fn baked(engine: &Engine, wanted: &Baked) -> Result<Kept, Failure> {
    let Some(labels) = engine.image_labels(&wanted.name()).await? else { return Ok(Kept::None) };
    let ids = ids(engine, wanted).await?;
    Ok(wanted.fits(&labels, &ids).map_or_else(Kept::Unfit, |()| Kept::Fits))
}

/// The snapshot of a stack under a name; also where it fits, the baked node image in it must.
///
/// # Errors
/// When the engine does not answer.
pub async fn saved(engine: &Engine, wanted: &Saved) -> Result<Kept, Failure> {
    let Some(labels) = engine.image_labels(&wanted.name()).await? else { return Ok(Kept::None) };
    if let Err(why) = wanted.fits(&labels, clock::now()) {
        return Ok(Kept::Unfit(why));
    }
    let ids = ids(engine, &wanted.baked).await?;
    Ok(wanted.baked.fits(&labels, &ids).map_or_else(Kept::Unfit, |()| Kept::Fits))
}

/// The ids that the engine has now of what is in a baked node image.
async fn ids(engine: &Engine, baked: &Baked) -> Result<BTreeMap<ImageRef, String>, Failure> {
    ids_of(engine, std::iter::once(&baked.node).chain(&baked.pulled)).await
}

/// The ids of those images that the engine has.
async fn ids_of<'a>(engine: &Engine, images: impl Iterator<Item = &'a ImageRef>) -> Result<BTreeMap<ImageRef, String>, Failure> {
    let mut ids = BTreeMap::new();
    for image in images {
        if let Some(id) = engine.image_present(image).await? {
            ids.insert(image.clone(), id);
        }
    }
    Ok(ids)
}

/// The snapshot that a stack under that name wants.
#[must_use]
pub fn wanted_snapshot(stack: &Stack, name: &str) -> Saved {
    Saved { cluster: name.to_owned(), digest: cluster_digest(stack), baked: Baked::of(stack) }
}

/// Which of the images the engine has.
///
/// # Errors
/// When the engine does not answer.
pub async fn engine_has<'a>(engine: &Engine, images: impl Iterator<Item = &'a ImageRef>) -> Result<BTreeSet<ImageRef>, Failure> {
    Ok(ids_of(engine, images).await?.into_keys().collect())
}
