//! kind and helm: from which version on, and how people get them.

use std::ffi::OsString;

use crate::failure::Failure;
use crate::world::kind::Kind;
use crate::world::process::{self, Tool};

/// The oldest kind that makes clusters as we ask for: later ones only.
const LEAST_KIND: semver::Version = semver::Version::new(0, 24, 0);
/// The oldest helm with OCI registries, `--plain-http` on pull and `uninstall --ignore-not-found`.
const LEAST_HELM: semver::Version = semver::Version::new(3, 14, 0);

/// Looks for kind.
///
/// # Errors
/// A preflight failure when it is not there, is too old, or does not say.
pub async fn kind(search: &OsString) -> Result<Kind, Failure> {
    let get = "Install kind: https://kind.sigs.k8s.io/docs/user/quick-start#installation";
    let tool = find("kind", &["version"], LEAST_KIND, search, get).await?;
    Ok(Kind { program: tool.path })
}

/// Looks for helm.
///
/// # Errors
/// A preflight failure when it is not there, is too old, or does not say.
pub async fn helm(search: &OsString) -> Result<Tool, Failure> {
    find("helm", &["version", "--short"], LEAST_HELM, search, "Install Helm 3: https://helm.sh/docs/intro/install").await
}

/// A program is asked for its version on a thread of its own: others are asked meanwhile.
async fn find(
    name: &'static str,
    probe: &'static [&'static str],
    least: semver::Version,
    search: &OsString,
    get: &'static str,
) -> Result<Tool, Failure> {
    let search = search.clone();
    let asked = tokio::task::spawn_blocking(move || process::find(name, probe, &least, &search, get));
    asked.await.unwrap_or_else(|e| Err(Failure::internal(format!("could not look for the program `{name}`")).because(&e)))
}
