//! A specification as a stack for one machine: what it generates, the platform below it, and checks that show that it is so.
//!
//! The platform comes from the stacks that are part of the program, so versions and values are in one place.

mod checks;
mod local;
mod platform;
mod stand_in;

use std::collections::BTreeMap;

use super::{Document, objects, render};
use crate::spec::{ServiceSpec, Signal};
use crate::stack::Folder;
use crate::yaml::{self, Item, Map};

/// The node ports that the platform maps to the host.
const NODE_PORTS: (u16, u16) = (30080, 30443);
/// The namespace in which Envoy Gateway puts its Envoys.
const ENVOY_NAMESPACE: &str = "envoy-gateway-system";

/// The folder of a stack that runs the service on one machine; `stack::resolve` takes it as it is.
#[must_use]
pub fn stack_folder(spec: &ServiceSpec) -> Folder {
    let local = local::local(spec);
    let mut manifests: BTreeMap<&'static str, Vec<Document>> = BTreeMap::new();
    for document in stand_in::objects(&local.spec).into_iter().chain(objects(&local.spec)) {
        manifests.entry(component_of(&document.id.kind)).or_default().push(document);
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (component, documents) in &manifests {
        files.insert(format!("manifests/{component}.yaml"), literal(&render(documents)).into_bytes());
    }
    if let Some(gateway) = &local.spec.gateway {
        files.insert("manifests/gateway-class.yaml".into(), class(&gateway.class_name).into_bytes());
    }
    let built_in = platform::program(&local.spec);
    if let Some(program) = &built_in {
        files.extend(program.files.clone());
    }
    let stack = stack_file(&local, &manifests, built_in.as_ref());
    files.insert("stack.yaml".into(), stack.into_bytes());
    Folder { origin: format!("{} (generated)", spec.name), files }
}

/// The component to which an object of a kind belongs.
fn component_of(kind: &str) -> &'static str {
    match kind {
        "Namespace" => "namespace",
        "Deployment" | "Service" | "PodDisruptionBudget" | "Secret" | "ConfigMap" => "workload",
        "EnvoyProxy" | "Gateway" | "ClientTrafficPolicy" => "gateway",
        "ScaledObject" | "HorizontalPodAutoscaler" => "scaler",
        _ => "routes",
    }
}

/// A text in which `${` stands for itself: in a stack's files it would be a parameter.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

fn class(name: &str) -> String {
    format!(
        "# Which controller the Gateway belongs to. Envoy Gateway's chart does not make it.\n\
         apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata:\n  name: {}\n\
         spec:\n  controllerName: gateway.envoyproxy.io/gatewayclass-controller\n",
        yaml::text(name)
    )
}

fn stack_file(local: &local::Local, manifests: &BTreeMap<&'static str, Vec<Document>>, program: Option<&platform::Program>) -> String {
    let spec = &local.spec;
    let checks = checks::checks(spec);
    let mut head = String::from("The specification as a stack for one machine, written by `tstack generate --stack`.");
    for note in &local.notes {
        head.push_str("\nNot as specified: ");
        head.push_str(note);
    }
    let mut map = Map::new();
    map.put("apiVersion", "tstack.dev/v1alpha1");
    map.put("kind", "Stack");
    let mut metadata = Map::new();
    metadata.put("name", &spec.name);
    let description = if spec.description.is_empty() { format!("the service {}", spec.name) } else { literal(&spec.description) };
    metadata.put("description", description);
    map.put("metadata", metadata);
    if let Some(gateway) = &spec.gateway {
        let mut parameters = Map::new();
        parameters.put("httpPort", gateway.public_ports.http);
        if spec.tls.is_some() {
            let https = parameters.put("httpsPort", gateway.public_ports.https);
            if spec.redirects_to_https() {
                https.behind("redirects lead here: generate again with another `gateway.publicPorts.https` to change it");
            }
        }
        map.put("parameters", parameters);
    }
    let mut text = yaml::write(Some(&head), &map);
    text.push('\n');
    text.push_str(&platform::cluster(spec.gateway.is_some(), spec.tls.is_some()));
    text.push('\n');
    if spec.gateway.is_some() {
        let mut map = Map::new();
        map.put("expose", exposed(spec, &checks));
        text.push_str(&yaml::write(None, &map));
        text.push('\n');
    }
    text.push_str("components:\n");
    text.push_str(&components(spec, manifests, program));
    text.push('\n');
    let mut map = Map::new();
    if !checks.made.is_empty() {
        map.put("checks", checks.made.iter().map(|check| Item::new(check.map())).collect::<Vec<_>>()).above(
            "Derived from the specification. Every request with a user has one of its own, so no check takes from the limit of another.",
        );
    }
    text.push_str(&if map.is_empty() { String::new() } else { yaml::write(None, &map) });
    for left_out in &checks.left_out {
        text.push_str(&comment(&format!("not checked: {left_out}")));
    }
    text
}

/// Lines of comment.
fn comment(text: &str) -> String {
    text.lines().map(|line| ["# ", line, "\n"].concat()).collect()
}

fn exposed(spec: &ServiceSpec, checks: &checks::Checks) -> Vec<Item> {
    let Some(gateway) = &spec.gateway else { return Vec::new() };
    let path = checks.first_path.clone().unwrap_or_else(|| "/".into());
    let entry = |scheme: &str, parameter: &str, port: u16, node: u16| {
        let mut service = Map::new();
        service.put("namespace", ENVOY_NAMESPACE);
        service.put("name", &gateway.service);
        service.put("port", port);
        service.put("nodePort", node);
        let mut map = Map::new();
        map.put("name", scheme);
        map.put("url", format!("{scheme}://localhost:${{{parameter}}}{}", literal(&path)));
        map.put("host", format!("${{{parameter}}}"));
        map.put("service", service);
        Item::new(map)
    };
    let https = spec.tls.as_ref().map(|_| entry("https", "httpsPort", gateway.ports.https, NODE_PORTS.1));
    std::iter::once(entry("http", "httpPort", gateway.ports.http, NODE_PORTS.0)).chain(https).collect()
}

/// A component of manifests, and what it needs.
fn component(name: &str, needs: &[&str], more: &str, files: &[&str]) -> String {
    let files: Vec<String> = files.iter().map(|file| format!("manifests/{file}.yaml")).collect();
    let needs = if needs.is_empty() { String::new() } else { format!("    needs: [{}]\n", needs.join(", ")) };
    format!("  - name: {name}\n{needs}{more}    manifests: {{ files: [{}] }}\n", files.join(", "))
}

fn components(spec: &ServiceSpec, manifests: &BTreeMap<&'static str, Vec<Document>>, program: Option<&platform::Program>) -> String {
    let has = |name: &str| manifests.contains_key(name);
    let after_namespace: &[&str] = if has("namespace") { &["namespace:applied"] } else { &[] };
    let needs = |more: &[&'static str]| after_namespace.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let mut all: Vec<String> = Vec::new();
    if has("namespace") {
        all.push(component("namespace", &[], "", &["namespace"]));
    }
    all.extend(program.map(|program| program.component.clone()));
    if has("workload") {
        let images = platform::pulled(spec, program.is_some());
        all.push(component("workload", &needs(&[]), &images, &["workload"]));
    }
    let keda = matches!(spec.autoscale.as_ref().map(|scale| &scale.signal), Some(Signal::Keda(_)));
    let prometheus = local::prometheus(spec).is_some();
    let parts = [
        ("envoy-gateway-keys", spec.gateway.is_some()),
        ("envoy-gateway", spec.gateway.is_some()),
        ("cert-manager", spec.tls.is_some()),
        ("keda-keys", keda),
        ("keda", keda),
        ("prometheus", prometheus),
    ];
    all.extend(parts.iter().filter(|(_, wanted)| *wanted).filter_map(|(name, _)| platform::component(name)));
    if has("gateway") {
        let images = platform::images("gateway");
        // an Envoy that runs before its controller answers asks again only after growing pauses
        all.push(component("gateway", &needs(&["envoy-gateway"]), &images, &["gateway-class", "gateway"]));
    }
    if has("routes") {
        let workload: &[&str] = if has("workload") { &["gateway:applied", "workload:applied"] } else { &["gateway:applied"] };
        all.push(component("routes", workload, "    # the Services have to be there, or the routes are refused at first\n", &["routes"]));
    }
    if let Some(tls) = &spec.tls {
        let mut certificate = Map::new();
        certificate.put("issuer", "cert-manager").above("signed by the CA of this cluster, which the checks trust");
        certificate.put("namespace", &spec.namespace);
        certificate.put("secret", &tls.secret);
        certificate.put("commonName", "localhost");
        certificate.put("dnsNames", tls.dns_names.iter().map(Item::new).collect::<Vec<_>>());
        certificate.put("ipAddresses", tls.ip_addresses.iter().map(Item::new).collect::<Vec<_>>());
        let body: String = yaml::write(None, &certificate).lines().map(|line| ["      ", line, "\n"].concat()).collect();
        let needs = needs(&["cert-manager"]).join(", ");
        all.push(format!("  - name: certificate\n    needs: [{needs}]\n    certificate:\n{body}"));
    }
    if has("scaler") {
        let mut wanted = Vec::new();
        wanted.extend(keda.then_some("keda:applied"));
        wanted.extend(prometheus.then_some("prometheus"));
        wanted.extend(has("workload").then_some("workload:applied"));
        all.push(component("scaler", &wanted, "", &["scaler"]));
    }
    all.join("\n")
}

#[cfg(test)]
mod tests;
