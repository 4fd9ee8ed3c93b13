//! References from one object to another.

use std::fmt;

use crate::lint::place::Place;
use crate::lint::set::{Look, Set};

/// A reference as Gateway API writes them, with what is left out filled in.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    /// Where it is written.
    pub place: Place<'a>,
    /// The group; empty for core kinds.
    pub group: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The namespace; that of the object itself where none is written.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
    /// `sectionName`: a listener, or a rule.
    pub section: Option<&'a str>,
    /// The port.
    pub port: Option<i64>,
}

impl<'a> Reference<'a> {
    /// Reads `{group, kind, namespace, name, sectionName, port}` with the defaults of group and kind; `None` where no name is written.
    #[must_use]
    pub fn read(place: Place<'a>, group: &'static str, kind: &'static str) -> Option<Self> {
        Some(Self {
            group: place.text_of("group").unwrap_or(group),
            kind: place.text_of("kind").unwrap_or(kind),
            namespace: place.text_of("namespace").filter(|text| !text.is_empty()).unwrap_or_else(|| place.entry.namespace()),
            name: place.text_of("name")?,
            section: place.text_of("sectionName"),
            port: place.get("port").and_then(|port| port.number()),
            place,
        })
    }

    /// Whether it leads into another namespace than that of its object, for certain.
    #[must_use]
    pub fn crosses(&self, set: &Set) -> bool {
        super::home(set, self.place.entry).is_some_and(|home| home != self.namespace)
    }

    /// Whether what it names is there.
    #[must_use]
    pub fn look(&self, set: &'a Set) -> Look<'a> {
        set.look(self.group, self.kind, self.namespace, self.name)
    }

    /// Whether it is to that kind of a group.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// The place of its name, to point at.
    #[must_use]
    pub fn at_name(&self) -> Place<'a> {
        self.place.get("name").unwrap_or_else(|| self.place.clone())
    }
}

impl fmt::Display for Reference<'_> {
    /// `Service shop/cart`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
