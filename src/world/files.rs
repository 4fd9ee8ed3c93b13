//! Files, written whole or not at all.

use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::failure::Failure;

/// A path that people named and that cannot be read, of kind usage.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::usage(format!("cannot read {}", path.display())).because(error);
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return failure.hint("Make it readable for the user that runs tstack.");
    }
    failure
}

/// A path that cannot be written, and what to do where the disk is full.
fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::step(format!("cannot write {}", path.display())).because(error);
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            failure.hint("Make room on its disk, then run the same command again: it goes on from here.")
        }
        _ => failure,
    }
}

/// Makes a folder and its parents, readable by the owner alone.
///
/// # Errors
/// When the folder cannot be made; the message names it.
pub fn make_private_dir(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| Failure::step(format!("cannot make the folder {}", path.display())).because(&e))
}

/// Takes from group and others what they may do with a file or folder of this user. Gives whether they could do anything until now.
///
/// # Errors
/// When it belongs to another user, or its rights cannot be changed.
#[cfg(unix)]
pub fn make_private(path: &Path) -> Result<bool, Failure> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let failed = |e: std::io::Error| Failure::preflight(format!("cannot make {} private", path.display())).because(&e);
    let meta = match fs_err::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(failed(e)),
    };
    let me = rustix::process::geteuid();
    if meta.uid() != me.as_raw() && !me.is_root() {
        return Err(Failure::preflight(format!("{} belongs to another user", path.display()))
            .why(format!("its owner has the number {}, you have {}", meta.uid(), me.as_raw()))
            .hint("What lies there could be read and changed by its owner: choose another folder with TSTACK_STATE."));
    }
    let mode = meta.permissions().mode();
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Ok(false);
    }
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700)).map_err(failed)?;
    Ok(true)
}

/// Nothing: rights are another matter on this system.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn make_private(_: &Path) -> Result<bool, Failure> {
    Ok(false)
}

/// Writes a file that only the owner can read: first beside it under another name, then renamed, so that a crash leaves
/// the old content or the new one. It is on the disk when this returns.
///
/// # Errors
/// When the folder does not exist or the disk is full; the message names the file.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_private_together(&[(path, content)])
}

/// Writes files of one folder as [`write_private`] does, in this order: where one cannot be written, as on a full disk, none is
/// changed; and after a crash no later one is newer than an earlier one.
///
/// # Errors
/// When the folder does not exist or the disk is full; the message names the file.
pub fn write_private_together(files: &[(&Path, &[u8])]) -> Result<(), Failure> {
    let mut staged = Vec::with_capacity(files.len());
    for (path, content) in files {
        staged.push((*path, stage(path, content).map_err(|e| unwritable(path, &e))?));
    }
    for (path, file) in staged {
        file.persist(path).map_err(|e| unwritable(path, &e.error))?;
    }
    if let Some((path, _)) = files.first() {
        sync_folder(folder_of(path));
    }
    Ok(())
}

/// A file with that content beside a path, on the disk, which is yet to get its name.
fn stage(path: &Path, content: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    // tempfile makes its files with mode 0600
    let mut file = tempfile::Builder::new().prefix(".tstack-").tempfile_in(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Puts the names of a folder on the disk. Not every system or file system does that for a folder; where not, a file that was
/// renamed has its old content after a power cut, which is as whole as the new one.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = fs_err::File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Writes a program that only the owner can read and run, and the folders above it; whole or not at all.
///
/// # Errors
/// When a folder cannot be made or the disk is full; the message names the file.
pub fn write_program(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = folder_of(path);
    make_private_dir(folder)?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".tstack-").tempfile_in(folder)?;
        file.write_all(content)?;
        #[cfg(unix)]
        file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| unwritable(path, &e))
}

/// Writes a file that the user asked for by name, with the rights that the user's files have.
///
/// # Errors
/// When its folder does not exist or the disk is full; the message names the file.
pub fn write_report(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs_err::write(path, content).map_err(|e| unwritable(path, &e))
}

/// Puts new content in the place of a file's, whole or not at all, with the rights that it has. Of a link, what it leads to changes.
///
/// # Errors
/// When it is gone or cannot be written; the message names it.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let path = fs_err::canonicalize(path)?;
        let rights = fs_err::metadata(&path)?.permissions();
        let mut file = tempfile::Builder::new().prefix(".tstack-").tempfile_in(folder_of(&path))?;
        file.write_all(content)?;
        file.as_file().set_permissions(rights)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(|e| unwritable(path, &e))
}

/// Puts a file in the place of another one of the same file system, at once.
///
/// # Errors
/// When it is not there or its folder cannot be written; the message names both.
pub fn move_over(from: &Path, to: &Path) -> Result<(), Failure> {
    fs_err::rename(from, to).map_err(|e| unwritable(to, &e))
}

/// Removes a file; one that is not there is removed already.
///
/// # Errors
/// When it cannot be removed; the message names it.
pub fn remove_if_there(path: &Path) -> Result<(), Failure> {
    match fs_err::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::step(format!("cannot remove {}", path.display())).because(&e)),
        _ => Ok(()),
    }
}

/// The most that is read of one file: a device that never ends, or a file that somebody filled, does not fill the memory.
const MOST: u64 = 64 << 20;

/// The content of a file, or `None` where there is none.
///
/// # Errors
/// When it is there but cannot be read, or is larger than anything that tstack has a use for.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |e: std::io::Error| Failure::step(format!("cannot read {}", path.display())).because(&e);
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::step(format!("{} is too large: tstack reads at most {} MiB of one file", path.display(), MOST >> 20)));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        make_private_dir(path.parent().unwrap()).unwrap();
        write_private(&path, b"key").unwrap();
        let mode = |p: &Path| fs_err::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(read_if_there(&path).unwrap().unwrap(), b"key");
    }

    #[cfg(unix)]
    #[test]
    fn what_others_could_read_is_taken_from_them_and_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert_eq!(make_private(&path), Ok(false), "it is not there");
        fs_err::write(&path, "key").unwrap();
        for (mode, told, then) in [(0o640, true, 0o600), (0o600, false, 0o600), (0o777, true, 0o700)] {
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(make_private(&path), Ok(told));
            assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, then);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_and_a_link_its_target() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("b"));
        fs_err::write(&path, "old").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_an_end_is_refused() {
        let failure = read_if_there(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(failure.what, "/dev/zero is too large: tstack reads at most 64 MiB of one file");
    }

    #[test]
    fn where_one_of_several_cannot_be_written_none_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("absent/b"));
        fs_err::write(&first, "old").unwrap();
        let failure = write_private_together(&[(&first, b"new"), (&second, b"new")]).unwrap_err();
        assert_eq!(failure.what, format!("cannot write {}", second.display()));
        assert_eq!(fs_err::read_to_string(&first).unwrap(), "old");
        let names: Vec<_> = fs_err::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a"], "nothing is left of the attempt");
    }

    #[test]
    fn a_file_that_is_not_there_is_no_error() {
        assert_eq!(read_if_there(Path::new("/nonexistent/x")).unwrap(), None);
    }
}
