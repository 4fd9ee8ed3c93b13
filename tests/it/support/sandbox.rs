//! A home of its own for each run of the binary: nothing of this machine's settings reaches it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder with `home`, `state`, `bin` and `stack` in it.
pub(crate) struct Sandbox {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// What a run of the binary gave. The sandbox's path is written as `[BOX]`.
#[derive(Debug)]
pub(crate) struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Exit code and standard error, for snapshots of failures; nothing may be on standard output.
    #[track_caller]
    pub(crate) fn failure(&self) -> String {
        assert_eq!(self.stdout, "", "a failure says nothing on standard output");
        format!("exit {}\n{}", self.code, self.stderr)
    }

    /// Writes another word for what differs from run to run.
    pub(crate) fn without(mut self, what: &str, word: &str) -> Self {
        for text in [&mut self.stdout, &mut self.stderr] {
            *text = text.replace(what, word);
        }
        self
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tstack-it-").tempdir().unwrap();
        for name in ["home", "bin", "stack"] {
            fs_err::create_dir(folder.path().join(name)).unwrap();
        }
        let mut new = Self { folder, env: Vec::new() };
        for (name, value) in [("HOME", "home"), ("TSTACK_STATE", "state"), ("PATH", "bin")] {
            let path = new.path(value).display().to_string();
            new.set(name, &path);
        }
        // a socket that is not there, so that this machine's own engine is never asked
        let nowhere = format!("unix://{}", new.path("no-engine.sock").display());
        new.set("DOCKER_HOST", &nowhere);
        new
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.env.retain(|(n, _)| n != name);
    }

    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    /// Runs the binary in the sandbox.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, "")
    }

    /// Runs the binary with a text on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Said {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tstack"));
        command.env_clear().envs(self.env.iter().cloned()).current_dir(self.folder.path()).args(on_kind(args)).write_stdin(input);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| self.tidy(&String::from_utf8_lossy(bytes));
        Said { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn tidy(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "[BOX]")
    }

    /// Everything below a folder of the sandbox, in order; empty where it is not there.
    pub(crate) fn files(&self, below: &str) -> Vec<String> {
        fn walk(folder: &Path, base: &Path, all: &mut Vec<String>) {
            for entry in fs_err::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, base, all);
                } else {
                    all.push(path.strip_prefix(base).unwrap().display().to_string());
                }
            }
        }
        let (base, mut all) = (self.path(below), Vec::new());
        walk(&base, &base, &mut all);
        all.sort();
        all
    }
}

#[cfg(all(unix, feature = "test-fakes"))]
mod with_fakes {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;
    use std::process::{Child, ChildStdout, Command, Stdio};
    use std::sync::atomic::{AtomicU16, Ordering};

    use serde_json::{Value, json};

    use super::{Said, Sandbox};

    /// A stack of one namespace with one port, whose checks are none: what it needs of the world is easily played.
    const STACK: &str = r#"
apiVersion: tstack.dev/v1alpha1
kind: Stack
metadata: {name: demo}
parameters: {httpPort: 8080}
cluster: {ports: [{host: "${httpPort}", node: 30080}]}
expose:
- {name: http, host: "${httpPort}", service: {namespace: web, name: web, port: 80, nodePort: 30080}}
components:
- {name: web, manifests: {files: [web.yaml]}}
"#;
    const WEB: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n";

    /// A rule of the fake programs: what the command line begins with, and what is done.
    pub(crate) fn rule(when: &str, mut what: Value) -> Value {
        what["when"] = json!(when);
        what
    }

    /// A port that nobody has at this moment, and that the kernel gives to nobody by itself: of those it lends out tstack tells.
    pub(crate) fn free_port() -> u16 {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let own = u16::try_from(std::process::id() * 37 % 10_000).unwrap();
        let ports = std::iter::repeat_with(|| 20_000 + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000);
        ports.take(12_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
    }

    impl Sandbox {
        /// A sandbox with kind and helm of good versions, and the small stack in `stack`.
        pub(crate) fn with_tools() -> Self {
            let mut new = Self::new();
            new.set("FAKE_SCRIPT", &new.path("script.json").display().to_string());
            new.tool("kind");
            new.tool("helm");
            new.script(&[]);
            new.write("stack/stack.yaml", STACK);
            new.write("stack/web.yaml", WEB);
            new
        }

        /// Puts the fake program on the path under a name.
        pub(crate) fn tool(&self, name: &str) {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fake-tool"), self.path("bin").join(name)).unwrap();
        }

        /// Rules of this test, before those of the versions.
        pub(crate) fn script(&self, rules: &[Value]) {
            let mut all = rules.to_vec();
            all.push(rule("kind version", json!({"stdout": "kind v0.30.0 go1.25 linux/amd64\n"})));
            all.push(rule("helm version", json!({"stdout": "v3.19.0+g3d8990f\n"})));
            self.write("script.json", serde_json::to_vec(&all).unwrap());
        }

        /// The command lines with which the fake programs were called, but for those that ask for versions.
        pub(crate) fn calls(&self) -> Vec<String> {
            let text = fs_err::read_to_string(self.path("calls.jsonl")).unwrap_or_default();
            let line = |l: &str| self.tidy(serde_json::from_str::<Value>(l).unwrap()["line"].as_str().unwrap());
            text.lines().map(line).filter(|line| !line.contains(" version")).collect()
        }

        /// What each program that was started could find a cluster by: its command line, and the variables that name one.
        pub(crate) fn environments(&self) -> Vec<(String, Value)> {
            let text = fs_err::read_to_string(self.path("calls.jsonl")).unwrap_or_default();
            let call = |line: &str| {
                let call: Value = serde_json::from_str(line).unwrap();
                (self.tidy(call["line"].as_str().unwrap()), serde_json::from_str(&self.tidy(&call["env"].to_string())).unwrap())
            };
            text.lines().map(call).collect()
        }

        /// Starts the binary and gives its standard output line by line.
        pub(crate) fn start(&self, args: &[&str]) -> Running {
            self.start_program(env!("CARGO_BIN_EXE_tstack"), &super::on_kind(args))
        }

        /// Starts a program that starts the binary.
        pub(crate) fn start_program(&self, program: &str, args: &[&str]) -> Running {
            let mut child = self.command(program, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let stdout = BufReader::new(child.stdout.take().unwrap());
            Running { child, stdout, seen: String::new() }
        }

        #[expect(clippy::disallowed_methods, reason = "a program that is to be sent signals while it runs")]
        fn command(&self, program: &str, args: &[&str]) -> Command {
            let mut command = Command::new(program);
            command.env_clear().envs(self.env.iter().cloned()).current_dir(self.folder.path()).args(args).stdin(Stdio::null());
            command
        }

        /// Runs the binary with nobody who reads what it writes, as in `tstack plan | true`; its code, and standard error where that is read.
        pub(crate) fn run_unread(&self, args: &[&str], stderr_too: bool) -> (Option<i32>, String) {
            let nobody = || {
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                Stdio::from(writer)
            };
            let stderr = if stderr_too { nobody() } else { Stdio::piped() };
            let child = self.command(env!("CARGO_BIN_EXE_tstack"), &super::on_kind(args)).stdout(nobody()).stderr(stderr).spawn().unwrap();
            let output = child.wait_with_output().unwrap();
            (output.status.code(), self.tidy(&String::from_utf8_lossy(&output.stderr)))
        }

        /// Waits until no tstack holds a cluster any more.
        pub(crate) fn lock_is_free(&self, name: &str) {
            std::fs::File::open(self.path(&format!("state/.{name}.lock"))).unwrap().lock().unwrap();
        }

        /// Waits until the program that hangs by the script is gone.
        pub(crate) fn hanging_program_has_ended(&self) {
            std::fs::File::open(self.path("held")).unwrap().lock().unwrap();
        }
    }

    /// A run of the binary that has not ended. Killed when dropped.
    pub(crate) struct Running {
        child: Child,
        stdout: BufReader<ChildStdout>,
        seen: String,
    }

    impl Running {
        /// Reads on until a line holds all these words.
        #[track_caller]
        pub(crate) fn until(&mut self, words: &[&str]) {
            loop {
                let mut line = String::new();
                assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "it ended without {words:?}; it said\n{}", self.seen);
                self.seen.push_str(&line);
                if words.iter().all(|word| line.contains(word)) {
                    return;
                }
            }
        }

        /// Sends a signal to this process alone.
        pub(crate) fn signal(&self, signal: rustix::process::Signal) {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, signal).unwrap();
        }

        pub(crate) fn pid(&self) -> u32 {
            self.child.id()
        }

        /// Waits for the end.
        pub(crate) fn end(mut self) -> Said {
            while self.stdout.read_line(&mut self.seen).unwrap() > 0 {}
            let mut stderr = String::new();
            std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut stderr).unwrap();
            let code = self.child.wait().unwrap().code().unwrap();
            Said { code, stdout: std::mem::take(&mut self.seen), stderr }
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
#[cfg(all(unix, feature = "test-fakes"))]
pub(crate) use with_fakes::{Running, free_port, rule};

/// Where a test does not say what to run on it means a cluster: what would be chosen is this machine's matter.
fn on_kind<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut args = args.to_vec();
    let says = |args: &[&str]| args.iter().any(|arg| ["--provider", "--context", "--kubeconfig"].contains(arg));
    if matches!(args.first(), Some(&("up" | "plan"))) && !says(&args) {
        args.extend(["--provider", "kind"]);
    }
    args
}
