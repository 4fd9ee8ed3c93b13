//! The Task API stack under a supervisor of its own, at free ports.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;
use tstack::host::{self, Image, Program};
use tstack::ready::{self, Readiness};
use tstack::stack::{ComponentKind, Object, ObjectId, Overrides, Stack, resolve, shipped_folder};
use tstack::supervise::{Client, ProcessStatus, Spec, Status};
use tstack::world::http::{Connection, Limits, Target};
use tstack::world::kube::Verdict;
use tstack::{certs, failure::Failure};

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A stack that runs.
pub(crate) struct Running {
    pub(crate) client: Client,
    pub(crate) folder: TempDir,
    pub(crate) stack: Stack,
    pub(crate) port: u16,
    pub(crate) https: u16,
    spec: Spec,
}

/// The program of others of that name: from the test bed's folder, or the path.
fn program(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let bed = home.map(|home| home.join(".cache/tstack-testbed/bin").join(name)).filter(|path| path.exists());
    bed.or_else(|| which::which(name).ok())
}

/// Envoy Gateway and Envoy; `None`, told, where they are not there.
pub(crate) fn programs() -> Option<(PathBuf, PathBuf)> {
    let both = program("envoy-gateway").zip(program("envoy"));
    if both.is_none() {
        eprintln!("left out: envoy-gateway and envoy are neither in ~/.cache/tstack-testbed/bin nor on the path");
    }
    both
}

/// Ports that were free a moment ago.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

pub(crate) fn judge(object: &Value) -> Verdict {
    match ready::judge(object) {
        Readiness::Ready => Verdict::Ready,
        Readiness::Waiting(reason) => Verdict::Waiting(reason),
        Readiness::Failed(reason) => Verdict::Failed(reason),
    }
}

/// A supervisor without objects yet; `None` where the programs are not there.
pub(crate) async fn supervisor() -> Option<Running> {
    let (gateway, envoy) = programs()?;
    let [port, https] = free_ports();
    let set = vec![("parameters.httpPort".into(), port.to_string()), ("parameters.httpsPort".into(), https.to_string())];
    let overrides = Overrides { set, profiles: Vec::new(), architecture: "amd64".into() };
    let stack = resolve(&shipped_folder("task-api").unwrap(), &overrides).unwrap_or_else(|found| panic!("{:?}", found.into_failure()));
    let folder = tempfile::tempdir().unwrap();
    let mut images = std::collections::BTreeMap::new();
    for component in &stack.components {
        if let ComponentKind::Image(build) = &component.kind {
            let path = folder.path().join(&build.program);
            fs_err::write(&path, &build.binary).unwrap();
            fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            images.insert(build.image.to_string(), Image { program: path, env: build.env.clone() });
        }
    }
    let wanted = host::programs(&stack);
    let envoy_version = wanted.iter().find(|one| one.program == Program::Envoy).unwrap().version.clone();
    let spec = Spec { gateway, envoy, envoy_version, prometheus: None, images, exposures: stack.expose.clone() };
    let client = Client::start(&folder.path().join("state"), &spec, Path::new(env!("CARGO_BIN_EXE_tstack"))).await.unwrap();
    Some(Running { client, folder, stack, port, https, spec })
}

/// The whole stack, ready.
pub(crate) async fn stack() -> Option<Running> {
    let running = supervisor().await?;
    let objects = running.objects();
    for (component, objects) in &objects {
        running.client.apply(component, objects).await.unwrap();
    }
    running.until_ready(&objects).await.unwrap_or_else(|failure| panic!("{failure:#?}\n{}", running.logs()));
    Some(running)
}

impl Running {
    /// What the stack hands to a supervisor, by component.
    pub(crate) fn objects(&self) -> Vec<(String, Vec<Object>)> {
        let left_out = host::preview(&self.stack).left_out;
        let is_left = |id: &ObjectId| left_out.iter().any(|one| one.id == *id && one.part.is_none());
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let authority = certs::Authority::generate("test", now, 3650).unwrap();
        let of = |kind: &ComponentKind| match kind {
            ComponentKind::Manifests(objects) => objects.iter().filter(|object| !is_left(&object.id)).cloned().collect(),
            ComponentKind::Certificate(wanted) => {
                let wanted = tstack::stack::CertificateFile { issuer: tstack::stack::CertificateIssuer::Tstack, ..wanted.clone() };
                certs::objects(&wanted, &authority, None, now).unwrap()
            }
            _ => Vec::new(),
        };
        let all = self.stack.components.iter().map(|component| (component.name.clone(), of(&component.kind)));
        all.filter(|(_, objects)| !objects.is_empty()).collect()
    }

    pub(crate) async fn until_ready(&self, objects: &[(String, Vec<Object>)]) -> Result<(), Failure> {
        let ids: Vec<ObjectId> = objects.iter().flat_map(|(_, objects)| objects).map(|object| object.id.clone()).collect();
        self.client.await_ready(&ids, judge, Instant::now() + PATIENCE, &|_| ()).await
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Everything that was logged, for a failed test.
    pub(crate) fn logs(&self) -> String {
        let folder = self.state().join("host/logs");
        let files = fs_err::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let all = files.chain([self.state().join("supervisor.log")]);
        let last = |text: &str| text.lines().rev().take(40).map(|line| format!("{line:.300}\n")).collect::<Vec<_>>();
        let text = |path: PathBuf| {
            let lines = last(&fs_err::read_to_string(&path).unwrap_or_default());
            format!("--- {}\n{}", path.display(), lines.into_iter().rev().collect::<String>())
        };
        all.map(text).collect()
    }

    pub(crate) async fn status(&self) -> Status {
        self.client.status().await.unwrap()
    }

    pub(crate) async fn process(&self, prefix: &str) -> ProcessStatus {
        let all = self.status().await.processes;
        all.iter().find(|process| process.name.starts_with(prefix)).cloned().unwrap_or_else(|| panic!("{prefix}: {all:?}"))
    }

    /// One request over a connection of its own; its status, or why there was none.
    pub(crate) async fn get(&self, path: &str, user: &str) -> Result<u16, String> {
        let target = Target::from_url(&format!("http://127.0.0.1:{}/", self.port)).unwrap();
        let mut connection = Connection::open(&target, None, Limits::default()).await.map_err(|e| e.to_string())?;
        let mut headers = http::HeaderMap::new();
        if !user.is_empty() {
            headers.insert("x-user-id", user.parse().unwrap());
        }
        let answer = connection.send(http::Method::GET, path, &headers).await.map_err(|e| e.to_string())?;
        Ok(answer.status.as_u16())
    }

    /// Ends everything, and looks that nothing is left.
    pub(crate) async fn end(self) {
        let pids: Vec<u32> = self.status().await.processes.iter().filter_map(|process| process.pid).collect();
        assert!(Client::stop(&self.state()).await.unwrap(), "it was there");
        for pid in pids {
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is left\n{}", self.logs());
        }
        let left: Vec<String> =
            fs_err::read_dir(self.state()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let allowed = ["supervisor.log", "supervisor.lock"];
        assert!(left.iter().all(|name| allowed.contains(&name.as_str())), "{left:?}");
        assert!(TcpListener::bind(("127.0.0.1", self.port)).is_ok(), "the port is free again");
    }
}
