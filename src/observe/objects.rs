//! What of the stack is in the cluster, and whether it is ready.

use futures::future::try_join_all;
use serde_json::Value;

use crate::failure::Failure;
use crate::plan::{DIGEST_ANNOTATION, ObjectFact, Observed, ReleaseFact};
use crate::ready::{Readiness, judge};
use crate::stack::{ComponentKind, ObjectId, Stack, certificate_objects};
use crate::world::kube::{Cluster, Release};

/// Fills in the Helm releases that the stack wants.
pub(super) async fn releases(cluster: &Cluster, stack: &Stack, observed: &mut Observed) -> Result<(), Failure> {
    let wanted = |release: &Release| {
        stack.components.iter().any(|component| {
            matches!(&component.kind, ComponentKind::Helm(chart) if chart.namespace == release.namespace && chart.release == release.name)
        })
    };
    let found: Vec<Release> = cluster.releases().await?.into_iter().filter(wanted).collect();
    let unready = try_join_all(found.iter().map(|release| first_unready(cluster, &release.manifest))).await?;
    for (release, unready) in found.into_iter().zip(unready) {
        let digest = release.description.strip_prefix("tstack ").map(str::to_owned);
        let fact = ReleaseFact { status: release.status, chart_version: release.chart_version, digest, unready };
        observed.releases.insert((release.namespace, release.name), fact);
    }
    Ok(())
}

/// Fills in the objects that the stack wants.
pub(super) async fn objects(cluster: &Cluster, stack: &Stack, observed: &mut Observed) -> Result<(), Failure> {
    let wanted: Vec<ObjectId> = stack
        .components
        .iter()
        .flat_map(|component| match &component.kind {
            ComponentKind::Manifests(objects) => objects.iter().map(|object| object.id.clone()).collect(),
            ComponentKind::Certificate(certificate) => certificate_objects(certificate),
            _ => Vec::new(),
        })
        .collect();
    let found = try_join_all(wanted.iter().map(|id| cluster.get(id))).await?;
    for (id, found) in wanted.into_iter().zip(found) {
        if let Some(object) = found {
            let digest = object["metadata"]["annotations"][DIGEST_ANNOTATION].as_str().map(str::to_owned);
            let unready = reason(&id, &object);
            observed.objects.insert(id, ObjectFact { digest, unready });
        }
    }
    Ok(())
}

/// The state of a list of objects: `None` when all are ready, else the first reason.
///
/// # Errors
/// When the API server does not answer.
pub async fn component_state(cluster: &Cluster, ids: &[ObjectId]) -> Result<Option<String>, Failure> {
    first_unready(cluster, ids).await
}

async fn first_unready(cluster: &Cluster, ids: &[ObjectId]) -> Result<Option<String>, Failure> {
    let found = try_join_all(ids.iter().map(|id| cluster.get(id))).await?;
    Ok(ids.iter().zip(found).find_map(|(id, found)| match found {
        None => Some(format!("{id} is not there")),
        Some(object) => reason(id, &object),
    }))
}

fn reason(id: &ObjectId, object: &Value) -> Option<String> {
    match judge(object) {
        Readiness::Ready => None,
        Readiness::Waiting(reason) | Readiness::Failed(reason) => Some(format!("{id}: {reason}")),
    }
}
