//! A background program of ours: the forwarder, and the supervisor of host mode.
//!
//! Purpose: what each of them needs to be started, found, asked and ended: a lock, a door, a spec, a log.
//! Reads: its files in the state folder. Writes: them.
//! Must not: know what the program is for, or trust a process id: the lock says whether it lives, its door who it is.
//!
//! ```text
//! outside (up, status, down)                     inside (the hidden verb)
//! start: spec, spawn, wait for the door          Lock::take, then the spec, then Door::open
//! status, ask: one line of JSON --> door         Door::answer, or Door::serve for more than status and stop
//! stop: takes the spec away, asks, awaits lock   stays while its spec is there
//! ```

mod door;
mod inside;
mod lock;
mod outside;

use std::path::{Path, PathBuf};

pub use door::{Answer, Ask, Door, Talk, ask, connect};
pub use inside::{Log, allow_many_files, leaving_its_failure, log_to, watch_signals};
pub use lock::Lock;
pub use outside::{has_spec, is_held, is_wanted, read_spec, start, status, stop, write_spec};

use crate::failure::Failure;

/// The longest socket path that every system takes: 104 bytes on macOS (108 on Linux), with the ending zero.
const PATH_LIMIT: usize = 103;

/// Which program: its word for people (`the forwarder`), its hidden verb, and the beginning of the names of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// `forwarder`.
    pub name: &'static str,
    /// The file in the state folder that says what it shall do. It ends by itself when that is taken away.
    pub spec: &'static str,
}

impl Daemon {
    /// The socket that it answers on.
    ///
    /// # Errors
    /// When the state folder's path is too long for one.
    pub fn socket(self, state: &Path) -> Result<PathBuf, Failure> {
        let path = self.file(state, "sock");
        let length = path.as_os_str().len();
        if length > PATH_LIMIT {
            return Err(Failure::preflight(format!("the path of the {}'s socket is too long: {}", self.name, path.display()))
                .why(format!("It has {length} bytes; a Unix socket's path may have {PATH_LIMIT}."))
                .hint("Use a shorter name, or a state folder with a shorter path."));
        }
        Ok(path)
    }

    /// What it writes while it runs.
    #[must_use]
    pub fn log(self, state: &Path) -> PathBuf {
        self.file(state, "log")
    }

    /// Why it ended badly, for the one who started it.
    fn failure(self, state: &Path) -> PathBuf {
        self.file(state, "failure.json")
    }

    fn lock(self, state: &Path) -> PathBuf {
        self.file(state, "lock")
    }

    fn spec(self, state: &Path) -> PathBuf {
        state.join(self.spec)
    }

    fn file(self, state: &Path, kind: &str) -> PathBuf {
        state.join(format!("{}.{kind}", self.name))
    }
}
