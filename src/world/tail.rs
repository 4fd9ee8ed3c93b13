//! The end of a file that another process writes, and what it writes next.

use std::io::{BufRead as _, BufReader, Seek as _};
use std::path::{Path, PathBuf};

use fs_err::File;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::failure::Failure;

/// A file that grows. When another takes its place under the name, that is read from its begin.
pub struct Tail {
    path: PathBuf,
    open: Option<BufReader<File>>,
    /// Half a line that its writer has not ended yet.
    rest: Vec<u8>,
}

impl Tail {
    /// The file at a path, which need not be there yet.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, rest: Vec::new() }
    }

    /// The lines that came since the last call; at the first all that are there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn lines(&mut self) -> Result<Vec<String>, Failure> {
        let failed = |e: std::io::Error| Failure::step(format!("cannot read {}", self.path.display())).because(&e);
        let mut lines = Vec::new();
        if let Some(open) = &mut self.open {
            take(open, &mut self.rest, &mut lines).map_err(failed)?;
            if !was_replaced(open.get_mut(), &self.path) {
                return Ok(lines);
            }
        }
        match File::open(&self.path) {
            Ok(file) => {
                self.rest.clear();
                let open = self.open.insert(BufReader::new(file));
                take(open, &mut self.rest, &mut lines).map_err(failed)?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => self.open = None,
            Err(e) => return Err(failed(e)),
        }
        Ok(lines)
    }
}

fn take(open: &mut BufReader<File>, rest: &mut Vec<u8>, lines: &mut Vec<String>) -> std::io::Result<()> {
    while open.read_until(b'\n', rest)? > 0 && rest.ends_with(b"\n") {
        lines.push(String::from_utf8_lossy(rest).trim_end_matches(['\n', '\r']).to_owned());
        rest.clear();
    }
    Ok(())
}

/// Whether the name leads to another file, or the file was cut.
fn was_replaced(open: &mut File, path: &Path) -> bool {
    let (Ok(at), Ok(there)) = (open.stream_position(), fs_err::metadata(path)) else { return true };
    there.len() < at || !same_file(open, &there)
}

#[cfg(unix)]
fn same_file(open: &File, there: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    open.metadata().is_ok_and(|open| (open.dev(), open.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn same_file(_: &File, _: &std::fs::Metadata) -> bool {
    true
}

/// Tells when files of a folder change.
pub struct Changes {
    _watcher: RecommendedWatcher,
    changes_rx: UnboundedReceiver<()>,
}

impl Changes {
    /// Watches the files of a folder.
    ///
    /// # Errors
    /// When the folder is not there, or the system watches no more.
    pub fn of(folder: &Path) -> Result<Self, Failure> {
        let failed = |e: notify::Error| Failure::step(format!("cannot watch {}", folder.display())).because(&e);
        let (changes_tx, changes_rx) = unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |_: notify::Result<Event>| {
            // nobody listens any more when the run ends
            let _ = changes_tx.send(());
        })
        .map_err(failed)?;
        watcher.watch(folder, RecursiveMode::NonRecursive).map_err(failed)?;
        Ok(Self { _watcher: watcher, changes_rx })
    }

    /// Waits for the next change; several at once are one.
    pub async fn next(&mut self) {
        if self.changes_rx.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        while self.changes_rx.try_recv().is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_once_when_they_are_whole_and_a_new_file_is_read_from_its_begin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut tail = Tail::of(&path);
        assert!(tail.lines().unwrap().is_empty(), "it is not there yet");
        fs_err::write(&path, "one\ntw").unwrap();
        assert_eq!(tail.lines().unwrap(), ["one"]);
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, b"o\n").unwrap();
        assert_eq!(tail.lines().unwrap(), ["two"]);
        fs_err::rename(&path, folder.path().join("x.log.1")).unwrap();
        std::io::Write::write_all(&mut file, b"late\n").unwrap();
        fs_err::write(&path, "new\n").unwrap();
        assert_eq!(tail.lines().unwrap(), ["late", "new"]);
    }
}
