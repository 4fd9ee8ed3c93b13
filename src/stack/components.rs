//! Rules of components, and what they become.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::folder::Folder;
use super::manifests::{Manifests, write_out_images};
use super::order::order;
use super::{
    CertificateFile, Chart, Component, ComponentFile, ComponentKind, HelmFile, ImageBuild, ImageFile, ImageRef, Need, SecretsFile, Until,
    values,
};
use crate::input::{Collector, Parameters, is_label, parse_duration, suggest};
use crate::yaml::{Node, Pos};

/// How long a component may take where the file does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);
/// The most components; ordering them looks at each pair.
const MOST_COMPONENTS: usize = 2000;
/// The user of an image where the file does not say: `nonroot` by convention.
const DEFAULT_USER: u32 = 65532;

/// What the rules of components look at.
pub(super) struct Context<'a> {
    pub(super) root: &'a Node,
    pub(super) folder: &'a Folder,
    pub(super) parameters: &'a Parameters,
    pub(super) architecture: &'a str,
}

impl Context<'_> {
    fn at(&self, pointer: &str) -> Pos {
        self.root.value_pos_at(pointer)
    }
}

/// The components in the order of their needs, or what is wrong with them.
pub(super) fn resolve(files: &[ComponentFile], context: &Context<'_>, manifests: &mut Manifests, found: &mut Collector) -> Vec<Component> {
    let mut components: Vec<Component> = Vec::new();
    if files.len() > MOST_COMPONENTS {
        let message = format!("the stack has {} components; tstack takes at most {MOST_COMPONENTS}", files.len());
        found.hint(context.at("/components"), message, "make several stacks of it");
        return components;
    }
    let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
    for (index, file) in files.iter().enumerate() {
        let base = format!("/components/{index}");
        check_name(&file.name, &names[..index], &base, context, found);
        let kind = kind(file, &base, context, manifests, found);
        components.push(Component {
            name: file.name.clone(),
            needs: needs(file, &names, &base, context, found),
            images: images(&file.images, &base, context, found),
            timeout: file.timeout.as_deref().map_or(DEFAULT_TIMEOUT, |text| {
                parse_duration(text).unwrap_or_else(|error| {
                    found.add(context.at(&format!("{base}/timeout")), error);
                    DEFAULT_TIMEOUT
                })
            }),
            // what failed above is never used: the findings are returned in its place
            kind: kind.unwrap_or_else(|| ComponentKind::Manifests(Vec::new())),
        });
    }
    use_our_images(&mut components);
    in_order(components, context, found)
}

fn check_name(name: &str, before: &[&str], base: &str, context: &Context<'_>, found: &mut Collector) {
    let at = context.at(&format!("{base}/name"));
    if !is_label(name, 53) {
        found.add(at, format!("`{name}` is not a name: lower case letters, digits and inner `-`, at most 53"));
    }
    if let Some(first) = before.iter().position(|b| *b == name) {
        let place = found.place(context.at(&format!("/components/{first}/name")));
        found.add(at, format!("there is already a component `{name}`, at {place}"));
    }
}

fn needs(file: &ComponentFile, names: &[&str], base: &str, context: &Context<'_>, found: &mut Collector) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for (index, text) in file.needs.iter().enumerate() {
        let at = context.at(&format!("{base}/needs/{index}"));
        let (component, until) = match text.split_once(':') {
            None => (text.as_str(), Until::Ready),
            Some((component, "applied")) => (component, Until::Applied),
            Some((component, other)) => {
                found.hint(at, format!("`{other}` is not a state of a component"), format!("write `{component}` or `{component}:applied`"));
                continue;
            }
        };
        if !names.contains(&component) {
            found.maybe(at, format!("there is no component `{component}`"), suggest(component, names.iter().copied(), "components"));
        } else if needs.iter().any(|n| n.component == component) {
            found.add(at, format!("`{component}` is needed twice"));
        } else {
            needs.push(Need { component: component.to_owned(), until });
        }
    }
    needs
}

fn images(texts: &[String], base: &str, context: &Context<'_>, found: &mut Collector) -> Vec<ImageRef> {
    let mut images = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match ImageRef::parse(text) {
            Ok(image) => images.push(image),
            Err(error) => found.add(context.at(&format!("{base}/images/{index}")), error.to_string()),
        }
    }
    images
}

fn kind(
    file: &ComponentFile,
    base: &str,
    context: &Context<'_>,
    manifests: &mut Manifests,
    found: &mut Collector,
) -> Option<ComponentKind> {
    let given: Vec<&str> = [
        ("helm", file.helm.is_some()),
        ("manifests", file.manifests.is_some()),
        ("certificate", file.certificate.is_some()),
        ("secrets", file.secrets.is_some()),
        ("image", file.image.is_some()),
    ]
    .into_iter()
    .filter_map(|(word, given)| given.then_some(word))
    .collect();
    if given.len() != 1 {
        let seen = if given.is_empty() { "none".to_owned() } else { given.join(" and ") };
        found.add(
            context.root.value_pos_at(base),
            format!(
                "component `{}` must have exactly one of `helm`, `manifests`, `certificate`, `secrets` and `image`, found {seen}",
                file.name
            ),
        );
        return None;
    }
    if let Some(helm) = &file.helm {
        return Some(ComponentKind::Helm(chart(helm, &file.name, &format!("{base}/helm"), context, found)));
    }
    if let Some(wanted) = &file.manifests {
        let mut objects = Vec::new();
        if wanted.files.is_empty() {
            found.add(context.at(&format!("{base}/manifests/files")), format!("component `{}` names no file", file.name));
        }
        for (index, path) in wanted.files.iter().enumerate() {
            let at = context.at(&format!("{base}/manifests/files/{index}"));
            objects.extend(manifests.read(path, at, context.folder, context.parameters, found));
        }
        return Some(ComponentKind::Manifests(objects));
    }
    if let Some(certificate) = &file.certificate {
        check_certificate(certificate, &format!("{base}/certificate"), context, found);
        return Some(ComponentKind::Certificate(certificate.clone()));
    }
    if let Some(secrets) = &file.secrets {
        check_secrets(secrets, &format!("{base}/secrets"), context, found);
        let authority = secrets.authority.clone().unwrap_or_else(|| file.name.clone());
        return Some(ComponentKind::Secrets(SecretsFile { authority: Some(authority), ..secrets.clone() }));
    }
    file.image.as_ref().and_then(|image| build(image, &format!("{base}/image"), context, found)).map(ComponentKind::Image)
}

fn chart(helm: &HelmFile, component: &str, base: &str, context: &Context<'_>, found: &mut Collector) -> Chart {
    let release = helm.release.clone().unwrap_or_else(|| component.to_owned());
    if let Err(error) = values::check_chart(&helm.chart) {
        found.add(context.at(&format!("{base}/chart")), error);
    }
    if let Err(error) = values::check_version(&helm.version) {
        found.add(context.at(&format!("{base}/version")), error);
    }
    if let Some(Err(error)) = helm.digest.as_deref().map(values::check_digest) {
        found.add(context.at(&format!("{base}/digest")), error);
    }
    check_namespace(&helm.namespace, base, context, found);
    if helm.release.is_some() && !is_label(&release, 53) {
        let at = context.at(&format!("{base}/release"));
        found.add(at, format!("`{release}` is not a release name: lower case letters, digits and inner `-`, at most 53"));
    }
    Chart {
        release,
        namespace: helm.namespace.clone(),
        reference: helm.chart.clone(),
        version: helm.version.clone(),
        digest: helm.digest.clone(),
        values: helm.values.clone(),
        hooks: helm.hooks,
    }
}

fn check_namespace(name: &str, base: &str, context: &Context<'_>, found: &mut Collector) {
    if !is_label(name, 63) {
        let at = context.at(&format!("{base}/namespace"));
        found.add(at, format!("`{name}` is not a namespace: lower case letters, digits and inner `-`, at most 63"));
    }
}

fn check_certificate(certificate: &CertificateFile, base: &str, context: &Context<'_>, found: &mut Collector) {
    check_namespace(&certificate.namespace, base, context, found);
    for (index, text) in certificate.ip_addresses.iter().enumerate() {
        if text.parse::<IpAddr>().is_err() {
            found.add(context.at(&format!("{base}/ipAddresses/{index}")), format!("`{text}` is not an IP address"));
        }
    }
    if certificate.dns_names.is_empty() && certificate.ip_addresses.is_empty() {
        found.hint(context.at(base), "the certificate holds no name", "clients look at `dnsNames` and `ipAddresses`, not at `commonName`");
    }
}

fn check_secrets(secrets: &SecretsFile, base: &str, context: &Context<'_>, found: &mut Collector) {
    check_namespace(&secrets.namespace, base, context, found);
    if secrets.tls.is_empty() && secrets.random.is_empty() {
        found.hint(context.at(base), "no Secret is named", "name some in `tls` or `random`");
    }
    let tls = secrets.tls.iter().enumerate().map(|(index, one)| (format!("{base}/tls/{index}"), &one.secret));
    let random = secrets.random.iter().enumerate().map(|(index, one)| (format!("{base}/random/{index}"), &one.secret));
    let mut names: Vec<&str> = Vec::new();
    for (at, name) in tls.chain(random) {
        let at = context.at(&format!("{at}/secret"));
        if !name.split('.').all(|part| is_label(part, 253)) {
            found.add(at, format!("`{name}` is not the name of a Secret: lower case letters, digits and inner `-` and `.`"));
        } else if names.contains(&name.as_str()) {
            found.add(at, format!("there is already a Secret `{name}` in this component"));
        }
        names.push(name);
    }
    for (index, one) in secrets.tls.iter().enumerate().filter(|(_, one)| one.dns_names.is_empty()) {
        found.add(context.at(&format!("{base}/tls/{index}/dnsNames")), format!("the certificate of `{}` holds no name", one.secret));
    }
}

fn build(file: &ImageFile, base: &str, context: &Context<'_>, found: &mut Collector) -> Option<ImageBuild> {
    let at = context.at(&format!("{base}/name"));
    // a name with a tag or digest does not take another tag
    let tagged = ImageRef::parse(&file.name).and_then(|_| ImageRef::parse(&format!("{}:tag", file.name)));
    let named = tagged.ok().filter(|image| image.digest.is_none());
    if named.is_none() {
        let why = ImageRef::parse(&file.name).err().map_or_else(
            || format!("`{}` has a tag or a digest; tstack makes the tag of the content", file.name),
            |error| error.to_string(),
        );
        found.add(at, why);
    }
    let path = file.binary.replace("{arch}", context.architecture);
    let at = context.at(&format!("{base}/binary"));
    let Some(binary) = context.folder.files.get(&path).filter(|bytes| !bytes.is_empty()) else {
        if path.starts_with("bin/") {
            found.hint(at, format!("there is no program `{path}` in the stack's folder"), "build it: `make build`");
        } else {
            found.add(at, format!("`{}` is not below `bin/`, where programs of a stack are looked for", file.binary));
        }
        return None;
    };
    let user = file.user.unwrap_or(DEFAULT_USER);
    let program = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let tag = tag(&[binary, program.as_bytes()], user, &file.env, &file.ports, context.architecture);
    Some(ImageBuild {
        image: ImageRef { tag: Some(tag), ..named? },
        binary: binary.clone(),
        program,
        architecture: context.architecture.to_owned(),
        user,
        env: file.env.clone(),
        ports: file.ports.clone(),
    })
}

/// A tag that is another one whenever anything in the image is: `sha-` and 12 hexadecimal digits.
fn tag(content: &[&[u8]], user: u32, env: &BTreeMap<String, String>, ports: &[u16], architecture: &str) -> String {
    let mut hash = Sha256::new();
    // each part with its length, so that no two contents can read the same
    let mut part = |bytes: &[u8]| {
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    };
    for bytes in content {
        part(bytes);
    }
    part(&user.to_le_bytes());
    part(architecture.as_bytes());
    for (key, value) in env {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    part(b"ports");
    for port in ports {
        part(&port.to_le_bytes());
    }
    hash.finalize().iter().take(6).fold("sha-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Containers that name an image of ours get its full reference, and their component an edge to it: the image has to be in the node
/// first, and nobody should have to write down what the name already says.
fn use_our_images(components: &mut [Component]) {
    let ours: Vec<(String, ImageRef)> = components
        .iter()
        .filter_map(|c| if let ComponentKind::Image(build) = &c.kind { Some((c.name.clone(), build.image.clone())) } else { None })
        .collect();
    let images: Vec<ImageRef> = ours.iter().map(|(_, image)| image.clone()).collect();
    for component in components {
        let ComponentKind::Manifests(objects) = &mut component.kind else { continue };
        for used in objects.iter_mut().flat_map(|object| write_out_images(&mut object.value, &images)) {
            let name = &ours[used].0;
            if !component.needs.iter().any(|need| need.component == *name) {
                component.needs.push(Need { component: name.clone(), until: Until::Ready });
            }
        }
    }
}

fn in_order(components: Vec<Component>, context: &Context<'_>, found: &mut Collector) -> Vec<Component> {
    if components.iter().enumerate().any(|(i, c)| components[..i].iter().any(|before| before.name == c.name)) {
        // already found; an edge to a name that two have leads nowhere
        return components;
    }
    let index = |name: &str| components.iter().position(|c| c.name == name);
    let edges: Vec<Vec<usize>> = components.iter().map(|c| c.needs.iter().filter_map(|n| index(&n.component)).collect()).collect();
    match order(&edges) {
        Ok(ordered) => {
            let mut slots: Vec<Option<Component>> = components.into_iter().map(Some).collect();
            ordered.into_iter().filter_map(|i| slots.get_mut(i).and_then(Option::take)).collect()
        }
        Err(cycle) => {
            let path: Vec<&str> = cycle.iter().chain(cycle.first()).map(|&i| components[i].name.as_str()).collect();
            let first = cycle.first().copied().unwrap_or_default();
            found.add(context.at(&format!("/components/{first}/needs")), format!("components need each other: {}", path.join(" -> ")));
            components
        }
    }
}
