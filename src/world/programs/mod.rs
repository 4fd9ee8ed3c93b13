//! Programs of others: kind and helm, which people install, and those that host mode gets by itself.
//!
//! Host mode's programs are in `tstack.lock`. Each is looked for on PATH and in our cache, then fetched from the first source that serves:
//! the image that upstream publishes, its Go module, its wheel. Every source says in one sentence why it did not serve.

mod cache;
mod golang;
mod image;
mod lock;
mod path;
mod tools;
mod wheel;
mod zstd;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use semver::Version;
use tokio_util::sync::CancellationToken;

use self::cache::{Cache, Held, cancelled};
use self::lock::{Go, Image, Program, Wheel};
use super::registry::Mirrors;
use crate::failure::Failure;

pub use tools::{helm, kind};

/// What is wanted: a program of `tstack.lock` by name, and its version. Of another version than the locked one only PATH can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `envoy-gateway`, `envoy` or `prometheus`.
    pub name: String,
    /// Exactly this version, unless the lock accepts more of it from PATH.
    pub version: Version,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Where programs may be and come from.
#[derive(Clone, Debug)]
pub struct Places {
    /// PATH: for the programs themselves, and for `go` and `python3`.
    pub search: OsString,
    /// The folder of our cache: `~/.cache/tstack/programs`.
    pub cache: PathBuf,
    /// Where registries are mirrored.
    pub mirrors: Mirrors,
    /// What programs are needed for.
    pub platform: Platform,
}

/// An operating system and an architecture, in the words of images and Go: `linux`, `amd64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `macos`, `windows`.
    pub os: &'static str,
    /// `amd64`, `arm64`.
    pub arch: &'static str,
}

impl Platform {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self { os: std::env::consts::OS, arch }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)
    }
}

/// A program that is there and runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obtained {
    /// The program's file.
    pub path: PathBuf,
    /// Where it came from.
    pub source: Source,
    /// What it says its version is.
    pub version: Version,
    /// The sources that were asked before and did not serve, each with its reason: a mirror with another digest than the pinned one is
    /// passed over, and said.
    pub passed_over: Vec<String>,
}

/// Where a program came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The person's own, on PATH.
    Path,
    /// Our cache, where it came to from what is named.
    Cache(String),
    /// Just now, from what is named.
    Fetched(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path => f.write_str("PATH"),
            Self::Cache(from) => write!(f, "the cache, from {from}"),
            Self::Fetched(from) => f.write_str(from),
        }
    }
}

/// How a program would be got, for a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The cause of the step: `not on PATH and not in the cache: from its image, or else built from its Go module`.
    pub how: String,
    /// What the longest of these ways takes, on two cores from nothing; a deadline is to be a multiple of it.
    pub about: Duration,
}

/// The program from PATH or our cache, if it is there: no network, nothing written but the cache's own notes.
///
/// A program on PATH is asked for its version once, which takes up to 0.3 s; a file of the cache is only hashed again when it is not the one
/// that was hashed last (its inode, size and times). So it takes milliseconds, and is done in every plan.
pub async fn look(wanted: &Wanted, places: &Places) -> Option<Obtained> {
    let program = lock::program(wanted).ok()?;
    let cache = Cache::new(&places.cache, &program);
    match path::look(&program, &places.search, cache.root()).await {
        Ok(found) => Some(found),
        Err(_) => cache.look().await.ok(),
    }
}

/// How the program would be got by [`obtain`] when [`look`] found nothing; asks no network.
#[must_use]
pub fn expected(wanted: &Wanted, places: &Places) -> Expected {
    let (mut ways, mut about) = (Vec::new(), Duration::from_mins(1));
    let ways_known = lock::program(wanted).map(|program| Way::all(&program)).unwrap_or_default();
    for way in ways_known {
        match way {
            Way::Image(image) => ways.push(format!("from the image {}:{}", image.name.name(), image.name.tag.unwrap_or_default())),
            Way::Go(go) if golang::found(&places.search).is_some() => {
                ways.push(format!("built by go from its module (about {} min from nothing on two cores)", go.minutes));
                about = about.max(Duration::from_mins(go.minutes));
            }
            Way::Wheel(wheel) if wheel::found(&places.search).is_some() => ways.push(format!("from the wheel {}", wheel.requirement)),
            Way::Go(_) | Way::Wheel(_) => {}
        }
    }
    let how = if ways.is_empty() { "no source is known".to_owned() } else { ways.join(", or else ") };
    Expected { how: format!("neither on PATH nor in the cache: {how}"), about }
}

/// Gets the program: from PATH, our cache, or the first source that serves. `tell` hears what is being done, to be shown as it comes.
///
/// Safe beside other tstacks: one at a time gets a program, and the others find it in the cache. A cancel leaves nothing behind.
///
/// # Errors
/// A step failure with the reason of every source and what to do; a preflight failure where the platform has no such program.
pub async fn obtain(
    wanted: &Wanted,
    places: &Places,
    cancel: &CancellationToken,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Obtained, Failure> {
    get(&lock::program(wanted)?, places, cancel, tell).await
}

/// [`obtain`] for a program of any lock.
async fn get(
    program: &Program,
    places: &Places,
    cancel: &CancellationToken,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Obtained, Failure> {
    supported(program, &places.platform)?;
    let mut reasons = Vec::new();
    let cache = Cache::new(&places.cache, program);
    match path::look(program, &places.search, cache.root()).await {
        Ok(found) => return Ok(found),
        Err(why) => reasons.push(format!("PATH: {why}")),
    }
    let held = cache.hold(cancel, tell).await?;
    match cache.look().await {
        Ok(found) => return Ok(found),
        Err(why) => reasons.push(format!("cache: {why}")),
    }
    let (mut passed_over, job) = (Vec::new(), Job { places, cache: &cache, held: &held, cancel, tell });
    for way in Way::all(program) {
        let tried = match &way {
            Way::Image(image) => image::fetch(&job, image).await,
            Way::Go(go) => golang::build(&job, go).await,
            Way::Wheel(wheel) => wheel::fetch(&job, wheel).await,
        };
        match tried {
            Ok(obtained) => return Ok(Obtained { passed_over, ..obtained }),
            Err(_) if cancel.is_cancelled() => return Err(cancelled(program)),
            Err(why) => passed_over.push(format!("{}: {why}", way.name())),
        }
    }
    reasons.extend(passed_over);
    Err(no_source(program, &places.search, reasons))
}

/// What every source gets.
struct Job<'a> {
    places: &'a Places,
    cache: &'a Cache<'a>,
    held: &'a Held,
    cancel: &'a CancellationToken,
    tell: &'a (dyn Fn(&str) + Send + Sync),
}

/// A source from which a program can be fetched, as the lock describes it.
enum Way {
    Image(Image),
    Go(Go),
    Wheel(Wheel),
}

impl Way {
    /// The sources of a program, in the order in which they are tried: what is quick and upstream's own first.
    fn all(program: &Program) -> Vec<Self> {
        let program = program.clone();
        let image = program.image.map(Self::Image);
        image.into_iter().chain(program.go.map(Self::Go)).chain(program.wheel.map(Self::Wheel)).collect()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Go(_) => "Go module",
            Self::Wheel(_) => "wheel",
        }
    }
}

fn no_source(program: &Program, search: &OsStr, reasons: Vec<String>) -> Failure {
    let failure = Failure::step(format!("cannot get {} {}", program.name, program.version));
    let failure = reasons.into_iter().fold(failure, Failure::why);
    let failure = failure.hint(format!("Put {} {} on PATH.", program.name, program.version));
    Way::all(program).into_iter().fold(failure, |failure, way| {
        failure.hint(match way {
            Way::Image(image) => format!("Or set a mirror that has {}.", image.name),
            Way::Go(_) if golang::found(search).is_none() => {
                "Or install Go (https://go.dev/doc/install): it is then built from its module.".to_owned()
            }
            Way::Go(_) => "Or let go reach its module proxy (`go env GOPROXY`).".to_owned(),
            Way::Wheel(_) if wheel::found(search).is_none() => {
                "Or install Python 3 with pip: it is then downloaded from its wheel.".to_owned()
            }
            Way::Wheel(_) => "Or let pip reach its package index (`pip config list`).".to_owned(),
        })
    })
}

/// The end of what a failed program said, as one sentence.
fn last_words(failure: &Failure) -> String {
    let said = failure.why.first().and_then(|text| text.lines().rev().find(|line| !line.trim().is_empty()));
    match said {
        Some(line) => format!("{}: {}", failure.what, line.trim().chars().take(300).collect::<String>()),
        None => failure.what.clone(),
    }
}

/// Envoy Gateway's host mode needs Linux, and upstream builds Envoy for two architectures.
fn supported(program: &Program, platform: &Platform) -> Result<(), Failure> {
    if platform.os == "linux" && ["amd64", "arm64"].contains(&platform.arch) {
        return Ok(());
    }
    Err(Failure::preflight(format!("{} {} does not exist for {platform}", program.name, program.version))
        .why("it is published for linux/amd64 and linux/arm64 alone")
        .hint("Use a container engine and kind: install Docker, then `tstack up --provider kind`."))
}

#[cfg(test)]
mod tests;
