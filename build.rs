//! Puts the folders of `stacks/`, the schemas of `schemas/`, the pages of `docs/lint/` and `templates/` into the program, so that an
//! installed tstack needs no files beside it.
#![expect(clippy::disallowed_methods, reason = "a build script is told where to write by its environment, and writes there")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    // asked now, not when this script was compiled: worktrees that share a target folder share the compiled script
    let home = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    shipped(&home.join("stacks"), &out)?;
    kinds(&home.join("schemas"), &out)?;
    texts(&home.join("docs/lint"), "md", "PAGES", &out.join("pages.rs"))?;
    texts(&home.join("templates"), "yaml", "TEMPLATES", &out.join("templates.rs"))
}

/// The table of the files of the stacks.
fn shipped(stacks: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", stacks.display());
    let mut table = String::from("static FILES: &[Embedded] = &[\n");
    for stack in children(stacks)?.into_iter().filter(|path| path.join("stack.yaml").is_file()) {
        let mut files = Vec::new();
        walk(&stack, &mut files)?;
        for file in files {
            let name = stack.file_name().ok_or("a stack without a name")?.to_string_lossy();
            let path = file.strip_prefix(&stack)?.to_string_lossy().replace('\\', "/");
            writeln!(table, "    ({name:?}, {path:?}, include_bytes!({:?})),", file.to_string_lossy())?;
        }
    }
    table.push_str("];\n");
    fs::write(out.join("shipped.rs"), table)?;
    Ok(())
}

/// The table of the kinds, each with its schema, compressed.
fn kinds(schemas: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", schemas.display());
    let index = fs::read_to_string(schemas.join("index.tsv"))?;
    let mut table = String::new();
    let mut count = 0;
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let &[group, version, kind, plural, scope, source, state, status] = line.split('\t').collect::<Vec<_>>().as_slice() else {
            return Err(format!("schemas/index.tsv: not eight columns: {line}").into());
        };
        let text = fs::read_to_string(schemas.join(group).join(version).join(kind).with_extension("json"))?;
        // indented by one blank a level for readers of changes; the line breaks and indents are all the blanks outside of texts there
        let lines: String = text.lines().map(str::trim_start).collect();
        let packed = out.join(format!("{group}-{version}-{kind}.deflate")).to_string_lossy().into_owned();
        let mut encoder = DeflateEncoder::new(fs::File::create(&packed)?, Compression::default());
        encoder.write_all(lines.as_bytes())?;
        encoder.finish()?;
        let group = if group == "core" { "" } else { group };
        let (namespaced, deprecated) = (scope == "Namespaced", state == "deprecated");
        let drops_status = !status.is_empty();
        writeln!(
            table,
            "    Kind::new({group:?}, {version:?}, {kind:?}, {plural:?}, {namespaced}, {source:?}, {deprecated}, {drops_status}, include_bytes!({packed:?})),"
        )?;
        count += 1;
    }
    fs::write(out.join("kinds.rs"), format!("static KINDS: [Kind; {count}] = [\n{table}];\n"))?;
    Ok(())
}

/// A table of the texts of a folder with that ending: name and content.
fn texts(folder: &Path, ending: &str, table: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut text = format!("static {table}: &[(&str, &str)] = &[\n");
    for file in children(folder)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == ending)) {
        let name = file.file_stem().ok_or("a file without a name")?.to_string_lossy();
        writeln!(text, "    ({name:?}, include_str!({:?})),", file.to_string_lossy())?;
    }
    text.push_str("];\n");
    fs::write(to, text)?;
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
