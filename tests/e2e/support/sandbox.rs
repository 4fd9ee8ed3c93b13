//! A place where one scenario happens: own home, own state, own clusters, and an end that leaves nothing whatever happens.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;

use super::artifacts;
use super::program::{Running, Said, shown, start};

/// Longer than any one command of a scenario takes on two busy cores.
const PATIENCE: Duration = Duration::from_mins(6);

/// One scenario's place.
pub(crate) struct Sandbox {
    pub scenario: &'static str,
    dir: TempDir,
    /// Names given to `--name`, taken down at the end if the scenario did not.
    names: RefCell<Vec<String>>,
    /// kind clusters that the scenario made itself.
    kinds: RefCell<Vec<String>>,
    /// Whether kind made the engine's network for the first of them: kind itself never removes it.
    made_network: Cell<bool>,
    count: Cell<u32>,
    began: Instant,
}

impl Sandbox {
    pub(crate) fn new(scenario: &'static str) -> Self {
        // short: the path of a Unix socket has 103 bytes
        let dir = tempfile::Builder::new().prefix("ts-").tempdir_in("/tmp").unwrap();
        for folder in ["home", "log"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        println!("\n{scenario}, in {}", dir.path().display());
        let (names, kinds) = (RefCell::default(), RefCell::default());
        let sandbox = Self { scenario, dir, names, kinds, made_network: Cell::new(false), count: Cell::new(0), began: Instant::now() };
        // what KUBECONFIG of a user may name: nothing of it may be used or changed
        std::fs::write(sandbox.users_kubeconfig(), HOSTILE).unwrap();
        sandbox
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.state().join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// The file that KUBECONFIG names.
    pub(crate) fn users_kubeconfig(&self) -> PathBuf {
        self.path().join("users-kubeconfig")
    }

    /// A folder for the scenario's own files.
    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs tstack to its end, for the cluster `name`.
    pub(crate) fn tstack(&self, name: &str, args: &[&str]) -> Said {
        self.start_tstack(name, args).finish()
    }

    /// Starts tstack.
    pub(crate) fn start_tstack(&self, name: &str, args: &[&str]) -> Running {
        self.start_tstack_by(&[], name, args)
    }

    /// Starts tstack by another program, which becomes it.
    pub(crate) fn start_tstack_by(&self, by: &[&str], name: &str, args: &[&str]) -> Running {
        if !self.names.borrow().iter().any(|known| known == name) {
            self.names.borrow_mut().push(name.to_owned());
        }
        let args = [args, &["--name", name]].concat();
        // another build of it may be tried, such as the one that is to be released
        let program = std::env::var("TSTACK_E2E_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_tstack").to_owned());
        let line = [by, &[program.as_str()], &args].concat();
        self.start(line[0], &line[1..])
    }

    /// Runs a program to its end, with the environment of this sandbox.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Said {
        self.start(program, args).finish()
    }

    /// Starts a program with the environment of this sandbox.
    pub(crate) fn start(&self, program: &str, args: &[&str]) -> Running {
        let mut command = Command::new(program);
        command.args(args).env_clear().env("HOME", self.home()).env("TSTACK_STATE", self.state()).env("LANG", "C.UTF-8");
        command.env("KUBECONFIG", self.users_kubeconfig());
        if program == "kubectl" {
            // the scenario's own looks leave nothing in the home that is compared
            command.env("KUBECACHEDIR", self.log().join("kubectl"));
        }
        for kept in ["PATH", "TSTACK_CONFIG", "DOCKER_HOST"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        self.count.set(self.count.get() + 1);
        let short = Path::new(program).file_name().unwrap().to_string_lossy().into_owned();
        let log = self.log().join(format!("{:03}-{short}-{}.txt", self.count.get(), args.first().unwrap_or(&"")));
        start(command, shown(&short, args), PATIENCE, log)
    }

    /// kubectl, with the kubeconfig that tstack keeps for the cluster `name`.
    pub(crate) fn kubectl(&self, name: &str, args: &[&str]) -> Said {
        self.kubectl_with(&self.folder(name).join("kubeconfig"), args)
    }

    /// kubectl, with a kubeconfig.
    pub(crate) fn kubectl_with(&self, kubeconfig: &Path, args: &[&str]) -> Said {
        self.run("kubectl", &[&["--kubeconfig", kubeconfig.to_str().unwrap()], args].concat())
    }

    /// A kind cluster as any user makes one, with a kubeconfig of its own.
    pub(crate) fn kind_cluster(&self, cluster: &str, image: &str) -> PathBuf {
        if self.kinds.borrow().is_empty() {
            self.made_network.set(self.run("docker", &["network", "inspect", "kind"]).code != Some(0));
        }
        self.kinds.borrow_mut().push(cluster.to_owned());
        let kubeconfig = self.path().join(format!("{cluster}.kubeconfig"));
        let file = kubeconfig.to_str().unwrap();
        self.run("kind", &["create", "cluster", "--name", cluster, "--image", image, "--kubeconfig", file, "--wait", "120s"]).well();
        kubeconfig
    }

    /// Ends everything that the scenario made itself.
    pub(crate) fn delete_kind_cluster(&self, cluster: &str) {
        let kubeconfig = self.path().join(format!("{cluster}.kubeconfig"));
        self.run("kind", &["delete", "cluster", "--name", cluster, "--kubeconfig", kubeconfig.to_str().unwrap()]);
        self.kinds.borrow_mut().retain(|known| known != cluster);
        if self.kinds.borrow().is_empty() && self.made_network.replace(false) {
            self.run("docker", &["network", "rm", "kind"]);
        }
    }

    /// Names that were used.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.borrow().clone()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // a second panic would abort the test program and leave everything
        let cleaned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if std::thread::panicking() {
                artifacts::keep(self);
            }
            for name in self.names() {
                if self.folder(&name).exists() {
                    self.tstack(&name, &["down"]);
                }
                // the last resort, and only by the names that this scenario gave
                self.delete_kind_cluster(&format!("tstack-{name}"));
            }
            for cluster in self.kinds.borrow().clone() {
                self.delete_kind_cluster(&cluster);
            }
        }));
        if cleaned.is_err() {
            println!("{}: not everything could be removed", self.scenario);
        }
        let took = self.began.elapsed().as_secs_f64();
        let ended = if std::thread::panicking() { "BROKEN" } else { "held" };
        println!("\n{}: {ended}, {took:.0} s", self.scenario);
    }
}

/// A kubeconfig that leads nowhere, and whose first user would be a bad surprise.
const HOSTILE: &str = r#"apiVersion: v1
kind: Config
current-context: production
clusters:
  - { name: production, cluster: { server: "https://127.0.0.1:1" } }
users:
  - { name: admin, user: { token: not-for-tstack } }
contexts:
  - { name: production, context: { cluster: production, user: admin } }
"#;
