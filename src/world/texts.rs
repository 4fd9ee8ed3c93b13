//! Texts to read for the linter: files, folders and standard input.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::files::unreadable;
use crate::failure::Failure;

/// The largest text that is read; a million lines of YAML are smaller.
const MAX_TEXT: u64 = 16 << 20;
/// The most bytes of all texts of a folder.
const MAX_ALL: usize = 128 << 20;
/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 64;
/// The most files of a folder; a path that leads to a home folder by mistake ends here, not after an hour.
const MAX_FILES: usize = 10_000;
/// Folders that hold what was made or fetched, never what is written here.
const SKIPPED: [&str; 3] = ["target", "node_modules", "vendor"];

/// Something to lint.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A text.
    Text(Text),
    /// A folder with a `stack.yaml`.
    Stack(PathBuf),
    /// A folder with a `Chart.yaml`: its templates are no YAML.
    Chart(PathBuf),
}

/// A file that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// Its path as it was given.
    pub file: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it was named itself.
    pub named: bool,
}

/// What is at a path: one file, or all files of YAML and JSON below a folder, with those of Markdown where `markdown` says so. Hidden names and
/// links to folders are left out.
///
/// # Errors
/// Of kind usage, with the path, when there is nothing, it cannot be read, it is too large, or a folder holds no such file.
pub fn find(path: &Path, markdown: bool) -> Result<Vec<Found>, Failure> {
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::usage(format!("{} does not exist", path.display())).hint("Give paths of files or folders, or `-` for standard input.")
        }
        _ => unreadable(path, &error),
    })?;
    if !meta.is_dir() {
        if path.file_name().is_some_and(|name| name == "stack.yaml") {
            return Ok(vec![Found::Stack(path.to_owned())]);
        }
        return Ok(vec![Found::Text(text(path, true)?)]);
    }
    let mut found = Vec::new();
    Walk { markdown, found: &mut found, bytes: 0 }.folder(path, 0)?;
    if found.is_empty() {
        let hint =
            if markdown { "Give a folder with files of YAML, JSON or Markdown." } else { "Files of Markdown count with --markdown." };
        return Err(Failure::usage(format!("{} holds no files of YAML or JSON", path.display())).hint(hint));
    }
    Ok(found)
}

/// All of standard input.
///
/// # Errors
/// When it is too large or cannot be read.
pub fn standard_input() -> Result<Text, Failure> {
    Ok(Text { file: "-".into(), bytes: limited(io::stdin().lock(), "standard input")?, named: true })
}

/// A way through a folder.
struct Walk<'a> {
    markdown: bool,
    found: &'a mut Vec<Found>,
    /// The bytes of all texts so far.
    bytes: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), Failure> {
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let mut paths =
            entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(folder, &error))?;
        paths.sort();
        let holds = |name: &str| paths.iter().any(|path| path.file_name().is_some_and(|n| n == name));
        if holds("stack.yaml") {
            self.found.push(Found::Stack(folder.to_owned()));
            return Ok(());
        }
        if holds("Chart.yaml") && holds("templates") {
            self.found.push(Found::Chart(folder.to_owned()));
            return Ok(());
        }
        let too_much = |what: String| Failure::usage(what).hint("Name a smaller folder.");
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let link = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?.is_symlink();
            let Ok(meta) = fs::metadata(&path) else { continue };
            if name.starts_with('.') {
                continue;
            }
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if meta.is_dir() && !link && !SKIPPED.contains(&name.as_str()) {
                if depth == MAX_DEPTH {
                    return Err(too_much(format!("{} lies more than {MAX_DEPTH} folders deep", path.display())));
                }
                self.folder(&path, depth + 1)?;
            } else if meta.is_file() && (["yaml", "yml", "json"].contains(&extension) || (self.markdown && extension == "md")) {
                let text = text(&path, false)?;
                self.bytes += text.bytes.len();
                self.found.push(Found::Text(text));
            }
            if self.bytes > MAX_ALL {
                let most = MAX_ALL >> 20;
                return Err(too_much(format!(
                    "the files of {} are too large: tstack reads at most {most} MiB of them together",
                    folder.display()
                )));
            }
            if self.found.len() > MAX_FILES {
                return Err(too_much(format!("{} holds more than {MAX_FILES} files", folder.display())));
            }
        }
        Ok(())
    }
}

fn text(path: &Path, named: bool) -> Result<Text, Failure> {
    let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let shown = path.display().to_string();
    Ok(Text { bytes: limited(file, &shown)?, file: shown.strip_prefix("./").unwrap_or(&shown).to_owned(), named })
}

/// Reads to the end, or to the limit: what comes from a pipe has no size before.
fn limited(reader: impl io::Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = reader.take(MAX_TEXT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("cannot read {name}")).because(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(Failure::usage(format!("{name} is too large: tstack reads at most {} MiB of one text", MAX_TEXT >> 20))
            .hint("Split it, or name the files that hold the objects."));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        dir
    }

    fn names(dir: &tempfile::TempDir, found: &[Found]) -> Vec<String> {
        let name = |path: &str| path.replace(&format!("{}/", dir.path().display()), "");
        let text = |found: &Found| match found {
            Found::Text(text) => name(&text.file),
            Found::Stack(path) => format!("stack {}", name(&path.display().to_string())),
            Found::Chart(path) => format!("chart {}", name(&path.display().to_string())),
        };
        found.iter().map(text).collect()
    }

    #[test]
    fn a_folder_gives_its_yaml_and_what_is_a_stack_or_a_chart_in_it() {
        let files = ["b.yml", "a/a.yaml", "c.json", "d.md", ".git/x.yaml", "node_modules/y.yaml", "s/stack.yaml", "s/m.yaml", "x.txt"];
        let dir = folder(&[&files[..], &["h/Chart.yaml", "h/templates/x.yaml"]].concat());
        let found = |markdown| names(&dir, &find(dir.path(), markdown).unwrap());
        assert_eq!(found(false), ["a/a.yaml", "b.yml", "c.json", "chart h", "stack s"]);
        assert_eq!(found(true), ["a/a.yaml", "b.yml", "c.json", "d.md", "chart h", "stack s"]);
        assert_eq!(names(&dir, &find(&dir.path().join("s/stack.yaml"), false).unwrap()), ["stack s/stack.yaml"]);
        assert_eq!(names(&dir, &find(&dir.path().join("x.txt"), false).unwrap()), ["x.txt"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_path() {
        let dir = folder(&["empty/x.txt"]);
        let what = |path: &str| find(&dir.path().join(path), false).unwrap_err().what.replace(&dir.path().display().to_string(), "DIR");
        assert_eq!(what("none"), "DIR/none does not exist");
        assert_eq!(what("empty"), "DIR/empty holds no files of YAML or JSON");
        fs::File::create(dir.path().join("big.yaml")).unwrap().set_len(MAX_TEXT + 1).unwrap();
        assert_eq!(what("big.yaml"), "DIR/big.yaml is too large: tstack reads at most 16 MiB of one text");
    }

    #[test]
    fn what_is_too_large_together_or_too_deep_is_refused() {
        let dir = folder(&["a.yaml"]);
        for i in 0..9 {
            fs::File::create(dir.path().join(format!("{i}.yaml"))).unwrap().set_len(MAX_TEXT).unwrap();
        }
        let what = find(dir.path(), false).unwrap_err().what;
        assert!(what.ends_with(" are too large: tstack reads at most 128 MiB of them together"), "{what}");
        let deep = folder(&[&format!("{}x.yaml", "d/".repeat(MAX_DEPTH + 1))]);
        assert!(find(deep.path(), false).unwrap_err().what.ends_with(" lies more than 64 folders deep"));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let dir = folder(&["a.yaml"]);
        std::os::unix::fs::symlink(dir.path(), dir.path().join("round")).unwrap();
        assert_eq!(find(dir.path(), false).unwrap().len(), 1);
    }
}
