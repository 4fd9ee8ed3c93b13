//! The word by which a node is known to be ours.
//!
//! The word is written into the node's container when the engine makes it, as the path of a mount: from its first instant
//! to its last, running or stopped, whole or half made, the container says whose it is, and no other tstack, no other user
//! and no other machine writes that word. A cluster without it is never changed.

use sha2::{Digest as _, Sha256};

use super::StateFolder;

/// Where the mount lies in a node; the word is the last part of its path.
const MARK: &str = "/tstack.dev/owner/";

/// A new word for a cluster: its place, which is the same for every cluster of this folder on this machine, and then what no
/// other run has.
#[must_use]
pub fn new_word(folder: &StateFolder, machine: &str, run: &str) -> String {
    format!("{}-{}", place(folder, machine), digest(&[run]))
}

/// A word for what all clusters of the same root on this machine share.
#[must_use]
pub fn shared_word(folder: &StateFolder, machine: &str) -> String {
    digest(&[machine, &folder.root().to_string_lossy()])
}

/// Whether a word was made for this folder on this machine, by a run whose record is lost.
#[must_use]
pub fn is_of(word: &str, folder: &StateFolder, machine: &str) -> bool {
    word.split_once('-').is_some_and(|(at, _)| at == place(folder, machine))
}

/// The path that marks a node with a word.
#[must_use]
pub fn mark(word: &str) -> String {
    format!("{MARK}{word}")
}

/// The word with which a path marks a node.
#[must_use]
pub fn word_of(path: &str) -> Option<&str> {
    path.strip_prefix(MARK).filter(|word| !word.is_empty())
}

fn place(folder: &StateFolder, machine: &str) -> String {
    digest(&[machine, &folder.path().to_string_lossy()])
}

/// Short enough for two of them in a label's value.
fn digest(parts: &[&str]) -> String {
    Sha256::digest(parts.join("\n")).iter().take(12).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_belongs_to_one_folder_on_one_machine() {
        let (mine, other) = (StateFolder::new("/home/a", "x"), StateFolder::new("/home/b", "x"));
        let word = new_word(&mine, "laptop", "1");
        assert!(is_of(&word, &mine, "laptop"));
        assert!(!is_of(&word, &other, "laptop"));
        assert!(!is_of(&word, &mine, "server"));
        assert!(!is_of("", &mine, "laptop"));
        assert_ne!(word, new_word(&mine, "laptop", "2"));
        assert!(word.len() <= 63, "a label's value has 63 characters at most: {word}");
    }

    #[test]
    fn what_is_shared_belongs_to_one_root_on_one_machine() {
        let word = |root: &str, name: &str, machine: &str| shared_word(&StateFolder::new(root, name), machine);
        assert_eq!(word("/home/a", "x", "laptop"), word("/home/a", "y", "laptop"));
        assert_ne!(word("/home/a", "x", "laptop"), word("/home/b", "x", "laptop"));
        assert_ne!(word("/home/a", "x", "laptop"), word("/home/a", "x", "server"));
    }

    #[test]
    fn a_mark_gives_its_word_and_other_paths_give_none() {
        assert_eq!(word_of(&mark("a-b")), Some("a-b"));
        assert_eq!(word_of("/lib/modules"), None);
        assert_eq!(word_of(&mark("")), None);
    }
}
