//! `snapshot`: images that stand for work done before are made, listed and removed.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::drive::{Listener, Told, drive};
use super::session::{Programs, Session, Setup, Wanted, before_the_first_step, connect};
use super::up::UpOptions;
use crate::failure::Failure;
use crate::observe::{self, Kept};
use crate::plan::{self, ClusterFact, stack_digest};
use crate::snapshot::{BAKED_FROM, Baked, SNAPSHOT, State};
use crate::stack::ImageRef;
use crate::state::Target;

/// An image of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptImage {
    /// Its name.
    pub name: String,
    /// What is known of the cluster in it, where it is a snapshot.
    pub snapshot: Option<State>,
    /// The node image that it was made from.
    pub node: String,
    /// Bytes, with layers that others share.
    pub size: u64,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// What `bake` or `save` did.
pub struct Made {
    /// The image's name.
    pub name: String,
    /// What came of the plan; `None` when the image was there already.
    pub told: Option<Told>,
}

/// Makes the node image that holds all images of a stack.
///
/// # Errors
/// Before the first side effect: what makes it impossible. A failed step is in the report, not here.
pub async fn bake(setup: &Setup, options: UpOptions, mut listener: Listener, cancel: &CancellationToken) -> Result<Made, Failure> {
    let mut session = Session::begin(setup, &options.name, &Wanted::Kind, Some("bake")).await?;
    let engine = connect(setup).await?;
    session.engine = Some(engine.clone());
    let wanted = Baked::of(&options.stack);
    let name = wanted.name();
    if observe::baked(&engine, &wanted).await.map_err(before_the_first_step)? == Kept::Fits {
        return Ok(Made { name, told: None });
    }
    let parts = || std::iter::once(&wanted.node).chain(&wanted.pulled);
    let there = observe::engine_has(&engine, parts()).await.map_err(before_the_first_step)?;
    let plan = plan::bake(&name, parts(), &there)?;
    let context = session.context(Some(Arc::new(options.stack)), Programs::default());
    let told = drive("bake", &session.target_name(), &plan, context, &mut listener, cancel).await?;
    Ok(Made { name, told: Some(told) })
}

/// Saves the finished stack of a cluster of ours.
///
/// # Errors
/// When it is not finished, not ours, or not a cluster. A failed step is in the report, not here.
pub async fn save(setup: &Setup, options: UpOptions, mut listener: Listener, cancel: &CancellationToken) -> Result<Made, Failure> {
    let session = Session::open(setup, &options.name, &Wanted::Own, Some("save")).await?;
    let name = &options.name;
    let up = format!("`tstack up --name {name}` brings it there.");
    if !matches!(session.record.target, Target::Kind { .. }) {
        return Err(Failure::preflight(format!("`{name}` runs on nothing that can be saved"))
            .why("a snapshot is that of a kind cluster of our own"));
    }
    if !session.recorded || session.sight.fact != ClusterFact::Running {
        return Err(Failure::preflight(format!("`{name}` is not up")).hint(up));
    }
    let digest = stack_digest(&options.stack);
    if session.record.verified.as_ref().is_none_or(|verified| verified.digest != digest) {
        return Err(Failure::preflight(format!("`{name}` is not finished"))
            .why("its checks have not passed for the stack as it is now")
            .hint(up));
    }
    let engine = session.engine.as_ref().ok_or_else(|| Failure::internal("a kind cluster without an engine"))?;
    let wanted = observe::wanted_snapshot(&options.stack, name);
    let (snapshot, baked) = (wanted.name(), wanted.baked.name());
    let parts = || std::iter::once(&wanted.baked.node).chain(&wanted.baked.pulled);
    let there = observe::engine_has(engine, parts()).await.map_err(before_the_first_step)?;
    let is_baked = observe::baked(engine, &wanted.baked).await.map_err(before_the_first_step)? == Kept::Fits;
    let plan = plan::save(&snapshot, (!is_baked).then(|| (baked.as_str(), parts().collect::<Vec<&ImageRef>>())), &there)?;
    let context = session.context(Some(Arc::new(options.stack)), Programs::default());
    let told = drive("save", &session.target_name(), &plan, context, &mut listener, cancel).await?;
    Ok(Made { name: snapshot, told: Some(told) })
}

/// The images of ours that the engine has.
///
/// # Errors
/// When the engine does not answer.
pub async fn kept(setup: &Setup) -> Result<Vec<KeptImage>, Failure> {
    let engine = connect(setup).await?;
    // a snapshot is made from a baked image and has its labels too
    let mut all = engine.kept_images(BAKED_FROM).await.map_err(before_the_first_step)?;
    all.retain(|image| !image.names.is_empty());
    let node = |text: Option<&String>| text.and_then(|text| text.split_whitespace().next()).unwrap_or_default().to_owned();
    let kept = |image: crate::world::engine::KeptImage| KeptImage {
        name: image.names.first().cloned().unwrap_or_default(),
        snapshot: image.labels.contains_key(SNAPSHOT).then(|| State::of(&image.labels)).flatten(),
        node: node(image.labels.get(BAKED_FROM)),
        size: image.size,
        created: image.created,
    };
    Ok(all.into_iter().map(kept).collect())
}

/// Removes images of ours: those named, or all. Gives the names of those that were there.
///
/// # Errors
/// When one is no image of ours, or a cluster still uses it; what could be removed is removed by then.
pub async fn remove(setup: &Setup, names: &[String], all: bool) -> Result<Vec<String>, Failure> {
    let engine = connect(setup).await?;
    let kept = kept(setup).await?;
    let known = |name: &str| kept.iter().find(|image| image.name == name || image.name.rsplit(':').next() == Some(name));
    let mut wanted: Vec<&KeptImage> = Vec::new();
    for name in names {
        wanted.push(known(name).ok_or_else(|| {
            Failure::usage(format!("`{name}` is no snapshot and no baked node image"))
                .hint("`tstack snapshot list` shows those that are there.")
        })?);
    }
    if all {
        wanted = kept.iter().collect();
    }
    // what was made from another one goes first
    wanted.sort_by_key(|image| image.snapshot.is_none());
    let (mut removed, mut failed) = (Vec::new(), None);
    for image in wanted {
        match engine.remove_image(&image.name).await {
            Ok(true) => removed.push(image.name.clone()),
            Ok(false) => {}
            Err(failure) => failed = Some(failed.unwrap_or(failure)),
        }
    }
    match failed {
        None => Ok(removed),
        Some(failure) => Err(failure.hint("`tstack down` removes the cluster that was made from it; then it can go.")),
    }
}
