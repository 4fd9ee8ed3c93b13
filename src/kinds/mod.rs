//! What each kind of Kubernetes object may hold, judged offline as the API server would judge it.
//!
//! Purpose: the pinned kinds: their schemas with rules, and every fault that a create with strict field validation would meet.
//! Reads: the schemas in the program (`schemas/`), an object's tree. Writes: nothing.
//! Must not: do I/O, or know what more than one object together mean.

mod builtin;
mod check;
mod defaults;
mod format;
mod index;
mod lookup;
mod meta;
mod path;
mod pattern;
mod rules;
mod schema;
mod value;
mod words;

pub use index::Kind;
pub use lookup::{Lookup, all, find};

/// One thing of an object that the API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is, as a JSON pointer into the object.
    pub pointer: String,
    /// Whether the key is meant and not its value: for [`crate::yaml::Node::pos_at`] and not `value_pos_at`.
    pub on_key: bool,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What may help.
    pub hint: Option<String>,
    /// What sort of fault it is.
    pub cause: Cause,
}

/// The sorts of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A key that the kind does not have.
    UnknownKey,
    /// A key that the kind needs.
    MissingKey,
    /// A value of another type.
    WrongType,
    /// A value that is not among those listed.
    NotListed,
    /// A number out of its range.
    Range,
    /// A text, list or map that is too short or too long.
    Length,
    /// A text of the wrong form.
    Form,
    /// An item that a list holds twice.
    Duplicate,
    /// A combination that no alternative of the schema takes.
    Combination,
    /// A rule of the kind (CEL) that does not hold.
    Rule,
}

#[cfg(test)]
mod tests;
