//! What the objects of a set mean together: which route hangs on which listener, which policy is on which object.
//!
//! Purpose: the questions that many rules ask of a set, answered once and three-valued.
//! Reads: the set. Writes: nothing.
//! Must not: find faults: that is what rules do.

mod backend;
mod grant;
mod host;
mod parent;
mod policy;
mod proxy;
mod reference;
mod regex;
mod selector;
#[cfg(test)]
mod tests;

pub use backend::{Backend, backends, backends_of, service_port, workloads};
pub use grant::{Asker, grants};
pub use host::{covers, intersection};
pub use parent::{Listener, Parent, Route, Topology, class, is_envoy_gateway, listeners, parents};
pub use policy::{Policies, Target, targets};
pub use proxy::{Proxies, proxies, proxy_setting, replicas};
pub use reference::Reference;
pub use regex::regex_fault;
pub use selector::{Labels, selects};

use super::entry::Entry;
use super::set::Set;

/// The group of Gateway API.
pub const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The group of Envoy Gateway's own kinds.
pub const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";
/// The name by which Envoy Gateway's controller knows its classes.
pub const ENVOY_CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";
/// The kinds of routes of Gateway API, all with `spec.rules[].backendRefs[]`.
pub const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];

/// Kind, namespace and name of an object.
type Name<'a> = (&'a str, &'a str, &'a str);

/// An answer to a question about a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is so.
    Yes,
    /// It is not so, whatever is around the set.
    No,
    /// The set does not tell.
    Unknown,
}

impl Answer {
    /// Yes or no.
    #[must_use]
    pub const fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    /// Both: no if either is no.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }
}

/// The namespace of an object where it is certain: written, or the set is all there is. Else `kubectl -n` may name any.
#[must_use]
pub fn home<'a>(set: &Set, entry: &'a Entry) -> Option<&'a str> {
    (!entry.id.namespace.is_empty() || set.surroundings().complete).then(|| entry.namespace())
}
