//! How a stack is, as data.
//!
//! Purpose: the one shape that status shows and writes as JSON.
//! Reads: nothing. Writes: nothing.
//! Must not: do I/O.

mod certificates;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::certificates::{AuthorityStatus, CertificateStatus, Certificates, LeafStatus};

/// How a stack is. On the wire in camelCase; readers must accept fields that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The stack's name.
    pub stack: String,
    /// The sum of all below.
    pub health: Health,
    /// The cluster.
    pub cluster: ClusterStatus,
    /// The components, in the order of the stack.
    #[serde(default)]
    pub components: Vec<ComponentStatus>,
    /// What is reached on localhost.
    #[serde(default)]
    pub exposures: Vec<ExposureStatus>,
    /// Our own forwarder, where one runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarder: Option<ForwarderStatus>,
    /// The processes of a stack that runs without a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<Processes>,
    /// The last run of the checks, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<LastChecks>,
}

/// How the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// Everything is as it should be.
    Healthy,
    /// The cluster is there, and something in it is not as it should be.
    Degraded,
    /// There is no cluster.
    Absent,
    /// It cannot be told: the engine or the API server does not answer.
    Unknown,
}

impl Health {
    /// The exit code of `tstack status`, within the table of DESIGN section 5; each says what to do next:
    ///
    /// | health | code | since |
    /// |---|---|---|
    /// | healthy | 0 | nothing is to do |
    /// | degraded | 4 | as after a failed step, `up` again repairs |
    /// | absent | 6 | all of the plan is pending, `up` would make it |
    /// | unknown | 3 | the machine does not let us look, and nothing was changed |
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Unknown => 3,
            Self::Degraded => 4,
            Self::Absent => 6,
        }
    }

    /// `healthy`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// The name of the cluster, or of the context.
    pub name: String,
    /// Who made it.
    pub provider: Provider,
    /// Where it is.
    pub state: ClusterState,
    /// Why nothing more can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The node image, where we made the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_image: Option<String>,
    /// The version of the API server: `v1.34.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// How long ago it was made, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
}

/// Who made the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Provider {
    /// A kind cluster of ours.
    Kind,
    /// A context that the user named.
    Context,
    /// None: the stack runs as processes on this machine.
    Host,
}

/// Where the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterState {
    /// Its API server answers.
    Running,
    /// Its nodes are stopped.
    Stopped,
    /// Its nodes are paused.
    Paused,
    /// There is none.
    Absent,
    /// It cannot be told.
    Unknown,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// The name in the stack file.
    pub name: String,
    /// `helm`, `manifests`, `certificate` or `image`.
    pub kind: String,
    /// The version that is there, where the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it is.
    #[serde(flatten)]
    pub state: ComponentState,
}

/// How a component is; on the wire `"state": "waiting", "reason": "…"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "camelCase")]
pub enum ComponentState {
    /// It does what it is for.
    Ready,
    /// Not yet, for this reason.
    Waiting(String),
    /// It will not come by waiting, for this reason.
    Failed(String),
    /// It is not there.
    Absent,
    /// It cannot be told, for this reason.
    Unknown(String),
    /// It has no place on what the stack runs on, for this reason.
    LeftOut(String),
}

/// A service on localhost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExposureStatus {
    /// The name in the stack file.
    pub name: String,
    /// The address.
    pub url: String,
    /// The port on 127.0.0.1.
    pub host_port: u16,
    /// How it gets there.
    pub path: ExposurePath,
    /// Whether a connection was accepted; absent when it cannot be told.
    #[serde(default)]
    pub reachable: Option<bool>,
}

/// How a service gets to localhost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExposurePath {
    /// A host port mapped to the node by the engine.
    PortMapping,
    /// Our own forwarder.
    Forwarder,
    /// A process of the stack listens there itself.
    Process,
    /// Not at all.
    None,
}

impl ExposurePath {
    /// `port mapping`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PortMapping => "port mapping",
            Self::Forwarder => "forwarder",
            Self::Process => "process",
            Self::None => "none",
        }
    }
}

/// Our own forwarder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwarderStatus {
    /// Its process.
    pub pid: u32,
    /// When it began.
    pub since: Timestamp,
    /// Connections that are open now.
    pub connections: u64,
}

/// The processes of a stack that runs without a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Processes {
    /// The supervisor's process.
    pub supervisor: u32,
    /// When it began.
    pub since: Timestamp,
    /// The memory of all together, the supervisor's own included, in bytes; pages that several share are counted once.
    pub memory: u64,
    /// What a person should know of the whole.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Each process.
    pub all: Vec<ProcessStatus>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// Its name: `envoy`, `task-api/task-api/0`.
    pub name: String,
    /// Its number, where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// In words: `ready`, `starting`, `started again in 2 s`.
    pub state: String,
    /// How often it was started again.
    pub restarts: u32,
    /// How it ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<String>,
    /// Its memory in bytes, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The file that holds what it says.
    pub log: String,
}

/// The last run of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastChecks {
    /// When they ended.
    pub when: Timestamp,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
}

impl Status {
    /// A status with its health found from its parts.
    #[must_use]
    pub fn new(
        stack: String,
        cluster: ClusterStatus,
        components: Vec<ComponentStatus>,
        exposures: Vec<ExposureStatus>,
        forwarder: Option<ForwarderStatus>,
        checks: Option<LastChecks>,
    ) -> Self {
        let mut status = Self { stack, health: Health::Unknown, cluster, components, exposures, forwarder, processes: None, checks };
        status.health = status.assess();
        status
    }

    /// The health of the parts: what is known to be wrong outweighs what is not known, and that outweighs what is well.
    #[must_use]
    pub fn assess(&self) -> Health {
        match self.cluster.state {
            ClusterState::Absent => return Health::Absent,
            ClusterState::Unknown => return Health::Unknown,
            ClusterState::Stopped | ClusterState::Paused => return Health::Degraded,
            ClusterState::Running => {}
        }
        let wrong =
            |state: &ComponentState| matches!(state, ComponentState::Waiting(_) | ComponentState::Failed(_) | ComponentState::Absent);
        if self.components.iter().any(|component| wrong(&component.state))
            || self.exposures.iter().any(|exposure| exposure.reachable == Some(false))
            || self.checks.as_ref().is_some_and(|checks| checks.failed > 0)
        {
            return Health::Degraded;
        }
        let unclear = self.components.iter().any(|component| matches!(component.state, ComponentState::Unknown(_)))
            || self.exposures.iter().any(|exposure| exposure.reachable.is_none());
        if unclear { Health::Unknown } else { Health::Healthy }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Status {
        let component = |name: &str, kind: &str, version: Option<&str>| ComponentStatus {
            name: name.into(),
            kind: kind.into(),
            version: version.map(Into::into),
            state: ComponentState::Ready,
        };
        let exposure = |name: &str, url: &str, host_port| ExposureStatus {
            name: name.into(),
            url: url.into(),
            host_port,
            path: ExposurePath::PortMapping,
            reachable: Some(true),
        };
        Status::new(
            "task-api".into(),
            ClusterStatus {
                name: "tstack-task-api".into(),
                provider: Provider::Kind,
                state: ClusterState::Running,
                reason: None,
                node_image: Some("kindest/node:v1.34.0".into()),
                kubernetes: Some("v1.34.0".into()),
                age_seconds: Some(7_500),
            },
            vec![component("keda", "helm", Some("2.21.0")), component("task-api", "manifests", None)],
            vec![exposure("http", "http://localhost:8080", 8080), exposure("https", "https://localhost:8443", 8443)],
            None,
            Some(LastChecks { when: "2026-01-01T10:00:00Z".parse().unwrap(), passed: 12, failed: 0 }),
        )
    }

    #[test]
    fn a_stack_is_healthy_when_every_part_is() {
        assert_eq!(sample().health, Health::Healthy);
    }

    #[test]
    fn known_trouble_outweighs_what_is_not_known() {
        let mut status = sample();
        status.components[0].state = ComponentState::Unknown("the API server does not answer".into());
        assert_eq!(status.assess(), Health::Unknown);
        status.exposures[0].reachable = Some(false);
        assert_eq!(status.assess(), Health::Degraded);
    }

    #[test]
    fn checks_that_failed_make_a_stack_degraded() {
        let mut status = sample();
        status.checks.as_mut().unwrap().failed = 1;
        assert_eq!(status.assess(), Health::Degraded);
    }

    #[test]
    fn the_state_of_the_cluster_comes_first() {
        let with = |state| {
            let mut status = sample();
            status.cluster.state = state;
            status.assess()
        };
        assert_eq!(with(ClusterState::Paused), Health::Degraded);
        let seen = [ClusterState::Stopped, ClusterState::Absent, ClusterState::Unknown].map(with);
        assert_eq!(seen, [Health::Degraded, Health::Absent, Health::Unknown]);
        assert_eq!(seen.map(Health::exit_code), [4, 6, 3]);
    }

    #[test]
    fn a_status_survives_a_round_trip() {
        let mut status = sample();
        status.components[0].state = ComponentState::Failed("crash loop".into());
        let text = serde_json::to_string(&status).unwrap();
        assert!(text.contains(r#""version":"2.21.0","state":"failed","reason":"crash loop""#), "{text}");
        assert!(text.contains(r#""hostPort":8080,"path":"portMapping","reachable":true"#), "{text}");
        assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
    }
}
