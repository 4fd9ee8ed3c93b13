//! What a stack runs on, where the user leaves the choice to us.

use std::collections::BTreeSet;

use super::session::{Parts, Setup, Wanted, connect};
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::supervise::Client;
use crate::world::engine::Engine;
use crate::world::registry;

/// A kind cluster where an engine and everything that a cluster is made of are to be had, processes on this machine where not; and the
/// reason, as one sentence. A stack whose record is lost stays on what it runs on.
///
/// # Errors
/// When it cannot be known whether the stack's supervisor runs.
pub(super) async fn choose(setup: &Setup, folder: &StateFolder, of: &Parts) -> Result<(Wanted, String), Failure> {
    if Client::is_held(&folder.path())? {
        return Ok((Wanted::Host, "Without a cluster, as processes on this machine: that is how it runs now.".into()));
    }
    let why_not = match connect(setup).await {
        Err(failure) => failure.what,
        Ok(engine) => match missing(setup, &engine, of).await {
            None => return Ok((Wanted::Kind, "On a kind cluster: the engine answers, and its images are to be had.".into())),
            Some(why) => why,
        },
    };
    if !cfg!(target_os = "linux") {
        // the programs are Linux programs; kind's own failure says what is missing
        return Ok((Wanted::Kind, "On a kind cluster: running without one needs Linux.".into()));
    }
    Ok((Wanted::Host, format!("Without a cluster, as processes on this machine: {why_not}.")))
}

/// Why a cluster cannot be made; each registry is asked once.
async fn missing(setup: &Setup, engine: &Engine, of: &Parts) -> Option<String> {
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    let mut wanted = Vec::new();
    for image in &of.images {
        // an engine that is asked and does not answer is as good as none; `--provider kind` tells what ails it
        if !engine.image_present(image).await.is_ok_and(|found| found.is_some()) {
            wanted.push(image);
        }
    }
    for part in wanted.into_iter().chain(&of.charts) {
        if asked.insert(&part.registry)
            && let Err(why) = registry::reachable(part, &setup.mirrors).await
        {
            return Some(format!("{part} cannot be had: {why}"));
        }
    }
    None
}
