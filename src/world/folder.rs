//! Stack folders on disk.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::files::unreadable;
use crate::failure::Failure;
use crate::stack::Folder;

/// The largest YAML file that is read; the parser holds several times as much in memory.
const MAX_YAML: u64 = 4 << 20;
/// The largest program below `bin/`.
const MAX_PROGRAM: u64 = 64 << 20;
/// The most files; a path that leads to a home folder by mistake ends here, not after an hour.
const MAX_FILES: usize = 1000;
/// Folders that hold sources or what was made of them, never a part of a stack.
const SKIPPED: [&str; 3] = ["backend", "target", "node_modules"];

/// Reads a stack's folder, given by its path or by that of its `stack.yaml`: all YAML files, and everything below `bin/`.
/// Hidden names and links to folders are left out.
///
/// # Errors
/// Of kind usage, with the path, when there is no such folder, it holds no `stack.yaml`, or a file is too large or cannot be read.
pub fn read(path: &Path) -> Result<Folder, Failure> {
    let base = base(path)?;
    let mut files = Vec::new();
    walk(&base, &base, &mut files)?;
    let mut folder = Folder { origin: path_text(&base), ..Folder::default() };
    for (file, limit) in files {
        let size = fs::metadata(&file).map_err(|error| unreadable(&file, &error))?.len();
        if size > limit {
            let what =
                format!("{} is too large: {} MiB, and tstack reads at most {} MiB", file.display(), size.div_ceil(1 << 20), limit >> 20);
            return Err(Failure::usage(what));
        }
        let content = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
        folder.files.insert(relative(&file, &base), content);
    }
    Ok(folder)
}

/// The folders that hold the files of the stack at a path, its own first.
///
/// # Errors
/// As [`read`].
pub fn folders(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let base = base(path)?;
    let mut folders = vec![base.clone()];
    walk_folders(&base, &mut folders)?;
    Ok(folders)
}

fn walk_folders(folder: &Path, folders: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_hidden(&name) && !SKIPPED.contains(&name.as_str()) {
            folders.push(entry.path());
            walk_folders(&entry.path(), folders)?;
        }
    }
    Ok(())
}

/// Whether a file of that path would be read as a part of a stack.
#[must_use]
pub fn belongs(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy()));
    let program = path.components().any(|part| part.as_os_str() == "bin");
    !hidden && (is_yaml(path) || program || path.is_dir())
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

fn base(path: &Path) -> Result<PathBuf, Failure> {
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(format!("{} does not exist", path.display()))
            .hint("Give the path of a folder that holds a `stack.yaml`, or the path of that file."),
        _ => unreadable(path, &error),
    })?;
    let base = if meta.is_dir() {
        path.to_owned()
    } else if path.file_name().is_some_and(|name| name == "stack.yaml") {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        }
    } else {
        return Err(Failure::usage(format!("{} is not a stack: the file of a stack is called `stack.yaml`", path.display())));
    };
    match fs::metadata(base.join("stack.yaml")) {
        Ok(meta) if meta.is_file() => Ok(base),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unreadable(&base.join("stack.yaml"), &error)),
        _ => Err(Failure::usage(format!("{} holds no `stack.yaml`", base.display()))),
    }
}

fn walk(folder: &Path, base: &Path, files: &mut Vec<(PathBuf, u64)>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        if is_hidden(&name) {
            continue;
        }
        if kind.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(&path, base, files)?;
            }
            continue;
        }
        // a link is read when it leads to a file; one to a folder could lead round in circles
        if kind.is_symlink() && !fs::metadata(&path).is_ok_and(|meta| meta.is_file()) {
            continue;
        }
        if relative(&path, base).starts_with("bin/") {
            files.push((path, MAX_PROGRAM));
        } else if is_yaml(&path) {
            files.push((path, MAX_YAML));
        }
        if files.len() > MAX_FILES {
            let what = format!("{} holds more than {MAX_FILES} files; is it the folder of a stack?", base.display());
            return Err(Failure::usage(what).hint("Put the `stack.yaml` in a folder with nothing but its manifests."));
        }
    }
    Ok(())
}

fn relative(path: &Path, base: &Path) -> String {
    let parts = path.strip_prefix(base).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

fn path_text(path: &Path) -> String {
    let text = path.to_string_lossy();
    let trimmed = text.trim_end_matches('/');
    if trimmed.is_empty() { text.into_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    #[test]
    fn a_folder_and_its_stack_file_give_the_same() {
        let dir = folder(&[
            ("stack.yaml", "a"),
            ("m/b.yml", "b"),
            ("bin/linux-amd64/x", "c"),
            ("backend/d.yaml", ""),
            (".git/e.yaml", ""),
            ("README.md", ""),
        ]);
        let read_folder = read(dir.path()).unwrap();
        assert_eq!(read_folder.files.keys().collect::<Vec<_>>(), ["bin/linux-amd64/x", "m/b.yml", "stack.yaml"]);
        assert_eq!(read(&dir.path().join("stack.yaml")).unwrap(), read_folder);
        assert_eq!(read_folder.origin, dir.path().to_string_lossy());
    }

    #[test]
    fn every_bad_path_says_what_was_looked_for() {
        let dir = folder(&[("empty/x.yaml", ""), ("a/stack.yaml/x", "")]);
        let what = |path: &str| read(&dir.path().join(path)).unwrap_err().what.replace(&path_text(dir.path()), "DIR");
        assert_eq!(what("none"), "DIR/none does not exist");
        assert_eq!(what("empty"), "DIR/empty holds no `stack.yaml`");
        assert_eq!(what("empty/x.yaml"), "DIR/empty/x.yaml is not a stack: the file of a stack is called `stack.yaml`");
        assert_eq!(what("a"), "DIR/a holds no `stack.yaml`");
        assert_eq!(what("empty/x.yaml/y"), "cannot read DIR/empty/x.yaml/y");
    }

    #[test]
    fn too_large_and_too_many_are_refused() {
        let dir = folder(&[("stack.yaml", "")]);
        fs::File::create(dir.path().join("big.yaml")).unwrap().set_len(MAX_YAML + (1 << 20)).unwrap();
        assert!(read(dir.path()).unwrap_err().what.ends_with("big.yaml is too large: 5 MiB, and tstack reads at most 4 MiB"));
        fs::remove_file(dir.path().join("big.yaml")).unwrap();
        for i in 0..MAX_FILES {
            fs::write(dir.path().join(format!("{i}.yaml")), "").unwrap();
        }
        assert!(read(dir.path()).unwrap_err().what.contains("holds more than 1000 files"));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let dir = folder(&[("stack.yaml", "a")]);
        std::os::unix::fs::symlink(dir.path(), dir.path().join("round")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("stack.yaml"), dir.path().join("link.yaml")).unwrap();
        assert_eq!(read(dir.path()).unwrap().files.len(), 2);
    }
}
