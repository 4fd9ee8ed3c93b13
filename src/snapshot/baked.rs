//! Node images that hold all images of a stack.

use std::collections::BTreeMap;

use crate::stack::{ComponentKind, ImageRef, Stack};

/// The label with the node image that one was made from, and its id.
pub const BAKED_FROM: &str = "tstack.dev/baked-from";
/// The label with the images that one holds, and their ids, as JSON.
pub const IMAGES: &str = "tstack.dev/images";
/// The form of what lies in one; another form has another name.
const FORM: &str = "1";

/// The baked node image that a stack wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baked {
    /// The node image that it is made from.
    pub node: ImageRef,
    /// Images that the engine pulls.
    pub pulled: Vec<ImageRef>,
    /// Images that the stack makes itself; the tag of each is that of its content.
    pub own: Vec<ImageRef>,
}

impl Baked {
    /// What a stack wants.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let own = stack
            .components
            .iter()
            .filter_map(|c| if let ComponentKind::Image(build) = &c.kind { Some(build.image.clone()) } else { None });
        let mut wanted = Self { node: stack.cluster.image.clone(), pulled: stack.images(), own: own.collect() };
        wanted.pulled.sort();
        wanted.pulled.dedup();
        wanted.own.sort();
        wanted.own.dedup();
        wanted
    }

    /// All images that it holds.
    pub fn images(&self) -> impl Iterator<Item = &ImageRef> {
        self.pulled.iter().chain(&self.own)
    }

    /// Its name: the same for the same node image and images, whatever the order and the machine.
    #[must_use]
    pub fn name(&self) -> String {
        let texts: Vec<String> = std::iter::once(&self.node).chain(self.images()).map(ToString::to_string).collect();
        let parts: Vec<&str> = std::iter::once(FORM).chain(texts.iter().map(String::as_str)).collect();
        format!("localhost/tstack-node:{}", super::short(&parts))
    }

    /// Its labels, given the ids under which the engine has the node image and those that it pulled.
    #[must_use]
    pub fn labels(&self, ids: &BTreeMap<ImageRef, String>) -> BTreeMap<String, String> {
        let id = |image: &ImageRef| ids.get(image).cloned().unwrap_or_default();
        let images: BTreeMap<String, String> = self.images().map(|image| (image.to_string(), id(image))).collect();
        let images = serde_json::to_string(&images).unwrap_or_default();
        BTreeMap::from([(BAKED_FROM.to_owned(), format!("{} {}", self.node, id(&self.node))), (IMAGES.to_owned(), images)])
    }

    /// Why an image of its name is not to be used, given its labels and the ids that the engine has now. A tag that leads to another
    /// content by now is another image; what the engine no longer has is taken as it was.
    ///
    /// # Errors
    /// The reason, as one sentence without its end.
    pub fn fits(&self, labels: &BTreeMap<String, String>, ids: &BTreeMap<ImageRef, String>) -> Result<(), String> {
        let (Some(from), Some(images)) = (labels.get(BAKED_FROM), labels.get(IMAGES)) else {
            return Err("it does not say what it holds".into());
        };
        let held: BTreeMap<String, String> = serde_json::from_str(images).map_err(|_| "it does not say what it holds".to_owned())?;
        let moved = |image: &ImageRef, then: &str| ids.get(image).is_some_and(|now| now != then);
        let node = from.split_once(' ').map_or("", |(_, id)| id);
        if moved(&self.node, node) {
            return Err(format!("{} has changed since then", self.node));
        }
        for image in self.images() {
            match held.get(&image.to_string()) {
                None => return Err(format!("{image} is not in it")),
                Some(then) if moved(image, then) => return Err(format!("{image} has changed since then")),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageRef {
        ImageRef::parse(text).unwrap()
    }

    fn baked() -> Baked {
        Baked { node: image("kindest/node:v1"), pulled: vec![image("a:1"), image("b:1")], own: vec![image("localhost/own:sha-1")] }
    }

    fn ids() -> BTreeMap<ImageRef, String> {
        [("kindest/node:v1", "n"), ("a:1", "x"), ("b:1", "y")].map(|(name, id)| (image(name), id.to_owned())).into()
    }

    #[test]
    fn the_name_is_that_of_what_it_holds() {
        let mut other = baked();
        other.own = vec![image("localhost/own:sha-2")];
        assert_ne!(baked().name(), other.name(), "an image of the stack's own that is built anew is another");
        assert!(ImageRef::parse(&baked().name()).is_ok());
    }

    #[test]
    fn it_fits_while_nothing_that_it_holds_has_changed() {
        let labels = baked().labels(&ids());
        assert_eq!(baked().fits(&labels, &ids()), Ok(()));
        assert_eq!(baked().fits(&labels, &BTreeMap::new()), Ok(()), "what the engine no longer has is taken as it was");
        let mut moved = ids();
        moved.insert(image("b:1"), "z".into());
        assert_eq!(baked().fits(&labels, &moved), Err("docker.io/library/b:1 has changed since then".into()));
        let mut node = ids();
        node.insert(image("kindest/node:v1"), "m".into());
        assert_eq!(baked().fits(&labels, &node), Err("docker.io/kindest/node:v1 has changed since then".into()));
    }

    #[test]
    fn an_image_without_our_labels_never_fits() {
        assert_eq!(baked().fits(&BTreeMap::new(), &ids()), Err("it does not say what it holds".into()));
    }
}
