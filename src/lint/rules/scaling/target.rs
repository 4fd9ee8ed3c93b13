//! Who scales what.

use crate::lint::entry::Entry;
use crate::lint::place::Place;
use crate::lint::set::Set;

/// The group of KEDA.
pub(crate) const KEDA: &str = "keda.sh";

/// What an autoscaler scales.
#[derive(Clone, Debug)]
pub(crate) struct Scaled<'a> {
    /// The autoscaler: a ScaledObject or a HorizontalPodAutoscaler.
    pub(crate) by: &'a Entry,
    /// The reference to the target.
    pub(crate) reference: Place<'a>,
    /// The group of the target's kind.
    pub(crate) group: &'a str,
    /// The target's kind.
    pub(crate) kind: &'a str,
    /// The target's name; it is in the autoscaler's namespace.
    pub(crate) name: &'a str,
}

impl<'a> Scaled<'a> {
    /// Every autoscaler of the set that names a target.
    pub(crate) fn all(set: &'a Set) -> impl Iterator<Item = Self> {
        let keda = set.of(KEDA, "ScaledObject");
        keda.chain(set.of("autoscaling", "HorizontalPodAutoscaler")).filter_map(Self::of)
    }

    /// The target of one autoscaler.
    pub(crate) fn of(by: &'a Entry) -> Option<Self> {
        let reference = by.at("/spec/scaleTargetRef")?;
        let kind = reference.text_of("kind").unwrap_or("Deployment");
        let group = reference.text_of("apiVersion").map_or("apps", |version| version.split_once('/').map_or("", |(group, _)| group));
        Some(Self { by, kind, group, name: reference.text_of("name")?, reference })
    }

    /// Namespace, group, kind and name of the target.
    pub(crate) fn key(&self) -> (&'a str, &'a str, &'a str, &'a str) {
        (self.by.namespace(), self.group, self.kind, self.name)
    }

    /// The target, where the set holds it.
    pub(crate) fn target(&self, set: &'a Set) -> Option<&'a Entry> {
        set.get(self.group, self.kind, self.by.namespace(), self.name)
    }

    /// Whether KEDA made it.
    pub(crate) fn is_keda(&self) -> bool {
        self.by.id.kind == "ScaledObject"
    }

    /// The least number of pods that it leaves; KEDA's own default is 0.
    pub(crate) fn least(&self) -> i64 {
        let (pointer, default) = if self.is_keda() { ("/spec/minReplicaCount", 0) } else { ("/spec/minReplicas", 1) };
        self.by.at(pointer).map_or(Some(default), |least| least.number()).unwrap_or(default)
    }

    /// The triggers of a ScaledObject.
    pub(crate) fn triggers(&self) -> Vec<Trigger<'a>> {
        triggers_of(self.by).collect()
    }
}

/// A trigger of a ScaledObject or `ScaledJob`.
#[derive(Clone, Debug)]
pub(crate) struct Trigger<'a> {
    /// All of it.
    pub(crate) place: Place<'a>,
    /// `prometheus`
    pub(crate) kind: &'a str,
}

impl<'a> Trigger<'a> {
    /// The metadata.
    pub(crate) fn metadata(&self) -> Option<Place<'a>> {
        self.place.get("metadata")
    }

    /// A value of the metadata that is written as a text; KEDA takes nothing else.
    pub(crate) fn value(&self, key: &str) -> Option<(Place<'a>, &'a str)> {
        let place = self.metadata()?.get(key)?;
        Some((place.clone(), place.text()?))
    }
}

/// The triggers of a ScaledObject or `ScaledJob` that say their type.
pub(crate) fn triggers_of(entry: &Entry) -> impl Iterator<Item = Trigger<'_>> {
    entry.items("/spec/triggers").filter_map(|place| Some(Trigger { kind: place.text_of("type")?, place }))
}

/// Every trigger of the set.
pub(crate) fn triggers(set: &Set) -> impl Iterator<Item = Trigger<'_>> {
    set.of(KEDA, "ScaledObject").chain(set.of(KEDA, "ScaledJob")).flat_map(triggers_of)
}
