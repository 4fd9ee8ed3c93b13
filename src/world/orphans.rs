//! Programs that an ended tstack had started, and which live on: kill -9 of tstack does not end kind or helm.
//!
//! kind is the dangerous one: when a cluster is deleted under its hands it fails, and then deletes the cluster of that name,
//! which by then may be the next one. So whoever holds the lock of a cluster ends what works on it without a lock.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::backoff::Backoff;
use crate::failure::Failure;

/// The variable by which a program is known to have been started for a state folder. No other tstack program has it set.
pub(super) const MARK: &str = "TSTACK_STARTED_FOR";

/// How long the system may take to end a killed program.
const END: Duration = Duration::from_secs(10);
/// How long a process may take to become the program it is about to be, before it counts as somebody else's.
const SETTLE: Duration = Duration::from_secs(2);

/// Ends every program that was started for a state folder, and waits until they are gone. Gives their number. To be called
/// under the lock of that folder: then nobody lives who waits for them.
///
/// # Errors
/// When one does not end.
#[cfg(target_os = "linux")]
pub async fn end(folder: &Path) -> Result<usize, Failure> {
    let (settled, mut backoff) = (tokio::time::Instant::now() + SETTLE, Backoff::new());
    let mut ended = 0;
    loop {
        // who was ended may have started another after the list was made
        let mut look_again = false;
        for pid in processes() {
            let one = end_if(pid, &|pid| started_for(pid, folder)).await?;
            ended += usize::from(one);
            look_again |= one || is_becoming_a_program(pid);
        }
        if !look_again || !backoff.pause_until(settled).await {
            return Ok(ended);
        }
    }
}

/// Ends the programs that were started with exactly these arguments, whatever their own name is; whether there was one. For a daemon of
/// ours that hears nothing any more.
///
/// # Errors
/// When one does not end.
#[cfg(target_os = "linux")]
pub async fn end_with_arguments(wanted: &[&OsStr]) -> Result<bool, Failure> {
    use std::os::unix::ffi::OsStrExt as _;
    let has = |pid: i32| {
        let Ok(line) = fs_err::read(format!("/proc/{pid}/cmdline")) else { return false };
        let args: Vec<&[u8]> = line.strip_suffix(&[0]).unwrap_or(&line).split(|byte| *byte == 0).skip(1).collect();
        args.len() == wanted.len() && args.iter().zip(wanted).all(|(arg, wanted)| *arg == wanted.as_bytes())
    };
    let mut ended = false;
    for pid in processes() {
        ended |= end_if(pid, &has).await?;
    }
    Ok(ended)
}

/// Where processes do not show their arguments they are left to the user.
#[cfg(not(target_os = "linux"))]
pub async fn end_with_arguments(_: &[&OsStr]) -> Result<bool, Failure> {
    Ok(false)
}

/// Ends a process if it is the one that is meant; whether it did.
#[cfg(target_os = "linux")]
async fn end_if(pid: i32, is_meant: &(dyn Fn(i32) -> bool + Sync)) -> Result<bool, Failure> {
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    // first the handle, then the look: a number that is given to another process meanwhile can do no harm
    let Some(handle) = rustix::process::Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return Ok(false);
    };
    if !is_meant(pid) || pidfd_send_signal(&handle, Signal::KILL).is_err() {
        return Ok(false);
    }
    // the end of a process that is not our child can be seen but not waited for
    let (deadline, mut backoff) = (tokio::time::Instant::now() + END, Backoff::new());
    while is_meant(pid) {
        if !backoff.pause_until(deadline).await {
            let stuck = Failure::preflight(format!("process {pid} of an earlier run does not end"));
            return Err(stuck.hint(format!("See `ps -p {pid} -o args`.")));
        }
    }
    Ok(true)
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

/// Whether a process is inside execve: it has its new memory already, and its environment is not yet told there. Such a one
/// would look as if nobody had started it.
#[cfg(target_os = "linux")]
fn is_becoming_a_program(pid: i32) -> bool {
    // the fields after the name, which ends with the last bracket (proc_pid_stat(5)): 50 and 51 are where the environment lies
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let environment_end = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(51 - 3));
    // threads of the kernel and ended processes have no environment either, and no program
    environment_end == Some("0")
        && fs_err::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| environment.is_empty())
        && fs_err::read_link(format!("/proc/{pid}/exe")).is_ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::world::process::Command;

    #[tokio::test]
    async fn a_stopped_program_is_ended_by_its_arguments_and_no_other_is() {
        let cancel = tokio_util::sync::CancellationToken::new();
        let run = |marker: &'static str| {
            let cancel = cancel.clone();
            let script = "kill -STOP $$";
            tokio::spawn(async move { Command::new("/bin/sh").args(["-c", script, marker]).run(&cancel, &|_| ()).await })
        };
        let (ours, other) = (run("tstack-orphans-ours"), run("tstack-orphans-other"));
        let wanted = ["-c".as_ref(), "kill -STOP $$".as_ref(), "tstack-orphans-ours".as_ref()];
        let mut backoff = Backoff::new();
        // it may not have been started yet
        while !end_with_arguments(&wanted).await.unwrap() {
            backoff.pause().await;
        }
        assert!(ours.await.unwrap().unwrap_err().what.contains("signal"));
        assert!(!other.is_finished());
        assert!(end_with_arguments(&["-c".as_ref(), "kill -STOP $$".as_ref(), "tstack-orphans-other".as_ref()]).await.unwrap());
        other.await.unwrap().unwrap_err();
    }

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
