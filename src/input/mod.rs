//! What people write: typed YAML files, their places, and what is wrong with them.
//!
//! Purpose: a file of a known type comes in with all of its errors at once, each with its place, in words.
//! Reads: text. Writes: nothing.
//! Must not: know what any file means.

mod assign;
mod explain;
mod file;
mod finding;
mod parameters;
mod words;

pub use assign::assign;
pub use file::{API_VERSION, FileType, text};
pub use finding::{Collector, Finding, Findings, nearest, suggest};
pub use parameters::{Parameter, Parameters};
pub use words::{is_label, parse_duration, quantity};
