//! Puts the folders of `stacks/` into the program, so that an installed tstack needs no files beside it.
#![expect(clippy::disallowed_methods, reason = "a build script is told where to write by its environment, and writes there")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    // asked now, not when this script was compiled: worktrees that share a target folder share the compiled script
    let stacks = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?).join("stacks");
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", stacks.display());
    let mut table = String::from("static FILES: &[Embedded] = &[\n");
    for stack in children(&stacks)?.into_iter().filter(|path| path.join("stack.yaml").is_file()) {
        let mut files = Vec::new();
        walk(&stack, &mut files)?;
        for file in files {
            let name = stack.file_name().ok_or("a stack without a name")?.to_string_lossy();
            let path = file.strip_prefix(&stack)?.to_string_lossy().replace('\\', "/");
            writeln!(table, "    ({name:?}, {path:?}, include_bytes!({:?})),", file.to_string_lossy())?;
        }
    }
    table.push_str("];\n");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(PathBuf::from(out).join("shipped.rs"), table)?;
    Ok(())
}

/// Every file below a stack's folder but for its backend's sources and hidden ones.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for path in children(folder)? {
        if !path.is_dir() {
            files.push(path);
        } else if path.file_name().is_some_and(|name| name != "backend" && name != "target") {
            walk(&path, files)?;
        }
    }
    Ok(())
}

/// What is in a folder, sorted, without hidden names; nothing where there is no folder.
fn children(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')));
    paths.sort();
    Ok(paths)
}
