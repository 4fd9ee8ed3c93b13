//! What Envoy Gateway ships as examples is right: an error of the linter there is an error of the linter, unless `docs/lint.md` says why not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tstack::lint::{self, Input, Reading, Severity, Surroundings};

use crate::support::root;

/// The module whose version the linter knows.
const MODULE: &str = "github.com/envoyproxy/gateway@v1.9.1";

/// Its examples, where this machine has the module: Go keeps it in its cache once it was fetched.
fn examples() -> Option<PathBuf> {
    let cache = option_env!("GOMODCACHE").map(PathBuf::from);
    let usual = std::env::home_dir().map(|home| home.join("go/pkg/mod"));
    cache.into_iter().chain(usual).map(|cache| cache.join(MODULE).join("examples")).find(|folder| folder.is_dir())
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
}

/// File and rule of the rows of the table in `docs/lint.md`.
fn justified() -> BTreeSet<(String, String)> {
    let text = fs_err::read_to_string(root().join("docs/lint.md")).unwrap();
    let (_, section) = text.split_once("\n## Envoy Gateway's own examples\n").unwrap();
    let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let (file, rule, why) = (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap());
        assert!(why.len() > 20, "no reason is given: {row}");
        (file.trim_matches('`').to_owned(), rule.to_owned())
    })
    .collect()
}

#[test]
fn the_examples_of_envoy_gateway_have_no_error_but_those_that_the_documents_justify() {
    let Some(folder) = examples() else {
        println!("skipped: the Go module {MODULE} is not in this machine's cache");
        return;
    };
    let mut files = Vec::new();
    yaml_files(&folder, &mut files);
    assert!(files.len() >= 30, "{} examples under {}", files.len(), folder.display());
    let (mut told, mut texts) = (BTreeSet::new(), Vec::new());
    for path in files {
        let name = format!("examples/{}", path.strip_prefix(&folder).unwrap().display()).replace('\\', "/");
        let input = Input::new(name.clone(), fs_err::read(&path).unwrap(), true);
        let set = Reading::of(vec![input]).into_set(Surroundings::default());
        for finding in lint::run(&set).into_iter().filter(|finding| finding.severity == Severity::Error) {
            told.insert((name.clone(), finding.rule.to_owned()));
            texts.push(format!("{name}:{}:{}: {}: {}", finding.line, finding.column, finding.rule, finding.message));
        }
    }
    let justified = justified();
    let new: Vec<_> = told.difference(&justified).collect();
    assert!(new.is_empty(), "errors that docs/lint.md does not justify: {new:?}\n{}", texts.join("\n"));
    let gone: Vec<_> = justified.difference(&told).collect();
    assert!(gone.is_empty(), "docs/lint.md justifies what is no longer told: {gone:?}");
}
