//! The words of this room, plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stack::{Exposure, ObjectId};

/// What a component of a stack is on this provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Objects that are handed to the supervisor; those among them that mean nothing here are in [`Layout::left_out`].
    Objects,
    /// A certificate of our own CA: the Secret alone is handed over.
    Certificate,
    /// Keys of programs that do not run here, or that get them from the supervisor: nothing is lost without them.
    Needless,
    /// A program that is unpacked; processes run it.
    Image,
    /// A chart whose program runs as a process.
    Program(Wanted),
    /// Nothing, and why: one sentence for people, without a full stop.
    LeftOut(String),
}

/// A program of others that a stack needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wanted {
    /// Which one.
    pub program: Program,
    /// Its version without `v`: `1.9.1`.
    pub version: String,
    /// Whether the stack cannot run without it.
    pub required: bool,
}

/// The programs of others that run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// The control plane.
    EnvoyGateway,
    /// The proxy.
    Envoy,
    /// The metrics.
    Prometheus,
}

impl Program {
    /// The name of its executable: `envoy-gateway`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnvoyGateway => "envoy-gateway",
            Self::Envoy => "envoy",
            Self::Prometheus => "prometheus",
        }
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What [`layout`](super::layout) needs to know of what is around the objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// The stack's exposures: which port of localhost serves which port of which Service.
    pub expose: Vec<Exposure>,
    /// The programs of the stack's own images, by the full reference that containers name.
    pub images: BTreeMap<String, Image>,
    /// The loopback ports that have been given to each process, by its name: its container port and the port of this machine.
    /// [`wanted_ports`](super::wanted_ports) says which are needed.
    pub ports: BTreeMap<String, BTreeMap<u16, u16>>,
    /// The processes that take requests now, as `EndpointSlices` list ready pods. While one is replaced, its older run may still
    /// serve at other ports than [`Surroundings::ports`] says; both may.
    pub serving: Vec<Serving>,
    /// The version of Envoy, without `v`: `1.39.1`.
    pub envoy: String,
    /// Whether this machine has `::1`.
    pub ipv6: bool,
    /// The name of the marker route, whose status tells that Envoy Gateway has judged what was written with it.
    pub marker: String,
}

/// A program of the stack's own, unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Where the program lies on this machine.
    pub program: PathBuf,
    /// The environment that the image gives it.
    pub env: BTreeMap<String, String>,
}

/// A process that takes requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its name: `task-api/task-api/0`.
    pub process: String,
    /// Container ports, and the loopback ports that they are here.
    pub ports: BTreeMap<u16, u16>,
}

/// One replica of a Deployment, as a process.
#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    /// `<namespace>/<deployment>/<n>`, counted from 0.
    pub name: String,
    /// The component that its Deployment came with.
    pub component: String,
    /// Its Deployment.
    pub object: ObjectId,
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub args: Vec<String>,
    /// Its environment, without `PATH` and `HOME`; values may be secret.
    pub env: BTreeMap<String, String>,
    /// Container ports, and the loopback ports that they are here.
    pub ports: BTreeMap<u16, u16>,
    /// When it may take requests. Without one it may as soon as it runs.
    pub readiness: Option<Probe>,
    /// When it has to be started anew.
    pub liveness: Option<Probe>,
    /// Until it has succeeded once, the other two are not asked.
    pub startup: Option<Probe>,
    /// How long it takes no requests any more and still serves, before it is asked to end.
    pub pre_stop: Duration,
    /// How long its end may take, from the beginning of [`Process::pre_stop`] on.
    pub grace: Duration,
}

impl std::fmt::Debug for Process {
    /// Without the values of its environment, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

/// How a process is asked whether it is well, as the kubelet asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub ask: Ask,
    /// The loopback port.
    pub port: u16,
    /// From the start of the process to the first time.
    pub delay: Duration,
    /// Between two times.
    pub period: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// So many in a row make it well.
    pub successes: u32,
    /// So many in a row make it unwell.
    pub failures: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A GET that has to be answered with 200 to 399.
    Http {
        /// The path, with its query.
        path: String,
        /// Headers to send.
        headers: Vec<(String, String)>,
        /// Whether over TLS, with any certificate.
        https: bool,
    },
    /// A connection that has to be taken.
    Tcp,
}

/// A stack's objects as they are here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The processes, in the order of their names.
    pub processes: Vec<Process>,
    /// What Envoy Gateway reads, by the name of the file. It keeps one `GatewayClass` and one `EnvoyProxy` of each file, so there
    /// are more files where a stack has more of these. Those but [`MAIN_FILE`] are to be written first: the marker is in that one.
    pub files: BTreeMap<String, Vec<Value>>,
    /// The marker route, where there is a Gateway that it can be attached to.
    pub marker: Option<ObjectId>,
    /// Where the ports of each Service are reached now: namespace, name, port.
    pub services: BTreeMap<(String, String, u16), Vec<SocketAddr>>,
    /// The listeners of each Gateway that are served.
    pub listeners: BTreeMap<ObjectId, Vec<Listener>>,
    /// What answers on each exposed port.
    pub exposed: BTreeMap<u16, Exposed>,
    /// Deployments whose processes cannot be made yet, and what for: `ConfigMap shop/settings is not there`.
    pub waiting: BTreeMap<ObjectId, String>,
    /// Objects and parts of objects that mean nothing here.
    pub left_out: Vec<LeftOutObject>,
    /// What cannot be as it is written. An `apply` that brings one of these objects is to be refused.
    pub faults: Vec<Fault>,
}

/// The file of [`Layout::files`] that is written last.
pub const MAIN_FILE: &str = "stack.yaml";

/// A listener of a Gateway, and where it is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name in the Gateway.
    pub name: String,
    /// The port that the Gateway says.
    pub port: u16,
    /// The port on loopback, where an exposure leads to it.
    pub host: u16,
}

/// What answers on an exposed port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposed {
    /// Envoy, as a listener of this Gateway.
    Gateway(ObjectId),
    /// The processes of a Service themselves: a key of [`Layout::services`]. The supervisor carries connections to them.
    Service((String, String, u16)),
    /// Nobody, and why: one sentence for people, without a full stop.
    Nobody(String),
}

/// An object, or a part of one, that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutObject {
    /// The object.
    pub id: ObjectId,
    /// The part of it, as people know it: `http3`, `listener admin`. None where it is the whole object, which is not to be applied.
    pub part: Option<String>,
    /// Why: one sentence for people, without a full stop.
    pub why: String,
}

/// Why an object cannot be as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The object.
    pub id: ObjectId,
    /// What is wrong, one sentence without a full stop.
    pub what: String,
    /// What to do, a whole imperative sentence.
    pub hint: String,
}

/// What [`statuses`](super::statuses) needs to know beside the objects.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// How often the specification of each object has changed, from 1 on.
    pub generations: BTreeMap<ObjectId, i64>,
    /// The last word of Envoy Gateway on each object, and the generation of the object that it was given on.
    pub verdicts: BTreeMap<VerdictKey, Verdict>,
    /// The processes, by their names. One that is not here has not been started.
    pub processes: BTreeMap<String, Running>,
    /// The loopback ports on which our Envoys listen.
    pub listening: BTreeSet<u16>,
}

/// What Envoy Gateway calls an object where it tells its status: kind (`Gateway`), and `namespace/name` (`/name` of a class).
pub type VerdictKey = (String, String);

/// Envoy Gateway's word on an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The `status` as it tells it.
    pub status: Value,
    /// The generation of the object that was judged.
    pub generation: i64,
}

/// How a process is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Now.
    pub state: State,
    /// How often it was started again.
    pub restarts: u32,
    /// How many runs of older versions of it have still to end.
    pub older: u32,
    /// The last lines that it wrote, newest last.
    pub log: Vec<String>,
}

/// What a process does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It was started, and its readiness is not known yet.
    #[default]
    Starting,
    /// It takes requests.
    Ready,
    /// It runs and is not ready; what its probe was told: `GET /ready: 503`.
    NotReady(String),
    /// It ended and will be started again after a pause; how it ended: `ended with exit code 101`.
    Ended(String),
    /// It ended again and again, or cannot be started at all; how, for people: `cannot be started: Permission denied`.
    Failed(String),
}
