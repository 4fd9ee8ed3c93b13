//! Fetching images.

use std::collections::HashMap;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use futures::StreamExt as _;

use super::error::{failure, text_of};
use super::{Engine, local_name};
use crate::failure::Failure;
use crate::stack::ImageRef;
use crate::world::registry::Mirror;

impl Engine {
    /// Fetches an image from its registry, or from `mirror`, and gives it its local name, the upstream one. `on_progress` is told the bytes that
    /// have come and the bytes that are known of so far.
    ///
    /// A pinned digest is what is asked for, so the engine itself checks the content; the name with the digest stays in the engine, as the proof
    /// that the content is the pinned one. Without a pin, the mirror's tag is removed again, unless it was there before.
    ///
    /// # Errors
    /// When the image is not there, a login is needed, the registry does not answer, the disk is full, or the content is not the pinned one.
    pub async fn pull(
        &self,
        image: &ImageRef,
        mirror: Option<&Mirror>,
        on_progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<(), Failure> {
        let source = mirror.map_or_else(|| image.clone(), |m| m.image(image));
        // the engine takes a digest where it takes a tag
        let version = source.digest.clone().or_else(|| source.tag.clone()).unwrap_or_else(|| "latest".to_owned());
        let fetched = if source.digest.is_some() { format!("{}@{version}", source.name()) } else { format!("{}:{version}", source.name()) };
        let was_there = self.image_named(&fetched).await?.is_some();

        let options = CreateImageOptionsBuilder::default().from_image(&source.name()).tag(&version).build();
        let mut answer = self.docker.create_image(Some(options), None, None);
        let mut progress = Progress::default();
        while let Some(step) = answer.next().await {
            let step = step.map_err(|e| pull_failure(image, &fetched, &text_of(&e)))?;
            if progress.take(step) {
                on_progress(progress.done(), progress.total());
            }
        }
        // the stream can end well without an image when the engine is shut down
        if self.image_named(&fetched).await?.is_none() {
            return Err(pull_failure(image, &fetched, "the engine ended the transfer without an error, and does not have the image"));
        }

        let local = local_name(image);
        if fetched != local {
            let (repo, tag) = local.rsplit_once(':').unwrap_or((&local, "latest"));
            let options = TagImageOptionsBuilder::default().repo(repo).tag(tag).build();
            self.docker.tag_image(&fetched, Some(options)).await.map_err(|e| failure(format!("cannot tag {fetched} as {local}"), &e))?;
            if source.digest.is_none() && !was_there {
                // the image keeps its other tag, so this removes a name and no content
                let options = RemoveImageOptionsBuilder::default().force(false).noprune(true).build();
                let answer = self.docker.remove_image(&fetched, Some(options), None).await;
                answer.map_err(|e| failure(format!("cannot remove the tag {fetched}"), &e))?;
            }
        }
        Ok(())
    }
}

/// How much of an image has come, by layer.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes that have come and bytes in all.
    layers: HashMap<String, (u64, u64)>,
}

impl Progress {
    /// Takes in one line of the engine's; whether something changed.
    fn take(&mut self, step: CreateImageInfo) -> bool {
        let (Some(layer), Some(status)) = (step.id, step.status) else { return false };
        match status.as_str() {
            "Downloading" => {
                let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                let detail = step.progress_detail.unwrap_or_default();
                let (done, total) = (number(detail.current), number(detail.total));
                // a layer of unknown size counts as what has come of it
                self.layers.insert(layer, (done, total.max(done)));
                true
            }
            "Download complete" | "Pull complete" => self.layers.get_mut(&layer).is_some_and(|(done, total)| {
                let changed = done != total;
                *done = *total;
                changed
            }),
            _ => false,
        }
    }

    fn done(&self) -> u64 {
        self.layers.values().map(|(done, _)| done).sum()
    }

    fn total(&self) -> u64 {
        self.layers.values().map(|(_, total)| total).sum()
    }
}

/// What went wrong, from the engine's words: it hands on the registry's and the network's messages as text.
fn pull_failure(image: &ImageRef, fetched: &str, text: &str) -> Failure {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let host = fetched.split('/').next().unwrap_or_default();
    let from = if fetched.starts_with(&image.name()) { String::new() } else { format!(" from {fetched}") };
    let failure = |what: &str| Failure::step(format!("cannot pull the image {image}{from}: {what}")).why(text);

    if has(&["no space left on device"]) {
        return failure("the disk is full").hint("Free disk space of the engine: `docker system df` shows what uses it.");
    }
    if has(&["error parsing http", "invalid character '<'"]) {
        return failure("what answers is not a registry").hint(format!(
            "Something between here and {host} answers in its place (a proxy, a login page of the network); get past it, or set a mirror."
        ));
    }
    if has(&["toomanyrequests", "rate limit"]) {
        return failure("the registry's limit is reached")
            .hint(format!("Log in and pull it yourself (`docker login {host}`, `docker pull {fetched}`), wait, or set a mirror."));
    }
    if has(&["no matching manifest", "does not match the specified platform"]) {
        return failure("it does not exist for this machine's architecture").hint("Choose a version that is built for it.");
    }
    if has(&["http response to https client", "x509:", "certificate"]) {
        return failure("the engine does not trust the registry")
            .hint(format!("Add the registry's authority to the engine: https://docs.docker.com/engine/security/certificates/ ({host})."));
    }
    // before `not found`: registries answer so for images that they hide
    if has(&["unauthorized", "authentication required", "denied", "no basic auth"]) {
        return failure("the registry refuses, or does not have it").hint(format!(
            "Correct the name, or log in and pull it yourself (`docker login {host}`, `docker pull {fetched}`); tstack pulls without login."
        ));
    }
    if has(&[
        "no such host",
        "connection refused",
        "i/o timeout",
        "dial tcp",
        "timeout",
        "network is unreachable",
        "no route",
        "eof",
        "reset by peer",
    ]) {
        return failure("the registry does not answer")
            .hint(format!("Check the network (a proxy? a VPN?) to {host}, or set a mirror, then run the same command again."));
    }
    if has(&["not found", "manifest unknown", "name unknown"]) {
        return failure("there is no such image")
            .hint("Correct its name, tag or digest; where a mirror is set, make sure that the mirror has it.");
    }
    failure("the engine gave up")
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::super::scripted::Scripted;
    use super::*;

    fn step(layer: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(layer.into()),
            status: Some(status.into()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn progress_is_the_sum_of_the_layers_and_ends_full() {
        let mut progress = Progress::default();
        assert!(!progress.take(step("a", "Pulling fs layer", 0, 0)));
        assert!(progress.take(step("a", "Downloading", 10, 100)));
        assert!(progress.take(step("b", "Downloading", 5, -1)));
        assert_eq!((progress.done(), progress.total()), (15, 105));
        assert!(!progress.take(step("a", "Extracting", 1, 100)));
        assert!(progress.take(step("a", "Download complete", 0, 0)));
        assert!(!progress.take(step("a", "Pull complete", 0, 0)));
        assert_eq!((progress.done(), progress.total()), (105, 105));
    }

    #[test]
    fn what_went_wrong_is_read_from_the_engines_words() {
        let image = ImageRef::parse("quay.io/a/b:1").unwrap();
        for (text, what) in [
            ("manifest for quay.io/a/b:1 not found: manifest unknown: manifest unknown", "there is no such image"),
            ("pull access denied for a/b, repository does not exist or may require 'docker login'", "the registry refuses"),
            ("Get \"https://quay.io/v2/\": dial tcp: lookup quay.io: no such host", "the registry does not answer"),
            ("toomanyrequests: You have reached your pull rate limit", "limit is reached"),
            ("no matching manifest for linux/arm64/v8 in the manifest list entries", "this machine's architecture"),
            ("http: server gave HTTP response to HTTPS client", "does not trust"),
            ("write /var/lib/docker/tmp/x: no space left on device", "the disk is full"),
            ("error parsing HTTP 404 response body: unexpected end of JSON input: \"\"", "not a registry"),
            ("something new", "gave up"),
        ] {
            let failure = pull_failure(&image, "quay.io/a/b:1", text);
            assert!(
                failure.what.starts_with("cannot pull the image quay.io/a/b:1: ") && failure.what.contains(what),
                "{text}: {failure:?}"
            );
            assert_eq!(failure.why, [text]);
        }
        let mirrored = pull_failure(&image, "127.0.0.1:5000/a/b:1", "connection refused");
        assert!(mirrored.what.contains("quay.io/a/b:1 from 127.0.0.1:5000/a/b:1"), "{mirrored:?}");
        assert!(mirrored.hints[0].contains("127.0.0.1:5000"), "{mirrored:?}");
    }

    #[tokio::test]
    async fn an_error_in_the_middle_of_a_pull_fails_it() {
        let fake = Scripted::start(|request| match request {
            "POST /v1.41/images/create" => Scripted::json(
                200,
                "{\"status\":\"Pulling\"}\r\n{\"errorDetail\":{\"message\":\"unexpected EOF\"},\"error\":\"unexpected EOF\"}\r\n",
            ),
            "GET /v1.41/images/docker.io/library/a:1/json" => Scripted::json(404, r#"{"message":"No such image"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let engine = Engine::connect(Some(&fake.address), &[]).await.unwrap();
        let failure = engine.pull(&ImageRef::parse("a:1").unwrap(), None, &|_, _| ()).await.unwrap_err();
        assert_eq!(failure.why, ["unexpected EOF"]);
    }
}
