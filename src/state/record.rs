//! The record: what is true of a cluster that only the one who made it can know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StateFolder;
use crate::failure::Failure;
use crate::plan::{Exposing, Made};
use crate::world::files;

/// The version of the record's form. A newer one is refused, never guessed at.
pub const VERSION: u64 = 1;

/// What tstack made and for whom. Written whole after each change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Always [`VERSION`].
    pub version: u64,
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
    /// Reads the record of a folder, `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, is not ours, or is of a newer tstack; nothing is guessed then.
    pub fn read(folder: &StateFolder) -> Result<Option<Self>, Failure> {
        let path = folder.record();
        let Some(bytes) = files::read_if_there(&path)? else { return Ok(None) };
        let unreadable = |why: String| {
            Failure::preflight(format!("the state file {} cannot be read", path.display()))
                .why(why)
                .hint(format!("If the cluster is gone, remove the folder {}.", folder.path().display()))
                .hint(format!("If it is there, `kind delete cluster --name tstack-{}` removes it.", folder.name()))
        };
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| unreadable(format!("it is not JSON: {e}")))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version > VERSION => {
                return Err(Failure::preflight(format!("the state file {} is of a newer tstack", path.display()))
                    .why(format!("it has version {version}, this tstack knows {VERSION}"))
                    .hint("Use the tstack that made it, or a newer one."));
            }
            Some(_) => {}
            None => return Err(unreadable("it has no version".into())),
        }
        serde_json::from_value(value).map(Some).map_err(|e| unreadable(e.to_string()))
    }

    /// Writes the record whole.
    ///
    /// # Errors
    /// When the disk is full or the folder is gone.
    pub fn write(&self, folder: &StateFolder) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Failure::internal("the state cannot be written").because(&e))?;
        files::write_private(&folder.record(), &text)
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

    fn folder() -> (tempfile::TempDir, StateFolder) {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        folder.create().unwrap();
        (temp, folder)
    }

    fn record() -> Record {
        Record {
            version: VERSION,
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
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let (_temp, folder) = folder();
        let mut written = record();
        written.add(Made::Namespace { name: "n".into() });
        written.write(&folder).unwrap();
        assert_eq!(Record::read(&folder).unwrap().unwrap(), written);
    }

    #[test]
    fn a_newer_record_is_refused_and_says_so() {
        let (_temp, folder) = folder();
        files::write_private(&folder.record(), br#"{"version": 2, "future": true}"#).unwrap();
        let failure = Record::read(&folder).unwrap_err();
        assert!(failure.what.ends_with("is of a newer tstack"), "{}", failure.what);
        assert_eq!(failure.why, ["it has version 2, this tstack knows 1"]);
    }

    #[test]
    fn a_broken_record_is_never_taken_for_none() {
        let (_temp, folder) = folder();
        for broken in ["", "{", "[]", r#"{"version": 1}"#, "\u{feff}{}"] {
            files::write_private(&folder.record(), broken.as_bytes()).unwrap();
            let failure = Record::read(&folder).unwrap_err();
            assert!(failure.what.contains("cannot be read"), "{broken}: {}", failure.what);
            assert!(failure.hints[1].contains("kind delete cluster --name tstack-x"));
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
