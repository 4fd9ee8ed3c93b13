//! A line of the table: a fault, how often it was put in, and what came of it.

use std::io::Write as _;
use std::time::Instant;

use serde_json::json;

/// One fault; written when dropped, also where its scenario broke.
pub(super) struct Row {
    fault: &'static str,
    runs: u32,
    converged: u32,
    lost: u32,
    requests: Option<(usize, usize)>,
    notes: Vec<String>,
    began: Instant,
}

impl Row {
    pub(super) fn begin(fault: &'static str) -> Self {
        Self { fault, runs: 0, converged: 0, lost: 0, requests: None, notes: Vec::new(), began: Instant::now() }
    }

    /// The fault was put in.
    pub(super) fn struck(&mut self) -> u32 {
        self.runs += 1;
        self.runs
    }

    /// After all of them so far it converged.
    pub(super) fn converged(&mut self) {
        self.converged = self.runs;
    }

    /// Something that was there before the fault is not there any more.
    pub(super) fn lost(&mut self, what: &str) {
        self.lost += 1;
        self.note(format!("lost: {what}"));
    }

    /// Requests that got no good answer, of how many.
    pub(super) fn requests(&mut self, failed: usize, all: usize) {
        let (f, a) = self.requests.unwrap_or_default();
        self.requests = Some((f + failed, a + all));
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        let path = std::env::var_os("TSTACK_FAULT_TABLE")
            .map_or_else(|| concat!(env!("CARGO_TARGET_TMPDIR"), "/faults.jsonl").into(), std::path::PathBuf::from);
        let line = json!({
            "fault": self.fault, "runs": self.runs, "converged": self.converged, "lost": self.lost,
            "requestsLost": self.requests.map(|(failed, _)| failed), "requests": self.requests.map(|(_, all)| all),
            "seconds": self.began.elapsed().as_secs(), "notes": self.notes, "broken": std::thread::panicking(),
        });
        println!("\n  row {line}");
        let file = std::fs::File::options().append(true).create(true).open(&path);
        // a second panic would abort the test program
        if file.and_then(|mut file| writeln!(file, "{line}")).is_err() {
            println!("cannot write {}", path.display());
        }
    }
}
