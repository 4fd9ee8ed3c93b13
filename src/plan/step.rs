//! One step: one outside act, with the reason for it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::event::StepInfo;
use crate::host;
use crate::stack::{Exposure, ImageRef, ObjectId, PortMapping};

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Unique within the plan, and the same in each plan that does this: `install:keda`.
    pub id: String,
    /// What it does, for people: `install keda 2.21.0`.
    pub title: String,
    /// Why it is in the plan: `not installed`.
    pub cause: String,
    /// Ids of the steps that must be done before.
    pub needs: Vec<String>,
    /// Ids of the steps that must have ended before, well or not: they would disturb it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Ids of the steps that must have begun before: it watches what they make while they make it, and is given up, with all that
    /// needs it, where one of them fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// Steps of one lane run one at a time, in the order of the plan as far as they can run: side by side each would only slow the other,
    /// and the one for which the most waits would end last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<&'static str>,
    /// How long it may take.
    pub deadline: Duration,
    /// The act itself.
    pub action: Action,
}

impl Step {
    /// A step without cause and needs yet, which may take a minute.
    pub fn new(id: impl Into<String>, title: impl Into<String>, action: Action) -> Self {
        let (needs, after, beside) = (Vec::new(), Vec::new(), Vec::new());
        let deadline = Duration::from_mins(1);
        Self { id: id.into(), title: title.into(), cause: String::new(), needs, after, beside, lane: None, deadline, action }
    }

    /// Says why the step is needed.
    #[must_use]
    pub fn because(self, cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), ..self }
    }

    /// Says what must be done before.
    #[must_use]
    pub fn needs(self, ids: impl IntoIterator<Item = String>) -> Self {
        Self { needs: ids.into_iter().collect(), ..self }
    }

    /// Says what must have ended before.
    #[must_use]
    pub fn after(self, ids: impl IntoIterator<Item = String>) -> Self {
        Self { after: ids.into_iter().collect(), ..self }
    }

    /// Says what must have begun before.
    #[must_use]
    pub fn beside(self, ids: impl IntoIterator<Item = String>) -> Self {
        Self { beside: ids.into_iter().collect(), ..self }
    }

    /// Puts it into a lane.
    #[must_use]
    pub fn in_lane(self, lane: &'static str) -> Self {
        Self { lane: Some(lane), ..self }
    }

    /// Everything that must have begun or ended before it begins.
    pub fn follows(&self) -> impl Iterator<Item = &String> {
        self.needs.iter().chain(&self.after).chain(&self.beside)
    }

    /// Says how long it may take.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// What renderers need of it.
    #[must_use]
    pub fn info(&self) -> StepInfo {
        let Self { id, title, cause, needs, after, beside, lane, .. } = self.clone();
        StepInfo { id, title, cause, needs, after, beside, lane: lane.map(str::to_owned) }
    }
}

/// What a step does. Every action is idempotent: done twice it leaves what it leaves done once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Action {
    /// The engine pulls an image, from a mirror where one is set.
    PullImage {
        /// Which.
        image: ImageRef,
    },
    /// Helm pulls the chart archive of a component.
    PullChart {
        /// The component.
        component: String,
    },
    /// The local CA is made.
    CreateAuthority,
    /// The kind cluster is made.
    CreateCluster {
        /// The node image.
        image: ImageRef,
        /// Host ports to map.
        ports: Vec<PortMapping>,
    },
    /// The node's container runs and takes images, long before its cluster is made.
    AwaitNode,
    /// The API server answers us, before the last parts of the cluster are there; the kubeconfig is written.
    AwaitServer,
    /// A node image that holds all images of the stack is made.
    BakeNode {
        /// Its name.
        name: String,
    },
    /// The state of the cluster is written down as an image.
    SaveSnapshot {
        /// Its name.
        name: String,
    },
    /// The cluster is made from a snapshot, with everything that was in it.
    RestoreCluster {
        /// The snapshot's name.
        snapshot: String,
        /// Host ports to map.
        ports: Vec<PortMapping>,
        /// A half-made cluster of ours is removed first.
        replace: bool,
    },
    /// The stopped or frozen nodes of the cluster run on.
    StartCluster,
    /// The nodes of the cluster are frozen, or stopped so that their memory is given back.
    PauseCluster {
        /// They are stopped.
        release_memory: bool,
    },
    /// The context of the cluster is put into a kubeconfig of the user.
    ExportContext {
        /// Which.
        kubeconfig: PathBuf,
    },
    /// The context of the cluster is taken out of a kubeconfig of the user.
    WithdrawContext {
        /// Which.
        kubeconfig: PathBuf,
    },
    /// The local CA is taken out of the system's trust store.
    WithdrawTrust {
        /// The file that holds it there.
        anchor: PathBuf,
    },
    /// Images of the engine are streamed into the nodes, in one archive.
    LoadImages {
        /// Which.
        images: Vec<ImageRef>,
    },
    /// The image of a component is written and streamed into the nodes.
    BuildImage {
        /// The component.
        component: String,
    },
    /// The custom resource definitions that a chart brings beside its templates are applied.
    ApplyDefinitions {
        /// The component.
        component: String,
    },
    /// A chart is installed or upgraded.
    InstallChart {
        /// The component.
        component: String,
        /// The digest to record with the release.
        digest: String,
        /// The newest revision is stuck in a pending state and is dropped first.
        heal: bool,
    },
    /// Objects are applied server-side.
    ApplyObjects {
        /// The component.
        component: String,
    },
    /// The objects of a component are watched until they are ready.
    AwaitReady {
        /// The component.
        component: String,
    },
    /// The forwarder is started, or started anew with other routes.
    StartForwarder {
        /// What it serves.
        routes: Vec<Exposure>,
    },
    /// A program of others is got for this machine.
    ObtainProgram {
        /// Which, and which version.
        program: host::Wanted,
    },
    /// The supervisor of a stack without a cluster is started, or told what it shall work with from now on.
    StartSupervisor {
        /// The programs that it runs.
        programs: Vec<host::Wanted>,
        /// What it serves on localhost.
        exposures: Vec<Exposure>,
        /// The stack's Prometheus, where it has one and there is a program for it.
        metrics: Option<host::Metrics>,
    },
    /// The supervisor is ended, and every process with it.
    StopSupervisor,
    /// One check runs.
    RunCheck {
        /// Its name.
        check: String,
    },
    /// One check is told as not made.
    SkipCheck {
        /// Its name.
        check: String,
        /// Its kind: `autoscale`.
        kind: String,
        /// Why, as one sentence.
        reason: String,
    },
    /// The forwarder is ended.
    StopForwarder,
    /// Objects are deleted, and their end is awaited.
    DeleteObjects {
        /// Which, in the order in which they are deleted.
        ids: Vec<ObjectId>,
    },
    /// A Helm release is removed.
    UninstallChart {
        /// Its namespace.
        namespace: String,
        /// Its name.
        release: String,
    },
    /// The cluster is deleted, with everything in it.
    DeleteCluster,
    /// The engine's network is removed, if nothing else uses it.
    RemoveNetwork,
    /// The state folder is removed.
    RemoveState,
}
