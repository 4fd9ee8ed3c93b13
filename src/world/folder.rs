//! Stack folders on disk.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::files::unreadable;
use crate::failure::Failure;
use crate::stack::Folder;

/// The largest YAML file that is read; the parser holds several times as much in memory.
const MAX_YAML: u64 = 4 << 20;
/// The largest program below `bin/`.
const MAX_PROGRAM: u64 = 64 << 20;
/// All YAML files of a folder together, and everything.
const MAX_ALL_YAML: u64 = 32 << 20;
const MAX_ALL: u64 = 512 << 20;
/// The most files; a path that leads to a home folder by mistake ends here, not after an hour.
const MAX_FILES: usize = 1000;
/// The most names that are looked at on the way.
const MAX_NAMES: usize = 50_000;
/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 32;
/// Folders that hold sources or what was made of them, never a part of a stack.
const SKIPPED: [&str; 3] = ["backend", "target", "node_modules"];

/// Reads a stack's folder, given by its path or by that of its `stack.yaml`: all YAML files, and everything below `bin/`.
/// Hidden names, links to folders, and what is no file (pipes, sockets, devices) are left out.
///
/// # Errors
/// Of kind usage, with the path, when there is no such folder, it holds no `stack.yaml`, a file is too large or cannot be read, all of them
/// are too large together, or a link leads out of the folder.
pub fn read(path: &Path) -> Result<Folder, Failure> {
    let base = base(path)?;
    let mut walk =
        Walk { base: &base, real: fs::canonicalize(&base).map_err(|error| unreadable(&base, &error))?, names: 0, files: Vec::new() };
    walk.folder(&base, 0)?;
    let mut folder = Folder { origin: path_text(&base), ..Folder::default() };
    let (mut yaml, mut all) = (0, 0);
    for (file, limit) in walk.files {
        let content = limited(&file, limit)?;
        let size = content.len() as u64;
        (yaml, all) = (if is_yaml(&file) { yaml + size } else { yaml }, all + size);
        for (sum, most, what) in [(yaml, MAX_ALL_YAML, "YAML files"), (all, MAX_ALL, "files")] {
            if sum > most {
                let what =
                    format!("the {what} of {} are too large: tstack reads at most {} MiB of them together", base.display(), most >> 20);
                return Err(Failure::usage(what).hint("Put the `stack.yaml` in a folder with nothing but its manifests."));
            }
        }
        folder.files.insert(relative(&file, &base), content);
    }
    Ok(folder)
}

/// A file's content; it may grow while it is read.
fn limited(file: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let opened = fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    let size = opened.metadata().map_err(|error| unreadable(file, &error))?.len();
    let mut content = Vec::new();
    if size <= limit {
        opened.take(limit + 1).read_to_end(&mut content).map_err(|error| unreadable(file, &error))?;
    }
    let size = size.max(content.len() as u64);
    if size > limit {
        let (has, most) = (size.div_ceil(1 << 20), limit >> 20);
        return Err(Failure::usage(format!("{} is too large: {has} MiB, and tstack reads at most {most} MiB", file.display())));
    }
    Ok(content)
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

/// A way through a stack's folder.
struct Walk<'a> {
    base: &'a Path,
    /// The folder without links in its path.
    real: PathBuf,
    /// How many names were seen.
    names: usize,
    /// The files to read, each with the most bytes that it may have.
    files: Vec<(PathBuf, u64)>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), Failure> {
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(folder, &error))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            self.names += 1;
            if self.names > MAX_NAMES {
                return Err(self.too_many(MAX_NAMES, "names"));
            }
            if is_hidden(&name) {
                continue;
            }
            if kind.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    if depth == MAX_DEPTH {
                        let what = format!("{} lies more than {MAX_DEPTH} folders deep in the stack's folder", path.display());
                        return Err(Failure::usage(what));
                    }
                    self.folder(&path, depth + 1)?;
                }
                continue;
            }
            let limit = if relative(&path, self.base).starts_with("bin/") {
                MAX_PROGRAM
            } else if is_yaml(&path) {
                MAX_YAML
            } else {
                continue;
            };
            // a link is read when it leads to a file; one to a folder could lead round in circles
            if kind.is_file() || (kind.is_symlink() && self.leads_to_a_file(&path)?) {
                self.files.push((path, limit));
            }
            if self.files.len() > MAX_FILES {
                return Err(self.too_many(MAX_FILES, "files"));
            }
        }
        Ok(())
    }

    /// Whether a link leads to a file of the folder.
    ///
    /// # Errors
    /// When it leads to a file elsewhere: a stack that came from others could have a key of this machine applied or shown.
    fn leads_to_a_file(&self, link: &Path) -> Result<bool, Failure> {
        let Ok(target) = fs::canonicalize(link) else { return Ok(false) };
        if !fs::metadata(&target).is_ok_and(|meta| meta.is_file()) {
            return Ok(false);
        }
        if target.starts_with(&self.real) {
            return Ok(true);
        }
        Err(Failure::usage(format!("{} leads out of the stack's folder", link.display()))
            .why(format!("it is a link to {}", target.display()))
            .hint("Put a copy of the file in its place."))
    }

    fn too_many(&self, many: usize, what: &str) -> Failure {
        Failure::usage(format!("{} holds more than {many} {what}; is it the folder of a stack?", self.base.display()))
            .hint("Put the `stack.yaml` in a folder with nothing but its manifests.")
    }
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

    #[test]
    fn what_is_too_large_together_is_refused() {
        let dir = folder(&[("stack.yaml", "")]);
        for i in 0..9 {
            fs::File::create(dir.path().join(format!("{i}.yaml"))).unwrap().set_len(MAX_YAML).unwrap();
        }
        let what = read(dir.path()).unwrap_err().what;
        assert!(what.ends_with(" are too large: tstack reads at most 32 MiB of them together"), "{what}");
    }

    #[test]
    fn folders_in_folders_have_an_end() {
        let deep = format!("{}x.yaml", "d/".repeat(MAX_DEPTH + 1));
        let dir = folder(&[("stack.yaml", ""), (&deep, "")]);
        assert!(read(dir.path()).unwrap_err().what.ends_with(" lies more than 32 folders deep in the stack's folder"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_never_opened() {
        let dir = folder(&[("stack.yaml", "a")]);
        // opening a pipe would wait for a writer without an end
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe.yaml"), rustix::fs::Mode::RWXU).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("zero.yaml")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("pipe.yaml"), dir.path().join("link.yaml")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.yaml")).unwrap();
        assert_eq!(read(dir.path()).unwrap().files.keys().collect::<Vec<_>>(), ["stack.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_refused_with_where_it_leads() {
        let (dir, other) = (folder(&[("stack.yaml", "a")]), folder(&[("key.yaml", "secret")]));
        std::os::unix::fs::symlink(other.path().join("key.yaml"), dir.path().join("web.yaml")).unwrap();
        let failure = read(dir.path()).unwrap_err();
        assert!(failure.what.ends_with("/web.yaml leads out of the stack's folder"), "{failure:?}");
        assert!(failure.why[0].starts_with("it is a link to /") && failure.why[0].ends_with("/key.yaml"), "{failure:?}");
        // a name that only begins as the folder's does lies outside too
        let twin = std::path::PathBuf::from(format!("{}-twin.yaml", dir.path().display()));
        fs::write(&twin, "x").unwrap();
        fs::remove_file(dir.path().join("web.yaml")).unwrap();
        std::os::unix::fs::symlink(&twin, dir.path().join("web.yaml")).unwrap();
        assert!(read(dir.path()).is_err());
        fs::remove_file(twin).unwrap();
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
