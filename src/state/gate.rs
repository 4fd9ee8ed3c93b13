//! One tstack at a time at what all clusters of a state folder share: the engine's network, the ports of this machine.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::lock::{open, same_file};
use crate::failure::{Failure, FailureKind};
use crate::world::backoff::Backoff;
use crate::world::files;

/// Nobody has reason to hold a gate for longer: behind it are questions to the engine and to the system, and no work.
const LONGEST: Duration = Duration::from_mins(1);
/// The end of a lock cannot be watched, and it is held for an instant.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// A gate that was passed; the next one passes when this is dropped, or its process has ended. Its file goes with it.
#[derive(Debug)]
pub struct Gate {
    _file: File,
    path: PathBuf,
}

impl Gate {
    /// Passes the gate of that name below the folder of all clusters, as soon as nobody else is in it.
    ///
    /// # Errors
    /// When its file cannot be made, or somebody stays in it.
    pub async fn pass(root: &Path, name: &str) -> Result<Self, Failure> {
        files::make_private_dir(root)?;
        let path = root.join(format!(".{name}.gate"));
        let failed = |e: std::io::Error| Failure::preflight(format!("cannot lock {}", path.display())).because(&e);
        let (until, mut backoff) = (Instant::now() + LONGEST, Backoff::up_to(LONGEST_PAUSE));
        loop {
            let file = open(&path).map_err(failed)?;
            match file.try_lock() {
                // whoever was in it removed its file: what was locked must still be what the path names
                Ok(()) if same_file(&file, &path) => return Ok(Self { _file: file, path }),
                Ok(()) => {}
                Err(TryLockError::Error(e)) => return Err(failed(e)),
                Err(TryLockError::WouldBlock) => {
                    if !backoff.pause_until(until).await {
                        return Err(Failure::new(FailureKind::Held, format!("another tstack holds {}", path.display()))
                            .why(format!("for {} s by now, and a moment is all that it needs", LONGEST.as_secs()))
                            .hint("Look for one that hangs, and end it; then run the same command again."));
                    }
                }
            }
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // while it is held: who waits for it sees that what it has locked is no longer what the path names
        let _ = fs_err::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_passes_when_the_first_is_through_and_no_file_stays() {
        let temp = tempfile::tempdir().unwrap();
        let first = Gate::pass(temp.path(), "network").await.unwrap();
        // another gate is another matter
        drop(Gate::pass(temp.path(), "ports").await.unwrap());
        let second = Gate::pass(temp.path(), "network");
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(fs_err::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn many_at_once_pass_one_by_one() {
        let temp = tempfile::tempdir().unwrap();
        let inside = std::cell::Cell::new(0);
        let one = || async {
            let gate = Gate::pass(temp.path(), "network").await.unwrap();
            inside.set(inside.get() + 1);
            tokio::task::yield_now().await;
            assert_eq!(inside.get(), 1);
            inside.set(0);
            drop(gate);
        };
        futures::future::join_all((0..8).map(|_| one())).await;
    }
}
