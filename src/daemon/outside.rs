//! The daemon's outside: starts it, finds it, ends it.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Answer, Ask, Daemon, Lock, ask};
use crate::failure::Failure;
use crate::world::backoff::Backoff;
use crate::world::{files, orphans, process};

/// How long a daemon may take until it listens.
const START: Duration = Duration::from_secs(20);
/// How long a daemon may take to end.
const END: Duration = Duration::from_secs(30);
/// A daemon that has not answered for so long is stuck, and not just ending.
const STUCK: Duration = Duration::from_secs(4);
/// How many of the log's last lines a failure shows.
const LAST_LINES: usize = 12;

/// Starts the daemon of a state folder with that spec and waits until it answers. None may run there.
///
/// `program` is tstack itself; it is called as `program NAME --state FOLDER`. `purpose` is what a failure says of the spec.
///
/// # Errors
/// What the daemon itself met, or that it cannot be started.
pub async fn start<S: DeserializeOwned>(
    daemon: Daemon,
    state: &Path,
    spec: &(impl Serialize + Sync),
    program: &Path,
    purpose: &str,
) -> Result<S, Failure> {
    daemon.socket(state)?;
    files::make_private_dir(state)?;
    write_spec(daemon, state, spec)?;
    files::write_private(&daemon.log(state), b"")?;
    files::remove_if_there(&daemon.failure(state))?;
    let log = std::fs::File::options().append(true).open(daemon.log(state));
    let args = [daemon.name.as_ref(), "--state".as_ref(), state.as_os_str()];
    let started = log.and_then(|log| process::spawn_detached(program, args, log));
    let mut child = started.map_err(|e| Failure::step(format!("cannot start the {} {}", daemon.name, program.display())).because(&e))?;

    let until = Instant::now() + START;
    let mut backoff = Backoff::new();
    loop {
        let ended = child.try_wait().ok().flatten();
        if let Some(Answer::Status(status)) = ask(daemon, state, &Ask::Status).await? {
            return Ok(status);
        }
        if let Some(exit) = ended {
            return Err(why_it_ended(daemon, state, &format!("the {} ended before it listened ({exit})", daemon.name), purpose));
        }
        if Instant::now() > until {
            let _ = child.kill();
            let what = format!("the {} did not listen within {} s", daemon.name, START.as_secs());
            return Err(why_it_ended(daemon, state, &what, purpose));
        }
        // its socket appears in a folder that has no common watch
        backoff.pause().await;
    }
}

/// The daemon's own words, or the last lines of its log.
fn why_it_ended(daemon: Daemon, state: &Path, what: &str, purpose: &str) -> Failure {
    if let Ok(Some(text)) = files::read_if_there(&daemon.failure(state))
        && let Ok(failure) = serde_json::from_slice(&text)
    {
        return failure;
    }
    let log = files::read_if_there(&daemon.log(state)).ok().flatten().unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    Failure::step(what).why(lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")).why(purpose).hint(read_its_log(daemon, state))
}

fn read_its_log(daemon: Daemon, state: &Path) -> String {
    format!("Read its log: {}", daemon.log(state).display())
}

/// The daemon of a state folder: `None` when surely none runs.
///
/// # Errors
/// When one runs but does not answer: then nothing is known of it.
pub async fn status<S: DeserializeOwned>(daemon: Daemon, state: &Path) -> Result<Option<S>, Failure> {
    let mut backoff = Backoff::new();
    let (began, mut trouble) = (Instant::now(), None);
    // one that is just starting or ending holds the lock without a socket, for a moment
    for _ in 0..6 {
        match ask(daemon, state, &Ask::Status).await {
            Ok(Some(Answer::Status(status))) => return Ok(Some(status)),
            // also one that ended in the midst of the conversation
            _ if !Lock::is_held(daemon, state)? => return Ok(None),
            // one that was killed resets its connections before its lock is given back; one that is stuck is not asked again
            Err(failure) if began.elapsed() > STUCK => return Err(failure),
            Err(failure) => trouble = Some(failure),
            Ok(_) => {}
        }
        backoff.pause().await;
    }
    if let Some(failure) = trouble {
        return Err(failure);
    }
    Err(Failure::step(format!("a {} runs for {} but does not listen on its socket", daemon.name, state.display()))
        .hint(read_its_log(daemon, state)))
}

/// Whether a daemon holds a state folder, one that does not answer too.
///
/// # Errors
/// When its lock cannot be looked at.
pub fn is_held(daemon: Daemon, state: &Path) -> Result<bool, Failure> {
    Lock::is_held(daemon, state)
}

/// Ends the daemon of a state folder and waits until it is gone with all that it held. Answers whether there was one.
///
/// # Errors
/// When one runs and does not end.
pub async fn stop(daemon: Daemon, state: &Path) -> Result<bool, Failure> {
    let mut was_there = Lock::is_held(daemon, state)?;
    // without its spec the daemon ends by itself, even one that does not answer
    files::remove_if_there(&daemon.spec(state))?;
    let mut trouble = None;
    let until = Instant::now() + END;
    let mut backoff = Backoff::new();
    while Instant::now() < until {
        match ask::<Answer<serde::de::IgnoredAny>>(daemon, state, &Ask::Stop).await {
            Ok(answer) => was_there |= answer.is_some(),
            Err(failure) => trouble = Some(failure),
        }
        if !Lock::is_held(daemon, state)? {
            files::remove_if_there(&daemon.socket(state)?)?;
            return Ok(was_there);
        }
        was_there = true;
        // a lock's release cannot be watched
        backoff.pause().await;
    }
    // one that was stopped, or hangs, hears nothing
    let args = [daemon.name.as_ref(), "--state".as_ref(), state.as_os_str()];
    if orphans::end_with_arguments(&args).await? && !Lock::is_held(daemon, state)? {
        files::remove_if_there(&daemon.socket(state)?)?;
        return Ok(true);
    }
    let stuck = Failure::step(format!("the {} of {} does not end", daemon.name, state.display()));
    Err(trouble.into_iter().fold(stuck, |failure, t| failure.why(t.what).why(t.why.join("\n"))).hint(format!(
        "Find it by its arguments, `{} --state {}`, and end it.",
        daemon.name,
        state.display()
    )))
}

/// Says what the daemon of a state folder shall do.
///
/// # Errors
/// When the file cannot be written.
pub fn write_spec(daemon: Daemon, state: &Path, spec: &impl Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_vec_pretty(spec).map_err(|e| Failure::internal(format!("cannot write the {}'s spec", daemon.name)).because(&e))?;
    files::write_private(&daemon.spec(state), &text)
}

/// What the daemon of a state folder shall do. `None`: it shall not run.
///
/// # Errors
/// When the file cannot be read.
pub fn read_spec<Spec: DeserializeOwned>(daemon: Daemon, state: &Path) -> Result<Option<Spec>, Failure> {
    let path = daemon.spec(state);
    let Some(text) = files::read_if_there(&path)? else { return Ok(None) };
    let spec = serde_json::from_slice(&text);
    spec.map(Some).map_err(|e| Failure::step(format!("cannot read the {}'s spec {}", daemon.name, path.display())).because(&e))
}

/// Whether the daemon of a state folder was told last to do this. A file that cannot be read says no: the daemon is told again then.
pub fn has_spec<Spec: DeserializeOwned + PartialEq>(daemon: Daemon, state: &Path, spec: &Spec) -> bool {
    read_spec::<Spec>(daemon, state).is_ok_and(|told| told.as_ref() == Some(spec))
}

/// Whether the daemon of a state folder shall run, though its file may not be readable.
#[must_use]
pub fn is_wanted(daemon: Daemon, state: &Path) -> bool {
    daemon.spec(state).exists()
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;
