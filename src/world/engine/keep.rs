//! Images that we make and keep: a container is filled and written down.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::errors::Error;
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder, ListImagesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use super::Engine;
use super::container::label_filters;
use super::error::{failure, found, is_not_found};
use crate::failure::Failure;

/// An image that carries our labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptImage {
    /// Its names; of one that has none any more its id.
    pub names: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Bytes, with layers that others share.
    pub size: u64,
    /// When it was made.
    pub created: Option<jiff::Timestamp>,
}

/// A container that is made to be filled.
#[derive(Clone, Copy, Debug)]
pub struct Workbench<'a> {
    /// Its image.
    pub image: &'a str,
    /// What runs in it, where it is started.
    pub entrypoint: &'a [&'a str],
    /// Where a volume of its own is, which is no part of what is written down.
    pub volume: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

/// How the engine lists an image without a name.
const UNNAMED: &str = "<none>:<none>";

impl Engine {
    /// Makes a container that may change everything in its own system, and does not start it. Gives its id.
    ///
    /// # Errors
    /// When the image is not there, or the engine refuses.
    pub async fn make_workbench(&self, wanted: Workbench<'_>) -> Result<String, Failure> {
        let volume = |target: &str| Mount { target: Some(target.to_owned()), typ: Some(MountType::VOLUME), ..Mount::default() };
        let body = ContainerCreateBody {
            image: Some(wanted.image.to_owned()),
            entrypoint: Some(wanted.entrypoint.iter().map(|word| (*word).to_owned()).collect()),
            host_config: Some(HostConfig {
                privileged: Some(true),
                network_mode: Some("none".into()),
                mounts: wanted.volume.map(|target| vec![volume(target)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = self.docker.create_container(Some(CreateContainerOptionsBuilder::default().name(wanted.name).build()), body).await;
        made.map(|made| made.id).map_err(|e| failure(format!("cannot make a container of the image {}", wanted.image), &e))
    }

    /// Removes a container with its own volumes, whether it runs or not. One that is not there is no error.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn remove_container(&self, container: &str) -> Result<(), Failure> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let answer = found(self.docker.remove_container(container, Some(options)).await);
        answer.map(drop).map_err(|e| failure(format!("cannot remove the container {container}"), &e))
    }

    /// Copies a file or folder of one container into a folder of another; either may be paused, or not started yet. Returns whether
    /// there was one.
    ///
    /// # Errors
    /// When the engine breaks off.
    pub async fn copy(&self, from: &str, path: &str, to: &str, folder: &str) -> Result<bool, Failure> {
        let what = || format!("cannot copy {path} of the container {from}");
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut source = self.docker.download_from_container(from, Some(options)).boxed();
        let first = match source.next().await {
            Some(Err(e)) if is_not_found(&e) => return Ok(false),
            Some(first) => first.map_err(|e| failure(what(), &e))?,
            None => return Ok(false),
        };
        let broken: Arc<Mutex<Option<Error>>> = Arc::default();
        let noted = Arc::clone(&broken);
        let rest = source.scan((), move |(), piece| {
            let piece = piece.map_err(|e| *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(e));
            std::future::ready(piece.ok())
        });
        // a source that broke off explains an archive that ends too early
        let stored = self.upload(to, folder, futures::stream::once(async move { first }).chain(rest)).await;
        match broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(e) => Err(failure(what(), &e)),
            None => stored.map(|()| true),
        }
    }

    /// Unpacks an archive in a folder of a container.
    ///
    /// # Errors
    /// When the folder is not there, or the engine refuses.
    pub async fn upload<S>(&self, container: &str, folder: &str, archive: S) -> Result<(), Failure>
    where
        S: futures::Stream<Item = Bytes> + Send + 'static,
    {
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let answer = self.docker.upload_to_container(container, Some(options), bollard::body_stream(archive)).await;
        answer.map_err(|e| failure(format!("cannot write to {folder} of the container {container}"), &e))
    }

    /// The archive of a file or folder of a container; `None` when there is none.
    ///
    /// # Errors
    /// When the engine breaks off.
    pub async fn download(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let pieces = self.docker.download_from_container(container, Some(options)).try_collect::<Vec<Bytes>>().await;
        let pieces = found(pieces).map_err(|e| failure(format!("cannot read {path} of the container {container}"), &e))?;
        Ok(pieces.map(|pieces| pieces.concat()))
    }

    /// Writes a container down as an image that starts as `like` does, under a name with a tag, and with these labels.
    ///
    /// # Errors
    /// When the disk is full, or the engine refuses.
    pub async fn keep(&self, container: &str, name: &str, like: &str, labels: &BTreeMap<String, String>) -> Result<(), Failure> {
        let what = || format!("cannot write the image {name}");
        let like = self.docker.inspect_image(like).await.map_err(|e| failure(what(), &e))?.config.unwrap_or_default();
        let config = ContainerConfig {
            entrypoint: like.entrypoint,
            cmd: like.cmd,
            env: like.env,
            stop_signal: like.stop_signal,
            labels: Some(labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
            ..ContainerConfig::default()
        };
        let (repo, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let options = CommitContainerOptionsBuilder::default().container(container).repo(repo).tag(tag).build();
        let before = self.image_named(name).await?.map(|image| image.id);
        let made = self.docker.commit_container(options, config).await.map_err(|e| failure(what(), &e))?;
        if let Some(before) = before.filter(|before| *before != made.id) {
            // it has lost its name, and may hold keys; one that a container still uses stays, and is listed by its id
            let _ = self.remove_image(&before).await;
        }
        Ok(())
    }

    /// The labels of an image; `None` when the engine does not have it.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn image_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let answer = found(self.docker.inspect_image(name).await);
        let image = answer.map_err(|e| failure(format!("cannot tell whether the engine has the image {name}"), &e))?;
        Ok(image.map(|image| image.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect()))
    }

    /// The images that carry a label, by name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn kept_images(&self, label: &str) -> Result<Vec<KeptImage>, Failure> {
        let filters = HashMap::from([("label".to_owned(), label_filters(&[(label, "")]))]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let answer = self.docker.list_images(Some(options)).await.map_err(|e| failure("cannot list images", &e))?;
        let mut all: Vec<KeptImage> = answer
            .into_iter()
            .map(|image| KeptImage {
                names: match image.repo_tags {
                    tags if tags.iter().any(|tag| tag != UNNAMED) => tags,
                    _ => vec![image.id],
                },
                labels: image.labels.into_iter().collect(),
                size: u64::try_from(image.size).unwrap_or(0),
                created: jiff::Timestamp::from_second(image.created).ok(),
            })
            .collect();
        all.sort_by(|a, b| a.names.cmp(&b.names));
        Ok(all)
    }

    /// Removes the name of an image, and the image where it was the last. Returns whether there was one.
    ///
    /// # Errors
    /// When a container was made from it.
    pub async fn remove_image(&self, name: &str) -> Result<bool, Failure> {
        let options = RemoveImageOptionsBuilder::default().force(false).build();
        let answer = found(self.docker.remove_image(name, Some(options), None).await);
        answer.map(|removed| removed.is_some()).map_err(|e| failure(format!("cannot remove the image {name}"), &e))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    async fn engine(fake: &Scripted) -> Engine {
        Engine::connect(Some(&fake.address), &[]).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_not_there_is_neither_copied_nor_removed_and_that_is_no_error() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/containers/a/archive" | "DELETE /v1.41/containers/a" => Scripted::json(404, r#"{"message":"no such thing"}"#),
            "DELETE /v1.41/images/x:1" | "GET /v1.41/images/x:1/json" => Scripted::json(404, r#"{"message":"No such image"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let engine = engine(&fake).await;
        assert_eq!(engine.copy("a", "/etc/cni", "b", "/etc").await, Ok(false));
        assert_eq!(engine.download("a", "/etc/cni").await, Ok(None));
        assert_eq!(engine.remove_container("a").await, Ok(()));
        assert_eq!(engine.remove_image("x:1").await, Ok(false));
        assert_eq!(engine.image_labels("x:1").await, Ok(None));
    }

    #[tokio::test]
    async fn an_image_in_use_is_not_removed_and_the_engine_says_by_whom() {
        let fake = Scripted::start(|request| match request {
            "DELETE /v1.41/images/x:1" => Scripted::json(409, r#"{"message":"image is being used by running container 1"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let failure = engine(&fake).await.remove_image("x:1").await.unwrap_err();
        assert_eq!(
            (failure.what.as_str(), failure.why[0].as_str()),
            ("cannot remove the image x:1", "image is being used by running container 1")
        );
    }
}
