//! The daemon's outside: starts it, finds it, ends it.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::board::Status;
use super::control::{Answer, Ask, Lock, ask, socket};
use super::{Route, Spec};
use crate::failure::Failure;
use crate::world::backoff::Backoff;
use crate::world::{files, process};

/// What the daemon writes while it runs.
pub(super) const LOG: &str = "forwarder.log";
/// Why the daemon ended badly, for the one who started it.
pub(super) const FAILURE: &str = "forwarder.failure.json";
const SPEC: &str = "forwarder.json";

/// How long a daemon may take until it listens: it asks the API server once.
const START: Duration = Duration::from_secs(20);
/// How long a daemon may take to end: it waits for nothing.
const END: Duration = Duration::from_secs(10);
/// How many of the log's last lines a failure shows.
const LAST_LINES: usize = 12;

/// Starts the daemon of a state folder and waits until it listens on every port. One that serves the same spec already is
/// left as it is; one that serves another is ended first.
///
/// `program` is tstack itself; it is called as `program forwarder --state FOLDER`.
///
/// # Errors
/// What the daemon itself met: a busy port, a cluster that does not answer or is another one. Or that it cannot be started.
pub async fn start(state: &Path, spec: &Spec, program: &Path) -> Result<Status, Failure> {
    socket(state)?;
    if let Some(running) = status(state).await? {
        if read_spec(state)?.as_ref() == Some(spec) {
            return Ok(running);
        }
        stop(state).await?;
    }
    files::make_private_dir(state)?;
    let text = serde_json::to_vec_pretty(spec).map_err(|e| Failure::internal("cannot write the forwarder's spec").because(&e))?;
    files::write_private(&state.join(SPEC), &text)?;
    files::write_private(&state.join(LOG), b"")?;
    remove(&state.join(FAILURE))?;
    let log = std::fs::File::options().append(true).open(state.join(LOG));
    let started = log.and_then(|log| process::spawn_detached(program, ["forwarder".as_ref(), "--state".as_ref(), state.as_os_str()], log));
    let mut child = started.map_err(|e| Failure::step(format!("cannot start the forwarder {}", program.display())).because(&e))?;

    let until = Instant::now() + START;
    let mut backoff = Backoff::new();
    loop {
        let ended = child.try_wait().ok().flatten();
        if let Some(Answer::Status(status)) = ask(state, Ask::Status).await? {
            return Ok(status);
        }
        if let Some(exit) = ended {
            return Err(why_it_ended(state, &format!("the forwarder ended before it listened ({exit})"), &spec.routes));
        }
        if Instant::now() > until {
            let _ = child.kill();
            return Err(why_it_ended(state, &format!("the forwarder did not listen within {} s", START.as_secs()), &spec.routes));
        }
        // its socket appears in a folder that has no common watch
        backoff.pause().await;
    }
}

/// The daemon's own words, or the last lines of its log.
fn why_it_ended(state: &Path, what: &str, routes: &[Route]) -> Failure {
    if let Ok(Some(text)) = files::read_if_there(&state.join(FAILURE))
        && let Ok(failure) = serde_json::from_slice(&text)
    {
        return failure;
    }
    let log = files::read_if_there(&state.join(LOG)).ok().flatten().unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    let routes = routes.iter().map(Route::describe).collect::<Vec<_>>().join(", ");
    Failure::step(what)
        .why(lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"))
        .why(format!("It was to serve {routes}."))
        .hint(format!("Read its log: {}", state.join(LOG).display()))
}

/// The daemon of a state folder: `None` when surely none runs.
///
/// # Errors
/// When one runs but does not answer: then nothing is known of it.
pub async fn status(state: &Path) -> Result<Option<Status>, Failure> {
    let mut backoff = Backoff::new();
    // one that is just starting or ending holds the lock without a socket, for a moment
    for _ in 0..6 {
        match ask(state, Ask::Status).await? {
            Some(Answer::Status(status)) => return Ok(Some(status)),
            _ if !Lock::is_held(state)? => return Ok(None),
            _ => backoff.pause().await,
        }
    }
    Err(Failure::step(format!("a forwarder runs for {} but does not listen on its socket", state.display()))
        .hint(format!("Read its log: {}", state.join(LOG).display())))
}

/// Ends the daemon of a state folder and waits until it is gone with its ports. Answers whether there was one.
///
/// # Errors
/// When one runs and does not end.
pub async fn stop(state: &Path) -> Result<bool, Failure> {
    let mut was_there = Lock::is_held(state)?;
    // without its spec the daemon ends by itself, even one that does not answer
    remove(&state.join(SPEC))?;
    let mut trouble = None;
    let until = Instant::now() + END;
    let mut backoff = Backoff::new();
    while Instant::now() < until {
        match ask(state, Ask::Stop).await {
            Ok(answer) => was_there |= answer.is_some(),
            Err(failure) => trouble = Some(failure),
        }
        if !Lock::is_held(state)? {
            remove(&socket(state)?)?;
            return Ok(was_there);
        }
        was_there = true;
        // a lock's release cannot be watched
        backoff.pause().await;
    }
    let stuck = Failure::step(format!("the forwarder of {} does not end", state.display()));
    Err(trouble
        .into_iter()
        .fold(stuck, |failure, t| failure.why(t.what).why(t.why.join("\n")))
        .hint(format!("Find it by its arguments, `forwarder --state {}`, and end it.", state.display())))
}

pub(super) fn read_spec(state: &Path) -> Result<Option<Spec>, Failure> {
    let path = state.join(SPEC);
    let Some(text) = files::read_if_there(&path)? else { return Ok(None) };
    let spec = serde_json::from_slice(&text);
    spec.map(Some).map_err(|e| Failure::step(format!("cannot read the forwarder's spec {}", path.display())).because(&e))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs_err::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::step(format!("cannot remove {}", path.display())).because(&e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "daemon_tests.rs"]
mod tests;
