//! What the tests share: a sandbox for the binary, and servers that answer by script.

mod sandbox;
mod server;

use std::path::{Path, PathBuf};

#[cfg(all(unix, feature = "test-fakes"))]
pub(crate) use sandbox::{Running, free_port, rule};
pub(crate) use sandbox::{Said, Sandbox};
#[cfg(all(unix, feature = "test-fakes"))]
pub(crate) use server::{Answer, Engine, Recorder, Seen, registry};

/// The package's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, in order.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
