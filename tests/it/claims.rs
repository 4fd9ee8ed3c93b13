//! The pages that make promises name the tests that hold them to it; each of these is there.

use std::collections::BTreeSet;
use std::path::Path;

/// Names of functions below a folder.
fn functions(folder: &Path, all: &mut BTreeSet<String>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs_err::read_to_string(&path).unwrap();
            all.extend(text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
        }
    }
}

/// Words in backticks that look like the name of a test: several words joined by underscores.
fn named(text: &str) -> Vec<&str> {
    let is_name =
        |word: &&str| word.matches('_').count() >= 2 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    text.split('`').skip(1).step_by(2).filter(is_name).collect()
}

#[test]
fn every_test_that_the_security_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = BTreeSet::new();
    for folder in ["src", "tests"] {
        functions(&root.join(folder), &mut all);
    }
    let text = fs_err::read_to_string(root.join("docs/security.md")).unwrap();
    let named = named(&text);
    assert!(named.len() > 20, "{named:?}");
    let gone: Vec<&str> = named.into_iter().filter(|name| !all.contains(*name)).collect();
    assert!(gone.is_empty(), "no such test: {gone:?}");
}
