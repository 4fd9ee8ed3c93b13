//! `tstack.lock`: what each program is, and how each source of it is verified. docs/host.md documents its form.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use semver::{Version, VersionReq};
use serde::Deserialize;

use super::Wanted;
use crate::failure::Failure;
use crate::stack::ImageRef;

/// A program, as the lock has it.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: Version,
    /// Which versions may come from PATH; the sources give `version` itself.
    pub(super) accept: VersionReq,
    /// The arguments with which it tells its version.
    pub(super) ask: Vec<String>,
    pub(super) image: Option<Image>,
    pub(super) go: Option<Go>,
    pub(super) wheel: Option<Wheel>,
}

/// The image that upstream publishes, and the program's path in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    pub(super) name: ImageRef,
    pub(super) file: String,
}

/// A package of a Go module. `modules` names the embedded `go.mod` and `go.sum`, which pin every module by its hash.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Go {
    pub(super) modules: String,
    pub(super) package: String,
    /// Values of variables, for the linker's `-X`.
    #[serde(default)]
    pub(super) define: BTreeMap<String, String>,
    /// How long it takes on two cores from nothing.
    pub(super) minutes: u64,
}

/// A wheel of the Python package index: the hash of its archive for each architecture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wheel {
    pub(super) requirement: String,
    pub(super) file: String,
    pub(super) sha256: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LockFile {
    api_version: String,
    kind: String,
    programs: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: String,
    accept: Option<String>,
    ask: Vec<String>,
    image: Option<Image>,
    go: Option<Go>,
    wheel: Option<Wheel>,
}

/// The lock that is part of this tstack.
static LOCK: LazyLock<Result<BTreeMap<String, Program>, String>> = LazyLock::new(|| read(include_str!("../../../tstack.lock")));

/// The program that is wanted; without its sources where the lock has another version, so that only PATH can have it.
///
/// # Errors
/// A usage failure when the lock does not know the program.
pub(super) fn program(wanted: &Wanted) -> Result<Program, Failure> {
    let lock = LOCK.as_ref().map_err(|why| Failure::internal("tstack.lock is wrong").why(why.clone()))?;
    in_lock(lock, wanted)
}

fn in_lock(lock: &BTreeMap<String, Program>, wanted: &Wanted) -> Result<Program, Failure> {
    let Some(known) = lock.get(&wanted.name) else {
        let names: Vec<&str> = lock.keys().map(String::as_str).collect();
        return Err(
            Failure::usage(format!("the program `{}` is not in tstack.lock", wanted.name)).why(format!("it has {}", names.join(", ")))
        );
    };
    if known.version == wanted.version {
        return Ok(known.clone());
    }
    Ok(Program { version: wanted.version.clone(), accept: exactly(&wanted.version), image: None, go: None, wheel: None, ..known.clone() })
}

/// Reads a lock.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Program>, String> {
    let value = crate::yaml::parse(text).map_err(|e| e.to_string())?.to_value();
    let file: LockFile = serde_json::from_value(value).map_err(|e| e.to_string())?;
    if (file.api_version.as_str(), file.kind.as_str()) != ("tstack.dev/v1alpha1", "Lock") {
        return Err(format!("it is `{}` `{}`, not `tstack.dev/v1alpha1` `Lock`", file.api_version, file.kind));
    }
    file.programs.into_iter().map(|(name, entry)| Ok((name.clone(), entry.program(name)?))).collect()
}

impl Entry {
    fn program(self, name: String) -> Result<Program, String> {
        let version = Version::parse(&self.version).map_err(|e| format!("{name}: version {}: {e}", self.version))?;
        let accept = match &self.accept {
            Some(accept) => VersionReq::parse(accept).map_err(|e| format!("{name}: accept {accept}: {e}"))?,
            None => exactly(&version),
        };
        Ok(Program { name, version, accept, ask: self.ask, image: self.image, go: self.go, wheel: self.wheel })
    }
}

fn exactly(version: &Version) -> VersionReq {
    let equal = semver::Comparator {
        op: semver::Op::Exact,
        major: version.major,
        minor: Some(version.minor),
        patch: Some(version.patch),
        pre: version.pre.clone(),
    };
    VersionReq { comparators: vec![equal] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_this_tstack_can_be_read() {
        let lock = LOCK.as_ref().unwrap();
        assert_eq!(lock.keys().collect::<Vec<_>>(), ["envoy", "envoy-gateway", "prometheus"]);
        assert!(lock["envoy"].image.as_ref().unwrap().name.digest.is_some());
    }

    #[test]
    fn the_versions_are_those_that_the_test_bed_builds() {
        // one version of Envoy Gateway and Envoy in all of the repository
        let bed = include_str!("../../../testbed/components.toml");
        let lock = LOCK.as_ref().unwrap();
        for (program, line) in [
            ("envoy-gateway", "docker.io/envoyproxy/gateway:v"),
            ("envoy", "version = \"v"),
            ("prometheus", "quay.io/prometheus/prometheus:v"),
        ] {
            let version = &lock[program].version;
            let named = bed.contains(&format!("{line}{version}\"")) || bed.contains(&format!("version = \"v{version}\""));
            assert!(named, "{program} {version} is not the test bed's");
        }
    }

    #[test]
    fn another_version_than_the_locked_one_can_only_come_from_path() {
        let wanted = Wanted { name: "envoy".into(), version: Version::new(1, 40, 0) };
        let program = program(&wanted).unwrap();
        assert!(program.image.is_none() && program.go.is_none() && program.wheel.is_none());
        assert!(program.accept.matches(&Version::new(1, 40, 0)) && !program.accept.matches(&Version::new(1, 39, 1)));
    }

    #[test]
    fn a_program_that_the_lock_does_not_know_is_named_with_those_that_it_has() {
        let failure = program(&Wanted { name: "nginx".into(), version: Version::new(1, 0, 0) }).unwrap_err();
        assert_eq!(failure.what, "the program `nginx` is not in tstack.lock");
        assert_eq!(failure.why, ["it has envoy, envoy-gateway, prometheus"]);
    }

    #[test]
    fn an_unknown_field_of_the_lock_is_an_error() {
        let text = "apiVersion: tstack.dev/v1alpha1\nkind: Lock\nprograms: {x: {version: 1.0.0, ask: [], sha: 1}}";
        assert!(read(text).unwrap_err().contains("unknown field `sha`"));
    }
}
