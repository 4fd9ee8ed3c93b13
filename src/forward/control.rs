//! The daemon's door: a Unix socket in the state folder. Asking it is the only way to find or end a daemon, so a process id
//! that was given to another program can do no harm; and the lock beside it says whether a daemon lives at all.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::board::Status;
use crate::failure::Failure;
use crate::world::backoff::Backoff;

/// The longest socket path that every system takes: 104 bytes on macOS (108 on Linux), with the ending zero.
const PATH_LIMIT: usize = 103;
/// A question and its answer are short, and the daemon answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest question that is read, and the longest answer.
const LINE: u64 = 1024 * 1024;

/// A question, as one line of JSON: `{"ask":"status"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(super) enum Ask {
    Status,
    /// The daemon answers first, then ends.
    Stop,
}

/// An answer, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(super) enum Answer {
    Ok,
    Status(Status),
    Error { message: String },
}

/// `forwarder.sock` in the state folder.
pub(super) fn socket(state: &Path) -> Result<PathBuf, Failure> {
    let path = state.join("forwarder.sock");
    let length = path.as_os_str().len();
    if length > PATH_LIMIT {
        return Err(Failure::preflight(format!("the path of the forwarder's socket is too long: {}", path.display()))
            .why(format!("It has {length} bytes; a Unix socket's path may have {PATH_LIMIT}."))
            .hint("Use a shorter name, or a state folder with a shorter path."));
    }
    Ok(path)
}

/// The socket while it is listened on; removed when dropped.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Listens. The lock proves that nobody else does, so a socket that is there already is a dead daemon's.
    pub(super) fn open(state: &Path, _mine: &Lock) -> Result<Self, Failure> {
        let path = socket(state)?;
        let failed = |e: &io::Error| Failure::step(format!("cannot listen on {}", path.display())).because(e);
        match fs_err::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(&e)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(|e| failed(&e))?;
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs_err::set_permissions(&path, owner_only).map_err(|e| failed(&e))?;
        Ok(Self { listener, path })
    }

    /// Answers until a stop is asked for.
    pub(super) async fn answer(&self, status: impl Fn() -> Status, stop: &CancellationToken) {
        let mut talks = JoinSet::new();
        let mut backoff = Backoff::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                caller = self.listener.accept() => match caller {
                    Ok((caller, _)) => drop(talks.spawn(timeout(PATIENCE, talk(caller, status(), stop.clone())))),
                    // out of file descriptors: nothing announces that there are some again
                    Err(_) => backoff.pause().await,
                },
            }
            while talks.try_join_next().is_some() {}
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs_err::remove_file(&self.path);
    }
}

async fn talk(caller: UnixStream, status: Status, stop: CancellationToken) -> io::Result<()> {
    let mut caller = BufReader::new(caller);
    let mut line = String::new();
    (&mut caller).take(LINE).read_line(&mut line).await?;
    let ask = serde_json::from_str::<Ask>(&line);
    let answer = match ask {
        Ok(Ask::Status) => Answer::Status(status),
        Ok(Ask::Stop) => Answer::Ok,
        Err(ref e) => Answer::Error { message: format!("this forwarder knows no such question: {e}") },
    };
    let said = say(caller.get_mut(), &answer).await;
    if matches!(ask, Ok(Ask::Stop)) {
        stop.cancel();
    }
    said
}

async fn say(to: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    to.write_all(&text).await
}

/// Asks the daemon of a state folder. `None`: nobody listens there.
pub(super) async fn ask(state: &Path, question: Ask) -> Result<Option<Answer>, Failure> {
    let path = socket(state)?;
    let failed = || Failure::step(format!("the forwarder behind {} does not answer", path.display()));
    let conversation = async {
        let mut stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
            Err(e) => return Err(e),
        };
        say(&mut stream, &question).await?;
        let mut line = String::new();
        BufReader::new(stream.take(LINE)).read_line(&mut line).await?;
        Ok(Some(line))
    };
    match timeout(PATIENCE, conversation).await {
        Err(_) => Err(failed().why(format!("It said nothing for {} s.", PATIENCE.as_secs()))),
        Ok(Err(e)) => Err(failed().because(&e)),
        Ok(Ok(None)) => Ok(None),
        Ok(Ok(Some(line))) => match serde_json::from_str(&line) {
            Ok(Answer::Error { message }) => Err(failed().why(message)),
            Ok(answer) => Ok(Some(answer)),
            Err(e) => Err(failed().because(&e).why(line)),
        },
    }
}

/// Held by a daemon for its whole life; the kernel gives it back however the daemon ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock. `None`: another daemon has it. Waits a moment, since a look at the lock holds it for an instant.
    pub(super) async fn take(state: &Path) -> Result<Option<Self>, Failure> {
        let mut backoff = Backoff::new();
        for _ in 0..4 {
            if let Some(file) = try_lock(state, true)? {
                return Ok(Some(Self { _file: file }));
            }
            // a lock's release cannot be watched
            backoff.pause().await;
        }
        Ok(None)
    }

    /// Whether some daemon lives.
    pub(super) fn is_held(state: &Path) -> Result<bool, Failure> {
        if !state.join(LOCK).exists() {
            return Ok(false);
        }
        Ok(try_lock(state, false)?.is_none())
    }
}

const LOCK: &str = "forwarder.lock";

fn try_lock(state: &Path, exclusive: bool) -> Result<Option<File>, Failure> {
    let path = state.join(LOCK);
    let failed = |e: &io::Error| Failure::step(format!("cannot lock {}", path.display())).because(e);
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.create(true).truncate(false).write(true).read(true).open(&path).map_err(|e| failed(&e))?;
    match if exclusive { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(failed(&e)),
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
