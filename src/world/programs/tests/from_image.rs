//! The image's layers from a registry.

use std::io::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;

const GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", cache::hex(&Sha256::digest(bytes)))
}

/// An archive whose paths are written as they are, however hostile.
fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn file<'a>(path: &'a str, content: &'a str) -> (&'a str, tar::EntryType, &'a str) {
    (path, tar::EntryType::Regular, content)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The tool from its image, with a digest where one is pinned.
fn from_image(pin: &str) -> Program {
    tool(&format!("    image: {{name: 'docker.io/a/tool:v1.2.3{pin}', file: usr/bin/tool}}\n"))
}

impl Machine {
    fn serve(&self, what: &str, body: impl Into<Vec<u8>>) {
        self.answer(&format!("/v2/a/tool/{what}"), Reply::new(200, body));
    }

    /// Serves an image for linux/amd64 under the tag, below a list; gives the digest of the list.
    fn image(&self, layers: &[(&str, Vec<u8>)]) -> String {
        let layer = |(media, bytes): &(&str, Vec<u8>)| {
            self.serve(&format!("blobs/{}", digest(bytes)), bytes.clone());
            json!({"mediaType": media, "digest": digest(bytes), "size": bytes.len()})
        };
        let layers: Vec<Value> = layers.iter().map(layer).collect();
        let manifest = json!({"schemaVersion": 2, "layers": layers}).to_string();
        self.serve(&format!("manifests/{}", digest(manifest.as_bytes())), manifest.clone());
        let entry = |architecture: &str, digest: &str| json!({"mediaType": "m", "digest": digest, "size": 1, "platform": {"os": "linux", "architecture": architecture}});
        let other = format!("sha256:{}", "0".repeat(64));
        let list = json!({"manifests": [entry("arm64", &other), entry("amd64", &digest(manifest.as_bytes()))]}).to_string();
        self.serve("manifests/v1.2.3", list.clone());
        self.serve(&format!("manifests/{}", digest(list.as_bytes())), list.clone());
        digest(list.as_bytes())
    }

    /// Requests whose path has this in it.
    fn asked_for(&self, what: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|path| path.contains(what)).cloned().collect()
    }
}

#[tokio::test]
async fn the_uppermost_layer_that_has_the_file_gives_it() {
    let machine = Machine::new().await;
    let list = machine.image(&[
        (GZIP, gzip(&archive(&[file("usr/bin/tool", "the older one")]))),
        (GZIP, gzip(&archive(&[file("etc/passwd", "x"), file("./usr/bin/tool", &says("1.2.3"))]))),
        (PLAIN, archive(&[file("etc/group", "x")])),
    ]);
    let obtained = machine.get(&from_image("")).await.unwrap();
    let at = format!("127.0.0.1:{}/a/tool:v1.2.3", machine.registry.port);
    assert_eq!(obtained.source, Source::Fetched(format!("{at}@{list}")));
    assert_eq!(fs_err::read_to_string(&obtained.path).unwrap(), says("1.2.3"));
    assert_eq!(machine.asked_for("blobs").len(), 2, "the lowest layer is not fetched");
    assert_eq!(machine.cached(), ["1.2.3/origin.json", "1.2.3/tool", "1.2.3/tool.sha256", "digests.lock"]);

    // and from then on the cache has it
    machine.answers.lock().unwrap().clear();
    let again = machine.get(&from_image("")).await.unwrap();
    assert_eq!(again, Obtained { source: Source::Cache(format!("{at}@{list}")), ..obtained });
}

#[tokio::test]
async fn a_file_of_the_cache_that_was_changed_is_got_anew() {
    let machine = Machine::new().await;
    machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))])))]);
    let program = from_image("");
    let first = machine.get(&program).await.unwrap();
    fs_err::write(&first.path, "#!/bin/sh\necho 1.2.3 and more\n").unwrap();
    let looked = Cache::new(&machine.places().cache, &program).look().await;
    assert_eq!(looked.unwrap_err(), "the file there is not the one that was installed (its sum differs)");
    let second = machine.get(&program).await.unwrap();
    assert_eq!(second, first);
    assert_eq!(fs_err::read_to_string(&second.path).unwrap(), says("1.2.3"));
}

#[tokio::test]
async fn a_cache_that_was_copied_is_still_right() {
    let machine = Machine::new().await;
    machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))])))]);
    let program = from_image("");
    let first = machine.get(&program).await.unwrap();
    let bytes = fs_err::read(&first.path).unwrap();
    fs_err::remove_file(&first.path).unwrap();
    fs_err::write(&first.path, bytes).unwrap();
    let cache = Cache::new(&machine.places().cache, &program);
    assert_eq!(cache.look().await.unwrap().path, first.path);
}

#[tokio::test]
async fn content_with_another_digest_is_refused_and_nothing_is_kept() {
    let machine = Machine::new().await;
    let layer = gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))]));
    machine.image(&[(GZIP, layer.clone())]);
    let mut other = layer.clone();
    *other.last_mut().unwrap() ^= 1;
    machine.serve(&format!("blobs/{}", digest(&layer)), other.clone());
    let why = machine.refused(&from_image(""), "image").await;
    assert_eq!(why, format!("127.0.0.1/a/tool gave content with the digest {} for {}", digest(&other), digest(&layer)));
    assert_eq!(machine.cached(), [""; 0]);
}

#[tokio::test]
async fn a_blob_that_is_cut_off_or_too_long_is_refused() {
    let machine = Machine::new().await;
    let layer = gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))]));
    machine.image(&[(GZIP, layer.clone())]);
    let path = format!("/v2/a/tool/blobs/{}", digest(&layer));
    machine.answer(&path, Reply { withheld: 9, ..Reply::new(200, &layer[..layer.len() - 9]) });
    let why = machine.refused(&from_image(""), "image").await;
    assert!(why.starts_with("127.0.0.1/a/tool broke off after "), "{why}");
    machine.answer(&path, Reply::new(200, &layer[..layer.len() - 9]));
    let why = machine.refused(&from_image(""), "image").await;
    assert!(why.starts_with(&format!("127.0.0.1/a/tool ended after {} of the {} bytes", layer.len() - 9, layer.len())), "{why}");
    machine.answer(&path, Reply::new(200, [layer.clone(), vec![0]].concat()));
    let why = machine.refused(&from_image(""), "image").await;
    assert!(why.starts_with("127.0.0.1/a/tool gave more than the "), "{why}");
    assert_eq!(machine.cached(), [""; 0]);
}

#[tokio::test]
async fn no_other_path_of_a_layer_is_taken_or_written() {
    let machine = Machine::new().await;
    for path in ["../usr/bin/tool", "usr/bin/../bin/tool", "usr/bin/tool/../../../tool", "x/usr/bin/tool"] {
        machine.image(&[(GZIP, gzip(&archive(&[file(path, &says("1.2.3"))])))]);
        let why = machine.refused(&from_image(""), "image").await;
        assert_eq!(why, "127.0.0.1/a/tool:v1.2.3 has no file /usr/bin/tool", "{path}");
        assert_eq!(machine.cached(), [""; 0], "{path}");
    }
    machine.image(&[(GZIP, gzip(&archive(&[("usr/bin/tool", tar::EntryType::Symlink, "")])))]);
    assert_eq!(machine.refused(&from_image(""), "image").await, "/usr/bin/tool in the image is no plain file");
}

#[tokio::test]
async fn a_file_that_an_upper_layer_removes_is_not_taken_from_below() {
    for whiteout in ["usr/bin/.wh.tool", "usr/.wh.bin", "usr/bin/.wh..wh..opq", ".wh..wh..opq"] {
        let machine = Machine::new().await;
        let upper = archive(&[file(whiteout, "")]);
        machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))]))), (PLAIN, upper)]);
        assert_eq!(machine.refused(&from_image(""), "image").await, "a layer of the image removes the file", "{whiteout}");
    }
}

#[tokio::test]
async fn a_layer_that_cannot_be_read_says_why() {
    let machine = Machine::new().await;
    machine.image(&[("application/vnd.oci.image.layer.v1.tar+xz", vec![1, 2, 3])]);
    let why = machine.refused(&from_image(""), "image").await;
    assert_eq!(why, "it has a layer of the kind application/vnd.oci.image.layer.v1.tar+xz, which is not read");
    machine.image(&[(GZIP, b"not gzip".to_vec())]);
    let why = machine.refused(&from_image(""), "image").await;
    assert!(why.starts_with("a layer of the image cannot be read: "), "{why}");
}

#[tokio::test]
async fn a_layer_of_zstd_is_read_too() {
    let machine = Machine::new().await;
    let layer = archive(&[file("usr/bin/tool", &says("1.2.3"))]);
    let layer = ruzstd::encoding::compress_to_vec(&layer[..], ruzstd::encoding::CompressionLevel::Fastest);
    machine.image(&[("application/vnd.oci.image.layer.v1.tar+zstd", layer)]);
    assert!(machine.get(&from_image("")).await.is_ok());
}

#[tokio::test]
async fn what_comes_must_run_and_be_the_version() {
    let machine = Machine::new().await;
    machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.4"))])))]);
    assert_eq!(machine.refused(&from_image(""), "image").await, "what came is version 1.2.4");
    machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", "#!/nonexistent/loader\n")])))]);
    let why = machine.refused(&from_image(""), "image").await;
    assert!(why.starts_with("what came does not run here (No such file"), "{why}");
    assert_eq!(machine.cached(), [""; 0]);
}

#[tokio::test]
async fn another_digest_than_the_pinned_one_is_never_taken() {
    let machine = Machine::new().await;
    let there = machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))])))]);
    let pinned = format!("sha256:{}", "1".repeat(64));
    let why = machine.refused(&from_image(&format!("@{pinned}")), "image").await;
    assert_eq!(why, format!("127.0.0.1/a/tool:v1.2.3 is {there} there and not {pinned}, which tstack.lock pins"));
    assert_eq!(machine.asked_for("blobs"), [""; 0]);
    let right = machine.get(&from_image(&format!("@{there}"))).await.unwrap();
    assert!(right.path.ends_with("tool/1.2.3/tool"));
    assert!(!machine.cached().contains(&"digests.lock".to_owned()), "what is pinned needs no other pin");
}

#[tokio::test]
async fn a_registry_that_gives_other_content_for_the_pinned_digest_is_refused() {
    let machine = Machine::new().await;
    let pinned = format!("sha256:{}", "1".repeat(64));
    machine.serve(&format!("manifests/{pinned}"), "{}");
    let why = machine.refused(&from_image(&format!("@{pinned}")), "image").await;
    assert_eq!(why, format!("127.0.0.1/a/tool gave content with the digest {} for {pinned}", digest(b"{}")));
}

#[tokio::test]
async fn where_none_is_pinned_the_first_digest_is_held_to() {
    let machine = Machine::new().await;
    let first = machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))])))]);
    machine.get(&from_image("")).await.unwrap();
    fs_err::remove_dir_all(machine.folder.path().join("cache/tool/1.2.3")).unwrap();
    // the tag is moved; the old content is still there by its digest, and what is met first is what is taken
    let moved = machine.image(&[(PLAIN, archive(&[file("usr/bin/tool", &says("1.2.3"))]))]);
    let again = machine.get(&from_image("")).await.unwrap();
    assert!(again.source.to_string().ends_with(&first), "{again:?}");
    fs_err::remove_dir_all(machine.folder.path().join("cache/tool/1.2.3")).unwrap();
    machine.answer(&format!("/v2/a/tool/manifests/{first}"), Reply::new(404, ""));
    let why = machine.refused(&from_image(""), "image").await;
    let file = machine.folder.path().join("cache/tool/digests.lock").display().to_string();
    let held = "which it had at first; if it was replaced rightly, remove its line from";
    assert_eq!(why, format!("127.0.0.1/a/tool:v1.2.3 is {moved} there and not {first}, {held} {file}"));
}

#[tokio::test]
async fn a_token_is_fetched_and_shown_to_the_registry_alone() {
    let machine = Machine::new().await;
    machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))])))]);
    let at = machine.registry.url("");
    let wish = format!("Bearer realm=\"{at}/token\",service=\"registry of a\",scope=\"repository:a/tool:pull\"");
    let content: Vec<(String, Reply)> = machine.answers.lock().unwrap().clone().into_iter().collect();
    let storage = Server::start({
        let blob = content.iter().find(|(path, _)| path.contains("blobs")).unwrap().1.clone();
        at_once(move |seen| if seen.headers.contains_key("authorization") { Reply::new(400, "two ways at once") } else { blob.clone() })
    })
    .await;
    for (path, reply) in content {
        machine.answer(&path, Reply::new(401, "").header("www-authenticate", &wish));
        let sent_on = Reply::new(307, "").header("location", storage.url("/x"));
        machine.answer(&format!("{path} (Bearer abc)"), if path.contains("blobs") { sent_on } else { reply });
    }
    machine.answer("/token?scope=repository:a/tool:pull&service=registry%20of%20a", Reply::new(200, r#"{"token": "abc"}"#));
    machine.get(&from_image("")).await.unwrap();
    assert_eq!(machine.asked_for("token?").len(), 1);
}

#[tokio::test]
async fn a_registry_that_refuses_or_limits_says_so() {
    let machine = Machine::new().await;
    let tag = "/v2/a/tool/manifests/v1.2.3";
    for (reply, why) in [
        (
            Reply::new(429, "").header("retry-after", 60),
            "the limit of 127.0.0.1/a/tool is reached (429 Too Many Requests, try again after 60 s)",
        ),
        (Reply::new(401, "").header("www-authenticate", "Basic realm=x"), "127.0.0.1/a/tool wants a login, and tstack has none"),
        (
            Reply::new(401, "").header("www-authenticate", "Bearer realm=\"http://example.com/\""),
            "127.0.0.1/a/tool wants a login, and tstack has none",
        ),
        (Reply::new(403, ""), "127.0.0.1/a/tool refuses, or does not have it (403 Forbidden)"),
        (Reply::new(500, "on fire"), "127.0.0.1/a/tool answered with 500 Internal Server Error: on fire"),
        (
            Reply::new(302, "").header("location", "http://example.com/"),
            "127.0.0.1/a/tool sends us to `http://example.com/`, where we do not go",
        ),
        (Reply::new(302, "").header("location", tag), "127.0.0.1/a/tool sends us from one place to the next without an end"),
        (Reply::new(404, ""), "127.0.0.1/a/tool has no tag v1.2.3"),
    ] {
        machine.answer(tag, reply);
        assert_eq!(machine.refused(&from_image(""), "image").await, why);
    }
}

#[tokio::test]
async fn an_image_for_other_platforms_alone_is_no_source() {
    let machine = Machine::new().await;
    machine.serve("manifests/v1.2.3", json!({"manifests": [{"mediaType": "m", "digest": "x", "size": 1}]}).to_string());
    assert_eq!(machine.refused(&from_image(""), "image").await, "127.0.0.1/a/tool has no image for linux/amd64");
    let hostile = json!({"layers": [{"mediaType": GZIP, "digest": "sha256:../../x", "size": 1}]}).to_string();
    machine.serve("manifests/v1.2.3", hostile);
    assert_eq!(machine.refused(&from_image(""), "image").await, "`sha256:../../x` is not a digest");
}

#[tokio::test]
async fn two_at_once_fetch_it_once() {
    let machine = Machine::new().await;
    machine.image(&[(GZIP, gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))])))]);
    let program = from_image("");
    let (one, two) = tokio::join!(machine.get(&program), machine.get(&program));
    assert_eq!(one.unwrap().path, two.unwrap().path);
    assert_eq!(machine.asked_for("blobs").len(), 1);
    assert!(machine.told.lock().unwrap().contains(&"another tstack is getting tool".to_owned()));
}

#[tokio::test]
async fn a_cancel_leaves_nothing_behind() {
    let machine = Machine::new().await;
    // the tag leads to a token, and who asks for the token hears that the user cancelled
    let cancel = machine.cancel.clone();
    let portal = Server::start(Arc::new(move |_| {
        cancel.cancel();
        Box::pin(std::future::pending())
    }))
    .await;
    let wish = format!("Bearer realm=\"{}\"", portal.url("/token"));
    machine.answer("/v2/a/tool/manifests/v1.2.3", Reply::new(401, "").header("www-authenticate", wish));
    let failure = machine.get(&from_image("")).await.unwrap_err();
    assert_eq!((failure.kind, failure.what.as_str()), (crate::failure::FailureKind::Cancelled, "getting tool was cancelled"));
    assert_eq!(machine.cached(), [""; 0]);
}

#[tokio::test]
async fn a_blob_that_stops_in_the_middle_is_given_up() {
    let machine = Machine::new().await;
    let layer = gzip(&archive(&[file("usr/bin/tool", &says("1.2.3"))]));
    machine.image(&[(GZIP, layer.clone())]);
    let path = format!("/v2/a/tool/blobs/{}", digest(&layer));
    machine.answer(&path, Reply { withheld: 9, stalls: true, ..Reply::new(200, &layer[..layer.len() - 9]) });
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let tell = |text: &str| {
        // from the first piece on only the clock goes on, as fast as it can
        if text.contains(" MB from ") && !stopped.swap(true, std::sync::atomic::Ordering::SeqCst) {
            tokio::time::pause();
        }
    };
    let failure = get(&from_image(""), &machine.places(), &machine.cancel, &tell).await.unwrap_err();
    let why = failure.why.iter().find(|why| why.starts_with("image: ")).unwrap();
    assert!(why.ends_with(": nothing came for 30 s") && why.contains("a/tool broke off after "), "{why}");
    assert_eq!(machine.cached(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_manifest_or_far_too_large_is_refused() {
    let machine = Machine::new().await;
    machine.serve("manifests/v1.2.3", "<html>please log in</html>");
    let why = machine.refused(&from_image(""), "image").await;
    assert!(why.starts_with("its manifest cannot be read: "), "{why}");
    machine.serve("manifests/v1.2.3", vec![b' '; (4 << 20) + 1]);
    let why = "the manifest of 127.0.0.1/a/tool cannot be had: the answer has more than 4194304 bytes";
    assert_eq!(machine.refused(&from_image(""), "image").await, why);
    let layer = json!({"mediaType": GZIP, "digest": digest(b"x"), "size": 2_u64 << 30});
    machine.serve("manifests/v1.2.3", json!({"layers": [layer]}).to_string());
    assert_eq!(machine.refused(&from_image(""), "image").await, "it has a layer of 2147 MB, more than is fetched");
    // a header that announces more than a program has; its content is never read
    let mut header = tar::Header::new_gnu();
    header.set_path("usr/bin/tool").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    machine.image(&[(PLAIN, header.as_bytes().to_vec())]);
    assert_eq!(machine.refused(&from_image(""), "image").await, "/usr/bin/tool in the image has 2147 MB, more than is taken");
    assert_eq!(machine.cached(), [""; 0]);
}
