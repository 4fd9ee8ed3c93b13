//! The helm program: pulls, installs and removes charts.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::process::Command;
use crate::failure::Failure;

/// The helm program, with the cluster that it works on and a folder of its own.
#[derive(Clone, Debug)]
pub struct Helm {
    /// The program.
    pub program: PathBuf,
    /// The kubeconfig; the user's is never read.
    pub kubeconfig: PathBuf,
    /// The context in it, where another than the current one is meant.
    pub context: Option<String>,
    /// Where helm keeps what it caches.
    pub cache: PathBuf,
}

/// A release to install or upgrade.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace, which exists.
    pub namespace: &'a str,
    /// The chart archive.
    pub archive: &'a Path,
    /// Values over the chart's own.
    pub values: &'a Map<String, Value>,
    /// Whether the chart's hooks run.
    pub hooks: bool,
    /// Kept with the release, to know later what was installed.
    pub description: &'a str,
}

impl Helm {
    /// Pulls a chart archive into a folder and gives its path.
    ///
    /// # Errors
    /// What helm said, such as that the registry has no such chart.
    pub async fn pull(
        &self,
        reference: &str,
        version: &str,
        plain_http: bool,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Result<PathBuf, Failure> {
        super::files::make_private_dir(folder)?;
        let mut command = self.command().args(["pull", reference, "--version", version]);
        command = command.args(["--destination".into(), folder.as_os_str().to_owned()]);
        if plain_http {
            command = command.args(["--plain-http"]);
        }
        command.run(cancel, &|_| ()).await?;
        archive_in(folder)?.ok_or_else(|| Failure::step(format!("helm pulled {reference}, but left no archive in {}", folder.display())))
    }

    /// Installs a release, or upgrades the one that is there. Does not wait for it to become ready, and leaves alone what the chart
    /// has in its `crds` folders: see [`Helm::definitions`].
    ///
    /// # Errors
    /// What helm said.
    pub async fn install(&self, release: &Release<'_>, cancel: &CancellationToken, on_line: &(dyn Fn(&str) + Sync)) -> Result<(), Failure> {
        let values = Value::Object(release.values.clone()).to_string();
        self.cluster_command()
            .args(["upgrade", "--install", "--skip-crds", release.name])
            .args(if release.hooks { &[][..] } else { &["--no-hooks"] })
            .args([release.archive.as_os_str().to_owned()])
            // two revisions are enough to see what changed; more only fill the cluster
            .args(["--namespace", release.namespace, "--history-max", "2", "--description", release.description, "--values", "-"])
            .stdin(values)
            .run(cancel, on_line)
            .await?;
        Ok(())
    }

    /// Removes a release. One that is not there is no error.
    ///
    /// # Errors
    /// What helm said.
    pub async fn uninstall(&self, namespace: &str, name: &str, cancel: &CancellationToken) -> Result<(), Failure> {
        let command = self.cluster_command().args(["uninstall", name, "--namespace", namespace, "--ignore-not-found", "--wait"]);
        command.run(cancel, &|_| ()).await?;
        Ok(())
    }

    /// The custom resource definitions that a chart brings in its `crds` folders, as YAML.
    ///
    /// # Errors
    /// What helm said.
    pub async fn definitions(&self, archive: &Path, cancel: &CancellationToken) -> Result<String, Failure> {
        let command = self.command().args(["show", "crds"]).args([archive.as_os_str().to_owned()]);
        Ok(command.run(cancel, &|_| ()).await?.stdout)
    }

    fn command(&self) -> Command {
        let command = Command::new(&self.program)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.cache.join("cache"))
            .env("HELM_DATA_HOME", self.cache.join("data"))
            // else it keeps what the API server offers in ~/.kube/cache
            .env("KUBECACHEDIR", self.cache.join("kube"));
        // helm's own folder lies in the state folder
        self.cache.parent().into_iter().fold(command, |command, folder| command.env(super::orphans::MARK, folder))
    }

    fn cluster_command(&self) -> Command {
        let command = self.command().args(["--kubeconfig".into(), self.kubeconfig.as_os_str().to_owned()]);
        match &self.context {
            Some(context) => command.args(["--kube-context", context]),
            None => command,
        }
    }
}

/// The chart archive in a folder, if there is one.
///
/// # Errors
/// When the folder cannot be read.
pub fn archive_in(folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let failed = |e: std::io::Error| Failure::step(format!("cannot read the folder {}", folder.display())).because(&e);
    match fs_err::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|e| e == "tgz") {
                    return Ok(Some(path));
                }
            }
            Ok(None)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(e)),
    }
}
