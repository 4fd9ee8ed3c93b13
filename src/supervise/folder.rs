//! Where the supervisor's things lie: `host` in the state folder, and its sockets beside it, since their paths must be short.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::world::files;

/// The supervisor's places.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    state: PathBuf,
}

impl Folder {
    pub(super) fn new(state: &Path) -> Self {
        Self { state: state.to_owned() }
    }

    /// The state folder.
    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// All but the sockets.
    pub(super) fn root(&self) -> PathBuf {
        self.state.join("host")
    }

    /// The mark of our children.
    pub(super) fn mark(&self) -> PathBuf {
        self.state.join("supervisor")
    }

    /// What Envoy Gateway reads.
    pub(super) fn resources(&self) -> PathBuf {
        self.root().join("resources")
    }

    /// Envoy Gateway's own folder of that name.
    pub(super) fn gateway(&self, name: &str) -> PathBuf {
        self.root().join("gateway").join(name)
    }

    /// Prometheus' folder.
    pub(super) fn prometheus(&self) -> PathBuf {
        self.root().join("prometheus")
    }

    /// The log of a process.
    pub(super) fn log(&self, process: &str) -> PathBuf {
        self.root().join("logs").join(format!("{}.log", flat(process)))
    }

    /// The folder that a process runs in: its own, and empty at first.
    pub(super) fn work(&self, process: &str) -> PathBuf {
        self.root().join("work").join(flat(process))
    }

    /// The socket of the admin interface of the Envoy of that number.
    pub(super) fn admin(&self, number: usize) -> PathBuf {
        self.state.join(format!("envoy{number}.sock"))
    }

    /// The socket by which the Envoy of that number reaches its Envoy Gateway.
    pub(super) fn xds(&self, number: usize) -> PathBuf {
        self.state.join(format!("xds{number}.sock"))
    }

    /// Makes the folders, empty but for logs and what Envoy Gateway made for itself.
    pub(super) fn make(&self) -> Result<(), Failure> {
        Self::remove(&[self.resources(), self.root().join("work"), self.gateway("run"), self.gateway("state"), self.prometheus()])?;
        let gateway = ["config", "data", "state", "run"].map(|name| self.gateway(name));
        for folder in [self.resources(), self.root().join("logs"), self.root().join("work"), self.prometheus()].iter().chain(&gateway) {
            files::make_private_dir(folder)?;
        }
        Ok(())
    }

    /// Removes everything, sockets too.
    pub(super) fn clear(&self, envoys: usize) -> Result<(), Failure> {
        for socket in (0..envoys).flat_map(|number| [self.admin(number), self.xds(number)]) {
            drop(fs_err::remove_file(socket));
        }
        Self::remove(&[self.root()])
    }

    #[expect(clippy::disallowed_methods, reason = "folders that this room made and that nobody else writes to")]
    fn remove(folders: &[PathBuf]) -> Result<(), Failure> {
        for folder in folders {
            match std::fs::remove_dir_all(folder) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::step(format!("cannot remove {}", folder.display())).because(&e));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A name of a file for a name with slashes.
fn flat(name: &str) -> String {
    name.replace('/', "_")
}
