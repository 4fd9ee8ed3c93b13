//! What was seen of the world before a plan is made. Plain data: `observe` fills it, `plan` reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::host::{self, Metrics, SkippedCheck, Without};
use crate::stack::{ImageRef, ObjectId, PortMapping, ServiceFile};

/// Everything that a plan is decided on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The cluster.
    pub cluster: ClusterFact,
    /// How images get into the cluster's nodes.
    pub nodes: NodeAccess,
    /// The baked node image that holds all images of the stack, where the cluster is yet to be made and one is to be used.
    pub baked: Option<ImageRef>,
    /// Images that the engine has.
    pub engine_images: BTreeSet<ImageRef>,
    /// Wanted images that the nodes have, by content.
    pub node_images: BTreeSet<ImageRef>,
    /// Components whose chart archive has been pulled before.
    pub pulled_charts: BTreeSet<String>,
    /// Helm releases by namespace and name.
    pub releases: BTreeMap<(String, String), ReleaseFact>,
    /// Wanted objects that are there.
    pub objects: BTreeMap<ObjectId, ObjectFact>,
    /// The fingerprint of the local CA, where there is a usable one.
    pub authority: Option<String>,
    /// Why the files of the local CA are none any more, where that is so.
    pub authority_damage: Option<String>,
    /// Objects with certificates of ours that must be issued anew though they are as wanted, and why.
    pub outdated: BTreeMap<ObjectId, String>,
    /// Routes of the running forwarder.
    pub forwarder: Option<Vec<(u16, ServiceFile)>>,
    /// Host ports that the cluster maps, where it exists.
    pub ports: Vec<PortMapping>,
    /// The digest of the stack whose checks passed last on this cluster.
    pub verified: Option<String>,
    /// What earlier runs made, oldest first.
    pub made: Vec<Made>,
    /// What the components of it need, by the stacks of those runs.
    pub needs: BTreeMap<String, Vec<String>>,
    /// The engine's network of the cluster was made by us.
    pub network_made: bool,
    /// Kubeconfigs of the user into which the cluster's context is to be put, and why.
    pub exports: Vec<(PathBuf, String)>,
    /// Kubeconfigs of the user that have the cluster's context.
    pub exported: Vec<PathBuf>,
    /// Files in the system's trust store that hold the local CA.
    pub trusted: Vec<PathBuf>,
    /// What is known where the stack runs as processes on this machine; `None` on a cluster.
    pub host: Option<HostFact>,
}

/// What is known of a machine on which a stack runs without a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostFact {
    /// Programs that the supervisor is to run: those that must be there, and of the others those that are.
    pub programs: Vec<host::Wanted>,
    /// Those that are not there yet, and how each would be got.
    pub missing: Vec<(host::Wanted, String)>,
    /// Why the running supervisor must be told anew what it works with.
    pub outdated: Option<String>,
    /// What has no place there, and why.
    pub left_out: Vec<Without>,
    /// What cannot be as it is written.
    pub faults: Vec<host::Fault>,
    /// Checks that cannot be made there.
    pub skipped: Vec<SkippedCheck>,
    /// The stack's Prometheus, where it has one and there is a program for it.
    pub metrics: Option<Metrics>,
}

/// What is known of the cluster. "Unknown" never gets here: observing ends with a failure then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClusterFact {
    /// There is none of that name.
    #[default]
    Absent,
    /// It was being made by us when that run ended: it is removed and made anew.
    HalfMade,
    /// Ours, but its node does not run.
    Stopped,
    /// Ours, and the processes of its node are frozen.
    Paused,
    /// Ours, and its node runs, but its API server does not answer, or not yet.
    Silent,
    /// Ours, and its API server answers.
    Running,
    /// Not ours; named by the user, so that it is used but never made or deleted.
    Named,
}

/// How images get into the nodes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeAccess {
    /// The nodes are containers of this engine with containerd inside (kind): images are streamed in.
    Containers(Vec<String>),
    /// The nodes use the engine's own image store (Docker Desktop).
    Engine,
    /// The nodes pull for themselves.
    #[default]
    None,
}

/// A Helm release that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFact {
    /// Helm's word: `deployed`, `failed`, `pending-install`, …
    pub status: String,
    /// The chart's version.
    pub chart_version: String,
    /// The digest of what was installed, where tstack installed it.
    pub digest: Option<String>,
    /// Why it is not ready, `None` where it is.
    pub unready: Option<String>,
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectFact {
    /// The digest of what was applied, where tstack applied it.
    pub digest: Option<String>,
    /// Why it is not ready, `None` where it is.
    pub unready: Option<String>,
}

/// Something that tstack made in a cluster, recorded when it was made; `down` works from this and not from the stack file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "kebab-case")]
pub enum Made {
    /// A namespace that was not there before.
    Namespace {
        /// Its name.
        name: String,
    },
    /// A Helm release.
    Release {
        /// The component.
        component: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Objects of a component.
    Objects {
        /// The component.
        component: String,
        /// The objects, in the order in which they were applied.
        ids: Vec<ObjectId>,
    },
    /// Custom resource definitions that came with a chart, were not there before, and which Helm does not delete.
    Definitions {
        /// The component.
        component: String,
        /// Their names.
        names: Vec<String>,
    },
}

/// How services get onto localhost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exposing {
    /// By a port mapping of the cluster where there is one, else by the forwarder.
    #[default]
    Auto,
    /// By the forwarder.
    Forward,
}
