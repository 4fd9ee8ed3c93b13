//! The real binary and the house itself, without engine, cluster or rights.
//!
//! Modules that play kind and helm need the program `fake-tool`, which is built with `--features test-fakes` alone, as `make test` does.
#![expect(clippy::unwrap_used, reason = "tests; clippy knows only functions that are marked as such")]

mod corpus;
mod examples;
mod generate;
mod generate_docs;
mod help;
mod input;
mod least_privilege;
mod lint;
mod seeds;
mod support;
mod timings;
mod walls;

#[cfg(all(unix, feature = "test-fakes"))]
mod cancel;
mod claims;
#[cfg(all(unix, feature = "test-fakes"))]
mod contexts;
#[cfg(all(unix, feature = "test-fakes"))]
mod engine;
#[cfg(all(unix, feature = "test-fakes"))]
mod keys;
#[cfg(all(unix, feature = "test-fakes"))]
mod mirrors;
#[cfg(all(unix, feature = "test-fakes"))]
mod pipes;
#[cfg(all(unix, feature = "test-fakes"))]
mod plans;
#[cfg(all(unix, feature = "test-fakes"))]
mod ports;
#[cfg(all(unix, feature = "test-fakes"))]
mod provider;
#[cfg(all(unix, feature = "test-fakes"))]
mod records;
#[cfg(all(unix, feature = "test-fakes"))]
mod snapshots;
#[cfg(all(unix, feature = "test-fakes"))]
mod tools;
#[cfg(all(unix, feature = "test-fakes"))]
mod trust;

/// A file that no `mod` names would be compiled by nobody and fail never.
#[test]
fn no_file_of_these_tests_is_forgotten() {
    let here = support::root().join("tests/it");
    let mains = ["main.rs", "support/mod.rs"].map(|file| fs_err::read_to_string(here.join(file)).unwrap());
    for file in support::rust_files(&here) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let declared = mains.iter().any(|text| text.contains(&format!("mod {name};")));
        assert!(declared || ["main", "mod"].contains(&name), "{} is declared nowhere", file.display());
    }
}
