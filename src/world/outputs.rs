//! Files that are written into a folder of the user's: all of them or none, and none that somebody else wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// Lists the files that were written before, each with the digest of its content.
const LIST: &str = ".tstack-generated";

/// What came of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that are new or have another content.
    pub changed: Vec<String>,
    /// Files that were as they should be.
    pub unchanged: Vec<String>,
    /// Files of an earlier run that are not needed any more.
    pub removed: Vec<String>,
}

/// Writes files below a folder, which is made where it is not there. What an earlier run wrote is replaced, and removed where it is not
/// among them any more, unless somebody changed it since; with `force` everything in the way is replaced.
///
/// # Errors
/// Of kind usage, with every file in the way, before anything is written; of kind step where the disk does not do it. Then everything is
/// as it was.
pub fn write_all(folder: &Path, files: &BTreeMap<String, Vec<u8>>, force: bool) -> Result<Written, Failure> {
    let before = listed(folder)?;
    let mut written = Written::default();
    let mut in_the_way = Vec::new();
    let known: BTreeSet<&String> = files.keys().chain(before.keys()).collect();
    for path in known {
        let there = content(&folder.join(path))?;
        let ours = match (&there, before.get(path)) {
            (None, _) => true,
            (Some(bytes), Some(digest)) => digest_of(bytes) == *digest,
            (Some(_), None) => false,
        };
        match files.get(path) {
            Some(wanted) if there.as_ref() == Some(wanted) => written.unchanged.push(path.clone()),
            _ if !ours && !force => in_the_way.push((path.clone(), before.contains_key(path))),
            Some(_) => written.changed.push(path.clone()),
            None if there.is_some() => written.removed.push(path.clone()),
            None => {}
        }
    }
    if !in_the_way.is_empty() {
        return Err(refused(folder, &in_the_way));
    }
    let list: String = files.iter().map(|(path, bytes)| [&digest_of(bytes), "  ", path, "\n"].concat()).collect();
    let mut all: Vec<(&str, &[u8])> = written.changed.iter().map(|path| (path.as_str(), files[path].as_slice())).collect();
    all.push((LIST, list.as_bytes()));
    exchange(folder, &all, &written.removed)
        .map_err(|error| Failure::step(format!("cannot write to {}", folder.display())).because(&error))?;
    Ok(written)
}

fn refused(folder: &Path, files: &[(String, bool)]) -> Failure {
    let mut failure = Failure::usage(format!("{} holds files that would be lost; nothing was written", folder.display()));
    for (path, ours) in files {
        failure =
            failure.why(if *ours { format!("{path}: changed since tstack wrote it") } else { format!("{path}: not written by tstack") });
    }
    failure.hint("Choose another folder, or give --force to replace them.")
}

/// The files of an earlier run.
fn listed(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let bytes = content(&folder.join(LIST))?.unwrap_or_default();
    let inside = |path: &str| !path.is_empty() && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let entries = text.lines().filter_map(|line| line.split_once("  ")).filter(|(_, path)| inside(path));
    Ok(entries.map(|(digest, path)| (path.to_owned(), digest.to_owned())).collect())
}

fn content(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    super::files::read_if_there(path).map_err(|failure| Failure { kind: crate::failure::FailureKind::Usage, ..failure })
}

fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Puts the new files in place and takes the old ones away; undone as a whole where one step of it fails.
fn exchange(folder: &Path, files: &[(&str, &[u8])], removed: &[String]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    // in the folder itself: only within one file system a rename is whole
    let staging = tempfile::Builder::new().prefix(".tstack-").tempdir_in(folder)?;
    for (at, (_, bytes)) in files.iter().enumerate() {
        fs::write(staging.path().join(format!("new-{at}")), bytes)?;
    }
    let mut undo: Vec<(PathBuf, Option<PathBuf>)> = Vec::new();
    let done = place(folder, staging.path(), files, removed, &mut undo);
    if done.is_err() {
        for (target, old) in undo.into_iter().rev() {
            let _ = match old {
                Some(old) => fs::rename(old, target),
                None => fs::remove_file(target),
            };
        }
    }
    done
}

fn place(
    folder: &Path,
    staging: &Path,
    files: &[(&str, &[u8])],
    removed: &[String],
    undo: &mut Vec<(PathBuf, Option<PathBuf>)>,
) -> std::io::Result<()> {
    let put_aside = |target: &Path, undo: &mut Vec<(PathBuf, Option<PathBuf>)>| -> std::io::Result<()> {
        let old = staging.join(format!("old-{}", undo.len()));
        let there = target.symlink_metadata().is_ok();
        if there {
            fs::rename(target, &old)?;
        }
        undo.push((target.to_owned(), there.then_some(old)));
        Ok(())
    };
    for (at, (path, _)) in files.iter().enumerate() {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        put_aside(&target, undo)?;
        fs::rename(staging.join(format!("new-{at}")), &target)?;
    }
    removed.iter().try_for_each(|path| put_aside(&folder.join(path), undo))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        all.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_was_written_before_is_replaced_and_what_is_not_needed_goes() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        let first = write_all(&folder, &files(&[("x.yaml", "1"), ("m/y.yaml", "2"), ("z.yaml", "3")]), false).unwrap();
        assert_eq!(first.changed, ["m/y.yaml", "x.yaml", "z.yaml"]);
        let second = write_all(&folder, &files(&[("x.yaml", "1"), ("m/y.yaml", "new")]), false).unwrap();
        assert_eq!(
            (second.changed, second.unchanged, second.removed),
            (vec!["m/y.yaml".into()], vec!["x.yaml".into()], vec!["z.yaml".into()])
        );
        assert_eq!(fs::read(folder.join("m/y.yaml")).unwrap(), b"new");
        assert!(!folder.join("z.yaml").exists());
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }

    #[test]
    fn what_somebody_else_wrote_or_changed_is_kept_unless_forced() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        fs::write(folder.join("mine.yaml"), "mine").unwrap();
        write_all(folder, &files(&[("x.yaml", "1"), ("gone.yaml", "1")]), false).unwrap();
        fs::write(folder.join("x.yaml"), "edited").unwrap();
        fs::write(folder.join("gone.yaml"), "edited").unwrap();
        let wanted = files(&[("mine.yaml", "2"), ("new.yaml", "2"), ("x.yaml", "2")]);
        let failure = write_all(folder, &wanted, false).unwrap_err();
        assert_eq!(
            failure.why,
            ["gone.yaml: changed since tstack wrote it", "mine.yaml: not written by tstack", "x.yaml: changed since tstack wrote it"]
        );
        assert!(!folder.join("new.yaml").exists(), "nothing was written");
        let forced = write_all(folder, &wanted, true).unwrap();
        assert_eq!((forced.changed.len(), forced.removed.len()), (3, 1));
        assert_eq!(fs::read(folder.join("mine.yaml")).unwrap(), b"2");
    }

    #[test]
    fn when_one_file_cannot_be_placed_all_are_as_before() {
        let home = tempfile::tempdir().unwrap();
        write_all(home.path(), &files(&[("a.yaml", "1"), ("b.yaml", "1")]), false).unwrap();
        // a file where a folder must be
        fs::write(home.path().join("m"), "in the way").unwrap();
        assert!(write_all(home.path(), &files(&[("a.yaml", "2"), ("m/x.yaml", "2")]), false).is_err());
        assert_eq!(fs::read(home.path().join("a.yaml")).unwrap(), b"1");
        assert_eq!(fs::read(home.path().join("b.yaml")).unwrap(), b"1");
    }
}
