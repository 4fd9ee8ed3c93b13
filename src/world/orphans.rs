//! Programs that an ended tstack had started, and which live on: kill -9 of tstack does not end kind or helm.
//!
//! kind is the dangerous one: when a cluster is deleted under its hands it fails, and then deletes the cluster of that name,
//! which by then may be the next one. So whoever holds the lock of a cluster ends what works on it without a lock.

use std::path::Path;
use std::time::Duration;

use super::backoff::Backoff;
use crate::failure::Failure;

/// The variable by which a program is known to have been started for a state folder. No other tstack program has it set.
pub(super) const MARK: &str = "TSTACK_STARTED_FOR";

/// How long the system may take to end a killed program.
const END: Duration = Duration::from_secs(10);

/// Ends every program that was started for a state folder, and waits until they are gone. Gives their number. To be called
/// under the lock of that folder: then nobody lives who waits for them.
///
/// # Errors
/// When one does not end.
#[cfg(target_os = "linux")]
pub async fn end(folder: &Path) -> Result<usize, Failure> {
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let mut ended = 0;
    for pid in processes() {
        // first the handle, then the look: a number that is given to another process meanwhile can do no harm
        let Some(handle) = rustix::process::Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else { continue };
        if !started_for(pid, folder) || pidfd_send_signal(&handle, Signal::KILL).is_err() {
            continue;
        }
        ended += 1;
        // the end of a process that is not our child can be seen but not waited for
        let (deadline, mut backoff) = (tokio::time::Instant::now() + END, Backoff::new());
        while started_for(pid, folder) {
            if !backoff.pause_until(deadline).await {
                let stuck = Failure::preflight(format!("process {pid} of an earlier run does not end"));
                return Err(stuck.hint(format!("See `ps -p {pid} -o args`.")));
            }
        }
    }
    Ok(ended)
}

/// Where processes do not show their environment they end by themselves, and the next run only takes longer.
#[cfg(not(target_os = "linux"))]
pub async fn end(_: &Path) -> Result<usize, Failure> {
    Ok(0)
}

#[cfg(target_os = "linux")]
fn processes() -> Vec<i32> {
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(target_os = "linux")]
fn started_for(pid: i32, folder: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    // the environment of other users' processes is hidden from us, and they are not ours
    let Ok(environment) = fs_err::read(format!("/proc/{pid}/environ")) else { return false };
    let mark = [MARK.as_bytes(), b"=", folder.as_os_str().as_bytes()].concat();
    environment.split(|byte| *byte == 0).any(|one| one == mark)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::world::process::Command;

    #[tokio::test]
    async fn a_program_of_this_folder_is_ended_and_one_of_another_is_not() {
        let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cancel = tokio_util::sync::CancellationToken::new();
        let (told, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let run = |folder: &Path| {
            let (command, cancel, told) = (Command::new("/bin/sh").args(["-c", "echo >&2; exec sleep 1000"]), cancel.clone(), told.clone());
            let command = command.env(MARK, folder);
            tokio::spawn(async move { command.run(&cancel, &|_| told.send(()).unwrap()).await })
        };
        let (first, second) = (run(ours.path()), run(other.path()));
        lines.recv().await;
        lines.recv().await;
        assert_eq!(end(ours.path()).await.unwrap(), 1);
        assert!(first.await.unwrap().unwrap_err().what.contains("signal"));
        assert!(!second.is_finished());
        cancel.cancel();
        second.await.unwrap().unwrap_err();
    }
}
