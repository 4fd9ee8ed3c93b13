//! What is recorded under a name, and how it goes on where that is damaged.

use super::session::{Setup, Wanted, connect};
use crate::failure::Failure;
use crate::observe;
use crate::state::{Damaged, Ran, Record, StateFolder, Stored};
use crate::supervise::Client;

/// What is recorded.
#[derive(Default)]
pub(super) struct Recorded {
    /// The record, where there is one that can be believed.
    pub record: Option<Record>,
    /// What the stack ran on, where the record is lost and that is known all the same.
    pub ran: Option<Ran>,
    /// What is worth a word.
    pub note: Option<String>,
}

/// Reads the record. One that is damaged is healed from its copy; with that damaged too, `up` and `down` go on where the marks on what we
/// made tell what is ours, and nothing goes on where they do not.
///
/// # Errors
/// When it is damaged, and only the user knows what was in it.
pub(super) async fn recorded(setup: &Setup, folder: &StateFolder, wanted: &Wanted, verb: Option<&str>) -> Result<Recorded, Failure> {
    let damaged = match Stored::read(folder)? {
        Stored::Absent => return Ok(Recorded { ran: on_host(folder)?, ..Recorded::default() }),
        Stored::Whole(record) => return Ok(Recorded { record: Some(*record), ..Recorded::default() }),
        Stored::ByCopy(record, damaged) => {
            if verb.is_some() {
                damaged.set_aside();
                // where the disk is full the next note tells; `down` must not end here
                let _ = record.write(folder);
            }
            return Ok(Recorded { record: Some(*record), note: Some(damaged.healed()), ..Recorded::default() });
        }
        Stored::Damaged(damaged) => damaged,
    };
    let ran = ran(setup, folder, &damaged).await?;
    let known = match wanted {
        Wanted::Forgotten => true,
        // named again, by the only one who knows
        Wanted::Context { .. } => verb == Some("up") && matches!(ran, Some(Ran::OnContext) | None),
        Wanted::Kind => verb == Some("up") && ran == Some(Ran::OnKind),
        Wanted::Host => verb == Some("up") && ran == Some(Ran::OnHost),
        Wanted::Own | Wanted::Any { .. } => matches!(verb, Some("up" | "down")) && matches!(ran, Some(Ran::OnKind | Ran::OnHost)),
    };
    if !known {
        return Err(damaged.failure());
    }
    damaged.set_aside();
    Ok(Recorded { record: None, ran, note: Some(damaged.lost()) })
}

/// What a stack with a damaged record ran on: as its supervisor proves, as the files still say, or as its node proves.
async fn ran(setup: &Setup, folder: &StateFolder, damaged: &Damaged) -> Result<Option<Ran>, Failure> {
    if let Some(ran) = on_host(folder)?.or_else(|| damaged.ran()) {
        return Ok(Some(ran));
    }
    if folder.was_of_kind() {
        return Ok(Some(Ran::OnKind));
    }
    // an engine that does not answer proves nothing
    let Ok(engine) = connect(setup).await else { return Ok(None) };
    Ok(observe::marked(&engine, folder).await?.then_some(Ran::OnKind))
}

/// Whether a supervisor runs there, or was to run.
fn on_host(folder: &StateFolder) -> Result<Option<Ran>, Failure> {
    Ok((Client::is_held(&folder.path())? || Client::is_wanted(&folder.path())).then_some(Ran::OnHost))
}
