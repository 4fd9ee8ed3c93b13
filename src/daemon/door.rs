//! The daemon's door: a Unix socket in the state folder. Asking it is the only way to find or end a daemon, so a process id
//! that was given to another program can do no harm; and the lock beside it says whether a daemon lives at all.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Daemon, Lock};
use crate::failure::Failure;
use crate::world::backoff::Backoff;

/// A question is said at once, and most are answered from memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest question that is read, and the longest answer: all objects of a large stack.
const LINE: u64 = 64 * 1024 * 1024;

/// What every daemon is asked, as one line of JSON: `{"ask":"status"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// How it is.
    Status,
    /// The daemon answers first, then ends.
    Stop,
}

/// An answer to it, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer<S> {
    /// It was heard.
    Ok,
    /// How the daemon is.
    Status(S),
    /// It was not understood.
    Error {
        /// Why.
        message: String,
    },
}

/// The socket while it is listened on; removed when dropped.
#[derive(Debug)]
pub struct Door {
    daemon: Daemon,
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Listens. The lock proves that nobody else does, so a socket that is there already is a dead daemon's.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(daemon: Daemon, state: &Path, _mine: &Lock) -> Result<Self, Failure> {
        let path = daemon.socket(state)?;
        let failed = |e: &io::Error| Failure::step(format!("cannot listen on {}", path.display())).because(e);
        match fs_err::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(&e)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(|e| failed(&e))?;
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs_err::set_permissions(&path, owner_only).map_err(|e| failed(&e))?;
        Ok(Self { daemon, listener, path })
    }

    /// Hands each caller to `talk` until `stop`. Callers do not wait for each other.
    pub async fn serve<F>(&self, stop: &CancellationToken, talk: impl Fn(Talk) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut talks = JoinSet::new();
        let mut backoff = Backoff::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                caller = self.listener.accept() => match caller {
                    Ok((caller, _)) => drop(talks.spawn(talk(Talk { daemon: self.daemon, stream: BufReader::new(caller) }))),
                    // out of file descriptors: nothing announces that there are some again
                    Err(_) => backoff.pause().await,
                },
            }
            while talks.try_join_next().is_some() {}
        }
    }

    /// Answers [`Ask`] until a stop is asked for: all that a daemon needs which has nothing else to say.
    pub async fn answer<S: Serialize + Send + Sync + 'static>(&self, status: impl Fn() -> S, stop: &CancellationToken) {
        let talk = |mut caller: Talk| {
            let (status, stop) = (status(), stop.clone());
            async move {
                let Some(ask) = caller.hear::<Ask>().await else { return };
                let answer = if ask == Ask::Status { Answer::Status(status) } else { Answer::Ok };
                let _ = timeout(PATIENCE, caller.say(&answer)).await;
                if ask == Ask::Stop {
                    stop.cancel();
                }
            }
        };
        self.serve(stop, talk).await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs_err::remove_file(&self.path);
    }
}

/// One caller.
#[derive(Debug)]
pub struct Talk {
    daemon: Daemon,
    stream: BufReader<UnixStream>,
}

impl Talk {
    /// The caller's question. `None`: it said none, or one that is not known here and was told so.
    pub async fn hear<Q: DeserializeOwned>(&mut self) -> Option<Q> {
        let mut line = String::new();
        timeout(PATIENCE, (&mut self.stream).take(LINE).read_line(&mut line)).await.ok()?.ok()?;
        match serde_json::from_str(&line) {
            Ok(question) => Some(question),
            Err(e) => {
                let message = format!("this {} knows no such question: {e}", self.daemon.name);
                let _ = timeout(PATIENCE, self.say(&Answer::<()>::Error { message })).await;
                None
            }
        }
    }

    /// Says one line.
    ///
    /// # Errors
    /// When the caller is gone.
    pub async fn say(&mut self, what: &impl Serialize) -> io::Result<()> {
        say(self.stream.get_mut(), what).await
    }

    /// Returns when the caller has hung up.
    pub async fn gone(&mut self) {
        let mut byte = [0];
        // a caller that says more than it was asked is treated as gone too: there is no such conversation
        let _ = self.stream.read(&mut byte).await;
    }
}

async fn say(to: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    to.write_all(&text).await
}

/// Asks the daemon of a state folder, and reads the first line of its answer. `None`: nobody listens there.
///
/// # Errors
/// When it does not answer, or does not understand.
pub async fn ask<A: DeserializeOwned>(daemon: Daemon, state: &Path, question: &impl Serialize) -> Result<Option<A>, Failure> {
    let failed = || unanswered(daemon, state);
    let conversation = async {
        let Some(mut lines) = connect(daemon, state, question).await? else { return Ok(None) };
        let mut line = String::new();
        (&mut lines).take(LINE).read_line(&mut line).await.map_err(|e| failed().because(&e))?;
        Ok(Some(line))
    };
    let line = match timeout(PATIENCE, conversation).await {
        Err(_) => return Err(failed().why(format!("It said nothing for {} s.", PATIENCE.as_secs()))),
        Ok(Err(failure)) => return Err(failure),
        Ok(Ok(None)) => return Ok(None),
        Ok(Ok(Some(line))) => line,
    };
    if let Ok(Answer::<serde::de::IgnoredAny>::Error { message }) = serde_json::from_str(&line) {
        return Err(failed().why(message));
    }
    serde_json::from_str(&line).map(Some).map_err(|e| failed().because(&e).why(line))
}

/// Asks, and gives back what the answers come through, for a question that has many. `None`: nobody listens there.
///
/// # Errors
/// When the question cannot be said.
pub async fn connect(daemon: Daemon, state: &Path, question: &impl Serialize) -> Result<Option<BufReader<UnixStream>>, Failure> {
    let path = daemon.socket(state)?;
    let opened = async {
        let mut stream = UnixStream::connect(&path).await?;
        say(&mut stream, question).await?;
        Ok::<_, io::Error>(stream)
    };
    match timeout(PATIENCE, opened).await {
        Ok(Ok(stream)) => Ok(Some(BufReader::new(stream))),
        Ok(Err(e)) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(None),
        Ok(Err(e)) => Err(unanswered(daemon, state).because(&e)),
        Err(_) => Err(unanswered(daemon, state).why(format!("It listened to nothing for {} s.", PATIENCE.as_secs()))),
    }
}

fn unanswered(daemon: Daemon, state: &Path) -> Failure {
    Failure::step(format!("the {} behind {} does not answer", daemon.name, daemon.file(state, "sock").display()))
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;
