//! What a trigger may hold, by the pinned KEDA's own list.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::target::{KEDA, Trigger, triggers, triggers_of};
use crate::input::nearest;
use crate::lint::fix::Fix;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

/// One value of a trigger's metadata.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// Whether it may come as `<name>FromEnv`.
    from_env: bool,
    required: bool,
    /// Whether KEDA refuses it since it was removed.
    pub(super) removed: bool,
    /// The values that it takes; empty where any.
    pub(super) values: Vec<&'static str>,
}

/// The types of triggers and their metadata.
pub(super) static SCALERS: LazyLock<BTreeMap<&str, Vec<Parameter>>> = LazyLock::new(|| {
    let lines = include_str!("scalers.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(kind, rest)| (kind, rest.split(' ').map(Parameter::read).collect())).collect()
});

/// The types whose required metadata was read in the source too; the list says it wrongly where a whole group is optional.
const READ: [&str; 8] = ["prometheus", "kafka", "cron", "cpu", "memory", "loki", "rabbitmq", "kubernetes-workload"];
/// The types whose metadata is all in the list.
const WHOLE: [&str; 4] = ["kafka", "cron", "cpu", "memory"];

impl Parameter {
    fn read(text: &'static str) -> Self {
        let (head, values) = text.split_once('=').unwrap_or((text, ""));
        Self {
            name: head.trim_end_matches(['$', '!', '-']),
            from_env: head.contains('$'),
            required: head.contains('!'),
            removed: head.ends_with('-'),
            values: values.split('|').filter(|value| !value.is_empty()).collect(),
        }
    }
}

/// A type that KEDA has not.
pub(super) fn unknown(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set).filter(|trigger| !SCALERS.contains_key(trigger.kind)) {
        let (Some(place), kind) = (trigger.place.get("type"), trigger.kind) else { continue };
        let near = nearest(kind, SCALERS.keys().copied());
        sink.at(
            &place,
            format!("KEDA 2.21 has no trigger {kind}, so the ScaledObject is never ready and nothing is scaled"),
            near.map_or_else(|| "Choose one of KEDA's scalers.".to_owned(), |near| format!("Write {near} if that is what you mean.")),
        );
    }
}

/// Metadata that must be there.
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set).filter(|trigger| READ.contains(&trigger.kind)) {
        let metadata = trigger.metadata();
        let given = |key: &str| metadata.as_ref().is_some_and(|metadata| metadata.get(key).is_some());
        for wanted in SCALERS[trigger.kind].iter().filter(|parameter| parameter.required) {
            if given(wanted.name) || (wanted.from_env && given(&format!("{}FromEnv", wanted.name))) {
                continue;
            }
            sink.at(
                metadata.as_ref().unwrap_or(&trigger.place),
                format!("the {} trigger needs {}; without it KEDA makes no autoscaler", trigger.kind, wanted.name),
                format!("Set {} in the trigger's metadata.", wanted.name),
            );
        }
    }
}

/// Metadata that KEDA reads nowhere.
pub(super) fn ignored(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set) {
        let (Some(known), Some(metadata)) = (SCALERS.get(trigger.kind), trigger.metadata()) else { continue };
        for (key, place) in metadata.entries() {
            let bare = key.strip_suffix("FromEnv").unwrap_or(key);
            if known.iter().any(|parameter| parameter.name == key || parameter.name == bare) || known.iter().any(|p| p.name.ends_with('*'))
            {
                continue;
            }
            let near = nearest(key, known.iter().map(|parameter| parameter.name));
            if key == "metricName" {
                sink.at(
                    &place,
                    why_metric_name(trigger.kind),
                    "Remove metricName; give the trigger a name if you want to tell it from others.",
                );
                sink.fix(Fix::remove(&place));
            } else if let Some(near) = near {
                sink.at(&place, not_read(trigger.kind, key), format!("Write {near} if that is what you mean."));
            } else if WHOLE.contains(&trigger.kind) {
                sink.at(&place, not_read(trigger.kind, key), format!("Remove {key}."));
            }
        }
    }
}

fn why_metric_name(kind: &str) -> String {
    format!("KEDA no longer reads metricName of the {kind} trigger: it makes the name of the metric itself")
}

fn not_read(kind: &str, key: &str) -> String {
    format!("KEDA's {kind} trigger reads no {key}, and says nothing about it")
}

/// What KEDA's webhook refuses of the triggers of one object.
pub(super) fn refused(set: &Set, sink: &mut Sink) {
    for object in set.of(KEDA, "ScaledObject").chain(set.of(KEDA, "ScaledJob")) {
        let mut names = HashMap::new();
        for trigger in triggers_of(object) {
            if let Some(place) = trigger.place.get("name")
                && let Some(name) = place.text().filter(|name| !name.is_empty())
                && let Some(first) = names.insert(name, place.pos().line)
            {
                sink.at(&place, format!("the trigger of line {first} has the name {name} too"), "Give each trigger a name of its own.");
            }
            if let Some(place) = cached(&trigger) {
                sink.at(
                    &place,
                    format!(
                        "KEDA asks for no metric of a {} trigger, so there is none to keep, and it refuses useCachedMetrics",
                        trigger.kind
                    ),
                    "Remove useCachedMetrics.",
                );
            }
        }
    }
}

fn cached<'a>(trigger: &Trigger<'a>) -> Option<crate::lint::place::Place<'a>> {
    let place = trigger.place.get("useCachedMetrics").filter(|place| place.flag() == Some(true));
    place.filter(|_| ["cpu", "memory", "cron"].contains(&trigger.kind))
}

/// Credentials that are not there.
pub(super) fn authentication_missing(set: &Set, sink: &mut Sink) {
    for trigger in triggers(set) {
        let Some(reference) = trigger.place.get("authenticationRef") else { continue };
        let Some(place) = reference.get("name") else { continue };
        let Some(name) = place.text() else { continue };
        let kind = reference.text_of("kind").unwrap_or("TriggerAuthentication");
        let namespace = if kind == "TriggerAuthentication" { place.entry.namespace() } else { "" };
        match set.look(KEDA, kind, namespace, name) {
            Look::Missing => {
                sink.at(
                    &place,
                    format!("the {kind} {name} does not exist, so the trigger cannot log in and nothing is scaled"),
                    format!("Add the {kind}, or name one that is there."),
                );
            }
            Look::Unknown(Some(near)) => {
                sink.with(
                    crate::lint::finding::Severity::Warning,
                    &place,
                    format!("the {kind} {name} is not here, but {near} is"),
                    format!("Write {near} if that is what you mean."),
                );
            }
            _ => {}
        }
    }
}
