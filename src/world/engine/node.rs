//! The images inside a kind node.

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

impl Engine {
    /// The images that a node has, by name. `container` is the node's container.
    ///
    /// # Errors
    /// When the container does not run or containerd in it does not answer yet.
    pub async fn node_images(&self, container: &str) -> Result<Vec<NodeImage>, Failure> {
        let list = self.exec(container, &["ctr", "--namespace=k8s.io", "images", "ls"]).await?;
        Ok(parse(&list.stdout))
    }
}

/// Reads the columns REF TYPE DIGEST of `ctr images ls`. Beside its names, each image that the kubelet knows has a reference that is the digest of
/// its config, which is how the kubelet finds it by id; what leads to the same manifest is the same image. (`crictl` tells the id
/// directly, but is not in every node image.)
fn parse(list: &str) -> Vec<NodeImage> {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, target) = (words.next()?.to_owned(), words.nth(1)?.to_owned());
        target.starts_with("sha256:").then_some((name, target))
    };
    let rows: Vec<(String, String)> = list.lines().skip(1).filter_map(row).collect();
    let (ids, names): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(name, _)| name.starts_with("sha256:"));
    // a name with a digest is a second name of an image
    let names = names.into_iter().filter(|(name, _)| !name.contains('@'));
    names
        .map(|(name, target)| {
            let same = ids.iter().filter(|(_, other)| *other == target).map(|(id, _)| id.clone());
            NodeImage { name, digests: std::iter::once(target.clone()).chain(same).collect() }
        })
        .collect()
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
quay.io/b:2                        application/vnd.oci.image.manifest.v1+json           sha256:bbb2 10.0 MiB  linux/amd64 -
";
    fn node() -> Vec<NodeImage> {
        parse(CTR)
    }

    fn wanted(name: &str, id: &str) -> (ImageRef, EngineImage) {
        (ImageRef::parse(name).unwrap(), EngineImage { id: id.into(), ..EngineImage::default() })
    }

    #[test]
    fn a_name_leads_to_the_digests_of_manifest_and_config() {
        let node = node();
        assert_eq!(node.len(), 2, "{node:?}");
        assert_eq!(node[1], NodeImage { name: "quay.io/b:2".into(), digests: vec!["sha256:bbb2".into()] });
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
