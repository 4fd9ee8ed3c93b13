//! A stack folder as bytes, and the settings of a call that change it.

use std::collections::BTreeMap;

/// The files of a stack, wherever they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// How people know it: `stacks/task-api` or `task-api (built in)`.
    pub origin: String,
    /// Path in the folder with `/`, and content.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What the command line changes in a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Profiles of the stack file, merged over it in this order.
    pub profiles: Vec<String>,
    /// Paths and values of `--set`, applied after the profiles in this order.
    pub set: Vec<(String, String)>,
    /// The node's architecture, `amd64` or `arm64`: what `{arch}` stands for.
    pub architecture: String,
}
