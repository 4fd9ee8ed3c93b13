//! What every daemon does for itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Daemon;
use crate::failure::Failure;
use crate::world::{clock, files};

/// The log begins anew at this size, in bytes.
const LOG_LIMIT: u64 = 1024 * 1024;

/// Is told what a person may want to read in a log: one line, without a time.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// Runs a daemon's inside; a failure is left in the state folder, for the one who started it.
///
/// # Errors
/// What `inside` failed with.
pub async fn leaving_its_failure(daemon: Daemon, state: &Path, inside: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let done = inside.await;
    if let Err(failure) = &done
        && let Ok(text) = serde_json::to_vec(failure)
    {
        files::write_private(&daemon.failure(state), &text)?;
    }
    done
}

/// SIGTERM and SIGINT end the daemon; SIGHUP, which a closing terminal sends, is swallowed.
///
/// # Errors
/// When the system gives no signals to watch.
pub fn watch_signals(stop: &CancellationToken) -> Result<tokio_util::task::AbortOnDropHandle<()>, Failure> {
    let on = |kind| signal(kind).map_err(|e| Failure::internal("cannot watch for signals").because(&e));
    let (mut term, mut int, hangup) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?, on(SignalKind::hangup())?);
    let stop = stop.clone();
    Ok(tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        let _hangup = hangup;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        stop.cancel();
    })))
}

/// Each connection takes two file descriptors, and macOS begins with 256.
pub fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const ENOUGH: u64 = 4096;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if limit.current.is_some_and(|now| now < most) {
        // with fewer, fewer connections are open at once; nothing else changes
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum });
    }
}

/// Writes lines with their time. A log that cannot be written is no reason to end.
#[must_use]
pub fn log_to(path: PathBuf) -> Log {
    Arc::new(move |text| {
        let Ok(mut file) = std::fs::File::options().create(true).append(true).open(&path) else { return };
        if file.metadata().is_ok_and(|m| m.len() > LOG_LIMIT) {
            let _ = file.set_len(0);
        }
        let _ = writeln!(file, "{:.3} {text}", clock::now());
    })
}
