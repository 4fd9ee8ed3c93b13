//! The output of a process: a file of bounded size, the file before it, and the last lines.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// At this size a file is put aside and a new one begun; the one before that goes.
const LIMIT: u64 = 4 * 1024 * 1024;
/// How many lines are remembered, and how much of one.
const LINES: usize = 12;
const LENGTH: usize = 500;

/// Takes what a process writes.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    limit: u64,
    /// The last whole lines.
    lines: VecDeque<String>,
    /// What came after the last line break.
    rest: Vec<u8>,
}

impl Log {
    /// A log that goes on where the file ends.
    pub(super) fn open(path: &Path) -> Self {
        let mut log = Self { path: path.to_owned(), file: None, size: 0, limit: LIMIT, lines: VecDeque::new(), rest: Vec::new() };
        log.reopen();
        log
    }

    fn reopen(&mut self) {
        let mut options = File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // without a log the process runs on: it is told nowhere else that the disk is full
        self.file = options.create(true).append(true).open(&self.path).ok();
        self.size = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
    }

    /// Writes bytes and gives the lines that they end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Vec<String> {
        if self.size + bytes.len() as u64 > self.limit && self.size > 0 {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            let _ = fs_err::rename(&self.path, aside);
            self.reopen();
        }
        if let Some(file) = &mut self.file
            && file.write_all(bytes).is_ok()
        {
            self.size += bytes.len() as u64;
        }
        self.rest.extend_from_slice(bytes);
        let mut ended = Vec::new();
        while let Some(at) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=at).collect();
            ended.push(String::from_utf8_lossy(&line[..at]).into_owned());
        }
        // a program that writes no line breaks must not fill our memory
        if self.rest.len() > 1024 * 1024 {
            self.rest.clear();
        }
        for line in ended.iter().filter(|line| !line.trim().is_empty()) {
            self.lines.push_back(line.chars().take(LENGTH).collect());
            if self.lines.len() > LINES {
                self.lines.pop_front();
            }
        }
        ended
    }

    /// The last lines, newest last.
    pub(super) fn tail(&self) -> Vec<String> {
        let rest = String::from_utf8_lossy(&self.rest);
        let rest = (!rest.trim().is_empty()).then(|| rest.chars().take(LENGTH).collect());
        self.lines.iter().cloned().chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_full_is_put_aside_and_two_are_all_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.log");
        let mut log = Log { limit: 10, ..Log::open(&path) };
        for line in ["one 678\n", "two 678\n", "three 8\n"] {
            log.write(line.as_bytes());
        }
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "three 8\n");
        assert_eq!(fs_err::read_to_string(folder.path().join("api.log.1")).unwrap(), "two 678\n");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(log.tail(), ["one 678", "two 678", "three 8"]);
    }

    #[test]
    fn lines_are_given_when_they_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(&folder.path().join("x"));
        assert!(log.write(b"hal").is_empty());
        assert_eq!(log.write(b"f\nwhole\nla"), ["half", "whole"]);
        assert_eq!(log.tail(), ["half", "whole", "la"]);
    }
}
