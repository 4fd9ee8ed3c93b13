//! Programs that the person has: the first on PATH with the right version.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use semver::Version;

use super::cache::Asked;
use super::lock::Program;
use super::{Obtained, Source};
use crate::world::process;

/// The first program on PATH with an accepted version, or why there is none.
pub(super) async fn look(program: &Program, search: &OsStr, cache: &Path) -> Result<Obtained, String> {
    let name = program.name.clone();
    let search = search.to_owned();
    let candidates: Vec<PathBuf> = process::candidates(&name, &search);
    let (mut seen, mut asked) = (Vec::new(), Asked::read(cache));
    for path in candidates {
        let known = asked.version(&path);
        let told = match known {
            Some(version) => Ok(version),
            None => version(program, &path).await.inspect(|version| asked.keep(cache, &path, version)),
        };
        match told {
            Ok(version) if program.accept.matches(&version) => {
                return Ok(Obtained { path, source: Source::Path, version, passed_over: Vec::new() });
            }
            Ok(version) => seen.push(format!("{} is {version}", path.display())),
            Err(why) => seen.push(format!("{} does not tell its version ({why})", path.display())),
        }
    }
    if seen.is_empty() { Err(format!("there is no `{name}`")) } else { Err(format!("{}, not {}", seen.join(", "), wanted(program))) }
}

/// What a program says its version is.
pub(super) async fn version(program: &Program, path: &Path) -> Result<Version, String> {
    let (path, ask) = (path.to_owned(), program.ask.clone());
    // a program is asked on a thread of its own: others are asked meanwhile
    let asked = tokio::task::spawn_blocking(move || process::version_of(&path, &ask)).await;
    asked.unwrap_or_else(|e| Err(e.to_string()))
}

fn wanted(program: &Program) -> String {
    if program.accept.matches(&program.version) && program.accept.comparators.iter().any(|c| c.op == semver::Op::Exact) {
        return program.version.to_string();
    }
    program.accept.to_string()
}
