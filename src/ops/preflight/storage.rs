//! Room on disks: bytes, and files that can still be made.

use std::path::Path;

use super::item::{Item, Subject};
use crate::failure::Failure;
use crate::world::machine::{self, Room, quantity};

/// What tstack writes at the least: record, journal, charts.
const STATE_BYTES: u64 = 64 << 20;
const STATE_INODES: u64 = 1000;
/// What the node and the images of a stack are in files, rounded up (docs/limits.md says how it was counted).
const ENGINE_INODES: u64 = 50_000;

/// The file system of the state folder, or of the nearest folder above it that is there.
pub(super) fn of_state(state: &Path) -> Vec<Item> {
    let there = state.ancestors().find(|folder| folder.exists()).unwrap_or(state);
    judge(there, machine::room(there), (Subject::StateDisk, STATE_BYTES), (Subject::StateInodes, STATE_INODES), "tstack needs", |item| {
        item.hint("Free some (`df -h`, `df -i`), or set TSTACK_STATE to a folder elsewhere.")
    })
}

/// The file system of the engine's images and volumes; `None` where it is not on this machine.
pub(super) fn of_engine(root: Option<&Path>, min_disk: u64) -> Vec<Item> {
    let Some(root) = root else {
        return [Subject::EngineDisk, Subject::EngineInodes]
            .map(|subject| Item::unknown(subject, "the engine's data is not on this machine"))
            .into();
    };
    judge(root, machine::room(root), (Subject::EngineDisk, min_disk), (Subject::EngineInodes, ENGINE_INODES), "the stack needs", |item| {
        item.hint("`docker system df` shows what the engine holds, `docker system prune` frees what nothing uses.")
    })
}

fn judge(
    path: &Path,
    room: Result<Room, Failure>,
    (disk, bytes): (Subject, u64),
    (inodes, files): (Subject, u64),
    who: &str,
    remedy: impl Fn(Item) -> Item,
) -> Vec<Item> {
    let room = match room {
        Ok(room) => room,
        Err(failure) => return vec![Item::failed(disk, failure)],
    };
    let path = path.display();
    let space = if room.bytes < bytes {
        remedy(Item::error(disk, format!("{path} has {} free; {who} {}", quantity(room.bytes), quantity(bytes))))
    } else {
        Item::ok(disk, format!("{path} has {} free", quantity(room.bytes)))
    };
    let files = match room.inodes {
        None => Item::unknown(inodes, format!("the file system of {path} does not count them")),
        Some(free) if free < files => {
            remedy(Item::error(inodes, format!("{path} has {free} inodes free; {who} {files}")).why(inodes.meaning()))
        }
        Some(free) => Item::ok(inodes, format!("{path} has {free} free")),
    };
    vec![space, files]
}

#[cfg(test)]
mod tests {
    use super::super::item::State;
    use super::*;

    fn seen(bytes: u64, inodes: Option<u64>) -> Vec<Item> {
        judge(
            Path::new("/data"),
            Ok(Room { bytes, inodes }),
            (Subject::EngineDisk, 1 << 30),
            (Subject::EngineInodes, 1000),
            "the stack needs",
            |item| item,
        )
    }

    #[test]
    fn a_disk_may_be_full_of_bytes_or_of_files() {
        let states = |bytes, inodes| seen(bytes, inodes).iter().map(|item| item.state).collect::<Vec<_>>();
        assert_eq!(states(1 << 30, Some(1000)), [State::Ok, State::Ok]);
        assert_eq!(states(1 << 20, None), [State::Error, State::Unknown]);
        let full = seen(1 << 40, Some(999));
        assert_eq!((full[0].state, full[1].state), (State::Ok, State::Error));
        assert_eq!(full[1].what, "/data has 999 inodes free; the stack needs 1000");
        assert!(full[1].why[0].contains("full with space left"), "{full:?}");
    }

    #[test]
    fn a_state_folder_that_is_yet_to_be_made_is_judged_by_the_folder_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let items = of_state(&folder.path().join("a/b/c"));
        assert!(items[0].what.starts_with(&folder.path().display().to_string()), "{items:?}");
    }

    #[test]
    fn of_an_engine_elsewhere_nothing_is_concluded() {
        assert!(of_engine(None, 1).iter().all(|item| item.state == State::Unknown));
    }
}
