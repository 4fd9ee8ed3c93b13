//! What tstack has made, on disk.
//!
//! Purpose: the state folder of a cluster: record, lock, journal, and where everything else of it lies.
//! Reads: the state folder. Writes: the state folder.
//! Must not: use network or processes.

mod folder;
mod journal;
mod lock;
pub mod owner;
mod record;

pub use folder::{StateFolder, list};
pub use journal::Journal;
pub use lock::Lock;
pub use record::{Record, Target, VERSION, Verified};
