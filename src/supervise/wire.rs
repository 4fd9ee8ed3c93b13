//! What is said through the door, one line of JSON each.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Spec, Status};
use crate::failure::Failure;
use crate::stack::{Object, ObjectId, ServiceFile};

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(super) enum Ask {
    Status,
    Stop,
    /// Work with another spec from now on.
    Adopt {
        spec: Spec,
    },
    /// These objects of a component shall be.
    Apply {
        component: String,
        objects: Vec<Object>,
    },
    /// These objects shall not be. Answered when what they stood for is gone.
    Delete {
        ids: Vec<ObjectId>,
    },
    /// How these objects are.
    Get {
        ids: Vec<ObjectId>,
    },
    /// How these objects are, now and on each change: many answers, until the caller hangs up.
    Watch {
        ids: Vec<ObjectId>,
    },
    /// Where a Service is reached.
    Address {
        service: ServiceFile,
    },
    /// From `tstack proxy`: Envoy Gateway wants an Envoy with these arguments, for as long as the caller stays.
    Envoy {
        args: Vec<String>,
    },
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(super) enum Answer {
    Ok,
    Status(Status),
    /// In the order of the question.
    Objects {
        objects: Vec<Seen>,
    },
    /// The first that answers serves; none: nothing runs behind the Service.
    Address {
        addresses: Vec<SocketAddr>,
    },
    /// Carry connections on this socket to Envoy Gateway's xDS server.
    Carry {
        socket: std::path::PathBuf,
    },
    /// It could not be done.
    Failed {
        failure: Failure,
    },
    /// The question was not understood.
    Error {
        message: String,
    },
}

/// From `tstack proxy`: it carries now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Carrying {}

/// How an object is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The object with its status; `None`: it is not there.
    pub object: Option<Value>,
    /// What keeps it from being ready, where the object's own status does not say it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// What keeps an object from being ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// Waiting does not heal it.
    pub is_final: bool,
    /// The reason in one line.
    pub reason: String,
    /// The evidence: last log lines, the message of Envoy Gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}
