//! What tstack has made, on disk.
//!
//! Purpose: the state folder of a cluster: record, lock, journal, and where everything else of it lies; and gates at what all of them share.
//! Reads: the state folder. Writes: the state folder.
//! Must not: use network or processes.

mod folder;
mod gate;
mod journal;
mod lock;
pub mod owner;
mod record;
mod stored;

pub use folder::{StateFolder, list};
pub use gate::Gate;
pub use journal::Journal;
pub use lock::{Lock, about_to_be_made, reserved_ports};
pub use record::{Record, Target, Verified};
pub use stored::{Damaged, Ran, Stored};
