//! The record: what is true of a cluster that only the one who made it can know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::{Exposing, Made};
use crate::world::kubeconfig::Exported;
use crate::world::trust::Trusted;

/// What tstack made and for whom. Written whole after each change; how it lies on disk `stored` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The stack's name.
    pub stack: String,
    /// Where the stack came from, to find it again: a path, or the name of a built-in one.
    pub source: String,
    /// The profiles that were chosen, for later runs that are about the same stack.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// The values that were set on the command line or in the configuration: path and value.
    #[serde(default)]
    pub set: Vec<(String, String)>,
    /// The cluster that it runs on.
    pub target: Target,
    /// When the record was begun.
    pub created: jiff::Timestamp,
    /// The uid of the namespace `kube-system`: the same name with another uid is another cluster.
    pub identity: Option<String>,
    /// What was made in the cluster, oldest first.
    #[serde(default)]
    pub made: Vec<Made>,
    /// What each component needs, of all stacks that made something there: the order in which it goes.
    #[serde(default)]
    pub needs: BTreeMap<String, Vec<String>>,
    /// The last run of the checks in which all passed.
    pub verified: Option<Verified>,
    /// How services get onto localhost.
    #[serde(default)]
    pub exposing: Exposing,
    /// Ports that were chosen because the stack's own were taken, by parameter.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// Every port of this machine that the stack is reached by: others leave them alone, also while nobody listens there.
    #[serde(default)]
    pub host_ports: Vec<u16>,
    /// The server of the context, where it does not look local and the user has allowed it; another one is not asked anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_server: Option<String>,
    /// Kubeconfigs of the user into which the cluster was put on request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exported: Vec<Exported>,
    /// What was put into the system's trust store on request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<Trusted>,
}

/// The cluster that a stack runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Target {
    /// A kind cluster that we made.
    Kind {
        /// kind's name of it.
        cluster: String,
        /// The secret word in the label of its node: with it the node is ours.
        owner: String,
        /// Whether the engine's network `kind` was made with it.
        network_made: bool,
    },
    /// A cluster that the user named; never deleted.
    Context {
        /// The kubeconfig that holds it.
        kubeconfig: PathBuf,
        /// The context in it.
        context: String,
    },
    /// No cluster: processes on this machine, held by our supervisor.
    Host,
}

/// The last run of the checks in which all passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The digest of the stack that was checked.
    pub digest: String,
    /// When.
    pub at: jiff::Timestamp,
    /// How many checks passed.
    pub passed: usize,
}

impl Record {
    /// Whether it is of a cluster that is being made by us, or was when that run was ended.
    #[must_use]
    pub const fn is_half_made(&self) -> bool {
        matches!(self.target, Target::Kind { .. }) && self.identity.is_none()
    }

    /// Forgets definitions of a component that are not among those that are there: they were noted before they were to be made.
    pub fn keep_definitions(&mut self, component: &str, there: &BTreeSet<String>) {
        for made in &mut self.made {
            if let Made::Definitions { component: of, names } = made
                && of == component
            {
                names.retain(|name| there.contains(name));
            }
        }
    }

    /// Notes that something was made; what is noted already is not noted twice.
    pub fn add(&mut self, made: Made) {
        let same = |old: &Made| match (old, &made) {
            (Made::Objects { component: a, .. }, Made::Objects { component: b, .. })
            | (Made::Definitions { component: a, .. }, Made::Definitions { component: b, .. }) => a == b,
            (old, new) => old == new,
        };
        match self.made.iter_mut().find(|old| same(old)) {
            // a component may have fewer objects than before: those that are gone from the stack stay noted
            Some(Made::Objects { ids, .. }) => {
                if let Made::Objects { ids: new, .. } = made {
                    ids.extend(new.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
                }
            }
            Some(Made::Definitions { names, .. }) => {
                if let Made::Definitions { names: new, .. } = made {
                    names.extend(new.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
                }
            }
            Some(_) => {}
            None => self.made.push(made),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::ObjectId;

    fn record() -> Record {
        Record {
            stack: "x".into(),
            source: "x".into(),
            profiles: vec![],
            set: vec![],
            target: Target::Kind { cluster: "tstack-x".into(), owner: "o".into(), network_made: true },
            created: jiff::Timestamp::UNIX_EPOCH,
            identity: None,
            made: vec![],
            needs: BTreeMap::new(),
            verified: None,
            exposing: Exposing::Auto,
            ports: BTreeMap::new(),
            host_ports: vec![],
            remote_server: None,
            exported: vec![],
            trusted: vec![],
        }
    }

    #[test]
    fn definitions_that_were_never_made_are_forgotten_again() {
        let mut record = record();
        let made = |names: &[&str]| Made::Definitions { component: "c".into(), names: names.iter().map(|n| (*n).to_owned()).collect() };
        record.add(made(&["a", "b"]));
        record.keep_definitions("other", &BTreeSet::new());
        record.keep_definitions("c", &BTreeSet::from(["b".to_owned()]));
        assert_eq!(record.made, [made(&["b"])]);
    }

    #[test]
    fn objects_of_a_component_are_noted_once_and_never_forgotten() {
        let id = |name: &str| ObjectId::new("v1", "Service", "n", name);
        let mut record = record();
        record.add(Made::Objects { component: "c".into(), ids: vec![id("a"), id("b")] });
        record.add(Made::Objects { component: "c".into(), ids: vec![id("b"), id("c")] });
        assert_eq!(record.made, [Made::Objects { component: "c".into(), ids: vec![id("a"), id("b"), id("c")] }]);
    }
}
