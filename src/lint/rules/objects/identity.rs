//! What an object says it is: group, version, kind and name.

use std::collections::HashMap;

use crate::input::nearest;
use crate::kinds::{self, Kind, Lookup};
use crate::lint::entry::Entry;
use crate::lint::fix::Fix;
use crate::lint::model::ENVOY_GATEWAY;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Two objects of one identity: the one that is applied last wins.
pub(super) fn duplicate_object(set: &Set, sink: &mut Sink) {
    let mut seen: HashMap<_, &Entry> = HashMap::new();
    // prose shows an object as it grows
    let prose = |entry: &Entry| set.segments().iter().any(|part| part.source == entry.node.pos.source && !part.whole);
    for entry in set.entries().iter().filter(|entry| !entry.id.name.is_empty() && !prose(entry)) {
        let key = (entry.id.group(), entry.id.kind.as_str(), entry.namespace(), entry.id.name.as_str());
        let Some(first) = seen.get(&key) else {
            seen.insert(key, entry);
            continue;
        };
        let place = entry.at("/metadata/name").unwrap_or_else(|| entry.root());
        let (pos, same_file) = (first.node.pos, first.node.pos.source == entry.node.pos.source);
        let file = set.sources().get(pos.source).map_or("", |source| source.file.as_str());
        let message = format!("{} is already given at {file}:{}; what is applied last wins, key by key", entry.id, pos.line);
        let remedy = "Keep one of the two, or give one another name.";
        if same_file {
            sink.at(&place, message, remedy);
        } else {
            // files of one folder may be meant for different clusters
            sink.with(crate::lint::Severity::Warning, &place, message, remedy);
        }
    }
}

/// A kind that tstack knows nothing of: only rules about names look at it.
pub(super) fn unknown_kind(set: &Set, sink: &mut Sink) {
    each(set, |entry, lookup| match lookup {
        Lookup::UnknownGroup { suggestion } => {
            let place = entry.at("/apiVersion").unwrap_or_else(|| entry.root());
            let near = suggestion.as_ref().filter(|(version, _)| nearest(entry.id.group(), [group(version)]).is_some());
            match near {
                Some((version, kind)) => sink.with(
                    crate::lint::Severity::Warning,
                    &place,
                    format!("tstack does not know the group `{}`", entry.id.group()),
                    format!("Did you mean `{version}` `{kind}`?"),
                ),
                None => sink.at(
                    &place,
                    format!("tstack does not know `{}` `{}`, so its fields were not checked", entry.id.api_version, entry.id.kind),
                    "Nothing to do: `tstack generate --check server` asks the API server.",
                ),
            }
        }
        Lookup::UnknownKind { suggestion: None, .. } if !is_custom(entry.id.group()) => sink.at(
            &entry.at("/kind").unwrap_or_else(|| entry.root()),
            format!("tstack does not know `{}` `{}`, so its fields were not checked", entry.id.api_version, entry.id.kind),
            "Nothing to do: `tstack generate --check server` asks the API server.",
        ),
        _ => {}
    });
}

/// A kind that its group does not have.
pub(super) fn wrong_group(set: &Set, sink: &mut Sink) {
    each(set, |entry, lookup| {
        let Lookup::UnknownKind { kinds, suggestion } = lookup else { return };
        // the configuration file of Envoy Gateway itself is written like an object, and no API server sees it
        if entry.is(ENVOY_GATEWAY, "EnvoyGateway") {
            return;
        }
        let place = entry.at("/kind").unwrap_or_else(|| entry.root());
        let what = if entry.id.group().is_empty() { "the core group".to_owned() } else { format!("the group `{}`", entry.id.group()) };
        let message = format!("{what} has no kind `{}`", entry.id.kind);
        match suggestion {
            Some((version, kind)) => sink.at(&place, message, format!("Did you mean `{version}` `{kind}`?")),
            None if is_custom(entry.id.group()) => sink.at(&place, message, format!("Its kinds are {}.", kinds.join(", "))),
            None => {}
        }
    });
}

/// A version that the API server does not serve.
pub(super) fn version_not_served(set: &Set, sink: &mut Sink) {
    each(set, |entry, lookup| {
        let Lookup::OtherVersion { served } = lookup else { return };
        let Some(place) = entry.at("/apiVersion") else { return };
        let message = format!("`{}` is served as `{}`, and not as `{}`", entry.id.kind, served.join("` and `"), entry.id.api_version);
        sink.at(&place, message, format!("Write `apiVersion: {}`, and look at what changed between the two.", served[0]));
    });
}

/// A version that will go.
pub(super) fn deprecated_version(set: &Set, sink: &mut Sink) {
    each(set, |entry, lookup| {
        let Lookup::Known(known) = lookup else { return };
        if !known.deprecated {
            return;
        }
        let Some(place) = entry.at("/apiVersion") else { return };
        let newer = kinds::all().iter().find(|kind| kind.group == known.group && kind.kind == known.kind && !kind.deprecated);
        let remedy =
            newer.map_or_else(|| "Move to what replaces it.".to_owned(), |kind| format!("Write `apiVersion: {}`.", kind.api_version()));
        sink.at(
            &place,
            format!("`{}` of `{}` is deprecated, and a later version will not serve it", entry.id.api_version, known.kind),
            remedy,
        );
        // a stored version is the same object under another name only where the schema says so, which it does within one group
        if let Some(kind) = newer.filter(|kind| fits(kind, entry)) {
            sink.fix(Fix::set(&place, kind.api_version()));
        }
    });
}

/// Whether an object is as good in another version.
fn fits(kind: &Kind, entry: &Entry) -> bool {
    kind.check(&entry.node).is_empty()
}

fn each(set: &Set, mut tell: impl FnMut(&Entry, &Lookup)) {
    let mut known: HashMap<(&str, &str), Lookup> = HashMap::new();
    for entry in set.entries() {
        let key = (entry.id.api_version.as_str(), entry.id.kind.as_str());
        let lookup = known.entry(key).or_insert_with(|| kinds::find(key.0, key.1));
        tell(entry, lookup);
    }
}

fn is_custom(group: &str) -> bool {
    kinds::all().iter().any(|kind| kind.group == group && kind.is_custom())
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
