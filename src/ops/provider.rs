//! What a stack runs on, where the user leaves the choice to us.

use super::session::{Setup, Wanted, connect};
use crate::failure::Failure;
use crate::stack::ImageRef;
use crate::state::StateFolder;
use crate::supervise::Client;
use crate::world::registry;

/// A kind cluster where an engine and its node image are to be had, processes on this machine where not; and the reason, as one
/// sentence. A stack whose record is lost stays on what it runs on.
///
/// # Errors
/// When it cannot be known whether the stack's supervisor runs.
pub(super) async fn choose(setup: &Setup, folder: &StateFolder, image: &ImageRef) -> Result<(Wanted, String), Failure> {
    if Client::find(&folder.path()).await?.is_some() {
        return Ok((Wanted::Host, "Without a cluster, as processes on this machine: that is how it runs now.".into()));
    }
    let why_not = match connect(setup).await {
        Err(failure) => failure.what,
        Ok(engine) => {
            // an engine that is asked and does not answer is as good as none; `--provider kind` tells what ails it
            if engine.image_present(image).await.is_ok_and(|found| found.is_some()) {
                return Ok((Wanted::Kind, format!("On a kind cluster: the engine answers, and it has {image}.")));
            }
            match registry::reachable(image, &setup.mirrors).await {
                Ok(()) => return Ok((Wanted::Kind, format!("On a kind cluster: the engine answers, and {image} can be pulled."))),
                Err(why) => format!("{image} cannot be had: {why}"),
            }
        }
    };
    if !cfg!(target_os = "linux") {
        // the programs are Linux programs; kind's own failure says what is missing
        return Ok((Wanted::Kind, "On a kind cluster: running without one needs Linux.".into()));
    }
    Ok((Wanted::Host, format!("Without a cluster, as processes on this machine: {why_not}.")))
}
