//! From the image that upstream publishes, without an engine: the layers from the top down, until one has the file.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use tempfile::TempDir;

use super::lock::Image;
use super::zstd::Frames;
use super::{Job, Obtained};
use crate::stack::ImageRef;
use crate::world::files;
use crate::world::registry::{Descriptor, Repository};

/// The greatest layer that is fetched, the greatest program, and how far a layer may unfold: many times what the programs have, and a bound for
/// what an archive of zeroes would do.
const MOST_LAYER: u64 = 1 << 30;
const MOST_FILE: u64 = 1 << 30;
const MOST_UNFOLDED: u64 = 4 << 30;

/// A manifest, or a list of manifests.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// What a layer has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Has,
    HasNot,
    /// It hides what the layers below have.
    Removes,
}

pub(super) async fn fetch(job: &Job<'_>, image: &Image) -> Result<Obtained, String> {
    tokio::select! {
        done = fetch_all(job, image) => done,
        () = job.cancel.cancelled() => Err("it was cancelled".to_owned()),
    }
}

async fn fetch_all(job: &Job<'_>, image: &Image) -> Result<Obtained, String> {
    let mut repository = Repository::of(&image.name, job.places.mirrors.resolve(&image.name));
    let mut digests = Digests::read(job.cache.root());
    (job.tell)(&format!("asks for the image {}", repository.name()));
    let (tag, digest, manifest) = chosen(&mut repository, &image.name, &digests).await?;
    let name = repository.name().to_owned();
    let layers = layers(job, &mut repository, &manifest).await?;
    let scratch = job.cache.scratch(job.held)?;
    for layer in layers.iter().rev() {
        let blob = scratch.path().join("layer");
        let mut to = fs_err::File::create(&blob).map_err(|e| e.to_string())?;
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        let tell = |come: u64| (job.tell)(&format!("{} of {} MB from {name}", megabytes(come), megabytes(layer.size)));
        repository.blob(layer, &mut to, &tell).await?;
        drop(to);
        let Some(file) = take_file(&scratch, blob, layer, &image.file).await? else { continue };
        let from = format!("{tag}@{digest}");
        let obtained = job.cache.install(&scratch, &file, &from).await?;
        if image.name.digest.is_none() {
            digests.keep(&tag, &digest)?;
        }
        return Ok(obtained);
    }
    Err(format!("{tag} has no file /{}", image.file))
}

/// The manifest with the pinned digest; where none is pinned, with the one that was met first, or else the one that the tag has now.
async fn chosen(repository: &mut Repository, image: &ImageRef, digests: &Digests) -> Result<(String, String, Bytes), String> {
    let name = repository.name().to_owned();
    let version = image.tag.as_deref().unwrap_or("latest");
    let tag = format!("{name}:{version}");
    let (pinned, pin) = match (&image.digest, digests.of(&tag)) {
        (Some(digest), _) => (digest.clone(), "which tstack.lock pins".to_owned()),
        (None, Some(digest)) => {
            let file = digests.file.display();
            (digest.to_owned(), format!("which it had at first; if it was replaced rightly, remove its line from {file}"))
        }
        (None, None) => {
            let there = repository.manifest(version).await?.ok_or_else(|| format!("{name} has no tag {version}"))?;
            return Ok((tag, there.0, there.1));
        }
    };
    if let Some((digest, manifest)) = repository.manifest(&pinned).await? {
        return Ok((tag, digest, manifest));
    }
    // what is pinned is never replaced by what happens to be there
    match repository.manifest(version).await {
        Ok(Some((other, _))) => Err(format!("{tag} is {other} there and not {pinned}, {pin}")),
        _ => Err(format!("{name} does not have {pinned}, {pin}")),
    }
}

/// The layers for this platform, the lowest first.
async fn layers(job: &Job<'_>, repository: &mut Repository, manifest: &[u8]) -> Result<Vec<Descriptor>, String> {
    let parse = |bytes: &[u8]| serde_json::from_slice::<Manifest>(bytes).map_err(|e| format!("its manifest cannot be read: {e}"));
    let (platform, mut manifest) = (&job.places.platform, parse(manifest)?);
    if !manifest.manifests.is_empty() {
        let ours = |d: &&Descriptor| d.platform.as_ref().is_some_and(|p| p.os == platform.os && p.architecture == platform.arch);
        let ours = manifest.manifests.iter().find(ours).ok_or_else(|| format!("{} has no image for {platform}", repository.name()))?;
        let digest = checked(ours)?.digest.clone();
        let there = repository.manifest(&digest).await?;
        manifest = parse(&there.ok_or_else(|| format!("{} lists {digest} and does not have it", repository.name()))?.1)?;
    }
    for layer in &manifest.layers {
        if checked(layer)?.size > MOST_LAYER {
            return Err(format!("it has a layer of {} MB, more than is fetched", layer.size / 1_000_000));
        }
    }
    Ok(manifest.layers)
}

/// A digest becomes a part of an address.
fn checked(content: &Descriptor) -> Result<&Descriptor, String> {
    let hex = content.digest.strip_prefix("sha256:").unwrap_or_default();
    let right = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if right { Ok(content) } else { Err(format!("`{}` is not a digest", content.digest)) }
}

/// Takes the file out of a layer on a thread of its own. The file that it writes is open before: a cancel removes the folder at any time.
async fn take_file(scratch: &TempDir, blob: PathBuf, layer: &Descriptor, path: &str) -> Result<Option<PathBuf>, String> {
    let (file, path, media) = (scratch.path().join("file"), path.to_owned(), layer.media_type.clone());
    let to = std::fs::File::create(&file).map_err(|e| e.to_string())?;
    let blob = fs_err::File::open(blob).map_err(|e| e.to_string())?;
    let taken = tokio::task::spawn_blocking(move || take(unfolded(blob, &media)?, &path, to)).await;
    match taken.map_err(|e| e.to_string())?? {
        Layer::Has => Ok(Some(file)),
        Layer::HasNot => Ok(None),
        Layer::Removes => Err("a layer of the image removes the file".to_owned()),
    }
}

/// The archive in a layer, by the layer's media type (Docker's names and OCI's).
fn unfolded(blob: impl Read + 'static, media: &str) -> Result<Box<dyn Read>, String> {
    let unfolded: Box<dyn Read> = match media.rsplit('.').next().unwrap_or_default() {
        "gzip" | "tar+gzip" => Box::new(MultiGzDecoder::new(blob)),
        "tar" => Box::new(blob),
        "tar+zstd" => Box::new(Frames::new(BufReader::new(blob))),
        _ => return Err(format!("it has a layer of the kind {media}, which is not read")),
    };
    Ok(Box::new(unfolded.take(MOST_UNFOLDED)))
}

/// Looks for one path in an archive and writes its content. No other path is ever written, whatever the archive says.
fn take(archive: impl Read, path: &str, mut to: impl Write) -> Result<Layer, String> {
    let broken = |e: std::io::Error| format!("a layer of the image cannot be read: {e}");
    let mut archive = tar::Archive::new(archive);
    let mut answer = Layer::HasNot;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").trim_start_matches('/');
        if removes(name, path) {
            answer = Layer::Removes;
        }
        if name != path {
            continue;
        }
        let kind = entry.header().entry_type();
        if !kind.is_file() {
            return Err(format!("/{path} in the image is no plain file"));
        }
        if entry.size() > MOST_FILE {
            return Err(format!("/{path} in the image has {} MB, more than is taken", entry.size() / 1_000_000));
        }
        std::io::copy(&mut entry, &mut to).map_err(broken)?;
        return Ok(Layer::Has);
    }
    Ok(answer)
}

/// Whether an entry hides a path of the layers below (OCI image specification, "Whiteouts").
fn removes(name: &str, path: &str) -> bool {
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let below = |above: &str| above.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
    match file.strip_prefix(".wh.") {
        Some(".wh..opq") => below(folder),
        Some(hidden) => {
            let hidden = if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") };
            hidden == path || below(&hidden)
        }
        None => false,
    }
}

/// The digests that tags had when they were met first, in the cache: where tstack.lock pins none, another one is refused afterwards.
struct Digests {
    file: PathBuf,
    lines: Vec<(String, String)>,
}

impl Digests {
    fn read(root: &Path) -> Self {
        let file = root.join("digests.lock");
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' ')).map(|(tag, digest)| (tag.to_owned(), digest.to_owned()));
        Self { lines: lines.collect(), file }
    }

    fn of(&self, tag: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known == tag).map(|(_, digest)| digest.as_str())
    }

    fn keep(&mut self, tag: &str, digest: &str) -> Result<(), String> {
        if self.of(tag).is_none() {
            self.lines.push((tag.to_owned(), digest.to_owned()));
        }
        let text = self.lines.iter().fold(String::new(), |text, (tag, digest)| format!("{text}{tag} {digest}\n"));
        files::write_private(&self.file, text.as_bytes()).map_err(|f| f.to_string())
    }
}
