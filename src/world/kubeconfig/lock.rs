//! The lock that kubectl and kind take beside a kubeconfig: a file that must not be there yet.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Failure;
use crate::world::backoff::Backoff;
use crate::world::clock;

/// How long is waited for others: they hold it for the time of one write.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lock, held until dropped.
#[derive(Debug)]
pub(super) struct Lock(PathBuf);

impl Lock {
    /// Takes the lock of a file.
    ///
    /// # Errors
    /// When another program holds it for longer than [`PATIENCE`]: since when, and what to do where it was killed.
    pub(super) async fn take(file: &Path) -> Result<Self, Failure> {
        Self::within(file, PATIENCE).await
    }

    pub(super) async fn within(file: &Path, patience: Duration) -> Result<Self, Failure> {
        let mut path = file.as_os_str().to_owned();
        path.push(".lock");
        let (path, deadline) = (PathBuf::from(path), Instant::now() + patience);
        let mut backoff = Backoff::new();
        loop {
            let mut options = File::options();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Ok(_) => return Ok(Self(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                    if !backoff.pause_until(deadline).await {
                        return Err(held(file, &path));
                    }
                }
                Err(e) => return Err(Failure::step(format!("cannot lock {}", file.display())).because(&e)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs_err::remove_file(&self.0);
    }
}

fn held(file: &Path, lock: &Path) -> Failure {
    let failure = Failure::step(format!("another program holds {}", file.display()));
    let failure = match fs_err::metadata(lock) {
        Ok(meta) => failure.why(since(lock, &meta)),
        Err(_) => failure.why(format!("its lock {} came and went while tstack waited", lock.display())),
    };
    failure
        .why("kubectl and kind take such a lock for the time of one write")
        .hint(format!("If none of them runs, one was killed while it wrote: `rm {}`, then `tstack up` again.", lock.display()))
}

/// `its lock … is there for 2 h, made by the user with the number 1000`.
fn since(lock: &Path, meta: &std::fs::Metadata) -> String {
    let made = meta.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    let seconds = made.map_or(0, |made| clock::now().duration_since(made).as_secs().max(0));
    let age = match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    };
    #[cfg(unix)]
    let owner = format!(", made by the user with the number {}", std::os::unix::fs::MetadataExt::uid(meta));
    #[cfg(not(unix))]
    let owner = "";
    format!("its lock {} is there for {age}{owner}", lock.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_of_others_is_told_with_its_age_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let path = folder.path().join("config.lock");
        let lock = File::create(&path).unwrap();
        lock.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
        let failure = Lock::within(&file, Duration::ZERO).await.unwrap_err();
        assert_eq!(failure.what, format!("another program holds {}", file.display()));
        assert!(failure.why[0].contains(" h, made by the user with the number "), "{failure:?}");
        assert!(failure.hints[0].contains(&format!("rm {}", path.display())), "{failure:?}");
        fs_err::remove_file(&path).unwrap();
        let held = Lock::within(&file, Duration::ZERO).await.unwrap();
        assert!(Lock::within(&file, Duration::ZERO).await.is_err());
        drop(held);
        assert!(!path.exists(), "it goes when it is dropped");
    }
}
