//! Programs that tstack starts: kind, helm, and itself as the forwarder.
//!
//! Every program runs in a process group of its own, so that an end of tstack ends its children's children too; the forwarder
//! alone outlives it. A failed
//! one gives its whole command line, its exit status and the end of what it said.
#![expect(clippy::disallowed_methods, reason = "the room that owns processes")]

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, FailureKind};

/// How long a program has to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How many of the last lines of a failed program are shown.
const TAIL: usize = 25;
/// How long a version probe may take.
const PROBE: Duration = Duration::from_secs(20);
/// What `KUBECONFIG` is for every program that is not given another: the user's clusters are nobody's business. Without the variable, a
/// program would look into the home folder.
const KUBECONFIG: (&str, &str) = ("KUBECONFIG", "/dev/null");

/// A program to run, with everything that it gets.
#[derive(Clone, Debug)]
pub struct Command {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    without: Vec<OsString>,
    stdin: Option<Vec<u8>>,
}

/// What a program said that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Standard output, whole.
    pub stdout: String,
    /// Standard error, whole.
    pub stderr: String,
}

impl Command {
    /// A command without arguments yet.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new(), without: Vec::new(), stdin: None }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable in the program's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Takes variables out of what the program gets of our own environment.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.without.extend(names.iter().map(OsString::from));
        self
    }

    /// Gives the program this text to read. It is never shown: it may hold values that are secret.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// The command line as a person can paste it into a shell.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = quoted(&self.program.to_string_lossy());
        for arg in &self.args {
            let _ = write!(line, " {}", quoted(&arg.to_string_lossy()));
        }
        line
    }

    /// Runs the program to its end. `on_line` sees each line of standard error as it comes. On cancel the whole group is
    /// asked to end, and ended after a grace of five seconds; the same when the future is dropped, without the grace.
    ///
    /// # Errors
    /// When the program cannot be started, ends with another status than 0, or was cancelled.
    pub async fn run(&self, cancel: &CancellationToken, on_line: &(dyn Fn(&str) + Sync)) -> Result<Said, Failure> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.args).env(KUBECONFIG.0, KUBECONFIG.1).envs(self.env.iter().cloned()).kill_on_drop(true);
        for name in &self.without {
            command.env_remove(name);
        }
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|e| Failure::step(format!("`{}` cannot be started", self.program.display())).because(&e).why(self.line()))?;
        let group = Group::of(&child);
        let input = child.stdin.take().zip(self.stdin.clone());
        let feed = async {
            if let Some((mut pipe, text)) = input {
                // a program that ends without reading tells why by its status
                let _ = pipe.write_all(&text).await;
            }
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async { tokio::join!(feed, read(stdout, &|_| ()), read(stderr, on_line), child.wait()) };
        tokio::pin!(work);
        let (cancelled, ((), stdout, stderr, status)) = tokio::select! {
            done = &mut work => (false, done),
            () = cancel.cancelled() => {
                group.signal(Signal::Terminate);
                if let Ok(done) = tokio::time::timeout(GRACE, &mut work).await { (true, done) } else { group.signal(Signal::Kill); (true, work.await) }
            }
        };
        group.ended();
        let status = status.map_err(|e| Failure::step(format!("lost sight of `{}`", self.line())).because(&e))?;
        if cancelled {
            return Err(Failure::new(FailureKind::Cancelled, format!("`{}` was cancelled", self.line())));
        }
        if status.success() {
            return Ok(Said { stdout, stderr });
        }
        let how = status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
        let said = if stderr.trim().is_empty() { &stdout } else { &stderr };
        Err(Failure::step(format!("`{}` ended with {how}", self.name())).why(tail(said)).why(format!("$ {}", self.line())))
    }

    fn name(&self) -> String {
        let mut name = self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy().into_owned();
        // the verb says more than the path: `kind create cluster`
        for arg in self.args.iter().map(|a| a.to_string_lossy()).take_while(|a| a.bytes().all(|b| b.is_ascii_alphabetic())).take(2) {
            let _ = write!(name, " {arg}");
        }
        name
    }
}

/// Starts `program` with no terminal, both outputs in `log`, and in a process group of its own, so that neither Ctrl-C nor
/// the end of this program ends it. The child should ignore SIGHUP, which a closing terminal sends to its whole session.
///
/// The answer serves to see that it ended ([`Child::try_wait`]); dropping it leaves the program alone.
///
/// # Errors
/// When it cannot be started.
pub fn spawn_detached<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>, log: File) -> std::io::Result<Child> {
    let mut command = std::process::Command::new(program);
    command.args(args).env(KUBECONFIG.0, KUBECONFIG.1).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// A program that was found, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Where it is.
    pub path: PathBuf,
    /// What it says its version is.
    pub version: semver::Version,
}

/// Looks for a program on the path and asks for its version, which is the first `v1.2.3` in what it says.
///
/// # Errors
/// A preflight failure when it is not there, does not answer, or is older than `least`; it says where was looked and how
/// to get it (`get`). Blocks until the program has answered.
pub fn find(name: &str, probe: &[&str], least: &semver::Version, search: &OsStr, get: &str) -> Result<Tool, Failure> {
    let path = which::which_in(name, Some(search), ".").map_err(|_| {
        let mut places: Vec<String> = Vec::new();
        for place in std::env::split_paths(search).map(|p| p.display().to_string()) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Failure::preflight(format!("the program `{name}` is not there")).why(format!("looked in {}", places.join(", "))).hint(get)
    })?;
    let words: Vec<String> = probe.iter().map(|word| (*word).to_owned()).collect();
    let version = version_of(&path, &words).map_err(|why| {
        let line = format!("$ {} {}", path.display(), probe.join(" "));
        Failure::preflight(format!("`{}` does not tell its version", path.display())).why(why).why(line).hint(get)
    })?;
    if version < *least {
        return Err(Failure::preflight(format!("`{}` is version {version}; {least} or later is needed", path.display())).hint(get));
    }
    Ok(Tool { path, version })
}

/// Every program of this name on the path, in its order.
#[must_use]
pub fn candidates(name: &str, search: &OsStr) -> Vec<PathBuf> {
    which::which_in_all(name, Some(search), ".").map(Iterator::collect).unwrap_or_default()
}

/// Asks a program for its version, which is the first `v1.2.3` in what it says. Blocks until it has answered.
///
/// # Errors
/// Why it does not tell, or what it said instead.
pub fn version_of(path: &Path, probe: &[String]) -> Result<semver::Version, String> {
    let probe = duct::cmd(path, probe).env(KUBECONFIG.0, KUBECONFIG.1).stdout_capture().stderr_capture().stdin_null().unchecked();
    let start = || probe.start();
    let mut handle = start();
    // a program that was just written is busy for as long as a child that another thread is starting has not yet closed it
    for _ in 0..1000 {
        match &handle {
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => handle = start(),
            _ => break,
        }
    }
    let handle = handle.map_err(|e| e.to_string())?;
    let output = match handle.wait_timeout(PROBE) {
        Ok(Some(output)) => output.clone(),
        Ok(None) => {
            let _ = handle.kill();
            return Err(format!("it did not answer within {} s", PROBE.as_secs()));
        }
        Err(e) => return Err(e.to_string()),
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    version_in(&said).ok_or_else(|| tail(&said))
}

/// The first semantic version in a text; Envoy writes its own between slashes.
fn version_in(text: &str) -> Option<semver::Version> {
    text.split(|c: char| c.is_whitespace() || "\",{}()=/".contains(c))
        .find_map(|word| semver::Version::parse(word.strip_prefix('v').unwrap_or(word)).ok())
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, on_line: &(dyn Fn(&str) + Sync)) -> String {
    let mut all = String::new();
    let Some(pipe) = pipe else { return all };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    // bytes and not lines: what a program says need not be UTF-8
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(n) if n > 0) {
        let text = String::from_utf8_lossy(&line);
        on_line(text.trim_end());
        all.push_str(&text);
        line.clear();
    }
    all
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// As a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

/// A process group; ended when dropped, so that no child outlives the step that started it.
struct Group {
    #[cfg(unix)]
    id: std::cell::Cell<Option<rustix::process::Pid>>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        Self { id: std::cell::Cell::new(id) }
    }

    #[cfg(not(unix))]
    fn of(_: &tokio::process::Child) -> Self {
        Self {}
    }

    fn signal(&self, signal: Signal) {
        #[cfg(unix)]
        if let Some(id) = self.id.get() {
            let signal = match signal {
                Signal::Terminate => rustix::process::Signal::TERM,
                Signal::Kill => rustix::process::Signal::KILL,
            };
            // it may have ended in this very moment
            let _ = rustix::process::kill_process_group(id, signal);
        }
        #[cfg(not(unix))]
        let _ = signal;
    }

    /// The leader was waited for: its number may soon be another's.
    fn ended(&self) {
        #[cfg(unix)]
        self.id.set(None);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new("/bin/sh").args(["-c", script])
    }

    #[tokio::test]
    async fn a_failed_program_shows_its_last_words_and_command_line() {
        let failure = sh("echo to stdout; echo no such cluster >&2; exit 3").run(&CancellationToken::new(), &|_| ()).await.unwrap_err();
        assert_eq!(failure.what, "`sh` ended with exit status 3");
        assert_eq!(failure.why[0], "no such cluster");
        assert_eq!(failure.why[1], "$ /bin/sh -c 'echo to stdout; echo no such cluster >&2; exit 3'");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let failure = Command::new("/nonexistent/kind").run(&CancellationToken::new(), &|_| ()).await.unwrap_err();
        assert_eq!(failure.what, "`/nonexistent/kind` cannot be started");
    }

    #[tokio::test]
    async fn a_program_sees_no_kubeconfig_but_the_one_that_it_is_given_and_nothing_that_was_taken_from_it() {
        let said = async |command: Command| command.run(&CancellationToken::new(), &|_| ()).await.unwrap().stdout;
        assert_eq!(said(sh("echo $KUBECONFIG")).await, "/dev/null\n");
        assert_eq!(said(sh("echo $KUBECONFIG").env("KUBECONFIG", "/ours")).await, "/ours\n");
        assert_eq!(said(sh("echo ${HOME-nothing}").without(&["HOME"])).await, "nothing\n");
    }

    #[tokio::test]
    async fn text_goes_in_and_both_outputs_come_out() {
        let lines = std::sync::Mutex::new(Vec::new());
        let said = sh("cat; echo one >&2; echo two >&2")
            .stdin("hello")
            .run(&CancellationToken::new(), &|line| lines.lock().unwrap().push(line.to_owned()))
            .await
            .unwrap();
        assert_eq!(said.stdout, "hello");
        assert_eq!(*lines.lock().unwrap(), ["one", "two"]);
    }

    #[tokio::test]
    async fn cancel_ends_the_whole_group() {
        let cancel = CancellationToken::new();
        let (tx, rx) = std::sync::mpsc::channel();
        let run = sh("sleep 1000 & echo $! >&2; wait");
        let on_line = move |line: &str| tx.send(line.parse::<i32>().unwrap()).unwrap();
        let token = cancel.clone();
        let (failure, ()) = tokio::join!(async { run.run(&token, &on_line).await.unwrap_err() }, async {
            tokio::task::yield_now().await;
            cancel.cancel();
        });
        assert_eq!(failure.kind, FailureKind::Cancelled);
        // the grandchild may not have been started yet; if it was, it is gone
        if let Ok(grandchild) = rx.try_recv() {
            let stat = fs_err::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_detached_program_has_its_own_group_and_writes_to_the_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut child =
            spawn_detached(Path::new("/bin/sh"), ["-c", "ps -o pgid= -p $$; echo trouble >&2; cat"], log.reopen().unwrap()).unwrap();
        let id = child.id();
        assert!(child.wait().unwrap().success());
        let text = fs_err::read_to_string(log.path()).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words, [id.to_string().as_str(), "trouble"]);
    }

    #[test]
    fn versions_are_found_in_what_tools_say() {
        for (said, version) in [
            ("kind v0.33.0 go1.26.8 linux/amd64", "0.33.0"),
            ("v3.22.0+gabc", "3.22.0+gabc"),
            (r#"version.BuildInfo{Version:"v3.1.2", GitCommit:""}"#, "3.1.2"),
            ("no version here", ""),
        ] {
            assert_eq!(version_in(said).map(|v| v.to_string()).unwrap_or_default(), version);
        }
    }

    #[test]
    fn a_missing_tool_says_where_was_looked_and_how_to_get_it() {
        let least = semver::Version::new(0, 20, 0);
        let failure =
            find("kind", &["version"], &least, "/nonexistent/a:/nonexistent/b:/nonexistent/a".as_ref(), "Install kind.").unwrap_err();
        assert_eq!(failure.what, "the program `kind` is not there");
        assert_eq!(failure.why, ["looked in /nonexistent/a, /nonexistent/b"]);
        assert_eq!(failure.hints, ["Install kind."]);
    }

    #[test]
    fn command_lines_can_be_pasted() {
        assert_eq!(Command::new("kind").args(["a b", "it's", ""]).line(), r"kind 'a b' 'it'\''s' ''");
    }
}
