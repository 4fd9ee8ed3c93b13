//! What would make a finding go away without changing what its author meant: a change of meaning, not of text.

use std::fmt;

use serde_json::Value;

use super::place::Place;
use crate::yaml::Pos;

/// A change that `tstack lint --fix` makes. A rule attaches one where it is safe: `sink.at(..)`, then `sink.fix(Fix::rename(&place, "name"))`.
#[derive(Clone, Debug, PartialEq)]
pub enum Fix {
    /// Another name for a key.
    Rename {
        /// Where the key is.
        key: Pos,
        /// The new name.
        to: String,
    },
    /// Another scalar in the place of a scalar.
    Set {
        /// Where the scalar is.
        value: Pos,
        /// The new one.
        to: Value,
    },
    /// A key goes, with what it holds.
    Remove {
        /// Where the key is.
        key: Pos,
    },
    /// A key comes, as the last of a map.
    Add {
        /// Where the map begins.
        map: Pos,
        /// The key.
        key: String,
        /// What it holds.
        value: Value,
    },
}

impl Fix {
    /// Gives the key of a place another name.
    #[must_use]
    pub fn rename(place: &Place<'_>, to: impl Into<String>) -> Self {
        Self::Rename { key: place.pos(), to: to.into() }
    }

    /// Puts another scalar in the place of a scalar.
    #[must_use]
    pub fn set(place: &Place<'_>, to: impl Into<Value>) -> Self {
        Self::Set { value: place.node.pos, to: to.into() }
    }

    /// Removes a key and what it holds.
    #[must_use]
    pub fn remove(place: &Place<'_>) -> Self {
        Self::Remove { key: place.pos() }
    }

    /// Adds a key to a map.
    #[must_use]
    pub fn add(map: &Place<'_>, key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Add { map: map.node.pos, key: key.into(), value: value.into() }
    }

    /// The text that it changes.
    #[must_use]
    pub const fn source(&self) -> usize {
        self.pos().source
    }

    /// The place that it is at.
    #[must_use]
    pub const fn pos(&self) -> Pos {
        match self {
            Self::Rename { key: pos, .. } | Self::Set { value: pos, .. } | Self::Remove { key: pos } | Self::Add { map: pos, .. } => *pos,
        }
    }

    /// The same change at another place.
    pub(super) fn moved(&self, change: &impl Fn(Pos) -> Pos) -> Self {
        let mut moved = self.clone();
        match &mut moved {
            Self::Rename { key: pos, .. } | Self::Set { value: pos, .. } | Self::Remove { key: pos } | Self::Add { map: pos, .. } => {
                *pos = change(*pos);
            }
        }
        moved
    }
}

impl fmt::Display for Fix {
    /// What it does, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename { to, .. } => write!(f, "key renamed to `{to}`"),
            Self::Set { to, .. } => write!(f, "value set to {to}"),
            Self::Remove { .. } => write!(f, "key removed"),
            Self::Add { key, value, .. } => write!(f, "`{key}: {value}` added"),
        }
    }
}
