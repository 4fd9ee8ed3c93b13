//! One tstack at a time on one cluster.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Record, StateFolder};
use crate::failure::{Failure, FailureKind};
use crate::world::{clock, files, machine};

/// Who holds a lock; written into its file, for whoever comes next. It proves nothing: only the system's lock does.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    /// What it does: `up`.
    verb: String,
    /// Its process.
    pid: u32,
    /// The machine that it runs on: a home folder may be shared.
    host: String,
    /// Since when.
    since: jiff::Timestamp,
    /// Ports of this machine that it is about to use, and which no record tells yet.
    #[serde(default)]
    ports: Vec<u16>,
}

impl Holder {
    fn new(verb: &str) -> Self {
        Self { verb: verb.to_owned(), pid: std::process::id(), host: machine::name(), since: clock::now(), ports: Vec::new() }
    }

    /// `tstack up, process 123, since 12:03:04 UTC (2 min ago)`, and where, if that is not here.
    fn describe(&self, here: &str, now: jiff::Timestamp) -> String {
        let seconds = now.duration_since(self.since).as_secs().max(0);
        let day = 24 * 60 * 60;
        let (form, ago) = match seconds {
            0..60 => ("%H:%M:%S UTC", format!("{seconds} s")),
            60..3600 => ("%H:%M:%S UTC", format!("{} min", seconds / 60)),
            _ if seconds < day => ("%H:%M:%S UTC", format!("{} h", seconds / 3600)),
            _ => ("%Y-%m-%d %H:%M:%S UTC", format!("{} days", seconds / day)),
        };
        let place = if self.host == here { String::new() } else { format!(" on the machine `{}`", self.host) };
        format!("tstack {}, process {}{place}, since {} ({ago} ago)", self.verb, self.pid, self.since.strftime(form))
    }
}

/// The lock of a cluster, held until dropped. The engine of the lock is the operating system's: it ends with the process, so that of a
/// killed one is free.
///
/// Where the cluster has no folder, because `down` removed it or `up` was refused before its first step, no lock file stays.
#[derive(Debug)]
pub struct Lock {
    file: File,
    folder: StateFolder,
    holder: Holder,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    ///
    /// # Errors
    /// [`FailureKind::Held`] when another tstack holds it, with its verb, its process, since when, and where.
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
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    return Err(held(folder.name(), &text));
                }
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            // a `down` removes the file while it holds it: what was locked must still be what the path names
            if same_file(&file, &path) {
                let mut lock = Self { file, folder: folder.clone(), holder: Holder::new(verb) };
                lock.tell()?;
                return Ok(lock);
            }
        }
    }
}

impl Lock {
    /// Tells the others which ports of this machine are about to be used.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn reserve(&mut self, ports: &[u16]) -> Result<(), Failure> {
        ports.clone_into(&mut self.holder.ports);
        self.tell()
    }

    /// Writes into the file who holds the lock.
    fn tell(&mut self) -> Result<(), Failure> {
        let mut write = || -> std::io::Result<()> {
            let text = serde_json::to_string(&self.holder)?;
            self.file.set_len(0)?;
            self.file.rewind()?;
            writeln!(self.file, "{text}")?;
            // what is only in the cache of this machine is not seen on another one
            self.file.sync_data()
        };
        write().map_err(|e| Failure::preflight(format!("cannot write {}", self.folder.lock().display())).because(&e))
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

/// The names of other clusters below the same root for which a node is about to be made, or was when that run was ended: the engine need
/// not know of any container of theirs yet. One whose record cannot be read may be such a one.
///
/// # Errors
/// When the root cannot be read.
pub fn about_to_be_made(folder: &StateFolder) -> Result<Vec<String>, Failure> {
    let mut names = super::list(folder.root())?;
    names.retain(|name| {
        let other = StateFolder::new(folder.root(), name);
        name != folder.name()
            && !is_going(&other)
            && Record::read(&other).map_or(true, |record| record.is_some_and(|record| record.is_half_made()))
    });
    Ok(names)
}

/// The ports of this machine that other stacks below the same root are reached by or are about to be, and the names of those.
///
/// # Errors
/// When the root cannot be read.
pub fn reserved_ports(folder: &StateFolder) -> Result<BTreeMap<u16, String>, Failure> {
    let mut all = BTreeMap::new();
    let locks = super::folder::locked(folder.root())?;
    for name in super::list(folder.root())?.into_iter().chain(locks).filter(|name| name != folder.name()) {
        let other = StateFolder::new(folder.root(), &name);
        // what cannot be read tells of no port; whether one is taken is asked as well
        let recorded = Record::read(&other).ok().flatten().map(|record| record.host_ports).unwrap_or_default();
        let about = holder(&other).map(|holder| holder.ports).unwrap_or_default();
        all.extend(recorded.into_iter().chain(about).map(|port| (port, name.clone())));
    }
    Ok(all)
}

/// Whether the last that took the lock of a cluster was `down`. Its file is read without the lock: taken for a look, it would be held when
/// somebody wants it.
fn is_going(folder: &StateFolder) -> bool {
    holder(folder).is_some_and(|holder| holder.verb == "down")
}

/// Who took the lock of a cluster last, as far as that can be read.
fn holder(folder: &StateFolder) -> Option<Holder> {
    serde_json::from_slice(&files::read_if_there(&folder.lock()).ok().flatten()?).ok()
}

/// What the second one is told, by what the file of the lock says.
fn held(name: &str, text: &str) -> Failure {
    let here = machine::name();
    let failure = Failure::new(FailureKind::Held, format!("another tstack holds the cluster `{name}`"));
    let end = "Wait until it ends, or end it; nothing was changed by this one.";
    match serde_json::from_str::<Holder>(text) {
        Ok(holder) if holder.host != here => failure
            .why(format!("it is `{}`", holder.describe(&here, clock::now())))
            .hint(format!("The state folder is shared with that machine. {end}"))
            .hint("TSTACK_STATE names a folder of this machine's own."),
        Ok(holder) => failure.why(format!("it is `{}`", holder.describe(&here, clock::now()))).hint(end),
        // it has just begun, or is an older tstack
        Err(_) => failure.why(format!("it says of itself: {}", if text.trim().is_empty() { "nothing yet" } else { text.trim() })).hint(end),
    }
}

pub(super) fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
pub(super) fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(held), Ok(named)) = (file.metadata(), fs_err::metadata(path)) else { return false };
    (held.dev(), held.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
pub(super) fn same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_told_with_its_verb_process_age_and_machine() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let holder = Holder { verb: "up".into(), pid: 123, host: "laptop".into(), since: at("2026-01-01T12:03:04Z"), ports: vec![] };
        for (now, here, told) in [
            ("2026-01-01T12:05:04Z", "laptop", "tstack up, process 123, since 12:03:04 UTC (2 min ago)"),
            ("2026-01-01T12:03:09Z", "laptop", "tstack up, process 123, since 12:03:04 UTC (5 s ago)"),
            ("2026-01-01T15:03:04Z", "laptop", "tstack up, process 123, since 12:03:04 UTC (3 h ago)"),
            ("2026-01-03T15:03:04Z", "laptop", "tstack up, process 123, since 2026-01-01 12:03:04 UTC (2 days ago)"),
            // a clock that was set back
            ("2026-01-01T11:00:00Z", "laptop", "tstack up, process 123, since 12:03:04 UTC (0 s ago)"),
            ("2026-01-01T12:05:04Z", "server", "tstack up, process 123 on the machine `laptop`, since 12:03:04 UTC (2 min ago)"),
        ] {
            assert_eq!(holder.describe(here, at(now)), told);
        }
    }

    #[test]
    fn a_cluster_that_is_about_to_be_made_is_known_until_it_is_there_or_goes() {
        let temp = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine", "other"].map(|name| StateFolder::new(temp.path(), name));
        let about = || about_to_be_made(&mine).unwrap();
        assert_eq!(about(), [] as [&str; 0]);
        let target = serde_json::json!({"provider": "kind", "cluster": "tstack-other", "owner": "w", "networkMade": false});
        let record = serde_json::json!({"stack": "x", "source": "x", "target": target, "created": "2026-01-01T00:00:00Z"});
        let record: Record = serde_json::from_value(record).unwrap();
        other.create().unwrap();
        record.write(&other).unwrap();
        assert_eq!(about(), ["other"]);
        drop(Lock::take(&other, "up").unwrap());
        assert_eq!(about(), ["other"], "an ended one may be taken up again");
        drop(Lock::take(&other, "down").unwrap());
        assert_eq!(about(), [] as [&str; 0]);
        drop(Lock::take(&other, "up").unwrap());
        Record { identity: Some("uid".into()), ..record }.write(&other).unwrap();
        assert_eq!(about(), [] as [&str; 0], "it is there, and the engine knows its node");
        files::write_private(&other.record(), b"").unwrap();
        files::write_private(&other.record_copy(), b"").unwrap();
        assert_eq!(about(), ["other"], "unknown is not absent");
    }

    #[test]
    fn ports_of_others_are_those_of_records_and_of_runs_that_have_none_yet() {
        let temp = tempfile::tempdir().unwrap();
        let [mine, begun, new] = ["mine", "begun", "new"].map(|name| StateFolder::new(temp.path(), name));
        let target = serde_json::json!({"provider": "host"});
        let record =
            serde_json::json!({"stack": "x", "source": "x", "target": target, "created": "2026-01-01T00:00:00Z", "hostPorts": [8080]});
        let record: Record = serde_json::from_value(record).unwrap();
        for folder in [&mine, &begun] {
            folder.create().unwrap();
            record.write(folder).unwrap();
        }
        let mut lock = Lock::take(&new, "up").unwrap();
        lock.reserve(&[8081, 8443]).unwrap();
        let ports = reserved_ports(&mine).unwrap();
        assert_eq!(ports, BTreeMap::from([(8080, "begun".to_owned()), (8081, "new".to_owned()), (8443, "new".to_owned())]));
        drop(lock);
        assert_eq!(reserved_ports(&mine).unwrap().len(), 1, "refused before its first step: nothing of it stays");
    }

    #[test]
    fn a_lock_file_that_cannot_be_read_is_told_as_it_is() {
        assert_eq!(held("x", "tstack up, process 7\n").why, ["it says of itself: tstack up, process 7"]);
        assert_eq!(held("x", "").why, ["it says of itself: nothing yet"]);
        let there = serde_json::to_string(&Holder { host: "elsewhere".into(), ..Holder::new("up") }).unwrap();
        assert!(held("x", &there).hints[0].starts_with("The state folder is shared with that machine."));
    }

    #[test]
    fn the_second_is_told_who_holds_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        let first = Lock::take(&folder, "up").unwrap();
        let failure = Lock::take(&folder, "down").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Held);
        assert!(failure.why[0].starts_with(&format!("it is `tstack up, process {}, since ", std::process::id())), "{:?}", failure.why);
        folder.create().unwrap();
        drop(first);
        assert!(folder.lock().exists());
        let last = Lock::take(&folder, "down").unwrap();
        folder.remove().unwrap();
        drop(last);
        assert!(!temp.path().exists(), "nothing is left, not even an empty folder");
    }
}
