//! The record on disk: whole, under a digest of its own, and twice.
//!
//! ```text
//! {
//!   "digest": "SHA-256 of every byte after this line",
//!   "version": 2,
//!   …
//! }
//! ```
//!
//! A byte that is not as it was written is seen (`tail -n +3 state.json | sha256sum` is the digest), and what it stands in is believed no more: a flipped
//! letter in a name must not make `down` delete something else. The first file is written before its copy, so it is never the older
//! one; and the act that a note announces begins only when both have it, so the copy of a file that is lost is true as well.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Record, StateFolder};
use crate::failure::Failure;
use crate::world::files;

/// The version of the form. A newer one is refused, never guessed at; 1 had no digest and no copy.
const VERSION: u64 = 2;
/// What stands before the digest.
const HEAD: &str = "{\n  \"digest\": \"";
/// What stands after the digest; it counts from there on.
const AFTER: &str = "\",\n";
/// Hexadecimal digits of SHA-256.
const DIGITS: usize = 64;

/// What the two files of a folder say.
#[derive(Debug)]
pub enum Stored {
    /// Neither is there.
    Absent,
    /// The record.
    Whole(Box<Record>),
    /// The record by its copy: the first file is damaged or gone.
    ByCopy(Box<Record>, Damaged),
    /// Neither can be believed.
    Damaged(Damaged),
}

/// What a stack ran on, as far as a damaged record can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// A kind cluster of ours.
    OnKind,
    /// A cluster that the user named.
    OnContext,
    /// Processes on this machine.
    OnHost,
}

/// Files of a record that cannot be believed.
#[derive(Debug)]
pub struct Damaged {
    folder: StateFolder,
    /// Each with its content, and why it is not believed.
    files: Vec<(PathBuf, Vec<u8>, String)>,
}

impl Stored {
    /// Reads the record of a folder.
    ///
    /// # Errors
    /// When a file is there and the system does not give it, or it is a newer tstack's.
    pub fn read(folder: &StateFolder) -> Result<Self, Failure> {
        let mut damaged = Damaged { folder: folder.clone(), files: Vec::new() };
        if let Some(record) = read(&folder.record(), &mut damaged)? {
            return Ok(Self::Whole(record));
        }
        Ok(match read(&folder.record_copy(), &mut damaged)? {
            Some(record) => Self::ByCopy(record, damaged),
            None if damaged.files.is_empty() => Self::Absent,
            None => Self::Damaged(damaged),
        })
    }
}

impl Record {
    /// Reads the record of a folder, `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, is damaged together with its copy, or is of a newer tstack; nothing is guessed then.
    pub fn read(folder: &StateFolder) -> Result<Option<Self>, Failure> {
        match Stored::read(folder)? {
            Stored::Absent => Ok(None),
            Stored::Whole(record) | Stored::ByCopy(record, _) => Ok(Some(*record)),
            Stored::Damaged(damaged) => Err(damaged.failure()),
        }
    }

    /// Writes the record whole, and its copy.
    ///
    /// # Errors
    /// When the disk is full or the folder is gone.
    pub fn write(&self, folder: &StateFolder) -> Result<(), Failure> {
        let text = written(self).map_err(|e| Failure::internal("the state cannot be written").because(&e))?;
        files::write_private_together(&[(&folder.record(), text.as_bytes()), (&folder.record_copy(), text.as_bytes())])
    }
}

impl Damaged {
    /// What the stack ran on, if the files still say that.
    #[must_use]
    pub fn ran(&self) -> Option<Ran> {
        let says = |word: &str| self.files.iter().any(|(_, bytes, _)| value_in(bytes, "provider").as_deref() == Some(word));
        // where they do not agree, the one for which the least is done without the user
        if says("context") {
            Some(Ran::OnContext)
        } else if says("host") {
            Some(Ran::OnHost)
        } else {
            says("kind").then_some(Ran::OnKind)
        }
    }

    /// Keeps the files as they are under names that say so, for whoever wants to see what was in them; `down` removes them with
    /// all else. They stay where they are, too, until a record is written in their place.
    pub fn set_aside(&self) {
        for (path, bytes, _) in &self.files {
            // evidence is worth a try, and no failure: the disk may be what is broken
            let _ = files::write_private(&broken(path), bytes);
        }
    }

    /// That the record was healed from its copy.
    #[must_use]
    pub fn healed(&self) -> String {
        let reasons = self.files.iter().map(|(path, _, why)| format!("{} ({why})", path.display())).collect::<Vec<_>>();
        let first = if reasons.is_empty() { format!("{} was gone", self.folder.record().display()) } else { damaged(&reasons) };
        format!("{first}: the record is taken from its copy.")
    }

    /// That the record is lost, and what it describes was looked for by other means.
    #[must_use]
    pub fn lost(&self) -> String {
        let reasons: Vec<String> = self.files.iter().map(|(path, _, why)| format!("{} ({why})", path.display())).collect();
        let name = self.folder.name();
        format!(
            "{}: what there is of `{name}` is found by the marks on it. The damaged files are kept beside it, as *.broken.",
            damaged(&reasons)
        )
    }

    /// That nothing can be done without the user.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let name = self.folder.name();
        let mut failure = Failure::preflight(format!("the record of `{name}` is damaged, and nothing is guessed"));
        for (path, _, why) in &self.files {
            failure = failure.why(format!("{}: {why}", path.display()));
        }
        let read: Vec<String> = ["stack", "provider", "context", "kubeconfig"]
            .into_iter()
            .filter_map(|key| Some(format!("{key} {}", self.files.iter().find_map(|(_, bytes, _)| value_in(bytes, key))?)))
            .collect();
        if !read.is_empty() {
            failure = failure.why(format!("what can still be read of it, and may be wrong: {}", read.join(", ")));
        }
        let forget = format!("`tstack down --name {name} --forget` removes what tstack has noted under this name");
        match self.ran().or_else(|| self.folder.was_of_kind().then_some(Ran::OnKind)) {
            Some(Ran::OnKind | Ran::OnHost) => failure
                .hint(format!("`tstack up --name {name}` takes up what there is of it, by the marks on it; `tstack down --name {name}` removes that."))
                .hint(format!("{forget}.")),
            Some(Ran::OnContext) | None => failure
                .hint(format!("If it ran on a context of yours, name that again: `tstack up --name {name} --context CONTEXT` notes anew what it applies."))
                .hint(format!("{forget}, and leaves what the stack has made in a cluster of yours.")),
        }
    }
}

/// A record that can be believed, `None` where the file is not there or damaged, which is noted then.
fn read(path: &Path, damaged: &mut Damaged) -> Result<Option<Box<Record>>, Failure> {
    let Some(bytes) = files::read_if_there(path)? else { return Ok(None) };
    match parsed(&bytes) {
        Parsed::Record(record) => Ok(Some(record)),
        Parsed::Newer(version) => Err(Failure::preflight(format!("the state file {} is of a newer tstack", path.display()))
            .why(format!("it has version {version}, this tstack knows {VERSION}"))
            .hint("Use the tstack that made it, or a newer one.")),
        Parsed::Damaged(why) => {
            damaged.files.push((path.to_owned(), bytes, why));
            Ok(None)
        }
    }
}

enum Parsed {
    Record(Box<Record>),
    Newer(u64),
    Damaged(String),
}

/// What the bytes of a state file are.
fn parsed(bytes: &[u8]) -> Parsed {
    let proven = proven(bytes);
    if proven == Some(false) {
        let ends = serde_json::from_slice::<Value>(bytes).is_err_and(|e| e.is_eof());
        let how = if ends { "it ends too early" } else { "it is not as it was written: its digest is another" };
        return Parsed::Damaged(how.into());
    }
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) if bytes.is_empty() => return Parsed::Damaged("it is empty".into()),
        Err(e) if e.is_eof() => return Parsed::Damaged("it ends too early".into()),
        Err(e) => return Parsed::Damaged(format!("it is not JSON: {e}")),
    };
    match value.get("version").and_then(Value::as_u64) {
        Some(version) if version > VERSION => Parsed::Newer(version),
        Some(VERSION) if proven.is_none() => Parsed::Damaged("it has no digest".into()),
        Some(1 | VERSION) => {
            Record::deserialize(value).map_or_else(|e| Parsed::Damaged(e.to_string()), |record| Parsed::Record(Box::new(record)))
        }
        Some(version) => Parsed::Damaged(format!("no tstack wrote version {version}")),
        None => Parsed::Damaged("it has no version".into()),
    }
}

/// Whether the bytes are those that the digest in them is of; `None` where they do not begin with one.
fn proven(bytes: &[u8]) -> Option<bool> {
    let rest = bytes.strip_prefix(HEAD.as_bytes())?;
    let (digest, rest) = rest.split_at_checked(DIGITS)?;
    let body = rest.strip_prefix(AFTER.as_bytes())?;
    Some(digest == digest_of(body).as_bytes())
}

fn written(record: &Record) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(record)?;
    // an object of many keys, each on a line of its own
    let fields = text.trim_start_matches(['{', '\n']);
    let body = format!("  \"version\": {VERSION},\n{fields}\n");
    Ok(format!("{HEAD}{}{AFTER}{body}", digest_of(body.as_bytes())))
}

fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(DIGITS), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The text behind a key, in a file that need not be whole.
fn value_in(bytes: &[u8], key: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.split_once(&format!("\"{key}\":"))?;
    let (value, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(value.to_owned())
}

fn damaged(files: &[String]) -> String {
    format!("{} {} damaged", files.join(" and "), if files.len() == 1 { "was" } else { "were" })
}

fn broken(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".broken");
    name.into()
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
