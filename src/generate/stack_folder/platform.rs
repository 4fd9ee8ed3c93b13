//! Parts of the stacks that come with the program, as they are written there, comments and all.

use std::collections::BTreeMap;

use crate::spec::ServiceSpec;
use crate::stack::{ImageRef, shipped, shipped_folder};
use crate::yaml::{self, Data, Node};

/// A program that comes with tstack: the component that makes its image, and the files that this takes.
pub(super) struct Program {
    pub(super) component: String,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// A stack file as text and tree.
fn stacks() -> impl Iterator<Item = (BTreeMap<String, Vec<u8>>, String, Node)> {
    shipped().into_iter().filter_map(|name| {
        let files = shipped_folder(name)?.files;
        let text = String::from_utf8(files.get("stack.yaml")?.clone()).ok()?;
        let root = yaml::parse(&text).ok()?;
        Some((files, text, root))
    })
}

/// Lines `from` (counted from 1) to before `to`, without what stands at their end for the next part.
fn lines(text: &str, from: usize, to: Option<usize>) -> String {
    let end = to.map_or(usize::MAX, |to| to.saturating_sub(1));
    let mut lines: Vec<&str> = text.lines().take(end).skip(from.saturating_sub(1)).collect();
    while lines.last().is_some_and(|line| line.is_empty() || line.starts_with('#')) {
        lines.pop();
    }
    lines.iter().map(|line| (*line).to_owned() + "\n").collect()
}

/// The places of the top keys of a file, in order.
fn keys(root: &Node) -> Vec<(String, usize)> {
    let Data::Map(entries) = &root.data else { return Vec::new() };
    entries.iter().map(|(key, _)| (key.text.clone(), key.pos.line)).collect()
}

/// Each component of a stack: its tree and its lines.
fn components<'a>(text: &str, root: &'a Node) -> Vec<(&'a Node, String)> {
    let Some(Node { data: Data::List(items), .. }) = root.get("components") else { return Vec::new() };
    let after = keys(root).iter().skip_while(|(key, _)| key != "components").nth(1).map(|(_, line)| *line);
    let end = |at: usize| items.get(at + 1).map(|next| next.pos.line).or(after);
    items.iter().enumerate().map(|(at, item)| (item, lines(text, item.pos.line, end(at)))).collect()
}

/// The lines of a component.
pub(super) fn component(name: &str) -> Option<String> {
    let of = |(_, text, root): (_, String, Node)| {
        components(&text, &root)
            .into_iter()
            .find(|(node, _)| node.get("name").and_then(Node::as_text) == Some(name))
            .map(|(_, lines)| lines)
    };
    stacks().find_map(of)
}

/// The line of a component that names the images of its pods.
pub(super) fn images(of: &str) -> String {
    let lines = component(of).unwrap_or_default();
    lines.lines().find(|line| line.trim_start().starts_with("images: [")).map_or_else(String::new, |line| format!("{line}\n"))
}

/// The cluster, with ports where there is a gateway.
pub(super) fn cluster(http: bool, https: bool) -> String {
    let of = |(_, text, root): (_, String, Node)| {
        let keys = keys(&root);
        let at = keys.iter().position(|(key, _)| key == "cluster")?;
        Some(lines(&text, keys[at].1, keys.get(at + 1).map(|(_, line)| *line)))
    };
    let text = stacks().find_map(of).unwrap_or_default();
    let kept =
        |line: &&str| (http || !(line.contains("${httpPort}") || line.trim() == "ports:")) && (https || !line.contains("${httpsPort}"));
    text.lines().filter(kept).map(|line| line.to_owned() + "\n").collect()
}

/// The program of a specification, where it comes with tstack.
pub(super) fn program(spec: &ServiceSpec) -> Option<Program> {
    let wanted: Vec<ImageRef> = images_of(spec);
    stacks().find_map(|(files, text, root)| {
        components(&text, &root).into_iter().find_map(|(node, component)| {
            let image = node.get("image")?;
            let name = ImageRef::parse(image.get("name")?.as_text()?).ok()?;
            wanted.iter().find(|wanted| wanted.name() == name.name())?;
            // `bin/linux-{arch}/task-api`: for every architecture that there is
            let (before, after) = image.get("binary")?.as_text()?.split_once("{arch}")?;
            let binaries = files.iter().filter(|(path, _)| path.starts_with(before) && path.ends_with(after));
            Some(Program { component, files: binaries.map(|(path, bytes)| (path.clone(), bytes.clone())).collect() })
        })
    })
}

/// Every image of the specification, once.
fn images_of(spec: &ServiceSpec) -> Vec<ImageRef> {
    let mut all: Vec<ImageRef> = Vec::new();
    for image in spec.versions.iter().filter_map(|version| ImageRef::parse(&version.workload.as_ref()?.image).ok()) {
        if !all.contains(&image) {
            all.push(image);
        }
    }
    all
}

/// The line that names the images which are fetched from a registry before the service starts.
pub(super) fn pulled(spec: &ServiceSpec, built_in: bool) -> String {
    let of_registry = |image: &&ImageRef| image.registry != "localhost" && (image.tag.is_some() || image.digest.is_some());
    let images: Vec<String> = images_of(spec).iter().filter(of_registry).map(|image| format!("{:?}", image.to_string())).collect();
    if images.is_empty() || built_in {
        return String::new();
    }
    format!("    images: [{}]\n", images.join(", "))
}
