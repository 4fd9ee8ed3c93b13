//! Throw-away namespaces: marked before anything is in them, and removed whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;

use super::names::Names;
use crate::failure::Failure;
use crate::stack::ObjectId;
use crate::state::{StateFolder, owner};
use crate::world::backoff::Backoff;
use crate::world::kube::{Cluster, OnWait};
use crate::world::machine;

/// On a throw-away namespace; its value says which run made it.
const LABEL: &str = "tstack.dev/check";
/// Where Envoy Gateway notes whose an Envoy is.
const OWNER_NAMESPACE: &str = "gateway.envoyproxy.io/owning-gateway-namespace";
/// How long a removal may take: pods that drain, finalizers that are cleared.
pub(super) const REMOVAL: Duration = Duration::from_secs(90);

/// How long of that the pods may take.
const PODS: Duration = Duration::from_secs(15);

/// The mark of this run, and of all runs of this folder on this machine.
pub(super) struct Mark {
    folder: StateFolder,
    word: String,
}

impl Mark {
    /// A mark that no other run has; `run` differs in each.
    pub(super) fn new(folder: &StateFolder, run: &str) -> Self {
        Self { folder: folder.clone(), word: owner::new_word(folder, &machine::name(), run) }
    }

    /// The first throw-away namespace's name.
    pub(super) fn namespace(&self) -> String {
        let random = self.word.rsplit('-').next().unwrap_or_default();
        format!("tstack-check-{}", &random[..random.len().min(8)])
    }

    /// Makes the namespaces, marked from their first instant.
    pub(super) async fn make(
        &self,
        cluster: &Cluster,
        names: &Names,
        labels: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<(), Failure> {
        for name in names.all() {
            let mut labels = labels.get(name).cloned().unwrap_or_default();
            // the API server sets it to the real name
            labels.remove("kubernetes.io/metadata.name");
            labels.insert(LABEL.to_owned(), self.word.clone());
            if !cluster.ensure_namespace(name, &labels).await? {
                return Err(Failure::step(format!("the namespace {name} is there already, and not ours"))
                    .hint("Run it again: it takes another name."));
            }
        }
        Ok(())
    }

    /// The namespaces that earlier runs of this folder left, since they were killed: nobody else runs now, as the lock is ours.
    pub(super) async fn leftovers(&self, cluster: &Cluster) -> Result<Vec<String>, Failure> {
        let marked = cluster.list("v1", "Namespace", Some(LABEL)).await?;
        let ours = |namespace: &&Value| {
            let word = namespace["metadata"]["labels"][LABEL].as_str().unwrap_or_default();
            owner::is_of(word, &self.folder, &machine::name())
        };
        Ok(marked.iter().filter(ours).map(|namespace| ObjectId::of(namespace).name).collect())
    }
}

/// Deletes throw-away namespaces and waits until they are gone, with the Envoys that Envoy Gateway ran for them elsewhere.
pub(super) async fn remove(cluster: &Cluster, namespaces: &[String], on_wait: OnWait<'_>) -> Result<(), Failure> {
    let deadline = Instant::now() + REMOVAL;
    let soon = deadline.min(Instant::now() + PODS);
    try_join_all(namespaces.iter().map(|namespace| cluster.end_pods(namespace, soon))).await?;
    let ids: Vec<ObjectId> = namespaces.iter().map(|name| ObjectId::new("v1", "Namespace", "", name)).collect();
    cluster.delete_all(&ids, deadline, on_wait).await?;
    let selector = format!("{OWNER_NAMESPACE} in ({})", namespaces.join(","));
    let mut backoff = Backoff::new();
    loop {
        let mut left = cluster.list("apps/v1", "Deployment", Some(&selector)).await?;
        left.extend(cluster.list("v1", "Service", Some(&selector)).await?);
        let Some(first) = left.first() else { return Ok(()) };
        let id = ObjectId::of(first);
        on_wait(format!("{id}: Envoy Gateway removes it"));
        if !backoff.pause_until(deadline).await {
            return Err(Failure::step(format!("{id} was not removed in time")).hint(format!(
                "`kubectl delete {} {} -n {}` removes it.",
                id.kind.to_lowercase(),
                id.name,
                id.namespace
            )));
        }
    }
}
