//! What Envoy Gateway says of the resources that it is given.
//!
//! It tells statuses in its log alone, and a status only when it differs from the last one, so that nobody can say whether it has
//! judged what was written last. A route of a new name in each file tells: the marker. Its status comes somewhere among those
//! of its load; when the status of a second marker has come, every status of the load before has been told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::host::{Verdict, VerdictKey};

/// A line of Envoy Gateway's log that means something here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// The status of an object.
    Status {
        /// Whose.
        key: VerdictKey,
        /// As it tells it.
        status: Value,
    },
    /// It reads what it is given.
    Reads,
    /// It is about to look at its files for the first time, and watches them only a second later.
    Looks,
    /// It has refused what was written, whole, and works on with what it had.
    Refused(String),
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    msg: String,
    #[serde(default)]
    key: Value,
    #[serde(default)]
    error: String,
}

/// Reads a line of the log.
pub(super) fn read(line: &str) -> Option<Line> {
    let record: Record = serde_json::from_str(line).ok()?;
    if record.msg == "error when reload resources" || record.msg == "failed to reload resources initially" {
        return Some(Line::Refused(record.error));
    }
    if record.msg == "started status update handler" {
        return Some(Line::Looks);
    }
    if record.msg == "Watching path added" {
        return Some(Line::Reads);
    }
    let (kind, text) = record.msg.strip_prefix("Got new status for ")?.split_once('\n')?;
    // it has no name for its own kind
    let kind = if kind == "Unknown" { "EnvoyProxy" } else { kind };
    let status = serde_saphyr::from_str(text).ok()?;
    Some(Line::Status { key: (kind.to_owned(), record.key.as_str()?.to_owned()), status })
}

/// How far Envoy Gateway has come with what was written last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Every status of it is known.
    #[default]
    Settled,
    /// It was written once.
    First,
    /// It was seen, and written again.
    Second,
}

/// What is to be done after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing, but an object's status may have changed.
    Nothing,
    /// The same resources are to be written with the next marker.
    Mark,
    /// Everything that was written has been judged.
    Settled,
}

/// The verdicts on all objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts {
    told: BTreeMap<VerdictKey, Verdict>,
    /// The generations that were written last.
    written: BTreeMap<VerdictKey, i64>,
    /// The marker that was written last.
    marker: Option<VerdictKey>,
    phase: Phase,
    /// Nothing older was left to be judged when it was written, so that every word since then is on it.
    alone: bool,
    /// It looks at its files for the first time, and does not watch them yet.
    looking: bool,
    /// Something was written meanwhile, which it may not have seen.
    unseen: bool,
}

impl Verdicts {
    /// New resources were written, with this marker; without one there is nothing to wait for. `whole`: at one go, and not one file
    /// after the other, each of which is judged.
    pub(super) fn wrote(&mut self, written: BTreeMap<VerdictKey, i64>, marker: Option<VerdictKey>, whole: bool) {
        self.alone = whole && self.phase == Phase::Settled;
        self.unseen |= self.looking;
        self.written = written;
        self.phase = if marker.is_some() { Phase::First } else { Phase::Settled };
        self.marker = marker;
        if self.phase == Phase::Settled {
            self.settle();
        }
    }

    /// What was written is the same for objects of these generations.
    pub(super) fn renumbered(&mut self, written: BTreeMap<VerdictKey, i64>) {
        self.written = written;
        if self.phase == Phase::Settled {
            self.settle();
        }
    }

    /// The same was written again with this marker.
    pub(super) fn marked(&mut self, marker: VerdictKey) {
        self.marker = Some(marker);
        // what it has not seen is written for the first time now
        self.phase = if std::mem::take(&mut self.unseen) { Phase::First } else { Phase::Second };
    }

    /// Envoy Gateway was started anew, and reads from the beginning.
    pub(super) fn restarted(&mut self) {
        if self.phase == Phase::Second {
            self.phase = Phase::First;
        }
        // what it read before it ended may still come out of its pipe
        self.alone = false;
        (self.looking, self.unseen) = (false, false);
    }

    /// Takes a line in.
    pub(super) fn hear(&mut self, line: Line) -> Next {
        match line {
            Line::Looks => {
                (self.looking, self.unseen) = (true, false);
                Next::Nothing
            }
            Line::Reads => {
                self.looking = false;
                if self.unseen && self.phase != Phase::Settled { Next::Mark } else { Next::Nothing }
            }
            Line::Refused(_) => {
                self.phase = Phase::Settled;
                Next::Nothing
            }
            Line::Status { key, .. } if Some(&key) == self.marker.as_ref() => match self.phase {
                Phase::First => Next::Mark,
                Phase::Second => {
                    self.phase = Phase::Settled;
                    self.settle();
                    Next::Settled
                }
                Phase::Settled => Next::Nothing,
            },
            Line::Status { key, status } => {
                // else it may be the word on what was written before
                let is_on_this = self.alone || self.phase == Phase::Settled;
                let before = self.told.get(&key).map_or(0, |verdict| verdict.generation);
                let generation = if is_on_this { self.written.get(&key).copied().unwrap_or(before) } else { before };
                self.told.insert(key, Verdict { status, generation });
                Next::Nothing
            }
        }
    }

    /// Every word is on what was written last.
    fn settle(&mut self) {
        self.told.retain(|key, _| self.written.contains_key(key));
        for (key, verdict) in &mut self.told {
            verdict.generation = self.written[key];
        }
    }

    /// The verdicts that are known to be on a generation.
    pub(super) fn known(&self) -> BTreeMap<VerdictKey, Verdict> {
        self.told.iter().filter(|(_, verdict)| verdict.generation > 0).map(|(key, verdict)| (key.clone(), verdict.clone())).collect()
    }
}

/// Whether a refusal can be about an object. Some name it (`BackendTrafficPolicy.gateway.envoyproxy.io "x" is invalid: …`); others
/// name a field's path alone (`spec.rules[0].matches[0].path.type: Unsupported value …`), and then it has to have that field.
pub(super) fn may_be_about(refusal: &str, object: &Value) -> bool {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if refusal.contains("\" is invalid") {
        let group = text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
        return refusal.contains(&format!("{}.{group} \"{}\" is invalid", text("/kind"), text("/metadata/name")));
    }
    fields(refusal).any(|path| {
        let mut at = object;
        let mut names = path.split(['.', '[']).map(|name| name.trim_end_matches(']')).peekable();
        while let Some(name) = names.next() {
            let next = name.parse::<usize>().map_or_else(|_| at.get(name), |index| at.get(index));
            match next {
                Some(found) => at = found,
                // a field that is missing is told by its own path
                None => return names.peek().is_none() && refusal.contains("Required value"),
            }
        }
        true
    })
}

fn fields(refusal: &str) -> impl Iterator<Item = &str> {
    let word = |word: &'static str| move |text: &&str| text.starts_with(word);
    let words = refusal.split_whitespace().map(|text| text.trim_matches(|c: char| !c.is_alphanumeric() && c != ']'));
    words.filter(move |text| word("spec.")(text) || word("metadata.")(text) || word("spec[")(text))
}

#[cfg(test)]
#[path = "verdicts_tests.rs"]
mod tests;
