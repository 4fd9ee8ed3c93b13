//! Programs that must not outlive the one that started them, whatever ends it.
//!
//! A child is started as `tstack child --parent PID -- PROGRAM ARGS`: that call asks the kernel to end it with its parent, makes sure
//! that the parent still lives, and then becomes the program. A program that listens on all interfaces gets a network of its
//! own (`unshare`, of util-linux) whose loopback interface alone is there.
#![expect(clippy::disallowed_methods, reason = "the room that owns processes")]

mod become_it;
mod loopback;
mod nursery;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::net::unix::pipe::Receiver;

pub use become_it::become_program;

use super::orphans::MARK;

/// The network that a child is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// That of its parent.
    #[default]
    Shared,
    /// One of its own, made with the rights of root.
    Own,
    /// One of its own, made in a user namespace of its own: for everybody, where the system lets them.
    OwnAsUser,
}

/// A program to be started as a child.
#[derive(Clone)]
pub struct Program {
    /// tstack itself, which starts it.
    pub tstack: PathBuf,
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment but for the mark; values may be secret.
    pub env: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub folder: PathBuf,
    /// The mark by which [`super::orphans::end`] knows it.
    pub mark: PathBuf,
    /// Its network.
    pub network: Network,
}

impl std::fmt::Debug for Program {
    /// Without the values of its environment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("path", &self.path).field("args", &self.args).finish_non_exhaustive()
    }
}

/// A child that runs. Dropped, it is killed with its group.
#[derive(Debug)]
pub struct Child {
    inner: tokio::process::Child,
    pid: u32,
    ended: bool,
}

impl Program {
    /// Starts it, in a process group of its own. What it writes to either output comes out of the pipe.
    ///
    /// # Errors
    /// When it cannot be started. That the program itself is not there shows by its end and its last words.
    pub async fn start(&self) -> std::io::Result<(Child, Receiver)> {
        let (reader, writer) = std::io::pipe()?;
        let (first, rest) = self.line();
        let mut command = tokio::process::Command::new(first);
        command.args(rest).env_clear().envs(self.env.iter().cloned()).env(MARK, &self.mark).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).kill_on_drop(true).process_group(0);
        // the kernel ends a child with the *thread* that started it
        let child = nursery::on_the_thread_that_stays(move || command.spawn()).await??;
        let pid = child.id().unwrap_or_default();
        Ok((Child { inner: child, pid, ended: false }, Receiver::from_owned_fd(OwnedFd::from(reader))?))
    }

    /// The whole command line, from the program that is started first.
    fn line(&self) -> (OsString, Vec<OsString>) {
        let mut line: Vec<OsString> = match self.network {
            Network::Shared => Vec::new(),
            Network::Own => ["unshare", "--net", "--"].map(OsString::from).into(),
            Network::OwnAsUser => ["unshare", "--user", "--map-root-user", "--net", "--"].map(OsString::from).into(),
        };
        line.push(self.tstack.clone().into());
        line.extend(["child".into(), "--parent".into(), std::process::id().to_string().into()]);
        if self.network != Network::Shared {
            line.push("--loopback".into());
        }
        line.push("--".into());
        line.push(self.path.clone().into());
        line.extend(self.args.iter().cloned());
        let rest = line.split_off(1);
        (line.swap_remove(0), rest)
    }
}

impl Child {
    /// Its process id, which is its group's too.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end. May be dropped and called again.
    ///
    /// # Errors
    /// When the system does not tell.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.inner.wait().await;
        self.ended = true;
        status
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        if !self.ended {
            signal(self.pid, rustix::process::Signal::TERM, false);
        }
    }

    /// Ends it and all that it started.
    pub fn kill(&self) {
        signal(self.pid, rustix::process::Signal::KILL, true);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
        }
    }
}

fn signal(pid: u32, signal: rustix::process::Signal, group: bool) {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return };
    // it may have ended in this very moment
    let _ = if group { rustix::process::kill_process_group(pid, signal) } else { rustix::process::kill_process(pid, signal) };
}

/// How a program ended, for people: `killed by signal 9 (SIGKILL)`, `ended with exit code 1`.
#[must_use]
pub fn told(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("killed by {}", signal_name(signal)),
        (None, None) => status.to_string(),
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    };
    format!("signal {number}{name}")
}

/// Which network of its own a child can have here: tried with a program that does nothing.
pub async fn own_network(tstack: &Path, mark: &Path, path: &OsStr) -> Option<Network> {
    for network in [Network::Own, Network::OwnAsUser] {
        let program = Program {
            tstack: tstack.to_owned(),
            path: "/bin/true".into(),
            args: Vec::new(),
            env: vec![("PATH".into(), path.to_owned())],
            folder: "/".into(),
            mark: mark.to_owned(),
            network,
        };
        if let Ok((mut child, _output)) = program.start().await
            && child.wait().await.is_ok_and(|status| status.success())
        {
            return Some(network);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_death_signal_is_asked_for_after_the_namespace_which_would_clear_it() {
        let program = Program {
            tstack: "/bin/tstack".into(),
            path: "/bin/envoy-gateway".into(),
            args: vec!["server".into()],
            env: Vec::new(),
            folder: "/".into(),
            mark: "/".into(),
            network: Network::OwnAsUser,
        };
        let (first, rest) = program.line();
        let line: Vec<_> = std::iter::once(first).chain(rest).map(|w| w.into_string().unwrap()).collect();
        let pid = std::process::id();
        assert_eq!(
            line.join(" "),
            format!("unshare --user --map-root-user --net -- /bin/tstack child --parent {pid} --loopback -- /bin/envoy-gateway server")
        );
    }

    #[test]
    fn an_end_is_told_in_words() {
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(told(ExitStatus::from_raw(9)), "killed by signal 9 (SIGKILL)");
        assert_eq!(told(ExitStatus::from_raw(1 << 8)), "ended with exit code 1");
    }
}
