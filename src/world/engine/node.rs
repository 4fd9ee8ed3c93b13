//! The images inside a kind node.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Engine, EngineImage, local_name};
use crate::failure::Failure;
use crate::stack::ImageRef;

/// An image in containerd's store inside a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeImage {
    /// Its full name: `docker.io/library/nginx:1`.
    pub name: String,
    /// Every digest that says which content it is: of its config (what the kubelet calls its id) and of what its name leads to.
    pub digests: Vec<String>,
}

/// What `crictl images -o json` prints, as far as it is needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CriImages {
    #[serde(default)]
    images: Vec<CriImage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CriImage {
    #[serde(default)]
    id: String,
    #[serde(default)]
    repo_tags: Vec<String>,
}

impl Engine {
    /// The images that a node has, by name. `container` is the node's container.
    ///
    /// # Errors
    /// When the container does not run or containerd in it does not answer yet.
    pub async fn node_images(&self, container: &str) -> Result<Vec<NodeImage>, Failure> {
        // two questions at once: only ctr tells what a name leads to, only crictl the digest of the config
        let (targets, configs) = tokio::try_join!(
            self.exec(container, &["ctr", "--namespace=k8s.io", "images", "ls"]),
            self.exec(container, &["crictl", "images", "-o", "json"]),
        )?;
        let configs: CriImages = serde_json::from_str(&configs.stdout)
            .map_err(|e| Failure::step(format!("cannot read the list of images in the container {container}")).because(&e))?;
        Ok(merge(&targets.stdout, configs))
    }
}

/// Joins both lists by name.
fn merge(ctr: &str, cri: CriImages) -> Vec<NodeImage> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // REF TYPE DIGEST SIZE PLATFORMS LABELS; names with a digest are copies of the same image
    for line in ctr.lines().skip(1) {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(_), Some(digest)) = (words.next(), words.next(), words.next())
            && digest.starts_with("sha256:")
            && !name.starts_with("sha256:")
            && !name.contains('@')
        {
            by_name.entry(name.to_owned()).or_default().push(digest.to_owned());
        }
    }
    for image in cri.images {
        for name in image.repo_tags {
            by_name.entry(name).or_default().push(image.id.clone());
        }
    }
    by_name.into_iter().map(|(name, digests)| NodeImage { name, digests }).collect()
}

/// The images that must be loaded into a node: those that it has not, or has under the same name with other content. `wanted` are images of the
/// engine.
#[must_use]
pub fn missing_in_node(wanted: &[(ImageRef, EngineImage)], node: &[NodeImage]) -> Vec<ImageRef> {
    let is_there = |reference: &ImageRef, image: &EngineImage| {
        let name = local_name(reference);
        node.iter().any(|n| n.name == name && n.digests.iter().any(|digest| image.is(digest)))
    };
    wanted.iter().filter(|(reference, image)| !is_there(reference, image)).map(|(reference, _)| reference.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CTR: &str = "\
REF                                TYPE                                                 DIGEST      SIZE      PLATFORMS   LABELS
docker.io/library/a:1              application/vnd.docker.distribution.manifest.v2+json sha256:aaa1 10.0 MiB  linux/amd64 -
import-2026@sha256:aaa1            application/vnd.docker.distribution.manifest.v2+json sha256:aaa1 10.0 MiB  linux/amd64 -
sha256:cfg1                        application/vnd.docker.distribution.manifest.v2+json sha256:aaa1 10.0 MiB  linux/amd64 -
";
    const CRI: &str = r#"{"images":[{"id":"sha256:cfg1","repoTags":["docker.io/library/a:1"],"repoDigests":[],"size":"1"},
                                    {"id":"sha256:cfg2","repoTags":["quay.io/b:2"]},{"id":"sha256:cfg3"}]}"#;

    fn node() -> Vec<NodeImage> {
        merge(CTR, serde_json::from_str(CRI).unwrap())
    }

    fn wanted(name: &str, id: &str) -> (ImageRef, EngineImage) {
        (ImageRef::parse(name).unwrap(), EngineImage { id: id.into(), ..EngineImage::default() })
    }

    #[test]
    fn a_name_leads_to_the_digests_of_manifest_and_config() {
        let node = node();
        assert_eq!(node.len(), 2, "{node:?}");
        assert_eq!(node[0], NodeImage { name: "docker.io/library/a:1".into(), digests: vec!["sha256:aaa1".into(), "sha256:cfg1".into()] });
    }

    #[test]
    fn an_image_is_present_by_content_and_not_by_name() {
        let missing = |name: &str, id: &str| !missing_in_node(&[wanted(name, id)], &node()).is_empty();
        assert!(!missing("a:1", "sha256:cfg1"), "an engine that calls the config the id");
        assert!(!missing("a:1", "sha256:aaa1"), "an engine with containerd's store, which calls the manifest so");
        assert!(missing("a:1", "sha256:newer"), "same tag, other content");
        assert!(missing("a:2", "sha256:cfg1"), "same content, other tag");
        assert!(missing("c:1", "sha256:cfg2"));
    }

    #[test]
    fn an_image_without_known_digests_is_loaded_again() {
        assert_eq!(missing_in_node(&[wanted("a:1", "")], &node()).len(), 1);
    }
}
