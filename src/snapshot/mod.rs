//! Images that hold what `up` would else do again, and when they fit.
//!
//! Purpose: names and labels of baked node images and snapshots, and whether one is what a stack wants.
//! Reads: Stack, labels. Writes: nothing.
//! Must not: do I/O or read a clock.

mod baked;
mod saved;

pub use baked::{BAKED_FROM, Baked, IMAGES};
pub use saved::{BLUEPRINT, SNAPSHOT, Saved, State};

/// How the name of a container begins in which an image is being made; an owner's word follows. (Not a label: what is made from
/// the image would carry it too.)
pub const WORKBENCH: &str = "tstack-workbench-";
/// Where in a node what we put beside its own system lies.
pub const FOLDER: &str = "/tstack.dev";

/// 96 bits tell versions apart and fit a line.
fn short(parts: &[&str]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(parts.join("\n")).iter().take(12).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
