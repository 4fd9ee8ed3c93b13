//! The journal: the events of runs, a line each, for people and for `timings`.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::StateFolder;
use crate::event::Event;
use crate::failure::Failure;
use crate::world::files;

/// Past this size a run begins the journal anew, keeping the one before.
const ROTATE: u64 = 4 * 1024 * 1024;

/// An open journal. A line is one `write`, so that a crash leaves whole lines but perhaps the last.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

impl Journal {
    /// Opens the journal of a folder for one more run and notes its beginning. A run that makes a second plan opens it again: what
    /// follows two such lines of one time is one run.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(folder: &StateFolder, verb: &str, began: jiff::Timestamp) -> Result<Self, Failure> {
        let path = folder.journal();
        let failed = |e: std::io::Error| Failure::step(format!("cannot write {}", path.display())).because(&e);
        if fs_err::metadata(&path).is_ok_and(|m| m.len() > ROTATE) {
            fs_err::rename(&path, before(folder)).map_err(failed)?;
        }
        let mut options = File::options();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let torn = !ends_whole(&path);
        let mut journal = Self { file: options.open(&path).map_err(failed)? };
        if torn {
            // what a killed run, or a power cut, left of its last line must not swallow the first one of this run
            let _ = journal.file.write_all(b"\n");
        }
        journal.line(&json!({"event": "run", "verb": verb, "time": began.to_string(), "version": env!("CARGO_PKG_VERSION")}));
        Ok(journal)
    }

    /// The text of a folder's journal, with the one before it; `None` where no run wrote any. A killed run may have left half a line.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(folder: &StateFolder) -> Result<Option<String>, Failure> {
        let parts = [before(folder), folder.journal()].map(|path| files::read_if_there(&path));
        let mut text: Option<String> = None;
        for part in parts {
            if let Some(bytes) = part? {
                text.get_or_insert_default().push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        Ok(text)
    }

    /// Appends an event with the time since then.
    pub fn append(&mut self, event: &Event, at: Duration) {
        let mut line = serde_json::to_value(event).unwrap_or_default();
        line["at"] = json!((at.as_secs_f64() * 1000.0).round() / 1000.0);
        self.line(&line);
    }

    /// A journal that cannot be written must not end a run that goes well.
    fn line(&mut self, line: &Value) {
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
    }
}

/// Whether a file is empty, not there, or ends with a whole line.
fn ends_whole(path: &Path) -> bool {
    let last = || -> std::io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    !last().is_ok_and(|byte| byte != b'\n')
}

/// The journal before the one at hand.
fn before(folder: &StateFolder) -> PathBuf {
    folder.journal().with_extension("jsonl.old")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_json_and_names_its_event() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        folder.create().unwrap();
        let mut journal = Journal::open(&folder, "up", jiff::Timestamp::UNIX_EPOCH).unwrap();
        journal.append(&Event::Cancelling, Duration::from_millis(1250));
        let text = fs_err::read_to_string(folder.journal()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["verb"], "up");
        assert_eq!(lines[1], json!({"event": "plan.cancelling", "at": 1.25}));
    }

    #[test]
    fn what_a_killed_run_left_does_not_swallow_the_next_one() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        folder.create().unwrap();
        for left in [&b"{\"event\": \"plan.star"[..], b"\0\0\0\0", b"\xff\xfe", b"{}\n", b""] {
            fs_err::write(folder.journal(), left).unwrap();
            Journal::open(&folder, "up", jiff::Timestamp::UNIX_EPOCH).unwrap();
            let text = Journal::read(&folder).unwrap().unwrap();
            let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
            assert_eq!(last["verb"], "up", "{text}");
        }
    }

    #[test]
    fn the_journal_before_is_read_first_and_none_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        assert_eq!(Journal::read(&folder).unwrap(), None);
        folder.create().unwrap();
        fs_err::write(folder.journal(), "new\n").unwrap();
        fs_err::write(folder.journal().with_extension("jsonl.old"), "old\n").unwrap();
        assert_eq!(Journal::read(&folder).unwrap().unwrap(), "old\nnew\n");
    }
}
