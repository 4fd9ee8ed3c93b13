//! How a supervisor and its processes are, as `status` shows it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A running supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its process id, for people; tstack itself ends it through its socket.
    pub pid: u32,
    /// Since when it runs.
    pub since: Timestamp,
    /// Its processes: Envoy Gateway, each Envoy, Prometheus, and those of the stack, in this order.
    pub processes: Vec<ProcessStatus>,
    /// The bytes of memory of all of them and of the supervisor itself, shared pages counted once where the system tells.
    pub memory: u64,
    /// What a person should know of how it runs: `Envoy Gateway listens on all interfaces …`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// Unique in the stack: `envoy-gateway`, `envoy`, `task-api/task-api-1`.
    pub name: String,
    /// The component of the stack that it belongs to; none for the programs of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Its process id while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How it is.
    pub state: ProcessState,
    /// Why it is so, for people, where that says more than the state: the answer of its last probe, when it is started again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How often it was started again.
    pub restarts: u32,
    /// How it ended the last time: `killed by signal 9 (KILL)`, `exited with 1: no such file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<String>,
    /// The bytes of memory of it and its children; none while it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Where its output goes. The output before that of the last rotation lies beside it, with `.1` at the end.
    pub log: PathBuf,
}

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// It runs, and has not yet said that it is ready.
    Starting,
    /// It answers.
    Ready,
    /// It was ready, and does not answer now.
    Unready,
    /// It ended, and is started again after a pause.
    Waiting,
    /// It was asked to end.
    Stopping,
}

impl ProcessState {
    /// The word for people and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Unready => "unready",
            Self::Waiting => "waiting",
            Self::Stopping => "stopping",
        }
    }
}
