//! Images that tstack makes itself.
//!
//! Purpose: write one static program as an image archive, the same bytes every time.
//! Reads: the program's bytes. Writes: bytes.
//! Must not: touch disk, engine or clock.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::stack::ImageBuild;

/// The time in every header and in the config: 1970, so that two builds give the same bytes.
const EPOCH: &str = "1970-01-01T00:00:00Z";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A plain layer: containers of one program are small, and gzip's bytes differ between versions of its library.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image archive in the OCI layout, which `ctr images import` reads (containerd 1.6 and later), with the `manifest.json` that makes
/// `docker load` read it too. The same build gives the same bytes.
///
/// # Errors
/// A usage failure when the program's name is not a plain file name; an internal one when the archive cannot be written.
pub fn archive(build: &ImageBuild) -> Result<Vec<u8>, Failure> {
    let parts = Parts::of(build)?;
    let name = stored_name(build);
    let tag = build.image.tag.as_deref().unwrap_or("latest");
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": MANIFEST,
            "digest": digest(&parts.manifest),
            "size": parts.manifest.len(),
            "annotations": {
                // containerd takes the full name from the first, tools of the OCI layout read the tag in the second
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": tag,
            },
            "platform": { "architecture": build.architecture, "os": "linux" },
        }],
    });
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", hex(bytes));
    let for_docker = json!([{ "Config": blob(&parts.config), "RepoTags": [name], "Layers": [blob(&parts.layer)] }]);

    let mut blobs: BTreeMap<String, &[u8]> = BTreeMap::new();
    for bytes in [&parts.config, &parts.layer, &parts.manifest] {
        blobs.insert(blob(bytes), bytes);
    }
    let mut entries = vec![Entry::folder("blobs/", 0o755), Entry::folder("blobs/sha256/", 0o755)];
    entries.extend(blobs.iter().map(|(path, bytes)| Entry::file(path, bytes, 0o644)));
    let (index, for_docker) = (index.to_string(), for_docker.to_string());
    entries.push(Entry::file("index.json", index.as_bytes(), 0o644));
    entries.push(Entry::file("manifest.json", for_docker.as_bytes(), 0o644));
    entries.push(Entry::file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644));
    tar(&entries)
}

/// The digest of the image's manifest, `sha256:…`: what a registry would call it. The image's own name and tag have no part in it, so a tag
/// can be made from it.
///
/// # Errors
/// As [`archive`].
pub fn manifest_digest(build: &ImageBuild) -> Result<String, Failure> {
    Ok(digest(&Parts::of(build)?.manifest))
}

/// The digest of the image's config, `sha256:…`: what the kubelet and engines without the containerd image store call the image's id.
///
/// # Errors
/// As [`archive`].
pub fn config_digest(build: &ImageBuild) -> Result<String, Failure> {
    Ok(digest(&Parts::of(build)?.config))
}

/// The name under which the image is stored, without a digest.
fn stored_name(build: &ImageBuild) -> String {
    format!("{}:{}", build.image.name(), build.image.tag.as_deref().unwrap_or("latest"))
}

/// The three blobs of an image.
struct Parts {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl Parts {
    fn of(build: &ImageBuild) -> Result<Self, Failure> {
        let layer = layer(build)?;
        let config = config(build, &digest(&layer)).to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": digest(&config), "size": config.len() },
            "layers": [{ "mediaType": LAYER, "digest": digest(&layer), "size": layer.len() }],
        });
        Ok(Self { layer, config, manifest: manifest.to_string().into_bytes() })
    }
}

fn config(build: &ImageBuild, layer: &str) -> Value {
    let mut env = vec!["PATH=/".to_owned()];
    env.extend(build.env.iter().filter(|(name, _)| *name != "PATH").map(|(name, value)| format!("{name}={value}")));
    if let Some(path) = build.env.get("PATH") {
        env[0] = format!("PATH={path}");
    }
    let mut ports = build.ports.clone();
    ports.sort_unstable();
    let ports: BTreeMap<String, Value> = ports.iter().map(|port| (format!("{port}/tcp"), json!({}))).collect();
    let mut run = json!({
        "User": build.user.to_string(),
        "Env": env,
        "Entrypoint": [format!("/{}", build.program)],
        "WorkingDir": "/",
    });
    if !ports.is_empty() {
        run["ExposedPorts"] = json!(ports);
    }
    json!({
        "created": EPOCH,
        "architecture": build.architecture,
        "os": "linux",
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": [layer] },
        "history": [{ "created": EPOCH, "created_by": "tstack" }],
    })
}

/// The one layer: the program, a writable `/tmp`, and the names of the users that programs look up.
fn layer(build: &ImageBuild) -> Result<Vec<u8>, Failure> {
    let program = build.program.as_str();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if program.is_empty() || !program.bytes().all(plain) || program.starts_with('.') || ["etc", "tmp"].contains(&program) {
        return Err(Failure::usage(format!("cannot make the image {}", build.image))
            .why(format!("the program's file name `{program}` cannot be a path in the image"))
            .hint("Name the program with letters, digits, `.`, `_` and `-`, and neither `etc` nor `tmp`."));
    }
    let (mut passwd, mut group) = (String::new(), String::new());
    let mut users = vec![("root", 0), ("nonroot", 65532), ("nobody", 65534)];
    if !users.iter().any(|(_, id)| *id == build.user) {
        users.push(("app", build.user));
    }
    for (name, id) in users {
        let home = if id == 0 { "/" } else { "/tmp" };
        // writing to a String cannot fail
        let _ = writeln!(passwd, "{name}:x:{id}:{id}:{name}:{home}:/sbin/nologin");
        let _ = writeln!(group, "{name}:x:{id}:");
    }
    let mut entries = vec![
        Entry::folder("etc/", 0o755),
        Entry::file("etc/group", group.as_bytes(), 0o644),
        Entry::file("etc/passwd", passwd.as_bytes(), 0o644),
        Entry::file(program, &build.binary, 0o755),
        Entry::folder("tmp/", 0o1777),
    ];
    entries.sort_by_key(|entry| entry.path.to_owned());
    tar(&entries)
}

/// One member of an archive.
struct Entry<'a> {
    path: &'a str,
    kind: tar::EntryType,
    mode: u32,
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    const fn file(path: &'a str, bytes: &'a [u8], mode: u32) -> Self {
        Self { path, kind: tar::EntryType::Regular, mode, bytes }
    }

    const fn folder(path: &'a str, mode: u32) -> Self {
        Self { path, kind: tar::EntryType::Directory, mode, bytes: &[] }
    }
}

/// An archive with nothing in it that depends on the machine: owner root, time 0.
fn tar(entries: &[Entry<'_>]) -> Result<Vec<u8>, Failure> {
    let fail = |e: std::io::Error| Failure::internal("cannot write an image archive").because(&e);
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(entry.bytes.len() as u64);
        archive.append_data(&mut header, entry.path, entry.bytes).map_err(fail)?;
    }
    archive.into_inner().map_err(fail)
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

/// The SHA-256 digest in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::stack::ImageRef;

    fn build() -> ImageBuild {
        ImageBuild {
            image: ImageRef::parse("localhost/tstack/task-api:dev").unwrap(),
            binary: b"\x7fELF not really".to_vec(),
            program: "task-api".into(),
            architecture: "amd64".into(),
            user: 65532,
            env: BTreeMap::from([("B".into(), "2".into()), ("A".into(), "1".into())]),
            ports: vec![9090, 8080],
        }
    }

    /// Path, mode, content.
    fn entries(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(bytes);
        let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap(), entry.header().gid().unwrap()), (0, 0, 0));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap(), content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    fn blob<'a>(all: &'a [(String, u32, Vec<u8>)], digest: &Value) -> &'a [u8] {
        let path = digest.as_str().unwrap().replace("sha256:", "blobs/sha256/");
        &all.iter().find(|(p, ..)| *p == path).unwrap().2
    }

    #[test]
    fn the_same_build_gives_the_same_bytes() {
        assert_eq!(archive(&build()).unwrap(), archive(&build()).unwrap());
        let shuffled = ImageBuild { ports: vec![8080, 9090], ..build() };
        assert_eq!(archive(&build()).unwrap(), archive(&shuffled).unwrap());
    }

    #[test]
    fn the_digest_is_of_the_content_and_not_of_the_name() {
        let renamed = ImageBuild { image: ImageRef::parse("x:1").unwrap(), ..build() };
        assert_eq!(manifest_digest(&build()).unwrap(), manifest_digest(&renamed).unwrap());
        let changed = ImageBuild { binary: b"other".to_vec(), ..build() };
        assert_ne!(manifest_digest(&build()).unwrap(), manifest_digest(&changed).unwrap());
    }

    #[test]
    fn every_blob_is_found_under_its_digest_from_the_index_down() {
        let all = entries(&archive(&build()).unwrap());
        let json = |name: &str| serde_json::from_slice::<Value>(&all.iter().find(|(p, ..)| p == name).unwrap().2).unwrap();
        assert_eq!(json("oci-layout")["imageLayoutVersion"], "1.0.0");
        let index = json("index.json");
        let entry = &index["manifests"][0];
        assert_eq!(entry["annotations"]["io.containerd.image.name"], "localhost/tstack/task-api:dev");
        assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], "dev");
        assert_eq!(entry["digest"], manifest_digest(&build()).unwrap());

        let manifest: Value = serde_json::from_slice(blob(&all, &entry["digest"])).unwrap();
        assert_eq!(entry["size"], blob(&all, &entry["digest"]).len());
        assert_eq!(manifest["config"]["digest"], config_digest(&build()).unwrap());
        let config: Value = serde_json::from_slice(blob(&all, &manifest["config"]["digest"])).unwrap();
        let layer = &manifest["layers"][0];
        assert_eq!(config["rootfs"]["diff_ids"][0], layer["digest"]);
        assert_eq!(layer["size"], blob(&all, &layer["digest"]).len());
        for (path, _, content) in all.iter().filter(|(p, ..)| p.starts_with("blobs/sha256/") && !p.ends_with('/')) {
            assert_eq!(*path, format!("blobs/sha256/{}", hex(content)));
        }
        let docker = json("manifest.json");
        assert_eq!(docker[0]["Layers"][0].as_str().unwrap(), layer["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/"));
    }

    #[test]
    fn the_config_says_how_to_run_the_program() {
        let config = config(&build(), "sha256:0");
        assert_eq!(config["config"]["Entrypoint"], json!(["/task-api"]));
        assert_eq!(config["config"]["User"], "65532");
        assert_eq!(config["config"]["Env"], json!(["PATH=/", "A=1", "B=2"]));
        assert_eq!(config["config"]["ExposedPorts"], json!({ "8080/tcp": {}, "9090/tcp": {} }));
        assert_eq!((config["architecture"].as_str(), config["created"].as_str()), (Some("amd64"), Some(EPOCH)));
    }

    #[test]
    fn the_layer_has_the_program_the_users_and_a_tmp_for_everyone() {
        let all = entries(&layer(&ImageBuild { user: 1000, ..build() }).unwrap());
        let list: Vec<(&str, u32)> = all.iter().map(|(path, mode, _)| (path.as_str(), *mode)).collect();
        assert_eq!(list, [("etc/", 0o755), ("etc/group", 0o644), ("etc/passwd", 0o644), ("task-api", 0o755), ("tmp/", 0o1777)]);
        let passwd = String::from_utf8(all[2].2.clone()).unwrap();
        assert!(passwd.contains("nonroot:x:65532:65532:") && passwd.contains("app:x:1000:1000:"), "{passwd}");
        assert_eq!(all[3].2, build().binary);
    }

    #[test]
    fn a_program_name_cannot_leave_the_root_folder() {
        for name in ["", "..", "../x", "a/b", ".hidden", "etc", "a b"] {
            let failure = archive(&ImageBuild { program: name.into(), ..build() }).unwrap_err();
            assert_eq!(failure.what, "cannot make the image localhost/tstack/task-api:dev", "{name}");
        }
    }
}
