//! Images of the engine.

use bollard::models::ImageInspect;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};

use super::Engine;
use super::error::{failure, found};
use crate::failure::Failure;
use crate::stack::ImageRef;

/// The name under which the engine and the nodes hold an image: with its tag and without its digest, since both forget digests of images that
/// did not come straight from the registry in the name. An image that is named by digest alone gets a tag made of it.
#[must_use]
pub fn local_name(image: &ImageRef) -> String {
    let tag = match (&image.tag, &image.digest) {
        (Some(tag), _) => tag.clone(),
        (None, Some(digest)) => digest.replace(':', "-"),
        (None, None) => "latest".to_owned(),
    };
    format!("{}:{tag}", image.name())
}

/// An image that the engine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineImage {
    /// What the engine calls its id: the digest of its config, or with containerd's store of its manifest or index.
    pub id: String,
    /// The digests of manifests under which registries served it.
    pub digests: Vec<String>,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// Bytes on disk, with layers that others share.
    pub size: u64,
}

impl EngineImage {
    /// Whether a digest, of a config, a manifest or an index, is this image's.
    #[must_use]
    pub fn is(&self, digest: &str) -> bool {
        !digest.is_empty() && (self.id == digest || self.digests.iter().any(|d| d == digest))
    }

    fn of(answer: ImageInspect) -> Self {
        let mut digests: Vec<String> = Vec::new();
        let in_names = answer.repo_digests.unwrap_or_default();
        digests.extend(in_names.iter().filter_map(|name| name.split_once('@')).map(|(_, digest)| digest.to_owned()));
        digests.extend(answer.descriptor.and_then(|descriptor| descriptor.digest));
        digests.extend(answer.manifests.unwrap_or_default().into_iter().map(|manifest| manifest.id));
        digests.sort();
        digests.dedup();
        Self {
            id: answer.id.unwrap_or_default(),
            digests,
            architecture: answer.architecture.unwrap_or_default(),
            size: answer.size.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        }
    }
}

impl Engine {
    /// The image that the engine holds under the local name of a reference, whatever its digest; `None` when there is none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn image(&self, image: &ImageRef) -> Result<Option<EngineImage>, Failure> {
        self.image_named(&local_name(image)).await
    }

    /// The id of an image when the engine has it: under its name and, where the reference pins a digest, with that digest.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn image_present(&self, image: &ImageRef) -> Result<Option<String>, Failure> {
        let there = self.image(image).await?;
        let as_pinned = |there: &EngineImage| image.digest.as_deref().is_none_or(|digest| there.is(digest));
        Ok(there.filter(as_pinned).map(|there| there.id))
    }

    pub(super) async fn image_named(&self, name: &str) -> Result<Option<EngineImage>, Failure> {
        let answer = found(self.docker.inspect_image(name).await);
        Ok(answer.map_err(|e| failure(format!("cannot tell whether the engine has the image {name}"), &e))?.map(EngineImage::of))
    }

    /// One archive with all these images, which must be in the engine, as `ctr images import -` reads it. Nothing is written to disk here; the
    /// engine may do so before it sends the first byte.
    ///
    /// # Errors
    /// Each item: when an image is not there, or the engine breaks off.
    pub fn save(&self, images: &[ImageRef]) -> impl Stream<Item = Result<Bytes, Failure>> + Send + use<> {
        let names: Vec<String> = images.iter().map(local_name).collect();
        let list = names.join(", ");
        let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
        // the request is made here and owned by the stream; it borrows neither the names nor us
        self.docker.export_images(&borrowed).map_err(move |e| failure(format!("cannot read images from the engine: {list}"), &e)).boxed()
    }

    /// Loads an archive (of `docker save`, or [`crate::image::archive`]) into the engine.
    ///
    /// # Errors
    /// When the engine does not take it.
    pub async fn load<S>(&self, archive: S) -> Result<(), Failure>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let options = bollard::query_parameters::ImportImageOptions::default();
        let mut answer = self.docker.import_image(options, bollard::body_stream(archive), None);
        while let Some(step) = answer.next().await {
            let step = step.map_err(|e| failure("cannot load an image archive into the engine", &e))?;
            if let Some(detail) = step.error_detail {
                return Err(Failure::step("cannot load an image archive into the engine").why(detail.message.unwrap_or_default()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    const PIN: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

    fn image(text: &str) -> ImageRef {
        ImageRef::parse(text).unwrap()
    }

    #[test]
    fn the_local_name_has_a_tag_and_no_digest() {
        assert_eq!(local_name(&image(&format!("kindest/node:v1@{PIN}"))), "docker.io/kindest/node:v1");
        assert_eq!(local_name(&image(&format!("quay.io/a/b@{PIN}"))), format!("quay.io/a/b:{}", PIN.replace(':', "-")));
        assert!(ImageRef::parse(&local_name(&image(&format!("quay.io/a/b@{PIN}")))).is_ok());
    }

    #[tokio::test]
    async fn a_pinned_image_is_present_only_with_its_digest() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/images/docker.io/library/a:1/json" => Scripted::json(
                200,
                r#"{"Id":"sha256:c","RepoDigests":["127.0.0.1:5000/a@sha256:0000000000000000000000000000000000000000000000000000000000000001"]}"#,
            ),
            "GET /v1.41/images/docker.io/library/b:1/json" => Scripted::json(404, r#"{"message":"No such image"}"#),
            "GET /v1.41/images/docker.io/library/c:1/json" => Scripted::json(500, r#"{"message":"layer store is broken"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let engine = Engine::connect(Some(&fake.address), &[]).await.unwrap();
        let present = async |text: String| engine.image_present(&image(&text)).await;
        assert_eq!(present("a:1".into()).await, Ok(Some("sha256:c".into())));
        assert_eq!(present(format!("a:1@{PIN}")).await, Ok(Some("sha256:c".into())));
        assert_eq!(present(format!("a:1@{}", PIN.replace('1', "2"))).await, Ok(None));
        assert_eq!(present("b:1".into()).await, Ok(None));
        let unknown = present("c:1".into()).await.unwrap_err();
        assert_eq!(unknown.why, ["layer store is broken"], "an error is unknown, not absent");
    }
}
