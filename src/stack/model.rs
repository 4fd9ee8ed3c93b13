//! A stack in which every name is resolved and every rule holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    AutoscaleCheck, CertificateFile, CircuitBreakerCheck, ConditionCheck, HttpCheck, ImageRef, Object, ObjectId, PortMapping, PromqlCheck,
    RateLimitCheck, SecretsFile, ServiceFile, TlsCheck, certificate_objects, secret_objects,
};
use crate::yaml::Node;

/// A valid stack. Only `resolve` makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stack {
    /// The name in the file.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// The cluster that it wants.
    pub cluster: Cluster,
    /// What is reached on localhost.
    pub expose: Vec<Exposure>,
    /// Components in an order in which everything comes after what it needs; ties by place in the file.
    pub components: Vec<Component>,
    /// The checks, in the order of the file.
    pub checks: Vec<Check>,
    /// The objects of its manifests as they are written, for the linter.
    #[serde(skip)]
    pub documents: Documents,
}

/// The objects of a stack's manifests and the texts that they are written in.
#[derive(Clone, Default, PartialEq)]
pub struct Documents {
    /// Files by the names that people know them by, and their texts; the place of a node tells which.
    pub sources: Vec<(String, String)>,
    /// The objects, every parameter filled in.
    pub nodes: Vec<Node>,
}

impl std::fmt::Debug for Documents {
    /// How many: a text may hold a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// The cluster that a stack wants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cluster {
    /// The kind node image.
    pub image: ImageRef,
    /// Host ports to map when the cluster is made.
    pub ports: Vec<PortMapping>,
    /// Least number of processors, 0 for any.
    pub min_cpus: u32,
    /// Least memory in bytes, 0 for any.
    pub min_memory: u64,
    /// Least free disk in bytes, 0 for any.
    pub min_disk: u64,
}

/// A service that is reached on 127.0.0.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// A name for people.
    pub name: String,
    /// The address for people.
    pub url: String,
    /// The port on 127.0.0.1.
    pub host: u16,
    /// The service behind it.
    pub service: ServiceFile,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// Unique in the stack.
    pub name: String,
    /// What comes first.
    pub needs: Vec<Need>,
    /// Images to load into the node before it is applied.
    pub images: Vec<ImageRef>,
    /// How long it may take to become ready.
    pub timeout: Duration,
    /// What it is.
    pub kind: ComponentKind,
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ComponentKind {
    /// A Helm release.
    Helm(Chart),
    /// Objects to apply.
    Manifests(Vec<Object>),
    /// A certificate.
    Certificate(CertificateFile),
    /// Secrets that are made once.
    Secrets(SecretsFile),
    /// An image made from a program.
    Image(ImageBuild),
}

impl ComponentKind {
    /// The objects that it makes itself, in the order in which they are applied; what a chart makes its release tells.
    #[must_use]
    pub fn object_ids(&self) -> Vec<ObjectId> {
        match self {
            Self::Manifests(objects) => objects.iter().map(|object| object.id.clone()).collect(),
            Self::Certificate(certificate) => certificate_objects(certificate),
            Self::Secrets(secrets) => secret_objects(secrets),
            Self::Helm(_) | Self::Image(_) => Vec::new(),
        }
    }

    /// Whether it is ready as soon as it is applied: nothing of it runs or is answered by a controller.
    #[must_use]
    pub const fn is_ready_at_once(&self) -> bool {
        matches!(self, Self::Image(_) | Self::Secrets(_))
    }
}

/// An edge between components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The component that comes first.
    pub component: String,
    /// How far it must be.
    pub until: Until,
}

/// How far a needed component must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Until {
    /// Its objects are accepted by the API server.
    Applied,
    /// It is ready.
    Ready,
}

/// A Helm release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    /// The release's name.
    pub release: String,
    /// The release's namespace.
    pub namespace: String,
    /// `oci://host/path`, without version.
    pub reference: String,
    /// The version as the registry's tag has it.
    pub version: String,
    /// The sum that its archive must have, where it is pinned. No word of it where it is not: what is recorded stays the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Values over the chart's own.
    pub values: Map<String, Value>,
    /// Whether its hooks run.
    pub hooks: bool,
}

/// An image that is made from one program.
#[derive(Clone, PartialEq, Serialize)]
pub struct ImageBuild {
    /// The full reference; its tag is made of the content's digest.
    pub image: ImageRef,
    /// The program's bytes.
    #[serde(skip)]
    pub binary: Vec<u8>,
    /// The program's file name, which is its path in the image too: `/task-api`.
    pub program: String,
    /// The node architecture that the program is for: `amd64` or `arm64`.
    pub architecture: String,
    /// The numeric user that runs it.
    pub user: u32,
    /// Environment of the program.
    pub env: BTreeMap<String, String>,
    /// Ports that it listens on.
    pub ports: Vec<u16>,
}

impl std::fmt::Debug for ImageBuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // without the bytes of the program
        f.debug_struct("ImageBuild").field("image", &self.image).field("program", &self.program).finish_non_exhaustive()
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Unique in the stack.
    pub name: String,
    /// Only with `verify --deep`.
    pub deep: bool,
    /// The components that must be ready before; all where it names none.
    pub needs: Vec<String>,
    /// What it does.
    pub kind: CheckKind,
}

/// What a check does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum CheckKind {
    /// One request.
    Http(HttpCheck),
    /// A TLS handshake.
    Tls(TlsCheck),
    /// Many requests, exact counts.
    RateLimit(RateLimitCheck),
    /// Slow requests at once.
    CircuitBreaker(CircuitBreakerCheck),
    /// A condition of an object.
    Condition(ConditionCheck),
    /// A Prometheus query.
    Promql(PromqlCheck),
    /// Load until replicas rise.
    Autoscale(AutoscaleCheck),
}

impl CheckKind {
    /// The key in the stack file: `rateLimit`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tls(_) => "tls",
            Self::RateLimit(_) => "rateLimit",
            Self::CircuitBreaker(_) => "circuitBreaker",
            Self::Condition(_) => "condition",
            Self::Promql(_) => "promql",
            Self::Autoscale(_) => "autoscale",
        }
    }

    /// Whether load beside it may change what it sees: it sends requests itself, or measures at most so much.
    #[must_use]
    pub const fn minds_load(&self) -> bool {
        match self {
            Self::Promql(check) => check.max.is_some(),
            Self::Condition(_) => false,
            _ => true,
        }
    }

    /// Whether it fills limits or connections, so that no other check may run beside it.
    #[must_use]
    pub const fn puts_load(&self) -> bool {
        matches!(self, Self::RateLimit(_) | Self::CircuitBreaker(_) | Self::Autoscale(_))
    }
}

impl Stack {
    /// The component of that name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|c| c.name == name)
    }

    /// Of each component, how many wait for it in a row, at most.
    #[must_use]
    pub fn depths(&self) -> BTreeMap<&str, usize> {
        let mut depths: BTreeMap<&str, usize> = self.components.iter().map(|one| (one.name.as_str(), 0)).collect();
        // what waits mostly stands after what it waits for, so that one way back through them nearly does it
        let mut changed = true;
        while changed {
            changed = false;
            for one in self.components.iter().rev() {
                let least = depths[one.name.as_str()] + 1;
                for need in &one.needs {
                    if let Some(depth) = depths.get_mut(need.component.as_str()).filter(|depth| **depth < least) {
                        *depth = least;
                        changed = true;
                    }
                }
            }
        }
        depths
    }

    /// The namespaces of charts whose programs act on objects that need another chart to be ready, each with those of these others: where all
    /// pods of a stack start at once, they come last. KEDA that asks a Prometheus before it answers says so, and asks again only ten
    /// seconds later.
    #[must_use]
    pub fn latecomers(&self) -> BTreeMap<String, BTreeSet<String>> {
        let chart = |need: &Need| match &self.component(&need.component)?.kind {
            ComponentKind::Helm(chart) => Some(chart.namespace.clone()),
            _ => None,
        };
        let of = |one: &Component, until: Until| -> BTreeSet<String> {
            one.needs.iter().filter(|need| need.until == until).filter_map(chart).collect()
        };
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in &self.components {
            let needed = of(one, Until::Ready);
            for late in of(one, Until::Applied).difference(&needed).filter(|_| !needed.is_empty()) {
                all.entry(late.clone()).or_default().extend(needed.iter().cloned());
            }
        }
        all
    }

    /// Every image that is pulled (not made by us), each once, in the order of the components.
    #[must_use]
    pub fn images(&self) -> Vec<ImageRef> {
        let mut all: Vec<ImageRef> = Vec::new();
        for image in self.components.iter().flat_map(|c| &c.images) {
            if !all.contains(image) {
                all.push(image.clone());
            }
        }
        all
    }
}
