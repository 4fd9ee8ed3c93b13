//! The objects that are looked at together, and what is known of those around them.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::command::Command;
use super::entry::Entry;
use super::source::Segment;
use crate::kinds::{self, Fault, Lookup};
use crate::stack::ObjectId;
use crate::yaml::{Node, Pos};

/// A text that objects come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file as people know it; `-` for standard input.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What the reader found wrong before there were objects, under the number of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadFault {
    pub(super) rule: &'static str,
    pub(super) pos: Pos,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// What the objects are meant for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// One machine.
    #[default]
    Local,
    /// Real users.
    Production,
}

/// What is known of the world around a set.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What the objects are meant for.
    pub profile: Profile,
    /// Whether the set is all there is: then what it does not hold is not there.
    pub complete: bool,
    /// The time, in seconds since 1970, where expiry is to be judged.
    pub now: Option<i64>,
    /// Objects that are there without being in the set; what they hold is unknown. The version of their group counts nothing.
    pub given: BTreeSet<ObjectId>,
    /// Namespaces that hold more than the set shows (where a chart installs): nothing is missing there.
    pub open: BTreeSet<String>,
}

/// Whether an object is there, and what is known of it.
#[derive(Clone, Debug)]
pub enum Look<'a> {
    /// It is in the set.
    Here(&'a Entry),
    /// It is there, but not in the set.
    Given,
    /// It is not there.
    Missing,
    /// The set does not tell. With the name of an object of that kind and namespace in the set whose name is so near that it may
    /// be what was meant.
    Unknown(Option<&'a str>),
}

/// Group, kind, namespace and name; the version counts nothing.
type Id = (String, String, String, String);

/// The objects that are looked at together.
#[derive(Debug, Default)]
pub struct Set {
    entries: Vec<Entry>,
    sources: Vec<Source>,
    surroundings: Surroundings,
    by_kind: HashMap<(String, String), Vec<usize>>,
    by_id: HashMap<Id, usize>,
    given: BTreeSet<Id>,
    commands: Vec<Command>,
    faults: Vec<ReadFault>,
    segments: Vec<Segment>,
    schema_faults: OnceLock<Vec<(usize, Fault)>>,
    line_starts: OnceLock<Vec<Vec<usize>>>,
}

impl Set {
    /// A set of documents that are objects; the place of each tells its source. Where an object is given twice, look-ups find the first.
    #[must_use]
    pub fn new(sources: Vec<Source>, documents: Vec<Node>, surroundings: Surroundings) -> Self {
        let mut set = Self { sources, surroundings, ..Self::default() };
        set.given = set.surroundings.given.iter().map(key).collect();
        for node in documents {
            let text = |path: &[&str]| {
                let at = path.iter().try_fold(&node, |node, part| node.get(part));
                at.and_then(Node::as_text).unwrap_or_default().to_owned()
            };
            let id = ObjectId {
                api_version: text(&["apiVersion"]),
                kind: text(&["kind"]),
                namespace: text(&["metadata", "namespace"]),
                name: text(&["metadata", "name"]),
            };
            let at = set.entries.len();
            set.by_kind.entry((id.group().to_owned(), id.kind.clone())).or_default().push(at);
            set.by_id.entry(key(&id)).or_insert(at);
            set.entries.push(Entry { id, node });
        }
        set
    }

    /// The same set with the commands that stand beside its objects.
    #[must_use]
    pub fn with_commands(self, commands: Vec<Command>) -> Self {
        Self { commands, ..self }
    }

    /// The same set with what its reader found.
    #[must_use]
    pub(super) fn with_faults(self, faults: Vec<ReadFault>) -> Self {
        Self { faults, ..self }
    }

    /// The same set with the parts of its sources.
    #[must_use]
    pub(super) fn with_segments(self, segments: Vec<Segment>) -> Self {
        Self { segments, ..self }
    }

    /// The parts of the sources.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The commands of ```` ```bash ```` blocks and scripts that were read with the objects, in the order of the sources.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// What the schemas of the kinds refuse, each with the number of its object. Found once, since several rules tell of it.
    pub(super) fn schema_faults(&self) -> &[(usize, Fault)] {
        self.schema_faults.get_or_init(|| {
            let faults = |(at, entry): (usize, &Entry)| {
                let found = match kinds::find(&entry.id.api_version, &entry.id.kind) {
                    Lookup::Known(kind) => kind.check(&entry.node),
                    _ => Vec::new(),
                };
                found.into_iter().map(move |fault| (at, fault))
            };
            self.entries.iter().enumerate().flat_map(faults).collect()
        })
    }

    /// A line of a text, from 1, without its break.
    pub(super) fn line(&self, source: usize, line: usize) -> &str {
        let starts = |source: &Source| std::iter::once(0).chain(source.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        // many findings are in one long text
        let all = self.line_starts.get_or_init(|| self.sources.iter().map(starts).collect());
        let (Some(source), Some(starts)) = (self.sources.get(source), all.get(source)) else { return "" };
        let from = starts.get(line.saturating_sub(1)).copied().unwrap_or(source.text.len());
        source.text[from..].lines().next().unwrap_or_default()
    }

    /// What the reader found.
    pub(super) fn faults(&self) -> &[ReadFault] {
        &self.faults
    }

    /// Every object, in the order of the sources.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The objects of a kind, of any version of its group; the group of core kinds is empty.
    pub fn of(&self, group: &str, kind: &str) -> impl Iterator<Item = &Entry> {
        let found = self.by_kind.get(&(group.to_owned(), kind.to_owned()));
        found.into_iter().flatten().map(|at| &self.entries[*at])
    }

    /// The object of that name, if the set holds it.
    #[must_use]
    pub fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Option<&Entry> {
        let id = (group.to_owned(), kind.to_owned(), or_default(namespace), name.to_owned());
        self.by_id.get(&id).map(|at| &self.entries[*at])
    }

    /// Whether an object is there. `namespace` is empty for kinds of the whole cluster.
    #[must_use]
    pub fn look(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Look<'_> {
        let id = (group.to_owned(), kind.to_owned(), or_default(namespace), name.to_owned());
        if let Some(at) = self.by_id.get(&id) {
            return Look::Here(&self.entries[*at]);
        }
        if self.given.contains(&id) {
            return Look::Given;
        }
        if self.surroundings.complete && !self.surroundings.open.contains(&id.2) {
            return Look::Missing;
        }
        let here = self.of(group, kind).filter(|entry| entry.namespace() == id.2);
        Look::Unknown(super::near::near(name, here.map(|entry| entry.id.name.as_str())))
    }

    /// What is known of the world around.
    #[must_use]
    pub const fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Whether the objects are meant for real users.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.surroundings.profile == Profile::Production
    }

    /// The texts that the objects come from.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

fn key(id: &ObjectId) -> Id {
    (id.group().to_owned(), id.kind.clone(), id.namespace_or_default().to_owned(), id.name.clone())
}

fn or_default(namespace: &str) -> String {
    if namespace.is_empty() { "default".into() } else { namespace.to_owned() }
}
