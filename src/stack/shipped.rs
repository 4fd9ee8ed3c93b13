//! The stacks that are part of the program.

use super::Folder;

/// One file of a shipped stack: the stack's name, the path in its folder, the content.
type Embedded = (&'static str, &'static str, &'static [u8]);

// FILES, written by build.rs
include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The names of the shipped stacks, in alphabetical order.
#[must_use]
pub fn shipped() -> Vec<&'static str> {
    let mut names: Vec<_> = FILES.iter().map(|(stack, ..)| *stack).collect();
    names.dedup();
    names
}

/// The folder of a shipped stack.
#[must_use]
pub fn shipped_folder(name: &str) -> Option<Folder> {
    let files: std::collections::BTreeMap<_, _> =
        FILES.iter().filter(|(stack, ..)| *stack == name).map(|(_, path, content)| ((*path).to_owned(), content.to_vec())).collect();
    (!files.is_empty()).then(|| Folder { origin: format!("{name} (built in)"), files })
}
