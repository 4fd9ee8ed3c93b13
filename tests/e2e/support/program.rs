//! Programs, run to their end within a deadline, with everything that they said.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub line: String,
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Said {
    /// Everything, for the message of a check that is broken.
    pub(crate) fn all(&self) -> String {
        let Self { line, code, stdout, stderr, took } = self;
        format!("$ {line}\nexit code {code:?} after {:.1} s\n--- stdout\n{stdout}\n--- stderr\n{stderr}", took.as_secs_f64())
    }

    /// Ends the scenario unless the program ended well.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert!(self.code == Some(0), "{}", self.all());
        self
    }
}

/// A program that runs; killed when dropped.
pub(crate) struct Running {
    runtime: Runtime,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stderr: JoinHandle<String>,
    line: String,
    stdout: String,
    began: Instant,
    deadline: tokio::time::Instant,
    log: PathBuf,
}

/// Starts a program; what it says is also kept in files beside `log`.
pub(crate) fn start(mut command: Command, line: String, within: Duration, log: PathBuf) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let guard = runtime.enter();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start `{line}`: {e}"));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut pipe = child.stderr.take().unwrap();
    let stderr = tokio::spawn(async move {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).await.ok();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    drop(guard);
    let deadline = tokio::time::Instant::now() + within;
    Running { runtime, child, lines, stderr, line, stdout: String::new(), began: Instant::now(), deadline, log }
}

impl Running {
    /// The process, as long as it was not waited for.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Reads on until a line of stdout is what is waited for; `None` when the program ends first.
    pub(crate) fn line_that(&mut self, mut wanted: impl FnMut(&str) -> bool) -> Option<String> {
        loop {
            let next = self.runtime.block_on(async { tokio::time::timeout_at(self.deadline, self.lines.next_line()).await });
            let line = next.unwrap_or_else(|_| panic!("`{}` never said it\n{}", self.line, self.stdout));
            let line = line.ok()??;
            self.stdout += &line;
            self.stdout.push('\n');
            if wanted(&line) {
                return Some(line);
            }
        }
    }

    /// kill -9 of this one process; its children live on, as after a crash.
    pub(crate) fn crash(mut self) -> Said {
        self.child.start_kill().unwrap();
        self.finish()
    }

    /// kill -9 after that time, unless it ended before.
    pub(crate) fn crash_after(mut self, time: Duration) -> Said {
        let Self { runtime, lines, stdout, .. } = &mut self;
        let listen = async {
            while let Ok(Some(line)) = lines.next_line().await {
                *stdout += &line;
                stdout.push('\n');
            }
        };
        // the time is the fault's own: nothing is waited for
        runtime.block_on(async { tokio::time::timeout(time, listen).await }).ok();
        self.child.start_kill().ok();
        self.finish()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Said {
        while self.line_that(|_| false).is_some() {}
        let status = self.runtime.block_on(async { tokio::time::timeout_at(self.deadline, self.child.wait()).await });
        let status = status.unwrap_or_else(|_| panic!("`{}` did not end", self.line)).unwrap();
        let stderr = self.runtime.block_on(async { tokio::time::timeout_at(self.deadline, &mut self.stderr).await });
        let stderr = stderr.unwrap_or_else(|_| panic!("`{}` ended, but something keeps its stderr open", self.line)).unwrap();
        let said = Said { line: self.line, code: status.code(), stdout: self.stdout, stderr, took: self.began.elapsed() };
        std::fs::write(&self.log, said.all()).ok();
        said
    }
}

/// The words of a command line, for messages.
pub(crate) fn shown<S: AsRef<OsStr>>(program: &str, args: &[S]) -> String {
    args.iter().fold(program.to_owned(), |line, arg| format!("{line} {}", arg.as_ref().to_string_lossy()))
}
