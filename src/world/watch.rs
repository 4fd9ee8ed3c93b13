//! Changes of a stack's files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::folder::{belongs, folders};
use crate::failure::Failure;

/// Editors write a file in several acts, and nothing says which is the last: so long nothing may happen.
const QUIET: Duration = Duration::from_millis(60);

/// Sees changes of a stack's folder from the moment when it is made.
pub struct Watch {
    _watcher: RecommendedWatcher,
    changes_rx: UnboundedReceiver<PathBuf>,
    /// What changed first and has not been told yet.
    first: Option<PathBuf>,
}

impl Watch {
    /// Watches the folders that belong to the stack at a path: not those that hold sources or what was made of them.
    ///
    /// # Errors
    /// When the folder is not there, or the system watches no more.
    pub fn new(stack: &Path) -> Result<Self, Failure> {
        let failed = |e: notify::Error| {
            Failure::preflight(format!("cannot watch {}", stack.display()))
                .because(&e)
                .hint("Where the limit of watches is reached, raise fs.inotify.max_user_watches.")
        };
        let (changes_tx, changes_rx) = unbounded_channel();
        let base = stack.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let path = match event {
                // more happened than could be told: anything may be another now
                Ok(event) if event.need_rescan() => Some(base.clone()),
                Err(_) => Some(base.clone()),
                Ok(event) => changed(event),
            };
            if let Some(path) = path {
                // nobody listens any more when the run ends
                let _ = changes_tx.send(path);
            }
        })
        .map_err(failed)?;
        for folder in folders(stack)? {
            watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(failed)?;
        }
        Ok(Self { _watcher: watcher, changes_rx, first: None })
    }

    /// Waits for a change and until all is quiet again; gives the file that changed first. Who stops waiting misses nothing: the next
    /// call tells it.
    pub async fn changed(&mut self) -> PathBuf {
        if self.first.is_none() {
            self.first = self.changes_rx.recv().await;
        }
        while let Ok(Some(_)) = timeout(QUIET, self.changes_rx.recv()).await {}
        match self.first.take() {
            Some(first) => first,
            None => std::future::pending().await,
        }
    }
}

/// The file of the stack that an event is about, where its content may be another now. Reading changes nothing.
fn changed(event: Event) -> Option<PathBuf> {
    let content = match event.kind {
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(kind) => !matches!(kind, notify::event::ModifyKind::Metadata(_)),
        _ => false,
    };
    event.paths.into_iter().find(|path| content && belongs(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::files;

    #[tokio::test]
    async fn a_changed_manifest_is_seen_and_a_read_or_hidden_one_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let (stack, manifests) = (temp.path().join("stack.yaml"), temp.path().join("manifests"));
        fs_err::create_dir(&manifests).unwrap();
        files::write_report(&stack, b"a").unwrap();
        files::write_report(&manifests.join("a.yaml"), b"a").unwrap();
        let mut watch = Watch::new(&stack).unwrap();
        fs_err::read(manifests.join("a.yaml")).unwrap();
        files::write_report(&manifests.join(".a.yaml.swp"), b"b").unwrap();
        files::write_report(&temp.path().join("README.md"), b"b").unwrap();
        files::write_report(&manifests.join("a.yaml"), b"b").unwrap();
        assert_eq!(watch.changed().await.file_name().unwrap(), "a.yaml");
    }

    #[tokio::test]
    async fn a_change_is_told_though_nobody_waited_until_all_was_quiet() {
        let temp = tempfile::tempdir().unwrap();
        let stack = temp.path().join("stack.yaml");
        files::write_report(&stack, b"a").unwrap();
        let mut watch = Watch::new(&stack).unwrap();
        files::write_report(&stack, b"b").unwrap();
        // given up in the midst of the quiet time
        let first = watch.changes_rx.recv().await;
        watch.first = first;
        assert!(tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_err());
        assert_eq!(watch.changed().await.file_name().unwrap(), "stack.yaml");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        assert!(Watch::new(Path::new("/nonexistent/stack")).err().unwrap().what.contains("does not exist"));
    }
}
