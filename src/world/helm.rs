//! The helm program: pulls, installs and removes charts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::chart;
use super::process::Command;
use crate::failure::{Failure, FailureKind};

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

/// How long a pull may take: a chart has a few hundred kilobytes, and helm itself waits as long as a registry asks for.
const PULL: Duration = Duration::from_mins(5);

/// A chart to pull.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a> {
    /// `oci://host/path`, without version.
    pub reference: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The sum that its archive must have, where it is pinned.
    pub digest: Option<&'a str>,
    /// Whether the registry speaks http without TLS.
    pub plain_http: bool,
}

/// What would lead helm into another cluster than the one that its kubeconfig names, or make it keep its releases where nobody looks for them:
/// of its variables these stand above the kubeconfig, or beside it (`helm env`).
const NOT_OURS: [&str; 13] = [
    "HELM_DRIVER",
    "HELM_DRIVER_SQL_CONNECTION_STRING",
    "HELM_KUBEAPISERVER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBEASUSER",
    "HELM_KUBECAFILE",
    "HELM_KUBECONTEXT",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBETOKEN",
    "HELM_NAMESPACE",
    // inside a pod helm would take the cluster that it is in
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
];

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
    /// Pulls a chart archive into a folder of its own, whole and checked, and gives its path. What a killed run left there is not taken for it.
    ///
    /// # Errors
    /// What helm said, such as that the registry has no such chart; or why the archive is refused ([`chart::keep`]).
    pub async fn pull(&self, pull: &Pull<'_>, folder: &Path, cancel: &CancellationToken) -> Result<PathBuf, Failure> {
        let part = chart::part(folder);
        match fs_err::remove_dir_all(&part) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::step(format!("cannot clear {}", part.display())).because(&e));
            }
            _ => {}
        }
        super::files::make_private_dir(&part)?;
        let mut command = self.command().args(["pull", pull.reference, "--version", pull.version]);
        command = command.args(["--destination".into(), part.as_os_str().to_owned()]);
        if pull.plain_http {
            command = command.args(["--plain-http"]);
        }
        let pulled = match timeout(PULL, command.run(cancel, &|_| ())).await {
            Ok(said) => said.map_err(|failure| pull_failure(pull, failure)),
            Err(_) => Err(cannot(pull, "it takes too long")
                .why(format!("helm did not end within {} min; the registry stalls, or asks for a long pause", PULL.as_secs() / 60))
                .hint(format!("Try again later, or set a mirror for {}.", host(pull)))),
        };
        if let Err(failure) = pulled {
            // the next pull clears it too
            let _ = fs_err::remove_dir_all(&part);
            return Err(failure);
        }
        chart::keep(folder, &format!("the chart {} {}", pull.reference, pull.version), pull.digest)
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
            .without(&NOT_OURS)
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

fn cannot(pull: &Pull<'_>, what: &str) -> Failure {
    Failure::step(format!("cannot pull the chart {} {}: {what}", pull.reference, pull.version))
}

/// The registry's host.
fn host<'a>(pull: &Pull<'a>) -> &'a str {
    pull.reference.strip_prefix("oci://").and_then(|rest| rest.split('/').next()).unwrap_or(pull.reference)
}

/// What went wrong, from helm's words: it hands on the registry's and the network's messages as text.
fn pull_failure(pull: &Pull<'_>, failure: Failure) -> Failure {
    if failure.kind == FailureKind::Cancelled {
        return failure;
    }
    // what it said, and not the command line behind it
    let said = failure.why.first().map(|said| said.to_lowercase()).unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let host = host(pull);
    let (what, hint) = if has(&["no space left on device"]) {
        ("the disk is full", "Free some space where TSTACK_STATE is (`df -h`).".to_owned())
    } else if has(&["status code 429", "toomanyrequests", "too many requests"]) {
        ("the registry's limit is reached", format!("Wait, log in (`helm registry login {host}`), or set a mirror."))
    } else if has(&["x509", "certificate"]) {
        ("its registry is not trusted", format!("Add the authority of {host} to this machine's."))
    } else if has(&["unauthorized", "denied", "forbidden"]) {
        ("the registry refuses, or does not have it", format!("Correct its name, or log in: `helm registry login {host}`."))
    } else if has(&["mismatch", "does not match", "invalid character", "unexpected eof", "invalid checksum", "unexpected content"]) {
        (
            "what came is broken, or not from a registry",
            format!("Something between here and {host} may answer in its place (a proxy, a login page); try again, or set a mirror."),
        )
    } else if has(&["not found", "manifest unknown"]) {
        ("there is no such chart", "Correct its name or version; where a mirror is set, make sure that the mirror has it.".to_owned())
    } else if has(&["no such host", "connection refused", "timeout", "deadline", "unreachable", "reset by peer", "eof", "server gave http"])
    {
        (
            "the registry does not answer",
            format!("Check the network (a proxy? a VPN?) to {host}, or set a mirror, then run the same command again."),
        )
    } else {
        ("helm gave up", format!("See what {host} serves: `helm show chart {} --version {}`.", pull.reference, pull.version))
    };
    let cannot = cannot(pull, what);
    failure.why.into_iter().fold(cannot, Failure::why).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helm_says_of_a_registry_becomes_a_cause_and_a_remedy() {
        let pull = Pull { reference: "oci://127.0.0.1:5000/a/web", version: "1.2.3", digest: None, plain_http: true };
        for (said, what) in [
            ("Error: 127.0.0.1:5000/a/web:1.2.3: not found", "there is no such chart"),
            ("Error: GET \"http://..\": response status code 429: toomanyrequests", "the registry's limit is reached"),
            ("Error: invalid character '<' looking for beginning of value", "what came is broken, or not from a registry"),
            ("Error: failed to perform \"FetchReference\" on source: mismatch digest", "what came is broken, or not from a registry"),
            ("Error: dial tcp 127.0.0.1:5000: connect: connection refused", "the registry does not answer"),
            ("Error: response status code 401: Unauthorized", "the registry refuses, or does not have it"),
            ("Error: tls: failed to verify certificate: x509: certificate signed by unknown authority", "its registry is not trusted"),
            ("Error: write x.tgz: no space left on device", "the disk is full"),
            ("Error: something new", "helm gave up"),
        ] {
            let failure = pull_failure(&pull, Failure::step("`helm pull` ended with exit status 1").why(said));
            assert_eq!(failure.what, format!("cannot pull the chart oci://127.0.0.1:5000/a/web 1.2.3: {what}"));
            assert_eq!((failure.why, failure.hints.len()), (vec![said.to_owned()], 1));
        }
        let cancelled = Failure::new(FailureKind::Cancelled, "x");
        assert_eq!(pull_failure(&pull, cancelled.clone()), cancelled);
    }
}
