//! The system's store of trusted authorities: a folder for authorities of this machine, and a program that takes them up from there.
//!
//! Both belong to root. Where we may not write there, the commands are told and nobody is asked for a password.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::files;
use super::process::{self, Command};
use crate::failure::{Failure, FailureKind};

/// A kind of store.
#[derive(Debug)]
struct Kind {
    /// The folder for authorities of this machine.
    anchors: &'static str,
    /// How their files end.
    ending: &'static str,
    /// The program that takes them up.
    program: &'static str,
    /// What it is told after one went: Debian's leaves links to it otherwise.
    after_removal: &'static [&'static str],
}

const KINDS: [Kind; 4] = [
    // Debian, Ubuntu, Alpine
    Kind { anchors: "usr/local/share/ca-certificates", ending: "crt", program: "update-ca-certificates", after_removal: &["--fresh"] },
    // openSUSE
    Kind { anchors: "etc/pki/trust/anchors", ending: "pem", program: "update-ca-certificates", after_removal: &["--fresh"] },
    // Fedora, RHEL
    Kind { anchors: "etc/pki/ca-trust/source/anchors", ending: "pem", program: "update-ca-trust", after_removal: &[] },
    // Arch
    Kind { anchors: "etc/ca-certificates/trust-source/anchors", ending: "crt", program: "update-ca-trust", after_removal: &[] },
];

/// The store of this system.
#[derive(Debug)]
pub struct Store {
    anchors: PathBuf,
    kind: &'static Kind,
    program: PathBuf,
}

/// An authority that was put there, as far as it must be known to take exactly that out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trusted {
    /// The file.
    pub anchor: PathBuf,
    /// The digest of its content.
    pub digest: String,
}

/// What came of taking an authority out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is no longer there.
    Gone,
    /// Its file holds something else by now, and stays.
    Changed,
}

impl Trusted {
    /// An authority in that file.
    #[must_use]
    pub fn new(anchor: PathBuf, certificate: &str) -> Self {
        Self { anchor, digest: digest(certificate.as_bytes()) }
    }

    /// Whether the file is there and holds just that; `None` where it is not there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn is_there(&self) -> Result<Option<bool>, Failure> {
        Ok(files::read_if_there(&self.anchor)?.map(|bytes| digest(&bytes) == self.digest))
    }
}

impl Store {
    /// Looks for the store below `root`, which is `/` but for tests and systems that are being made, and for its program.
    ///
    /// # Errors
    /// Where this system has none that tstack knows.
    pub fn find(root: &Path, search: &OsStr) -> Result<Self, Failure> {
        let mut missing = Vec::new();
        for kind in &KINDS {
            let anchors = root.join(kind.anchors);
            if !anchors.is_dir() {
                continue;
            }
            match process::candidates(kind.program, search).into_iter().next() {
                Some(program) => return Ok(Self { anchors, kind, program }),
                None => missing.push(format!("{} is there, but no `{}` on PATH", anchors.display(), kind.program)),
            }
        }
        let failure = Failure::preflight("this system has no trust store that tstack knows");
        let failure = missing.into_iter().fold(failure, Failure::why);
        Err(if cfg!(target_os = "macos") {
            failure.hint("`sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain CA.CRT` trusts a CA; `sudo security remove-trusted-cert -d CA.CRT` takes it back.")
        } else {
            failure.hint("Give programs the certificate itself, as `curl --cacert` takes it; `tstack certs show` tells where it is.")
        })
    }

    /// The store that a file lies in.
    ///
    /// # Errors
    /// Where it lies in none, or the store's program is gone.
    pub fn of(anchor: &Path, search: &OsStr) -> Result<Self, Failure> {
        let failure = || Failure::step(format!("{} is in no trust store that tstack knows", anchor.display()));
        let anchors = anchor.parent().ok_or_else(failure)?;
        let kind = KINDS.iter().find(|kind| anchors.ends_with(kind.anchors)).ok_or_else(failure)?;
        let program = process::candidates(kind.program, search).into_iter().next();
        let program = program.ok_or_else(|| failure().why(format!("there is no `{}` on PATH", kind.program)))?;
        Ok(Self { anchors: anchors.to_owned(), kind, program })
    }

    /// The file for the authority of a cluster.
    #[must_use]
    pub fn anchor(&self, cluster: &str) -> PathBuf {
        self.anchors.join(format!("tstack-{cluster}.{}", self.kind.ending))
    }

    /// Puts a certificate there and has it taken up.
    ///
    /// # Errors
    /// Where we may not write there: with the commands that do it. And what the store's program said.
    pub async fn add(&self, anchor: &Path, certificate: &Path, cancel: &CancellationToken) -> Result<(), Failure> {
        let content = fs_err::read(certificate).map_err(|e| Failure::step(format!("cannot read {}", certificate.display())).because(&e))?;
        self.writable().map_err(|failure| {
            let failure = Failure { kind: FailureKind::Preflight, ..failure };
            failure.hint(format!(
                "Run `sudo install -m 644 {} {} && sudo {}`; `tstack down` takes it back, or tells how.",
                certificate.display(),
                anchor.display(),
                self.kind.program
            ))
        })?;
        self.write(anchor, &content)?;
        self.take_up(&[], cancel).await
    }

    fn write(&self, anchor: &Path, content: &[u8]) -> Result<(), Failure> {
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(".tstack-").tempfile_in(&self.anchors)?;
            file.write_all(content)?;
            // every program that trusts it must be able to read it
            #[cfg(unix)]
            file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
            file.as_file().sync_all()?;
            file.persist(anchor)?;
            Ok(())
        };
        write().map_err(|e| Failure::step(format!("cannot write {}", anchor.display())).because(&e))
    }

    /// Takes out what was put there, and nothing else.
    ///
    /// # Errors
    /// Where we may not write there: with the commands that do it. And what the store's program said.
    pub async fn remove(&self, trusted: &Trusted, cancel: &CancellationToken) -> Result<Removed, Failure> {
        match trusted.is_there()? {
            None => return Ok(Removed::Gone),
            Some(false) => return Ok(Removed::Changed),
            Some(true) => {}
        }
        self.writable().map_err(|failure| {
            let words: Vec<&str> = std::iter::once(self.kind.program).chain(self.kind.after_removal.iter().copied()).collect();
            failure.hint(format!("Run `sudo rm {} && sudo {}`, then this again.", trusted.anchor.display(), words.join(" ")))
        })?;
        let failed = |e: std::io::Error| Failure::step(format!("cannot remove {}", trusted.anchor.display())).because(&e);
        let content = fs_err::read(&trusted.anchor).map_err(failed)?;
        fs_err::remove_file(&trusted.anchor).map_err(failed)?;
        if let Err(failure) = self.take_up(self.kind.after_removal, cancel).await {
            // the system may trust it still: as long as that is so, there must be something to take out
            let _ = self.write(&trusted.anchor, &content);
            return Err(failure);
        }
        Ok(Removed::Gone)
    }

    async fn take_up(&self, args: &[&str], cancel: &CancellationToken) -> Result<(), Failure> {
        Command::new(&self.program).args(args.iter().copied()).run(cancel, &|_| ()).await.map(drop)
    }

    /// Whether we may write there.
    fn writable(&self) -> Result<(), Failure> {
        #[cfg(unix)]
        if let Err(e) = rustix::fs::access(&self.anchors, rustix::fs::Access::WRITE_OK) {
            return Err(Failure::step("the system's trust store may not be changed by this user").why(format!(
                "{}: {}",
                self.anchors.display(),
                std::io::Error::from(e)
            )));
        }
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
