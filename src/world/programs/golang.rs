//! From its Go module, built by the ordinary `go`: the embedded `go.sum` holds every module to its hash.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lock::Go;
use super::{Job, Obtained, last_words};
use crate::world::process::{self, Command};

/// The pinned module graphs, by the name that the lock has for them: the test bed builds from the same files.
const GRAPHS: &[(&str, &str, &str)] = &[(
    "envoy-gateway",
    include_str!("../../../testbed/go/envoy-gateway/go.mod"),
    include_str!("../../../testbed/go/envoy-gateway/go.sum"),
)];

/// What a build has beside the person's own environment.
const ENV: &[(&str, &str)] = &[
    ("CGO_ENABLED", "0"),
    ("GOWORK", "off"),
    // the compiler's own garbage collector: memory is cheaper here than time
    ("GOGC", "400"),
];

/// How it compiles. Debug information is left out by the linker: it is not made first.
const FLAGS: &[&str] = &["-mod=readonly", "-buildvcs=false", "-trimpath", "-gcflags=all=-dwarf=false"];

/// The person's `go`.
pub(super) fn found(search: &std::ffi::OsStr) -> Option<PathBuf> {
    process::candidates("go", search).into_iter().next()
}

pub(super) async fn build(job: &Job<'_>, go: &Go) -> Result<Obtained, String> {
    let program = found(&job.places.search).ok_or("there is no `go` on PATH")?;
    let (_, modules, sums) = GRAPHS.iter().find(|(name, ..)| *name == go.modules).ok_or("tstack has no go.mod for it")?;
    let scratch = job.cache.scratch(job.held)?;
    let folder = scratch.path().join("module");
    fs_err::create_dir(&folder).map_err(|e| e.to_string())?;
    for (name, text) in [("go.mod", modules), ("go.sum", sums)] {
        fs_err::File::create(folder.join(name))
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|e| e.to_string())?;
    }
    let run = |verb: &str, args: &[&str]| {
        // -C comes first, or go refuses it
        let command =
            Command::new(&program).args([verb, "-C"]).args([folder.as_os_str()]).args(FLAGS.iter().copied()).args(args.iter().copied());
        let command = ENV.iter().fold(command, |command, (name, value)| command.env(*name, *value));
        command.env("GOTMPDIR", scratch.path())
    };

    let minutes = go.minutes;
    (job.tell)(&format!("go downloads the modules of {}", go.package));
    let downloads = |line: &str| {
        if let Some(module) = line.strip_prefix("go: downloading ") {
            (job.tell)(&format!("go downloads {module}"));
        }
    };
    let listed = run("list", &["-deps", &go.package]).run(job.cancel, &downloads).await.map_err(|f| last_words(&f))?;
    let all = listed.stdout.lines().count();

    let out = scratch.path().join("built");
    let linker = go.define.iter().fold("-ldflags=-s -w".to_owned(), |flags, (name, value)| format!("{flags} -X {name}={value}"));
    let count = AtomicUsize::new(0);
    let compiles = |line: &str| {
        let done = count.fetch_add(1, Ordering::Relaxed) + 1;
        (job.tell)(&format!("go compiles {line}: {done} of at most {all} packages, about {minutes} min from nothing on two cores"));
    };
    let args = ["-v", &linker, "-o", &shown(&out), &go.package];
    run("build", &args).run(job.cancel, &compiles).await.map_err(|f| last_words(&f))?;
    let from = format!("{} built by go", go.package);
    job.cache.install(&scratch, &out, &from).await
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_script_that_compiles_ahead_uses_the_same_flags() {
        // else Go would compile everything a second time
        let script = include_str!("../../../scripts/up.sh");
        assert!(script.contains(&format!(" {} ", super::FLAGS.join(" "))));
        for (name, value) in super::ENV {
            assert!(script.contains(&format!(" {name}={value} ")), "{name}");
        }
    }
}
