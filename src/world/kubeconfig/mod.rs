//! The user's kubeconfig, changed only on request: our context goes in, and comes out again.
//!
//! As kubectl does, a writer holds `<file>.lock` while it works. The current context is never changed; a file that is new has ours.

mod lock;
mod text;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::lock::Lock;
pub use self::text::Edit;
use self::text::{Entries, LISTS};
use super::files;
use crate::failure::Failure;

/// What was put into a kubeconfig, as far as it must be known to take exactly that out again. No key is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// The file.
    pub file: PathBuf,
    /// The name of cluster, context and user in it.
    pub context: String,
    /// The digest of each entry.
    entries: Vec<String>,
    /// The digest of the whole file after the change.
    after: String,
    /// The change.
    edits: Vec<Edit>,
    /// The file was not there before.
    new: bool,
    /// Nor was its folder.
    #[serde(default)]
    new_folder: bool,
}

impl Exported {
    /// Whether it is another cluster than the one of this kubeconfig of ours.
    #[must_use]
    pub fn is_of_another(&self, ours: &str) -> bool {
        text::entries(ours, &self.context).is_none_or(|entries| digests(&entries) != self.entries)
    }
}

/// A change that is decided and not yet made. As long as it lives, nobody else changes the file.
pub struct Change {
    _lock: Lock,
    text: String,
    exported: Exported,
}

/// What came of taking a context out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is no longer there.
    Gone,
    /// It was changed by others since, and stays.
    Changed,
}

/// Whether a file has what was put into it, and that is what a kubeconfig of ours says now.
#[must_use]
pub fn is_current(exported: &Exported, ours: &str) -> bool {
    let Ok(Some(text)) = read(&exported.file) else { return false };
    !exported.is_of_another(ours) && is_ours(&text, exported)
}

/// Decides how the cluster of a kubeconfig of ours gets into a file under the name of a context, in the place of what was put there `before`.
///
/// # Errors
/// When another program holds the file, it cannot be read or changed safely, or has an entry of that name that is not ours.
pub async fn add(file: &Path, context: &str, ours: &str, before: Option<&Exported>) -> Result<Change, Failure> {
    let entries =
        text::entries(ours, context).ok_or_else(|| Failure::internal("the kubeconfig of the cluster is not as kind writes it"))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    if let Some(folder) = folder {
        files::make_private_dir(folder)?;
    }
    let lock = Lock::take(file).await?;
    let mut exported = Exported {
        file: file.to_owned(),
        context: context.to_owned(),
        entries: digests(&entries),
        after: String::new(),
        edits: Vec::new(),
        new: false,
        new_folder: folder.is_some(),
    };
    let text = match read(file)? {
        None => {
            exported.new = true;
            text::new(&entries, context)
        }
        Some(text) => {
            let base = match before {
                Some(before) if digest(&text) == before.after && before.new => {
                    (exported.new, exported.new_folder) = (true, before.new_folder);
                    String::new()
                }
                Some(before) if digest(&text) == before.after => {
                    text::undone(&text, &before.edits).ok_or_else(|| unsafe_to_change(file))?
                }
                Some(before) if is_ours(&text, before) => text::without(&text, context).ok_or_else(|| unsafe_to_change(file))?,
                _ => text,
            };
            if LISTS.iter().any(|(list, _)| text::find(&base, list, context).is_some()) {
                return Err(Failure::step(format!("{} has an entry `{context}` that is not tstack's", file.display()))
                    .why("nothing of it was changed")
                    .hint(format!(
                        "Rename or remove it (`{}`), or give this cluster another --name.",
                        kubectl(file, "delete-context", context)
                    )));
            }
            if exported.new {
                text::new(&entries, context)
            } else {
                let (text, edits) = text::with(&base, &entries).ok_or_else(|| unsafe_to_change(file))?;
                exported.edits = edits;
                text
            }
        }
    };
    exported.after = digest(&text);
    Ok(Change { _lock: lock, text, exported })
}

impl Change {
    /// What is to be known of it later.
    #[must_use]
    pub const fn exported(&self) -> &Exported {
        &self.exported
    }

    /// Makes it.
    ///
    /// # Errors
    /// When the file cannot be written; it is then as it was.
    pub fn write(self) -> Result<(), Failure> {
        let file = &self.exported.file;
        if fs_err::symlink_metadata(file).is_ok() {
            files::replace(file, self.text.as_bytes())
        } else {
            files::write_private(file, self.text.as_bytes())
        }
    }
}

/// Takes out what was put into a file, and nothing else.
///
/// # Errors
/// When another program holds the file, or it cannot be read, changed or written.
pub async fn remove(exported: &Exported) -> Result<Removed, Failure> {
    let (file, context) = (&exported.file, exported.context.as_str());
    // without the file no lock is made beside it
    if read(file)?.is_none() {
        return Ok(Removed::Gone);
    }
    let lock = Lock::take(file).await?;
    let Some(text) = read(file)? else { return Ok(Removed::Gone) };
    if digest(&text) == exported.after {
        if exported.new {
            fs_err::remove_file(file).map_err(|e| Failure::step(format!("cannot remove {}", file.display())).because(&e))?;
            drop(lock);
            if let Some(folder) = file.parent().filter(|_| exported.new_folder) {
                // others may have put something there
                let _ = fs_err::remove_dir(folder);
            }
            return Ok(Removed::Gone);
        }
        let before = text::undone(&text, &exported.edits).ok_or_else(|| unsafe_to_change(file))?;
        return files::replace(file, before.as_bytes()).map(|()| Removed::Gone);
    }
    if LISTS.iter().all(|(list, _)| text::find(&text, list, context).is_none()) && text::map_of(&text).is_some() {
        return Ok(Removed::Gone);
    }
    if !is_ours(&text, exported) {
        return Ok(Removed::Changed);
    }
    let left = text::without(&text, context)
        .ok_or_else(|| unsafe_to_change(file).hint(format!("`{}` removes the context.", kubectl(file, "delete-context", context))))?;
    files::replace(file, left.as_bytes()).map(|()| Removed::Gone)
}

/// The command that takes something out of a kubeconfig by hand.
#[must_use]
pub fn kubectl(file: &Path, verb: &str, what: &str) -> String {
    format!("kubectl --kubeconfig {} config {verb} {what}", file.display())
}

fn read(file: &Path) -> Result<Option<String>, Failure> {
    let Some(bytes) = files::read_if_there(file)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|_| unsafe_to_change(file))
}

fn unsafe_to_change(file: &Path) -> Failure {
    Failure::step(format!("{} cannot be changed safely", file.display()))
        .why("it is not one YAML document as a kubeconfig is, or laid out in a way that tstack does not change; it is as it was")
        .hint("Use the kubeconfig that `tstack up` shows at its end, by itself or beside yours in KUBECONFIG.")
}

/// Whether a text has the entries as they were put there.
fn is_ours(text: &str, exported: &Exported) -> bool {
    let found = LISTS.iter().map(|(list, _)| text::find(text, list, &exported.context).map(|entry| digest(&sorted(&entry).to_string())));
    found.eq(exported.entries.iter().cloned().map(Some))
}

fn digests(entries: &Entries) -> Vec<String> {
    entries.iter().map(|entry| digest(&sorted(entry).to_string())).collect()
}

/// kubectl sorts the keys of what it writes.
fn sorted(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let mut all: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            serde_json::Value::Object(all.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
