//! The engine's network that nodes are in: one for all clusters of kind on this machine, ours or not.
//!
//! Several tstacks and kinds at once would each find none, and each make one of that name; and who takes down the last cluster would
//! remove it under the hands of the next one. So one tstack at a time looks at it and makes it, before kind looks, and none is removed
//! while a record tells of a node that is about to be made.

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::state::{Gate, about_to_be_made, owner};
use crate::world::engine::{Engine, KIND_NETWORK as NETWORK, NodeTemplate};
use crate::world::machine;

/// Sees to it that the network is there. `note` notes what is about to be made, told whether it was there, before it is made.
pub(super) async fn ensure(
    context: &Context,
    engine: &Engine,
    like: Option<&NodeTemplate>,
    note: impl FnOnce(bool) -> Result<(), Failure>,
    signals: &Signals,
) -> Result<(), Failure> {
    let _gate = Gate::pass(context.folder.root(), NETWORK).await?;
    let there = engine.network(NETWORK).await?.is_some();
    note(there)?;
    if there {
        return Ok(());
    }
    let maker = owner::shared_word(&context.folder, &machine::name());
    match like {
        Some(template) => engine.make_network(template, &maker).await,
        None => match engine.make_kind_network(NETWORK, &maker).await {
            Ok(()) => Ok(()),
            // an engine that is not Docker may want it otherwise; what kind is refused, kind tells
            Err(failure) => {
                signals.note(format!("the network is left to kind: {}", failure.why.first().unwrap_or(&failure.what)));
                Ok(())
            }
        },
    }
}

/// Removes the network, unless somebody uses it or is about to.
pub(super) async fn remove(context: &Context, signals: &Signals) -> Result<(), Failure> {
    let engine = context.engine()?;
    let _gate = Gate::pass(context.folder.root(), NETWORK).await?;
    let Some(network) = engine.network(NETWORK).await? else { return Ok(()) };
    let users = if network.containers.is_empty() { about_to_be_made(&context.folder)? } else { network.containers };
    if users.is_empty() {
        return engine.remove_network(NETWORK).await.map(drop);
    }
    signals.note(format!("the engine's network `kind` stays for {}", users.join(", ")));
    Ok(())
}
