//! The local CA in the system's trust store.

use std::path::Path;

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::world::trust::{Removed, Store};

pub(super) async fn withdraw(context: &Context, anchor: &Path, signals: &Signals) -> Result<(), Failure> {
    let Some(trusted) = context.record().trusted.into_iter().find(|one| one.anchor == anchor) else { return Ok(()) };
    // it may be gone by hand, and the store's program with it
    if trusted.is_there()?.is_some() {
        let store = Store::of(anchor, &context.engines.places.search)?;
        if store.remove(&trusted, &signals.cancel).await? == Removed::Changed {
            signals.note(format!("{} holds something else than tstack put there, and stays", anchor.display()));
        }
    }
    context.note(|record| record.trusted.retain(|one| one.anchor != anchor))
}
