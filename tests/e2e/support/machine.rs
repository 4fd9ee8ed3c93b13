//! The machine as it is before and after: what tstack may not leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::Sandbox;

/// Everything that a run could leave. Other people's clusters on this machine may come and go meanwhile; they are not in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub containers: BTreeSet<String>,
    pub networks: BTreeSet<String>,
    pub volumes: BTreeSet<String>,
    /// Processes with this sandbox's home in their environment.
    pub processes: BTreeSet<String>,
    /// Those of the ports 8080 and 8443 on which something listens.
    pub ports: BTreeSet<u16>,
    /// Every file and folder of the sandbox but its log, with its mode, size and content.
    pub files: BTreeMap<String, String>,
}

impl Snapshot {
    pub(crate) fn take(sandbox: &Sandbox) -> Self {
        // the volumes first: those of a cluster that others make meanwhile are not among them yet
        let volumes = docker(sandbox, &["volume", "ls", "--quiet"]);
        let (ours, others) = containers(sandbox);
        let theirs: BTreeSet<String> = others.iter().flat_map(|id| volumes_of(sandbox, id)).collect();
        let mut files = BTreeMap::new();
        walk(sandbox.path(), &sandbox.log(), &mut files);
        Self {
            containers: ours,
            networks: docker(sandbox, &["network", "ls", "--format", "{{.Name}}"]),
            volumes: volumes.difference(&theirs).cloned().collect(),
            processes: processes(sandbox).into_iter().map(|(_, command)| command).collect(),
            ports: [8080, 8443].into_iter().filter(|port| listeners().iter().any(|(_, p)| p == port)).collect(),
            files,
        }
    }
}

fn docker(sandbox: &Sandbox, args: &[&str]) -> BTreeSet<String> {
    sandbox.run("docker", args).well().stdout.lines().map(str::to_owned).collect()
}

/// Every container, and apart from them those of kind clusters whose names no scenario gives.
fn containers(sandbox: &Sandbox) -> (BTreeSet<String>, BTreeSet<String>) {
    let format = "{{.ID}} {{.Label \"io.x-k8s.kind.cluster\"}}";
    let lines = docker(sandbox, &["ps", "--all", "--no-trunc", "--format", format]);
    let foreign =
        |line: &String| line.split_once(' ').is_some_and(|(_, cluster)| !cluster.is_empty() && !cluster.starts_with("tstack-e2e-"));
    let (others, ours): (Vec<String>, Vec<String>) = lines.into_iter().partition(foreign);
    let id = |line: String| line.split(' ').next().unwrap_or_default().to_owned();
    (ours.into_iter().map(id).collect(), others.into_iter().map(id).collect())
}

/// The volumes that a container has mounted.
fn volumes_of(sandbox: &Sandbox, container: &str) -> Vec<String> {
    let format = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{println .Name}}{{end}}{{end}}";
    // a container of others may have gone meanwhile
    let said = sandbox.run("docker", &["inspect", "--format", format, container]);
    said.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Living processes that were started from this sandbox, however many generations ago: number and command line.
pub(crate) fn processes(sandbox: &Sandbox) -> Vec<(i32, String)> {
    let mark = format!("HOME={}", sandbox.home().display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // a process that ends meanwhile, or is a zombie, has no environment to read
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|b| *b == 0).any(|one| one == mark.as_bytes()) {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command: Vec<_> = command.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            found.push((pid, command.join(" ").trim().to_owned()));
        }
    }
    found
}

/// Ends a process that a program of this sandbox had started.
pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // it may have ended by itself meanwhile
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
}

/// Every TCP listener of this machine: address and port.
pub(crate) fn listeners() -> Vec<(std::net::IpAddr, u16)> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in std::fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(&"0A")) = (words.get(1), words.get(3)) else { continue };
            let Some((address, port)) = local.split_once(':') else { continue };
            found.push((address_of(address), u16::from_str_radix(port, 16).unwrap()));
        }
    }
    found
}

/// The kernel writes addresses as 32-bit words in the machine's own order.
fn address_of(hex: &str) -> std::net::IpAddr {
    let words = hex.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).unwrap(), 16).unwrap());
    let bytes: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => four.into(),
        Err(_) => <[u8; 16]>::try_from(bytes).unwrap().into(),
    }
}

/// The last bits of a file's mode: `0o600`.
pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o7777
}

/// Content and time of a file, to see whether it was touched.
pub(crate) fn untouched(path: &Path) -> (Vec<u8>, i64, i64, u64) {
    let meta = std::fs::metadata(path).unwrap();
    (std::fs::read(path).unwrap(), meta.mtime(), meta.mtime_nsec(), meta.ino())
}

fn walk(folder: &Path, but: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path == but {
            continue;
        }
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_file() {
            tstack::plan::object_digest(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into())
        } else {
            String::new()
        };
        files.insert(path.display().to_string(), format!("{:o} {content}", meta.permissions().mode()));
        if meta.is_dir() {
            walk(&path, but, files);
        }
    }
}
