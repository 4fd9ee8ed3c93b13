//! `status`: how a stack is, without changing anything.

use crate::exec::objects_of;
use crate::failure::Failure;
use crate::observe::component_state;
use crate::plan::ClusterFact;
use crate::stack::{Component, ComponentKind, Stack};
use crate::state::Target;
use crate::status::{
    ClusterState, ClusterStatus, ComponentState, ComponentStatus, ExposurePath, ExposureStatus, ForwarderStatus, LastChecks, Provider,
    Status,
};
use crate::world::kube::Cluster;
use crate::world::{clock, ports};

use super::session::{Session, Setup, Wanted};

/// Looks at a stack. `stack` is what `up` was given; without it only the cluster is told.
///
/// # Errors
/// When the cluster of that name is somebody else's, or a state file cannot be read.
pub async fn status(setup: &Setup, name: &str, stack: Option<&Stack>) -> Result<Status, Failure> {
    let session = Session::open(setup, name, &Wanted::Own, None).await?;
    let cluster = &session.sight.cluster;
    let forwarder = crate::forward::status(&session.folder.path()).await?;
    let mut components = Vec::new();
    let mut exposures = Vec::new();
    if let Some(stack) = stack {
        for component in &stack.components {
            components.push(component_status(cluster.as_ref(), component).await);
        }
        for exposure in &stack.expose {
            let mapped = session.sight.ports.iter().any(|p| p.host == exposure.host && Some(p.node) == exposure.service.node_port);
            let carried = forwarder.as_ref().is_some_and(|f| f.routes.iter().any(|r| r.route.host == exposure.host));
            let path = match (carried, mapped) {
                (true, _) => ExposurePath::Forwarder,
                (false, true) => ExposurePath::PortMapping,
                (false, false) => ExposurePath::None,
            };
            exposures.push(ExposureStatus {
                name: exposure.name.clone(),
                url: exposure.url.clone(),
                host_port: exposure.host,
                path,
                reachable: ports::who_listens(exposure.host, &[]).ok().map(|owner| owner.is_some()),
            });
        }
    }
    let created = session.recorded.then_some(session.record.created);
    let age = created.map(|created| clock::now().duration_since(created).as_secs().unsigned_abs());
    let (provider, node_image) = match session.record.target {
        Target::Kind { .. } => (Provider::Kind, stack.map(|s| s.cluster.image.to_string())),
        Target::Context { .. } => (Provider::Context, None),
    };
    let state = match session.sight.fact {
        ClusterFact::Running | ClusterFact::Named => ClusterState::Running,
        ClusterFact::Stopped => ClusterState::Stopped,
        ClusterFact::Absent | ClusterFact::HalfMade => ClusterState::Absent,
    };
    let kubernetes = match cluster {
        Some(cluster) => cluster.version().await.ok(),
        None => None,
    };
    let cluster = ClusterStatus { name: session.target_name(), provider, state, node_image, kubernetes, age_seconds: age };
    let checks = session.record.verified.as_ref().map(|v| LastChecks { when: v.at, passed: v.passed, failed: 0 });
    let stack_name = stack.map_or_else(|| session.record.stack.clone(), |s| s.name.clone());
    Ok(Status::new(stack_name, cluster, components, exposures, forwarder.as_ref().map(forwarder_status), checks))
}

async fn component_status(cluster: Option<&Cluster>, component: &Component) -> ComponentStatus {
    let (kind, version) = match &component.kind {
        ComponentKind::Helm(chart) => ("helm", Some(chart.version.clone())),
        ComponentKind::Manifests(_) => ("manifests", None),
        ComponentKind::Certificate(_) => ("certificate", None),
        ComponentKind::Image(build) => ("image", build.image.tag.clone()),
    };
    let state = match cluster {
        None => ComponentState::Absent,
        Some(cluster) => match look(cluster, component).await {
            Ok(None) => ComponentState::Ready,
            Ok(Some(reason)) => ComponentState::Waiting(reason),
            Err(failure) if failure.what.contains("is no longer in") => ComponentState::Absent,
            Err(failure) => ComponentState::Unknown(failure.what),
        },
    };
    ComponentStatus { name: component.name.clone(), kind: kind.into(), version, state }
}

async fn look(cluster: &Cluster, component: &Component) -> Result<Option<String>, Failure> {
    component_state(cluster, &objects_of(cluster, component).await?).await
}

fn forwarder_status(status: &crate::forward::Status) -> ForwarderStatus {
    let open = status.routes.iter().map(|route| route.open).sum();
    ForwarderStatus { pid: status.pid, since: status.since, connections: open }
}
