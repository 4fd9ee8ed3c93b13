//! Where things lie: one folder for each cluster, named as the user names the cluster.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::world::files;

/// The folder of one cluster. Nothing of tstack's that belongs to the cluster lies elsewhere.
#[derive(Clone, Debug)]
pub struct StateFolder {
    root: PathBuf,
    name: String,
}

impl StateFolder {
    /// The folder of the cluster `name` below `root`; it need not exist.
    pub fn new(root: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { root: root.into(), name: name.into() }
    }

    /// The name of the cluster, as the user gives it with `--name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of all clusters.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// Makes the folder, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self) -> Result<(), Failure> {
        files::make_private_dir(&self.path())
    }

    /// Takes the folder and the keys in it from everybody but their owner. Gives those that others could read until now.
    ///
    /// # Errors
    /// When one of them belongs to another user, or its rights cannot be changed.
    pub fn make_private(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut open = Vec::new();
        for path in [self.path(), self.authority_key(), self.kubeconfig()] {
            if files::make_private(&path)? {
                open.push(path);
            }
        }
        Ok(open)
    }

    /// The record of what was made.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.path().join("state.json")
    }

    /// The same once more, from which it is healed where it is damaged.
    #[must_use]
    pub fn record_copy(&self) -> PathBuf {
        self.path().join("state.json.copy")
    }

    /// The kubeconfig of a cluster that we made.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.path().join("kubeconfig")
    }

    /// The certificate of the local CA.
    #[must_use]
    pub fn authority_certificate(&self) -> PathBuf {
        self.path().join("ca.crt")
    }

    /// The key of the local CA.
    #[must_use]
    pub fn authority_key(&self) -> PathBuf {
        self.path().join("ca.key")
    }

    /// Where kind writes the kubeconfig while it makes the cluster: it does so in place, and steps beside it read ours by then.
    #[must_use]
    pub fn kubeconfig_of_kind(&self) -> PathBuf {
        self.path().join("kubeconfig.kind")
    }

    /// Whether something lies here that only a kind cluster of ours leaves.
    #[must_use]
    pub fn was_of_kind(&self) -> bool {
        [self.kubeconfig(), self.kubeconfig_of_kind(), self.kubeadm_patches()].iter().any(|path| path.exists())
    }

    /// What kubeadm reads when it makes a cluster of ours; mounted into the node.
    #[must_use]
    pub fn kubeadm_patches(&self) -> PathBuf {
        self.path().join("kubeadm")
    }

    /// The events of the last runs.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path().join("journal.jsonl")
    }

    /// The chart archive of a component of that chart digest.
    #[must_use]
    pub fn chart(&self, component: &str, digest: &str) -> PathBuf {
        self.path().join("charts").join(format!("{component}-{digest}"))
    }

    /// Where the program of an image that a stack makes itself lies for processes on this machine; its tag is that of its content.
    #[must_use]
    pub fn image_program(&self, tag: &str, program: &str) -> PathBuf {
        self.path().join("bin").join(tag).join(program)
    }

    /// What helm keeps for itself.
    #[must_use]
    pub fn helm(&self) -> PathBuf {
        self.path().join("helm")
    }

    /// The lock lies beside the folder, so that it can be held while the folder goes.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join(format!(".{}.lock", self.name))
    }

    /// Removes the folder with everything in it, and the folders above it that are ours and empty then.
    ///
    /// # Errors
    /// When something cannot be removed.
    #[expect(clippy::disallowed_methods, reason = "the one place that removes a state folder")]
    pub fn remove(&self) -> Result<(), Failure> {
        let path = self.path();
        match std::fs::remove_dir_all(&path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Failure::step(format!("cannot remove {}", path.display())).because(&e)),
        }
    }

    /// Removes the folder above all clusters if it is empty.
    pub fn remove_empty_root(&self) {
        // not empty, or gone already: both are fine
        let _ = fs_err::remove_dir(&self.root);
    }
}

/// The names of all clusters below `root` that have a lock file.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn locked(root: &Path) -> Result<Vec<String>, Failure> {
    let name = |path: &Path| Some(path.file_name()?.to_str()?.strip_prefix('.')?.strip_suffix(".lock")?.to_owned());
    Ok(entries(root)?.iter().filter_map(|path| name(path)).collect())
}

fn entries(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |e: std::io::Error| Failure::step(format!("cannot read {}", root.display())).because(&e);
    match fs_err::read_dir(root) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(failed(e)),
    }
}

/// The names of all clusters below `root`.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(root: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for path in entries(root)? {
        if ["state.json", "state.json.copy"].iter().any(|file| path.join(file).is_file())
            && let Some(name) = path.file_name().and_then(|n| n.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
