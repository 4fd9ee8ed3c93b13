//! `status`: how a stack is, without changing anything.

use std::collections::BTreeMap;

use super::session::{Session, Setup, Wanted};
use crate::failure::Failure;
use crate::host::Role;
use crate::observe::{self, Seen, SightError};
use crate::plan::ClusterFact;
use crate::stack::{Component, ComponentKind, Exposure, Stack};
use crate::state::Target;
use crate::status::{
    ClusterState, ClusterStatus, ComponentState, ComponentStatus, ExposurePath, ExposureStatus, ForwarderStatus, LastChecks, ProcessStatus,
    Processes, Provider, Status,
};
use crate::supervise::Status as Supervised;
use crate::world::{clock, ports};

/// Looks at a stack. `stack` is what `up` was given; without it only the cluster is told.
///
/// # Errors
/// When the cluster of that name is somebody else's, or a state file cannot be read. An engine or an API server that does not
/// answer is no error here: what it would tell is unknown.
pub async fn status(setup: &Setup, name: &str, stack: Option<&Stack>) -> Result<Status, Failure> {
    let mut session = Session::begin(setup, name, &Wanted::Own, None).await?;
    let unknown = match session.look().await {
        Ok(()) => session.sight.trouble.take(),
        Err(SightError::Unknown(failure)) => Some(failure),
        Err(foreign @ SightError::Foreign(_)) => return Err(foreign.into()),
    };
    let state = match session.sight.fact {
        _ if unknown.is_some() => ClusterState::Unknown,
        ClusterFact::Running | ClusterFact::Named => ClusterState::Running,
        ClusterFact::Stopped => ClusterState::Stopped,
        ClusterFact::Paused => ClusterState::Paused,
        ClusterFact::Silent => ClusterState::Unknown,
        ClusterFact::Absent | ClusterFact::HalfMade => ClusterState::Absent,
    };
    let forwarder = crate::forward::status(&session.folder.path()).await?;
    let processes = match &session.sight.supervisor {
        Some(supervisor) => Some(processes_of(supervisor.status().await?)),
        None => None,
    };
    let mut components = Vec::new();
    let mut exposures = Vec::new();
    if let Some(stack) = stack {
        let states = match session.record.target {
            Target::Host => Box::pin(host_states(&session, stack, unknown.as_ref(), processes.as_ref())).await?,
            _ => component_states(&session, stack, unknown.as_ref()).await,
        };
        components = stack.components.iter().zip(states).map(|(component, state)| component_status(component, state)).collect();
        exposures = stack.expose.iter().map(|exposure| exposure_status(exposure, &session, forwarder.as_ref())).collect();
    }
    let created = session.recorded.then_some(session.record.created);
    let age = created.map(|created| clock::now().duration_since(created).as_secs().unsigned_abs());
    let (provider, node_image) = match session.record.target {
        Target::Kind { .. } => (Provider::Kind, stack.map(|s| s.cluster.image.to_string())),
        Target::Context { .. } => (Provider::Context, None),
        Target::Host => (Provider::Host, None),
    };
    let kubernetes = match &session.sight.cluster {
        Some(cluster) => cluster.version().await.ok(),
        None => None,
    };
    let reason = unknown.map(|failure| failure.what);
    let cluster = ClusterStatus { name: session.target_name(), provider, state, reason, node_image, kubernetes, age_seconds: age };
    let checks = session.record.verified.as_ref().map(|v| LastChecks { when: v.at, passed: v.passed, failed: 0 });
    let stack_name = stack.map_or_else(|| session.record.stack.clone(), |s| s.name.clone());
    let mut status = Status::new(stack_name, cluster, components, exposures, forwarder.as_ref().map(forwarder_status), checks);
    status.processes = processes;
    Ok(status)
}

async fn component_states(session: &Session, stack: &Stack, unknown: Option<&Failure>) -> Vec<ComponentState> {
    let all = |state: ComponentState| vec![state; stack.components.len()];
    match (session.sight.platform(), unknown) {
        (Some(platform), None) => match observe::components(&platform, stack).await {
            Ok(states) => states.into_iter().map(component_state).collect(),
            Err(failure) => all(ComponentState::Unknown(failure.what)),
        },
        (_, Some(_)) => all(ComponentState::Unknown("the cluster does not answer".into())),
        (None, None) if session.sight.fact == ClusterFact::Stopped => all(ComponentState::Unknown("the cluster does not run".into())),
        (None, None) if session.sight.fact == ClusterFact::Paused => all(ComponentState::Unknown("the cluster is paused".into())),
        (None, None) => all(ComponentState::Absent),
    }
}

/// The states where there is no cluster: of what was applied as everywhere, of what runs as a process of the supervisor's own by
/// that process, and of the rest why it is not there.
async fn host_states(
    session: &Session,
    stack: &Stack,
    unknown: Option<&Failure>,
    processes: Option<&Processes>,
) -> Result<Vec<ComponentState>, Failure> {
    let (fit, host) = observe::adapted(stack, &session.setup.places(), &session.folder, &session.sight).await?;
    let states = component_states(session, &fit, unknown).await;
    let known: BTreeMap<&str, ComponentState> = fit.components.iter().map(|c| c.name.as_str()).zip(states).collect();
    let roles = crate::host::roles(stack);
    let of = |component: &Component| {
        if let Some(state) = known.get(component.name.as_str()) {
            return state.clone();
        }
        if let Some(left_out) = host.left_out.iter().find(|left_out| left_out.what == component.name) {
            return ComponentState::LeftOut(left_out.reason.clone());
        }
        let name = if let Some(Role::Program(wanted)) = roles.get(&component.name) { wanted.program.name() } else { "" };
        match processes.and_then(|processes| processes.all.iter().find(|process| process.name == name)) {
            Some(process) if process.state == "ready" => ComponentState::Ready,
            Some(process) => ComponentState::Waiting(process.state.clone()),
            None => ComponentState::Absent,
        }
    };
    Ok(stack.components.iter().map(of).collect())
}

fn component_state(seen: Seen) -> ComponentState {
    match seen {
        Seen::Ready => ComponentState::Ready,
        Seen::Unready(reason) => ComponentState::Waiting(reason),
        Seen::Absent => ComponentState::Absent,
    }
}

fn component_status(component: &Component, state: ComponentState) -> ComponentStatus {
    let (kind, version) = match &component.kind {
        ComponentKind::Helm(chart) => ("helm", Some(chart.version.clone())),
        ComponentKind::Manifests(_) => ("manifests", None),
        ComponentKind::Certificate(_) => ("certificate", None),
        ComponentKind::Secrets(_) => ("secrets", None),
        ComponentKind::Image(build) => ("image", build.image.tag.clone()),
    };
    ComponentStatus { name: component.name.clone(), kind: kind.into(), version, state }
}

fn exposure_status(exposure: &Exposure, session: &Session, forwarder: Option<&crate::forward::Status>) -> ExposureStatus {
    let mapped = session.sight.ports.iter().any(|p| p.host == exposure.host && Some(p.node) == exposure.service.node_port);
    let carried = forwarder.is_some_and(|f| f.routes.iter().any(|r| r.route.host == exposure.host));
    let path = match (carried, mapped) {
        _ if session.sight.supervisor.is_some() => ExposurePath::Process,
        (true, _) => ExposurePath::Forwarder,
        (false, true) => ExposurePath::PortMapping,
        (false, false) => ExposurePath::None,
    };
    ExposureStatus {
        name: exposure.name.clone(),
        url: exposure.url.clone(),
        host_port: exposure.host,
        path,
        reachable: ports::who_listens(exposure.host, &[]).ok().map(|owner| owner.is_some()),
    }
}

fn processes_of(status: Supervised) -> Processes {
    let all = status.processes.into_iter().map(|process| ProcessStatus {
        name: process.name,
        pid: process.pid,
        state: if process.reason.is_empty() {
            process.state.word().to_owned()
        } else {
            format!("{}: {}", process.state.word(), process.reason)
        },
        restarts: process.restarts,
        last_end: process.last_end,
        memory: process.memory,
        log: process.log.display().to_string(),
    });
    Processes { supervisor: status.pid, since: status.since, memory: status.memory, notes: status.notes, all: all.collect() }
}

fn forwarder_status(status: &crate::forward::Status) -> ForwarderStatus {
    let open = status.routes.iter().map(|route| route.open).sum();
    ForwarderStatus { pid: status.pid, since: status.since, connections: open }
}
