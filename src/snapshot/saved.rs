//! Finished stacks as images.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Baked;

/// The label that makes an image a snapshot; its value is the form of what lies in it.
pub const SNAPSHOT: &str = "tstack.dev/snapshot";
/// The form that this tstack writes and reads.
const FORMAT: &str = "2";
const STACK: &str = "tstack.dev/snapshot-stack";
const CLUSTER: &str = "tstack.dev/snapshot-name";
const NODE: &str = "tstack.dev/snapshot-node";
const EXPIRES: &str = "tstack.dev/snapshot-expires";
/// The label with what is to be known before a node is made from it, as JSON. It holds no keys: labels are shown to all.
pub const BLUEPRINT: &str = "tstack.dev/snapshot-blueprint";

/// A certificate that ends within a week is no base to work on.
const SPARE: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// The snapshot that a stack under a name wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The name of the cluster: its objects carry it.
    pub cluster: String,
    /// The digest of what the cluster holds, as `plan::cluster_digest` counts it.
    pub digest: String,
    /// The node image with all images, from which it is made.
    pub baked: Baked,
}

impl Saved {
    /// Its name: the same for the same cluster name, stack and images.
    #[must_use]
    pub fn name(&self) -> String {
        format!("localhost/tstack-snapshot:{}", super::short(&[FORMAT, &self.cluster, &self.digest, &self.baked.name()]))
    }

    /// Its labels, with what is to be known of its node.
    #[must_use]
    pub fn labels(&self, stack: &str, expires: Timestamp, blueprint: &str) -> BTreeMap<String, String> {
        [
            (SNAPSHOT, FORMAT.to_owned()),
            (STACK, stack.to_owned()),
            (CLUSTER, self.cluster.clone()),
            (NODE, self.baked.name()),
            (EXPIRES, expires.to_string()),
            (BLUEPRINT, blueprint.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Why an image of its name is not to be used, given its labels.
    ///
    /// # Errors
    /// The reason, as one sentence without its end.
    pub fn fits(&self, labels: &BTreeMap<String, String>, now: Timestamp) -> Result<(), String> {
        let label = |name: &str| labels.get(name).map(String::as_str);
        if label(SNAPSHOT) != Some(FORMAT) || label(CLUSTER) != Some(&self.cluster) || label(NODE) != Some(&self.baked.name()) {
            return Err("it is not what its name says".into());
        }
        let expires: Timestamp =
            label(EXPIRES).unwrap_or_default().parse().map_err(|_| "it does not say how long it is valid".to_owned())?;
        if now + SPARE >= expires {
            return Err(format!("its certificates end on {}", expires.strftime("%Y-%m-%d")));
        }
        Ok(())
    }
}

/// What a snapshot says of itself, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The stack.
    pub stack: String,
    /// The name of the cluster.
    pub cluster: String,
    /// Until when its certificates are valid.
    pub expires: Option<Timestamp>,
}

impl State {
    /// Reads the labels of a snapshot; `None` where it is none.
    #[must_use]
    pub fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        labels.get(SNAPSHOT)?;
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        Some(Self { stack: label(STACK), cluster: label(CLUSTER), expires: label(EXPIRES).parse().ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::ImageRef;

    fn saved() -> Saved {
        let baked = Baked { node: ImageRef::parse("kindest/node:v1").unwrap(), pulled: vec![], own: vec![] };
        Saved { cluster: "x".into(), digest: "d".into(), baked }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_snapshot_fits_until_a_week_before_its_certificates_end() {
        let labels = saved().labels("task-api", at("2027-01-31T00:00:00Z"), "{}");
        assert_eq!(saved().fits(&labels, at("2027-01-23T00:00:00Z")), Ok(()));
        assert_eq!(saved().fits(&labels, at("2027-01-24T00:00:00Z")), Err("its certificates end on 2027-01-31".into()));
    }

    #[test]
    fn another_name_another_stack_and_another_node_image_have_other_names() {
        let mut others = [saved(), saved(), saved()];
        others[0].cluster = "y".into();
        others[1].digest = "e".into();
        others[2].baked.node = ImageRef::parse("kindest/node:v2").unwrap();
        for other in others {
            assert_ne!(saved().name(), other.name());
        }
    }

    #[test]
    fn an_image_of_the_name_that_is_no_snapshot_of_ours_never_fits() {
        assert!(saved().fits(&BTreeMap::new(), at("2026-01-01T00:00:00Z")).is_err());
        let mut newer = saved().labels("task-api", at("2027-01-31T00:00:00Z"), "{}");
        newer.insert(SNAPSHOT.into(), "3".into());
        assert!(saved().fits(&newer, at("2026-01-01T00:00:00Z")).is_err());
    }
}
