//! Chart archives: what helm pulled, looked into before anything unpacks it, and kept with its sum.
//!
//! A chart's folder holds `<chart>.tgz` and `<chart>.tgz.sha256` (as `sha256sum -c` reads it), put there in one step. An archive that is not
//! the one that was put there counts as none: it is pulled again.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::files;
use crate::failure::Failure;

/// The largest archive, what it may unfold to, and its most entries: ten times what large charts have, and a bound for an archive of zeroes.
const MOST_BYTES: u64 = 20 << 20;
const MOST_UNFOLDED: u64 = 100 << 20;
const MOST_ENTRIES: usize = 10_000;

/// Where a chart's archive is pulled to before it is in `folder`.
#[must_use]
pub fn part(folder: &Path) -> PathBuf {
    folder.with_added_extension("part")
}

/// Takes the archive that lies in [`part`] into the chart's folder, in place of what was there. `what` names the chart for people, `pinned` is
/// the sum that it must have: `sha256:` and 64 digits.
///
/// # Errors
/// When it is none, is not the pinned one, or holds what no chart has; it is removed then, and the folder is as it was.
pub fn keep(folder: &Path, what: &str, pinned: Option<&str>) -> Result<PathBuf, Failure> {
    let part = part(folder);
    let kept = admit(&part, folder, what, pinned);
    // in its place, or refused: of neither anything stays here
    match fs_err::remove_dir_all(&part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound && kept.is_ok() => {
            Err(Failure::step(format!("cannot clear {}", part.display())).because(&e))
        }
        _ => kept,
    }
}

fn admit(part: &Path, folder: &Path, what: &str, pinned: Option<&str>) -> Result<PathBuf, Failure> {
    let failed = |e: std::io::Error| Failure::step(format!("cannot keep {what} in {}", folder.display())).because(&e);
    let refused = |why: String| {
        Failure::step(format!("{what} is refused"))
            .why(why)
            .hint("Ask who publishes it, or choose another version; nothing of it was kept.")
    };
    let archive =
        archive_in(part)?.ok_or_else(|| Failure::step(format!("helm pulled {what}, but left no archive in {}", part.display())))?;
    let bytes = read(&archive).map_err(failed)?.ok_or_else(|| refused(format!("its archive has more than {} MiB", MOST_BYTES >> 20)))?;
    let sum = sum(&bytes);
    if let Some(pinned) = pinned.filter(|pinned| *pinned != sum) {
        return Err(Failure::step(format!("{what} is another than is pinned"))
            .why(format!("pinned {pinned}, pulled {sum}"))
            .hint("Find out which is right; then correct `digest` in the stack file, or what the registry or its mirror serves."));
    }
    check(&bytes, MOST_UNFOLDED).map_err(refused)?;
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files::write_private(&sum_path(&archive), format!("{}  {name}\n", sum.trim_start_matches("sha256:")).as_bytes())?;
    match fs_err::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    fs_err::rename(part, folder).map_err(failed)?;
    Ok(folder.join(name))
}

/// The archive of a chart's folder, if it is there, is the one that was put there, and is the pinned one where one is pinned.
///
/// # Errors
/// When the folder cannot be read.
pub fn kept(folder: &Path, pinned: Option<&str>) -> Result<Option<PathBuf>, Failure> {
    let Some(archive) = archive_in(folder)? else { return Ok(None) };
    let Some(line) = files::read_if_there(&sum_path(&archive))? else { return Ok(None) };
    let failed = |e: std::io::Error| Failure::step(format!("cannot read {}", archive.display())).because(&e);
    let Some(bytes) = read(&archive).map_err(failed)? else { return Ok(None) };
    let sum = sum(&bytes);
    let right = String::from_utf8_lossy(&line).split_whitespace().next() == sum.strip_prefix("sha256:");
    Ok((right && pinned.is_none_or(|pinned| pinned == sum)).then_some(archive))
}

/// The archive in a folder, if there is one.
fn archive_in(folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let failed = |e: std::io::Error| Failure::step(format!("cannot read the folder {}", folder.display())).because(&e);
    match fs_err::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|e| e == "tgz") {
                    return Ok(Some(path));
                }
            }
            Ok(None)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(e)),
    }
}

/// The bytes of an archive; `None` where it has too many.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MOST_BYTES).then_some(bytes))
}

fn sum_path(archive: &Path) -> PathBuf {
    archive.with_added_extension("sha256")
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Makes sure that an archive is a chart and nothing else: plain files and folders below one folder, with a `Chart.yaml`.
fn check(bytes: &[u8], most: u64) -> Result<(), String> {
    // one byte more than may be read, so that what is cut off is seen as too much
    let mut unfolded = MultiGzDecoder::new(bytes).take(most + 1);
    let checked = check_entries(&mut unfolded);
    if unfolded.limit() == 0 {
        return Err(format!("it unfolds to more than {} MiB", most >> 20));
    }
    checked
}

fn check_entries(unfolded: impl Read) -> Result<(), String> {
    let broken = |e: std::io::Error| format!("its archive cannot be read: {e}");
    let (mut archive, mut top, mut is_chart) = (tar::Archive::new(unfolded), None, false);
    for (number, entry) in archive.entries().map_err(broken)?.enumerate() {
        if number >= MOST_ENTRIES {
            return Err(format!("it has more than {MOST_ENTRIES} entries"));
        }
        let entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        // words of git about the archive itself, which is no file
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = entry.path().map_err(broken)?.into_owned();
        let shown = path.display();
        if !(kind.is_file() || kind.is_dir()) {
            return Err(format!("it holds `{shown}`, which is neither a file nor a folder"));
        }
        // the dot before `./chart/..` says nothing
        let parts: Vec<Component<'_>> = path.components().filter(|part| *part != Component::CurDir).collect();
        if !parts.iter().all(|part| matches!(part, Component::Normal(_))) || shown.to_string().contains('\\') {
            return Err(format!("it holds `{shown}`, which leads out of the folder that it is unpacked in"));
        }
        let Some(first) = parts.first().map(|part| part.as_os_str().to_owned()) else { continue };
        if let Some(top) = top.replace(first.clone()).filter(|top| *top != first) {
            return Err(format!("it holds `{shown}` beside `{}`", Path::new(&top).display()));
        }
        is_chart |= parts.len() == 2 && path.ends_with("Chart.yaml");
    }
    if is_chart { Ok(()) } else { Err("it holds no `Chart.yaml`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive whose paths are written as they are, however hostile.
    fn archive(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, *content).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    const FILE: tar::EntryType = tar::EntryType::Regular;
    const CHART: (&str, tar::EntryType, &[u8]) = ("web/Chart.yaml", FILE, b"name: web");

    /// A chart's folder to be, with an archive that helm has just pulled.
    fn pulled(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("web-1.2.3");
        fs_err::create_dir(part(&folder)).unwrap();
        fs_err::write(part(&folder).join("web-1.2.3.tgz"), bytes).unwrap();
        (home, folder)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut all: Vec<String> =
            fs_err::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        all.sort();
        all
    }

    /// The reason of a refusal, after which nothing is left.
    #[track_caller]
    fn refused(bytes: &[u8]) -> String {
        let (home, folder) = pulled(bytes);
        let failure = keep(&folder, "the chart oci://a/web 1.2.3", None).unwrap_err();
        assert_eq!(failure.what, "the chart oci://a/web 1.2.3 is refused");
        assert_eq!(names(home.path()), [""; 0]);
        failure.why.join("\n")
    }

    #[test]
    fn a_chart_is_kept_with_its_sum_and_found_again() {
        let bytes = archive(&[CHART, ("web/templates", tar::EntryType::Directory, b""), ("./web/templates/a.yaml", FILE, b"a")]);
        let (home, folder) = pulled(&bytes);
        assert_eq!(kept(&folder, None).unwrap(), None, "what was only pulled is not there yet");
        let path = keep(&folder, "the chart", Some(&sum(&bytes))).unwrap();
        assert_eq!(kept(&folder, None).unwrap(), Some(path.clone()));
        assert_eq!(kept(&folder, Some(&sum(&bytes))).unwrap(), Some(path));
        assert_eq!(
            (names(home.path()), names(&folder)),
            (vec!["web-1.2.3".to_owned()], vec!["web-1.2.3.tgz".into(), "web-1.2.3.tgz.sha256".into()])
        );
    }

    #[test]
    fn an_archive_that_was_changed_or_cut_off_counts_as_none() {
        let bytes = archive(&[CHART]);
        let (_home, folder) = pulled(&bytes);
        let path = keep(&folder, "the chart", None).unwrap();
        let mut changed = bytes.clone();
        *changed.last_mut().unwrap() ^= 1;
        for other in [&changed[..], &bytes[..bytes.len() - 9], &b""[..]] {
            fs_err::write(&path, other).unwrap();
            assert_eq!(kept(&folder, None).unwrap(), None);
        }
        fs_err::write(&path, &bytes).unwrap();
        assert!(kept(&folder, None).unwrap().is_some());
        assert_eq!(kept(&folder, Some(&sum(b"other"))).unwrap(), None, "it is not the one that is pinned now");
        fs_err::remove_file(sum_path(&path)).unwrap();
        assert_eq!(kept(&folder, None).unwrap(), None);
    }

    #[test]
    fn another_chart_than_is_pinned_is_refused_and_the_one_before_stays() {
        let (_home, folder) = pulled(&archive(&[CHART]));
        let before = keep(&folder, "the chart", None).unwrap();
        fs_err::create_dir(part(&folder)).unwrap();
        let other = archive(&[CHART, ("web/x", FILE, b"")]);
        fs_err::write(part(&folder).join("web-1.2.3.tgz"), &other).unwrap();
        let pinned = format!("sha256:{}", "1".repeat(64));
        let failure = keep(&folder, "the chart oci://a/web 1.2.3", Some(&pinned)).unwrap_err();
        assert_eq!(failure.what, "the chart oci://a/web 1.2.3 is another than is pinned");
        assert_eq!(failure.why, [format!("pinned {pinned}, pulled {}", sum(&other))]);
        assert!(failure.hints[0].contains("`digest`"), "{failure:?}");
        assert_eq!(kept(&folder, None).unwrap(), Some(before));
        assert!(!part(&folder).exists());
    }

    #[test]
    fn what_leads_out_of_the_folder_is_refused_with_its_name() {
        for path in ["../x", "web/../../x", "/etc/passwd", "web\\..\\x"] {
            assert_eq!(
                refused(&archive(&[CHART, (path, FILE, b"")])),
                format!("it holds `{path}`, which leads out of the folder that it is unpacked in")
            );
        }
        for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Fifo, tar::EntryType::Char] {
            assert_eq!(refused(&archive(&[CHART, ("web/x", kind, b"")])), "it holds `web/x`, which is neither a file nor a folder");
        }
        assert_eq!(refused(&archive(&[CHART, ("other/x", FILE, b"")])), "it holds `other/x` beside `web`");
    }

    #[test]
    fn what_is_no_chart_or_far_too_large_is_refused() {
        assert_eq!(refused(&archive(&[("web/x", FILE, b"")])), "it holds no `Chart.yaml`");
        assert!(refused(b"<html>").starts_with("its archive cannot be read: "));
        let whole = archive(&[CHART, ("web/x", FILE, &[7; 5000])]);
        assert!(refused(&whole[..whole.len() / 2]).starts_with("its archive cannot be read: "));
        assert_eq!(refused(&vec![0; usize::try_from(MOST_BYTES).unwrap() + 1]), "its archive has more than 20 MiB");
        let many: Vec<_> = (0..=MOST_ENTRIES).map(|_| CHART).collect();
        assert_eq!(refused(&archive(&many)), "it has more than 10000 entries");
    }

    #[test]
    fn an_archive_of_zeroes_is_not_unfolded_to_its_end() {
        let bytes = archive(&[CHART, ("web/zeroes", FILE, &vec![0; 2 << 20])]);
        assert!(bytes.len() < 1 << 16);
        assert_eq!(check(&bytes, 1 << 20), Err("it unfolds to more than 1 MiB".to_owned()));
        assert_eq!(check(&bytes, 3 << 20), Ok(()));
    }

    #[test]
    fn where_helm_left_nothing_that_is_told() {
        let home = tempfile::tempdir().unwrap();
        let failure = keep(&home.path().join("web"), "the chart", None).unwrap_err();
        assert!(failure.what.starts_with("helm pulled the chart, but left no archive in "), "{failure:?}");
    }
}
