//! From the bytes of a folder to a stack in which everything is resolved.

use super::components::Context;
use super::manifests::{Manifests, write_out_images_in};
use super::schema::STACK_FILE;
use super::{
    Cluster, ClusterFile, Component, ComponentKind, Documents, ExposeFile, Exposure, Folder, ImageRef, Overrides, PortMapping, Stack,
    checks, components, overlay, values,
};
use crate::input::{Collector, Findings, Parameters, is_label, quantity};
use crate::yaml::{Node, Pos};

/// Names that stand for a text that only a running check knows; they stay as they are within checks.
const RUN_TIME: [&str; 2] = ["unique", "user"];

/// The node image where a stack names none. Kubernetes 1.34 is the last version whose kubelet runs on cgroup v1 and v2 alike.
pub const DEFAULT_NODE_IMAGE: &str = "docker.io/kindest/node:v1.34.4";

/// Reads a stack: parse, lay profiles and `--set` over it, fill parameters in, check it against the schema, then every rule.
///
/// Findings come in two rounds: what the schema finds comes first, since rules on a value of the wrong type would only repeat it.
///
/// # Errors
/// Everything that is wrong, at least one finding.
pub fn resolve(folder: &Folder, overrides: &Overrides) -> Result<Stack, Findings> {
    let mut found = Collector::default();
    let stack = read(folder, overrides, &mut found);
    found.finish(stack)?.ok_or_else(|| unreachable_without_finding(folder))
}

/// Reading ends early only with a finding; should that ever not hold, the person still gets an error and not a panic.
fn unreachable_without_finding(folder: &Folder) -> Findings {
    let mut found = Collector::default();
    let source = found.source(format!("{}/stack.yaml", folder.origin), "");
    found.into_findings(Pos { source, line: 1, column: 1 }, "the stack could not be read; this is a defect of tstack")
}

fn read(folder: &Folder, overrides: &Overrides, found: &mut Collector) -> Option<Stack> {
    let mut root = open(folder, found)?;
    overlay::apply(&mut root, overrides, found);
    let parameters = Parameters::of(&root, &RUN_TIME, found);
    parameters.fill_file(&mut root, found);
    let file = STACK_FILE.read(&root, found)?;
    if !is_label(&file.metadata.name, 40) {
        let at = root.value_pos_at("/metadata/name");
        found.add(at, format!("`{}` is not a name: lower case letters, digits and inner `-`, at most 40", file.metadata.name));
    }
    let context = Context { root: &root, folder, parameters: &parameters, architecture: &overrides.architecture };
    let (cluster, expose) = (cluster(&file.cluster, &root, found)?, expose(&file.expose, &file.cluster.ports, &root, found));
    let mut manifests = Manifests::default();
    let components = components::resolve(&file.components, &context, &mut manifests, found);
    Some(Stack {
        documents: documents(manifests, &components, found),
        cluster,
        expose,
        checks: checks::resolve(&file.checks, &components, &root, found),
        components,
        name: file.metadata.name,
        description: file.metadata.description,
    })
}

/// The objects of the manifests as they are written, with our images written out as in the objects.
fn documents(manifests: Manifests, components: &[Component], found: &Collector) -> Documents {
    let image = |component: &Component| if let ComponentKind::Image(build) = &component.kind { Some(build.image.clone()) } else { None };
    let ours: Vec<ImageRef> = components.iter().filter_map(image).collect();
    let mut nodes = manifests.nodes;
    for node in &mut nodes {
        write_out_images_in(node, &ours);
    }
    Documents { sources: found.sources(), nodes }
}

pub(super) fn open(folder: &Folder, found: &mut Collector) -> Option<Node> {
    let Some(bytes) = folder.files.get("stack.yaml") else {
        let source = found.source(folder.origin.as_str(), "");
        found.add(Pos { source, line: 1, column: 1 }, "the folder has no `stack.yaml`");
        return None;
    };
    STACK_FILE.open(&format!("{}/stack.yaml", folder.origin), bytes, found)
}

fn cluster(file: &ClusterFile, root: &Node, found: &mut Collector) -> Option<Cluster> {
    for (index, port) in file.ports.iter().enumerate() {
        let at = |key: &str| root.value_pos_at(&format!("/cluster/ports/{index}/{key}"));
        if file.ports[..index].iter().any(|p| p.host == port.host) {
            found.add(at("host"), format!("host port {} is mapped twice", port.host));
        }
        if file.ports[..index].iter().any(|p| p.node == port.node) {
            found.add(at("node"), format!("node port {} is mapped twice", port.node));
        }
    }
    let mut amount = |key: &str, text: Option<&String>| {
        text.map_or(0, |text| {
            quantity(text).unwrap_or_else(|error| {
                found.add(root.value_pos_at(&format!("/cluster/minimum/{key}")), error);
                0
            })
        })
    };
    let (min_memory, min_disk) = (amount("memory", file.minimum.memory.as_ref()), amount("disk", file.minimum.disk.as_ref()));
    let image = ImageRef::parse(file.image.as_deref().unwrap_or(DEFAULT_NODE_IMAGE))
        .map_err(|error| found.add(root.value_pos_at("/cluster/image"), error.to_string()));
    Some(Cluster {
        image: image.or_else(|()| ImageRef::parse(DEFAULT_NODE_IMAGE)).ok()?,
        ports: file.ports.clone(),
        min_cpus: file.minimum.cpus.unwrap_or(0),
        min_memory,
        min_disk,
    })
}

fn expose(files: &[ExposeFile], ports: &[PortMapping], root: &Node, found: &mut Collector) -> Vec<Exposure> {
    let mut all = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let at = |key: &str| root.value_pos_at(&format!("/expose/{index}/{key}"));
        if files[..index].iter().any(|f| f.name == file.name) {
            found.add(at("name"), format!("`{}` is exposed twice", file.name));
        }
        if files[..index].iter().any(|f| f.host == file.host) {
            found.add(at("host"), format!("host port {} is exposed twice", file.host));
        }
        if let Some(mapping) = ports.iter().find(|p| p.host == file.host && Some(p.node) != file.service.node_port) {
            let message =
                format!("host port {} is mapped to node port {}, which is not the `nodePort` of this service", file.host, mapping.node);
            found.add(at("host"), message);
        }
        if let Some(Err(error)) = file.url.as_deref().map(values::check_url) {
            found.add(at("url"), error);
        }
        let scheme = if file.service.port == 443 { "https" } else { "http" };
        let url = file.url.clone().unwrap_or_else(|| format!("{scheme}://localhost:{}", file.host));
        all.push(Exposure { name: file.name.clone(), url, host: file.host, service: file.service.clone() });
    }
    all
}
