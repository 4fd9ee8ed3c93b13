//! Tests against a real engine. Each makes things of its own under names of its own, and removes them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use super::*;
use crate::failure::Failure;
use crate::stack::{ImageBuild, ImageRef};
use crate::world::registry::{Mirror, Served, manifest_digest, probe};

const LABEL: &str = "tstack-test";

async fn engine() -> Engine {
    Engine::connect(None, &default_addresses(None, None)).await.unwrap()
}

/// A name that no other run of the tests uses.
fn unique(what: &str) -> String {
    format!("tstack-test-{what}-{}", std::process::id())
}

impl Engine {
    async fn forget_image(&self, name: &str) {
        let options = RemoveImageOptionsBuilder::default().force(false).build();
        let _ = self.docker.remove_image(name, Some(options), None).await;
    }

    async fn forget_container(&self, name: &str) {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let _ = self.docker.remove_container(name, Some(options)).await;
    }
}

/// A root file system with this machine's shell, `cat` and what they are linked with.
fn tiny_root() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let files = [
        "/bin/sh",
        "/bin/cat",
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/ld-linux-aarch64.so.1",
        "/lib/aarch64-linux-gnu/libc.so.6",
    ];
    for path in files.iter().filter(|path| Path::new(path).exists()) {
        let bytes = fs_err::read(path).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, &path[1..], bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Runs a test in a container that does nothing, and removes it and its image whatever comes of the test.
async fn in_container<F>(what: &str, test: impl FnOnce(Engine, String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let engine = engine().await;
    let name = unique(what);
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(&name).tag("1").build();
    engine.docker.create_image(Some(options), Some(bollard::body_full(tiny_root().into())), None).try_collect::<Vec<_>>().await.unwrap();
    let body = ContainerCreateBody {
        image: Some(format!("{name}:1")),
        // waits for input that never comes
        cmd: Some(vec!["/bin/cat".into()]),
        open_stdin: Some(true),
        labels: Some(HashMap::from([(LABEL.into(), name.clone())])),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    engine.docker.create_container(Some(options), body).await.unwrap();
    let started = engine.start(&name).await;
    let result = tokio::spawn(test(engine.clone(), name.clone())).await;
    engine.forget_container(&name).await;
    engine.forget_image(&format!("{name}:1")).await;
    started.unwrap();
    result.unwrap();
}

fn build(name: &str) -> ImageBuild {
    ImageBuild {
        image: ImageRef::parse(&format!("localhost/{name}:1")).unwrap(),
        binary: name.as_bytes().to_vec(),
        program: "nothing".into(),
        architecture: if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }.into(),
        user: 65532,
        env: BTreeMap::new(),
        ports: vec![],
    }
}

#[tokio::test]
#[ignore = "needs an engine"]
async fn the_engine_of_this_machine_describes_itself() {
    let info = engine().await.info().await.unwrap();
    assert!(info.cpus > 0 && info.memory > 1 << 30 && !info.version.is_empty(), "{info:?}");
    assert!([1, 2].contains(&info.cgroup_version) && ["amd64", "arm64"].contains(&info.architecture.as_str()), "{info:?}");
}

#[tokio::test]
#[ignore = "needs an engine"]
async fn a_program_gets_its_input_to_the_end_and_its_code_is_checked() {
    in_container("exec", |engine, name| async move {
        let output = engine.exec(&name, &["/bin/sh", "-c", "echo out; echo err >&2"]).await.unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));

        let failure = engine.exec(&name, &["/bin/sh", "-c", "echo bad >&2; exit 3"]).await.unwrap_err();
        assert!(failure.what.ends_with("ended with code 3") && failure.why == ["bad"], "{failure:?}");
        let failure = engine.exec(&name, &["/bin/nothing"]).await.unwrap_err();
        assert!(failure.why.concat().contains("no such file"), "{failure:?}");
        let failure = engine.exec("tstack-test-nobody", &["/bin/cat"]).await.unwrap_err();
        assert!(failure.why[0].contains("No such container"), "{failure:?}");

        // more than every buffer on the way, and back again
        let piece = Bytes::from(vec![b'x'; 1 << 16]);
        let pieces = |n: usize| futures::stream::iter(vec![Ok::<_, Failure>(piece.clone()); n]);
        let output = engine.exec_with_stdin(&name, &["/bin/cat"], pieces(128)).await.unwrap();
        assert_eq!(output.stdout.len(), 128 << 16);
        let failure = engine.exec_with_stdin(&name, &["/bin/sh", "-c", "echo full >&2; exit 7"], pieces(512)).await.unwrap_err();
        assert!(failure.what.ends_with("ended with code 7") && failure.why == ["full"], "{failure:?}");
        let broken = futures::stream::iter([Ok(piece.clone()), Err(Failure::step("the source broke"))]);
        let failure = engine.exec_with_stdin(&name, &["/bin/cat"], broken).await.unwrap_err();
        assert_eq!(failure.what, "the source broke");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an engine"]
async fn a_container_is_found_by_label_paused_stopped_and_started() {
    in_container("life", |engine, name| async move {
        let state = async || engine.inspect(&name).await.unwrap().unwrap().state;
        let found = engine.containers(&[(LABEL, &name)]).await.unwrap();
        assert_eq!(found.iter().map(|c| (c.name.as_str(), &c.state)).collect::<Vec<_>>(), [(name.as_str(), &State::Running)]);
        assert_eq!(engine.containers(&[(LABEL, "other")]).await.unwrap(), []);
        engine.pause(&name).await.unwrap();
        assert_eq!(state().await, State::Paused);
        engine.unpause(&name).await.unwrap();
        engine.stop(&name, 0).await.unwrap();
        engine.stop(&name, 0).await.unwrap();
        assert_eq!(state().await, State::Exited);
        let failure = engine.exec(&name, &["/bin/cat"]).await.unwrap_err();
        assert!(failure.why[0].contains("is not running"), "{failure:?}");
        engine.start(&name).await.unwrap();
        engine.start(&name).await.unwrap();
        assert_eq!(state().await, State::Running);
        assert!(engine.network("bridge").await.unwrap().unwrap().containers.contains(&name));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an engine"]
async fn an_image_of_ours_loads_under_its_name_with_its_digest_and_comes_out_again() {
    let engine = engine().await;
    let build = build(&unique("load"));
    let archive = crate::image::archive(&build).unwrap();
    engine.load(futures::stream::iter([Bytes::from(archive)])).await.unwrap();
    let there = engine.image(&build.image).await;
    let saved: Result<Vec<Bytes>, Failure> = engine.save(std::slice::from_ref(&build.image)).try_collect().await;
    engine.forget_image(&build.image.to_string()).await;

    let there = there.unwrap().unwrap();
    assert!(
        there.is(&crate::image::config_digest(&build).unwrap()) || there.is(&crate::image::manifest_digest(&build).unwrap()),
        "{there:?}"
    );
    assert!(saved.unwrap().concat().len() > 1024);
    assert_eq!(engine.image_present(&build.image).await, Ok(None));
    let gone = engine.save(std::slice::from_ref(&build.image)).next().await.unwrap().unwrap_err();
    assert!(gone.what.contains(&build.image.to_string()), "{gone:?}");
}

/// The answers of a registry that has an image at `path`, by `METHOD path`, and the digest of its manifest.
fn contents(path: &str, build: &ImageBuild) -> (HashMap<String, String>, String) {
    let mut blobs = HashMap::new();
    let archive = crate::image::archive(build).unwrap();
    for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
        blobs.insert(entry.path().unwrap().display().to_string(), text);
    }
    let digest = crate::image::manifest_digest(build).unwrap();
    let mut all = HashMap::from([("GET /v2/".to_owned(), answer("{}", "application/json", ""))]);
    for (name, text) in &blobs {
        let Some(hex) = name.strip_prefix("blobs/sha256/").filter(|hex| !hex.is_empty()) else { continue };
        let kind = if digest.ends_with(hex) { "application/vnd.oci.image.manifest.v1+json" } else { "application/octet-stream" };
        let reply = answer(text, kind, &format!("sha256:{hex}"));
        if digest.ends_with(hex) {
            for reference in ["1", digest.as_str()] {
                let (head, _) = reply.split_once("\r\n\r\n").unwrap();
                all.insert(format!("HEAD /v2/{path}/manifests/{reference}"), format!("{head}\r\n\r\n"));
                all.insert(format!("GET /v2/{path}/manifests/{reference}"), reply.clone());
            }
        } else {
            all.insert(format!("GET /v2/{path}/blobs/sha256:{hex}"), reply);
        }
    }
    (all, digest)
}

fn answer(body: &str, kind: &str, digest: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ndocker-content-digest: {digest}\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
#[ignore = "needs an engine"]
async fn a_pull_from_a_mirror_leaves_the_upstream_name_and_no_other() {
    let engine = engine().await;
    let name = unique("pull");
    let (all, digest) = contents(&format!("mirrored/{name}"), &build(&name));
    let all = Arc::new(all);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mirror = Mirror::parse(&format!("http://{}/mirrored", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let all = Arc::clone(&all);
            let missing = || {
                let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
                answer(body, "application/json", "").replacen("200 OK", "404 Not Found", 1)
            };
            tokio::spawn(async move { scripted::serve(stream, |request| all.get(request).cloned().unwrap_or_else(missing)).await });
        }
    });
    let upstream = ImageRef::parse(&format!("registry.invalid/{name}:1")).unwrap();
    let pinned = ImageRef { digest: Some(digest.clone()), ..upstream.clone() };
    assert_eq!(probe(&mirror).await, Ok(true));
    assert_eq!(manifest_digest(&mirror, &upstream).await, Ok(Served::Digest(digest.clone())));

    let by_tag = engine.pull(&upstream, Some(&mirror), &|done, total| assert!(done <= total)).await;
    let (there, mirrored) = (engine.image_present(&upstream).await, engine.image_present(&mirror.image(&upstream)).await);
    engine.forget_image(&upstream.to_string()).await;
    let by_digest = engine.pull(&pinned, Some(&mirror), &|_, _| ()).await;
    let (pinned_there, tagged) = (engine.image_present(&pinned).await, engine.image_named(&mirror.image(&upstream).to_string()).await);
    let other = ImageRef { digest: Some(digest.replace(|c: char| c.is_ascii_digit(), "0")), ..upstream.clone() };
    let other_there = engine.image_present(&other).await;
    engine.forget_image(&local_name(&pinned)).await;
    engine.forget_image(&format!("{}@{digest}", mirror.image(&upstream).name())).await;

    assert_eq!(by_tag, Ok(()));
    assert!(there.unwrap().is_some());
    assert_eq!(mirrored, Ok(None), "the mirror's tag is removed");
    assert_eq!(by_digest, Ok(()));
    assert!(pinned_there.unwrap().is_some());
    assert_eq!(tagged, Ok(None), "no tag of the mirror was made");
    assert_eq!(other_there, Ok(None), "another pin is not satisfied by the same tag");
    assert_eq!(engine.image_present(&upstream).await, Ok(None), "the test leaves nothing");

    let absent = ImageRef::parse("registry.invalid/tstack-test-absent:1").unwrap();
    let failure = engine.pull(&absent, Some(&mirror), &|_, _| ()).await.unwrap_err();
    assert!(failure.what.contains("there is no such image"), "{failure:?}");
}

#[tokio::test]
#[ignore = "needs an engine"]
async fn two_at_once_make_one_network_beside_the_one_that_kind_has() {
    let engine = engine().await;
    let name = unique("network");
    // the first subnet is that of kind's own network, where there is one
    let (one, two) = tokio::join!(engine.make_kind_network(&name, "word"), engine.make_kind_network(&name, "word"));
    let found = engine.network(&name).await;
    let removed = engine.remove_network(&name).await;
    assert_eq!((one, two), (Ok(()), Ok(())));
    assert!(found.unwrap().unwrap().is_by("word"));
    assert_eq!((removed, engine.network(&name).await), (Ok(true), Ok(None)));
}
