//! The lock that tells whether a daemon lives.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::Daemon;
use crate::failure::Failure;
use crate::world::backoff::Backoff;

/// Held by a daemon for its whole life; the kernel gives it back however the daemon ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock. `None`: another daemon has it. Waits a moment, since a look at the lock holds it for an instant.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub async fn take(daemon: Daemon, state: &Path) -> Result<Option<Self>, Failure> {
        let mut backoff = Backoff::new();
        for _ in 0..4 {
            if let Some(file) = try_lock(daemon, state, true)? {
                return Ok(Some(Self { _file: file }));
            }
            // a lock's release cannot be watched
            backoff.pause().await;
        }
        Ok(None)
    }

    /// Whether some daemon lives.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn is_held(daemon: Daemon, state: &Path) -> Result<bool, Failure> {
        if !daemon.lock(state).exists() {
            return Ok(false);
        }
        Ok(try_lock(daemon, state, false)?.is_none())
    }
}

fn try_lock(daemon: Daemon, state: &Path, exclusive: bool) -> Result<Option<File>, Failure> {
    let path = daemon.lock(state);
    let failed = |e: &io::Error| Failure::step(format!("cannot lock {}", path.display())).because(e);
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.create(true).truncate(false).write(true).read(true).open(&path).map_err(|e| failed(&e))?;
    match if exclusive { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(failed(&e)),
    }
}
