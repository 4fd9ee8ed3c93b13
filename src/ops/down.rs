//! `down`: what we made goes, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drive::{Listener, Told, drive};
use super::preflight;
use super::session::{Session, Setup, Wanted};
use crate::event::Event;
use crate::failure::Failure;
use crate::observe;
use crate::plan::{self, ClusterFact, DownRequest, NodeAccess};
use crate::snapshot::{BAKED_FROM, SNAPSHOT};
use crate::state::{Target, owner};
use crate::world::backoff::Backoff;
use crate::world::engine::{KIND_NETWORK, KeptImage};
use crate::world::machine;

/// How long an engine may take to make a container that it was asked for; measured were some tenths of a second.
const LATE: Duration = Duration::from_secs(3);

/// What the user asked for.
#[derive(Clone, Copy, Debug)]
pub struct DownOptions {
    /// Remove the stack, keep the cluster.
    pub keep_cluster: bool,
    /// Remove only what lies on this machine for the cluster, and do not look at the cluster at all.
    pub forget: bool,
}

/// What `down` did.
pub struct DownReport {
    /// What came of the plan; `None` when there was nothing to remove.
    pub told: Option<Told>,
    /// How many snapshots and baked node images stay on disk.
    pub kept: (usize, usize),
}

/// Takes a stack down. Without anything there, nothing is done, and that is no error.
///
/// # Errors
/// Before the first side effect: what makes it impossible. A failed step is in the report, not here.
pub async fn down(
    setup: &Setup,
    name: &str,
    options: DownOptions,
    mut listener: Listener,
    cancel: &CancellationToken,
) -> Result<DownReport, Failure> {
    let wanted = if options.forget { Wanted::Forgotten } else { Wanted::Own };
    let mut session = Session::begin(setup, name, &wanted, Some("down")).await?;
    if let Some(text) = &session.mended {
        listener(&Event::Note { text: text.clone() }, setup.began.elapsed());
    }
    if matches!(session.record.target, Target::Host) {
        // not asked but looked at: one that does not answer has to go as well, and goes with `--forget` too, since it is on this machine
        session.sight = observe::held(&session.folder)?;
    } else if !options.forget {
        look(&mut session).await?;
    }
    if let Some(text) = &session.chosen {
        listener(&Event::Note { text: text.clone() }, setup.began.elapsed());
    }
    let nothing = !session.folder.path().exists() && session.sight.fact == ClusterFact::Absent;
    let told = if nothing { None } else { Some(remove(&session, options, &mut listener, cancel).await?) };
    // what stays is worth a word, not a failure
    let images = if told.is_some() { kept_by(&session).await } else { Vec::new() };
    let snapshots = images.iter().filter(|image| image.labels.contains_key(SNAPSHOT)).count();
    Ok(DownReport { told, kept: (snapshots, images.len() - snapshots) })
}

/// Looks at the cluster; where a killed run had just asked the engine for a node, until that is there or [`LATE`] has passed.
async fn look(session: &mut Session) -> Result<(), Failure> {
    session.look().await?;
    let (until, mut backoff) = (Instant::now() + LATE, Backoff::new());
    while session.was_busy && session.sight.fact == ClusterFact::Absent && backoff.pause_until(until).await {
        session.look().await?;
    }
    Ok(())
}

/// The images that stay when the cluster goes.
async fn kept_by(session: &Session) -> Vec<KeptImage> {
    match &session.engine {
        Some(engine) => engine.kept_images(BAKED_FROM).await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Whether the network of the nodes was made by tstack, for this cluster or for another that is gone, and nobody else is on it.
async fn is_last_on_our_network(session: &Session) -> bool {
    let (Some(engine), Target::Kind { .. }) = (&session.engine, &session.record.target) else { return false };
    // what cannot be known is not removed
    let Ok(Some(network)) = engine.network(KIND_NETWORK).await else { return false };
    let ours = |container: &String| matches!(&session.sight.nodes, NodeAccess::Containers(nodes) if nodes.contains(container));
    network.is_by(&owner::shared_word(&session.folder, &machine::name())) && network.containers.iter().all(ours)
}

async fn remove(session: &Session, options: DownOptions, listener: &mut Listener, cancel: &CancellationToken) -> Result<Told, Failure> {
    let sight = &session.sight;
    let mut observed = observe::for_down(&session.folder, &session.record, sight).await?;
    observed.network_made |= is_last_on_our_network(session).await;
    // what was not looked at is not removed
    observed.network_made &= !options.forget;
    let plan = plan::down(&observed, DownRequest { keep_cluster: options.keep_cluster })?;
    let programs = preflight::programs(&plan, session).await?;
    session.folder.create()?;
    let context = session.context(None, programs);
    let told = drive("down", &session.target_name(), &plan, Arc::clone(&context), listener, cancel).await?;
    if options.keep_cluster && told.outcome.failure().is_none() && session.folder.record().exists() {
        context.note(|record| {
            record.made.clear();
            record.needs.clear();
            record.verified = None;
        })?;
    }
    Ok(told)
}
