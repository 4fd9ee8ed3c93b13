//! Our cache of programs: installed whole or not at all, checked before each use, one writer at a time.
//!
//! `<name>/<version>/` has the program, its sum (`<name>.sha256`, as `sha256sum -c` reads it) and where it came from (`origin.json`).
//! Beside it are `<name>/lock`, `<name>/tmp/` for what is not whole yet, `<name>/digests.lock` ([`super::image`]), and `<name>/asked.json`,
//! so that a program on PATH is asked for its version once.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::lock::Program;
use super::{Obtained, Source, path};
use crate::failure::{Failure, FailureKind};
use crate::world::backoff::Backoff;
use crate::world::files;

/// The place of one program in the cache.
pub(super) struct Cache<'a> {
    program: &'a Program,
    /// `<cache>/<name>`
    root: PathBuf,
}

/// The right to write the program's place; one tstack at a time has it. It ends with the process.
pub(super) struct Held {
    _lock: File,
}

/// Where the program came from, and the file as it was when its sum was last seen to be right.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    from: String,
    seen: Fingerprint,
}

/// Programs of PATH that were asked before, by their path: what they said, for as long as the file is the same.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Asked(BTreeMap<PathBuf, (Fingerprint, String)>);

impl Asked {
    /// What is remembered; nothing where it cannot be read.
    pub(super) fn read(root: &Path) -> Self {
        fs_err::read(root.join("asked.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// The version that this very file said.
    pub(super) fn version(&self, path: &Path) -> Option<Version> {
        let (seen, version) = self.0.get(path)?;
        (fingerprint(path).ok()? == *seen).then(|| version.parse().ok())?
    }

    /// Remembers an answer, of programs alone: a script may start another program tomorrow. Where it cannot be written, it is asked again.
    pub(super) fn keep(&mut self, root: &Path, path: &Path, version: &Version) {
        let mut start = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
        if read.is_ok()
            && start == *b"\x7fELF"
            && let Ok(seen) = fingerprint(path)
        {
            self.0.insert(path.to_owned(), (seen, version.to_string()));
            if let Ok(text) = serde_json::to_string(self) {
                let _ = files::make_private_dir(root).and_then(|()| files::write_private(&root.join("asked.json"), text.as_bytes()));
            }
        }
    }
}

/// A file with these is the file that had them before: the kernel sets the time of change, and no program can set it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<'a> Cache<'a> {
    pub(super) fn new(root: &Path, program: &'a Program) -> Self {
        Self { program, root: root.join(&program.name) }
    }

    /// The program's own folder in the cache.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.program.version.to_string())
    }

    /// Waits until no other tstack gets this program, and clears what a killed one left.
    ///
    /// # Errors
    /// When the cache cannot be written, or on cancel.
    pub(super) async fn hold(&self, cancel: &CancellationToken, tell: &(dyn Fn(&str) + Send + Sync)) -> Result<Held, Failure> {
        files::make_private_dir(&self.root)?;
        let path = self.root.join("lock");
        let failed = |e: std::io::Error| Failure::step(format!("cannot lock {}", path.display())).because(&e);
        let lock = File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let mut backoff = Backoff::new();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => tell(&format!("another tstack is getting {}", self.program.name)),
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            tokio::select! {
                () = backoff.pause() => {}
                () = cancel.cancelled() => return Err(cancelled(self.program)),
            }
        }
        // whoever made these is dead: its lock is ours
        if let Err(e) = fs_err::remove_dir_all(self.root.join("tmp"))
            && e.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Failure::step("cannot clear the cache of programs").because(&e));
        }
        Ok(Held { _lock: lock })
    }

    /// The program, if it is there and is what was installed. What is wrong is left for [`Self::install`] to replace.
    pub(super) async fn look(&self) -> Result<Obtained, String> {
        let (file, program) = (self.folder().join(&self.program.name), self.program.clone());
        let checked = tokio::task::spawn_blocking(move || check(&file, &program)).await;
        checked.unwrap_or_else(|e| Err(e.to_string()))
    }

    /// A new folder for what is not whole yet; it goes when it is dropped, and with the next [`Self::hold`] at the latest.
    pub(super) fn scratch(&self, _held: &Held) -> Result<TempDir, String> {
        let tmp = self.root.join("tmp");
        files::make_private_dir(&tmp).map_err(|f| f.to_string())?;
        tempfile::Builder::new().prefix("get-").tempdir_in(&tmp).map_err(|e| e.to_string())
    }

    /// Makes sure that the file runs and is the version that is wanted, and puts it in its place in one step.
    pub(super) async fn install(&self, scratch: &TempDir, file: &Path, from: &str) -> Result<Obtained, String> {
        let (program, folder) = (self.program, self.folder());
        let new = scratch.path().join("install");
        fs_err::create_dir(&new).map_err(|e| e.to_string())?;
        let there = new.join(&program.name);
        fs_err::rename(file, &there).map_err(|e| e.to_string())?;
        executable(&there).map_err(|e| e.to_string())?;
        let version = path::version(program, &there).await.map_err(|why| format!("what came does not run here ({why})"))?;
        if version != program.version {
            return Err(format!("what came is version {version}"));
        }
        let from = from.to_owned();
        let (name, kept) = (program.name.clone(), from.clone());
        let placed = tokio::task::spawn_blocking(move || place(&new, &name, kept, &folder).map(|()| folder.join(name))).await;
        let path = placed.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        Ok(Obtained { path, source: Source::Fetched(from), version, passed_over: Vec::new() })
    }
}

pub(super) fn cancelled(program: &Program) -> Failure {
    Failure::new(FailureKind::Cancelled, format!("getting {} was cancelled", program.name))
}

/// Writes sum and origin beside the program, and renames the folder over the one before.
fn place(new: &Path, name: &str, from: String, folder: &Path) -> std::io::Result<()> {
    let file = new.join(name);
    File::open(&file)?.sync_all()?;
    let written = |path: PathBuf, text: String| files::write_private(&path, text.as_bytes()).map_err(std::io::Error::other);
    written(sum_path(&file), format!("{}  {name}\n", sum(&file)?))?;
    written(new.join("origin.json"), serde_json::to_string(&Origin { from, seen: fingerprint(&file)? })?)?;
    match fs_err::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    fs_err::rename(new, folder)
}

fn check(file: &Path, program: &Program) -> Result<Obtained, String> {
    let seen = match fingerprint(file) {
        Ok(seen) => seen,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err("it is not there".to_owned()),
        Err(e) => return Err(e.to_string()),
    };
    let found = |from: &str| Obtained {
        path: file.to_owned(),
        source: Source::Cache(from.to_owned()),
        version: program.version.clone(),
        passed_over: Vec::new(),
    };
    let origin_path = file.with_file_name("origin.json");
    let origin = fs_err::read(&origin_path).ok().and_then(|bytes| serde_json::from_slice::<Origin>(&bytes).ok());
    let origin = origin.ok_or_else(|| "nothing says where the file there came from".to_owned())?;
    if origin.seen == seen {
        return Ok(found(&origin.from));
    }
    let kept = fs_err::read_to_string(sum_path(file)).map_err(|e| e.to_string())?;
    let is = sum(file).map_err(|e| e.to_string())?;
    if kept.split_whitespace().next() != Some(is.as_str()) {
        return Err("the file there is not the one that was installed (its sum differs)".to_owned());
    }
    // copied or restored, and the same bytes: the next look is quick again; where that cannot be written, it is not
    if let Ok(text) = serde_json::to_string(&Origin { from: origin.from.clone(), seen }) {
        let _ = files::write_private(&origin_path, text.as_bytes());
    }
    Ok(found(&origin.from))
}

fn sum_path(file: &Path) -> PathBuf {
    file.with_added_extension("sha256")
}

/// The SHA-256 sum of a file, in hexadecimal digits.
pub(super) fn sum(path: &Path) -> std::io::Result<String> {
    let (mut file, mut sum, mut chunk) = (fs_err::File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(&sum.finalize())),
            read => sum.update(&chunk[..read]),
        }
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn fingerprint(path: &Path) -> std::io::Result<Fingerprint> {
    use std::os::unix::fs::MetadataExt as _;
    let of = std::fs::metadata(path)?;
    Ok(Fingerprint {
        device: of.dev(),
        inode: of.ino(),
        size: of.len(),
        modified: (of.mtime(), of.mtime_nsec()),
        changed: (of.ctime(), of.ctime_nsec()),
    })
}

#[cfg(not(unix))]
fn fingerprint(_: &Path) -> std::io::Result<Fingerprint> {
    // host mode runs on Linux
    Err(std::io::ErrorKind::Unsupported.into())
}
