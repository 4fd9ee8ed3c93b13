//! One tstack at a time on one cluster.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::StateFolder;
use crate::failure::{Failure, FailureKind};
use crate::world::files;

/// The lock of a cluster, held until dropped. The engine of the lock is the operating system's: it ends with the process.
///
/// Where the cluster has no folder, because `down` removed it or `up` was refused before its first step, no lock file stays.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    folder: StateFolder,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    ///
    /// # Errors
    /// [`FailureKind::Held`] when another tstack holds it, with its verb and process number.
    pub fn take(folder: &StateFolder, verb: &str) -> Result<Self, Failure> {
        let path = folder.lock();
        if let Some(root) = path.parent() {
            files::make_private_dir(root)?;
        }
        let failed = |e: std::io::Error| Failure::preflight(format!("cannot lock {}", path.display())).because(&e);
        loop {
            let mut file = open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    return Err(Failure::new(FailureKind::Held, format!("another tstack holds the cluster `{}`", folder.name()))
                        .why(format!("it is `{}`", holder.trim()))
                        .hint("Wait until it ends, or end it; nothing was changed by this one."));
                }
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            // a `down` removes the file while it holds it: what was locked must still be what the path names
            if same_file(&file, &path) {
                let mut note = || -> std::io::Result<()> {
                    file.set_len(0)?;
                    file.rewind()?;
                    writeln!(file, "tstack {verb}, process {}", std::process::id())
                };
                note().map_err(failed)?;
                return Ok(Self { _file: file, folder: folder.clone() });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.folder.path().exists() {
            // while it is held: who waits for it sees that what it has locked is no longer what the path names
            let _ = fs_err::remove_file(self.folder.lock());
            self.folder.remove_empty_root();
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(held), Ok(named)) = (file.metadata(), fs_err::metadata(path)) else { return false };
    (held.dev(), held.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        let first = Lock::take(&folder, "up").unwrap();
        let failure = Lock::take(&folder, "down").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Held);
        assert_eq!(failure.why, [format!("it is `tstack up, process {}`", std::process::id())]);
        folder.create().unwrap();
        drop(first);
        assert!(folder.lock().exists());
        let last = Lock::take(&folder, "down").unwrap();
        folder.remove().unwrap();
        drop(last);
        assert!(!temp.path().exists(), "nothing is left, not even an empty folder");
    }
}
