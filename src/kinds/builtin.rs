//! What the API server asks of built-in kinds in its code, beyond any schema: the part of it that people meet.

use super::index::Kind;
use super::path::Path;
use super::pattern::compiled;
use super::{Cause, Fault, format, words};
use crate::input::is_label;
use crate::yaml::{Data, Node};

/// Where the template of pods lies in an object, which restart policies it may have, and whether its containers are looked at.
type Template = (&'static [&'static str], &'static [&'static str], bool);

/// Adds what is wrong with an object of a built-in kind.
pub(super) fn judge(kind: &Kind, object: &Node, faults: &mut Vec<Fault>) {
    let mut found = Found(faults);
    let root = Path::root(kind.kind);
    let (always, once): (&[&str], &[&str]) = (&["Always"], &["Never", "OnFailure"]);
    let template: Option<Template> = match (kind.group, kind.kind) {
        ("", "Pod") => Some((&[], &["Always", "Never", "OnFailure"], true)),
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => Some((&["spec", "template"], always, true)),
        // of a StatefulSet the API server takes any container: its pods fail later
        ("apps", "StatefulSet") => Some((&["spec", "template"], always, false)),
        ("batch", "Job") => Some((&["spec", "template"], once, true)),
        ("batch", "CronJob") => Some((&["spec", "jobTemplate", "spec", "template"], once, true)),
        _ => None,
    };
    if let Some((keys, policies, whole)) = template {
        found.under(object, root, keys, &mut |found, template, path| found.pods(template, policies, whole, path));
    }
    found.under(object, root, &["spec"], &mut |found, spec, path| match (kind.group, kind.kind) {
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") => found.selector(spec, path),
        ("", "Service") => found.service(spec, path),
        ("policy", "PodDisruptionBudget") => found.budget(spec, path),
        ("autoscaling", "HorizontalPodAutoscaler") => found.autoscaler(spec, path),
        _ => {}
    });
    if kind.group.is_empty() && ["ConfigMap", "Secret"].contains(&kind.kind) {
        for key in ["data", "binaryData", "stringData"] {
            found.under(object, root, &[key], &mut |found, data, path| found.keys(data, path));
        }
    }
}

struct Found<'f>(&'f mut Vec<Fault>);

/// The text of a key, where there is one that is not empty.
fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_text).filter(|text| !text.is_empty())
}

fn whole(node: &Node, key: &str) -> Option<i64> {
    if let Some(Node { data: Data::Number(number), .. }) = node.get(key) { number.as_i64() } else { None }
}

fn has(node: &Node, key: &str) -> bool {
    node.get(key).is_some_and(|value| value.data != Data::Null)
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    if let Some(Node { data: Data::List(items), .. }) = node.get(key) { items } else { &[] }
}

/// A name of a port that a Service or a probe can refer to.
fn is_port_name(name: &str) -> bool {
    is_label(name, 15) && name.contains(|c: char| c.is_ascii_lowercase()) && !name.contains("--")
}

impl Found<'_> {
    fn under(&mut self, node: &Node, path: Path<'_>, keys: &[&str], then: &mut dyn FnMut(&mut Self, &Node, Path<'_>)) {
        match keys {
            [] => then(self, node, path),
            [key, rest @ ..] => {
                if let Some(inner) = node.get(key) {
                    self.under(inner, path.key(key), rest, then);
                }
            }
        }
    }

    fn at(&mut self, path: Path<'_>, on_key: bool, message: String) {
        // what the schema found at a value says it already
        if !on_key && self.0.iter().any(|fault| !fault.on_key && fault.pointer == path.pointer()) {
            return;
        }
        self.0.push(Fault { pointer: path.pointer(), on_key, message, hint: None, cause: Cause::Rule });
    }

    /// A value that must be something else.
    fn must(&mut self, path: Path<'_>, node: &Node, wanted: &str) {
        self.at(path, false, format!("{path} must be {wanted}, found {}", words::seen(node)));
    }

    fn port(&mut self, node: &Node, key: &str, path: Path<'_>) {
        if let (Some(number), Some(value)) = (whole(node, key), node.get(key))
            && !(1..=65535).contains(&number)
        {
            self.must(path.key(key), value, "1 to 65535");
        }
    }

    /// Names that must be unique in a list.
    fn unique(&mut self, items: &[Node], path: Path<'_>) {
        for (at, item) in items.iter().enumerate() {
            let Some(name) = text(item, "name") else { continue };
            if let Some(first) = items[..at].iter().position(|other| text(other, "name") == Some(name)) {
                let (here, there) = (path.item(at), path.item(first));
                self.at(here, true, format!("{here} has the same `name` as {there}"));
            }
        }
    }

    fn service(&mut self, spec: &Node, path: Path<'_>) {
        let kind = text(spec, "type").unwrap_or("ClusterIP");
        let ports = list(spec, "ports");
        if kind == "ExternalName" {
            if text(spec, "externalName").is_none() {
                self.at(path, true, format!("{path} needs the key `externalName`, since its type is `ExternalName`"));
            }
        } else if ports.is_empty() && text(spec, "clusterIP") != Some("None") {
            self.at(path, true, format!("{path} needs the key `ports`: a Service without any must be headless (`clusterIP: None`)"));
        }
        let path = path.key("ports");
        self.unique(ports, path);
        for (at, port) in ports.iter().enumerate() {
            let here = path.item(at);
            self.port(port, "port", here);
            self.port(port, "targetPort", here);
            let name = port.get("name");
            match text(port, "name") {
                None if ports.len() > 1 => self.at(here, true, format!("{here} needs the key `name`, since there are several ports")),
                Some(text) if !is_label(text, 63) => {
                    self.must(here.key("name"), name.unwrap_or(port), "lower case letters, digits and inner `-`, at most 63");
                }
                _ => {}
            }
            if let (Some(target), Some(value)) = (text(port, "targetPort"), port.get("targetPort"))
                && !is_port_name(target)
            {
                self.must(
                    here.key("targetPort"),
                    value,
                    "a number, or the name of a port: at most 15 lower case letters, digits and inner `-`",
                );
            }
            let identity = |port: &Node| (whole(port, "port"), text(port, "protocol").unwrap_or("TCP").to_owned());
            if let Some(first) = ports[..at].iter().position(|other| identity(other) == identity(port)) {
                let there = path.item(first);
                self.at(here, true, format!("{here} has the same `port` and `protocol` as {there}"));
            }
            if has(port, "nodePort") && whole(port, "nodePort") != Some(0) && kind == "ClusterIP" {
                let here = here.key("nodePort");
                self.at(here, true, format!("{here} may not be set where the Service is of the type `ClusterIP`"));
            }
        }
    }

    fn budget(&mut self, spec: &Node, path: Path<'_>) {
        if has(spec, "minAvailable") && has(spec, "maxUnavailable") {
            self.at(path.key("maxUnavailable"), true, format!("{path} may have `minAvailable` or `maxUnavailable`, not both"));
        }
    }

    fn autoscaler(&mut self, spec: &Node, path: Path<'_>) {
        let (low, high) = (whole(spec, "minReplicas"), whole(spec, "maxReplicas"));
        for (key, number) in [("minReplicas", low), ("maxReplicas", high)] {
            if let Some(value) = spec.get(key).filter(|_| number.is_some_and(|n| n < 1)) {
                self.must(path.key(key), value, "1 or more");
            }
        }
        if let (Some(low), Some(high)) = (low, high)
            && high >= 1
            && low > high
        {
            let here = path.key("minReplicas");
            self.at(here, false, format!("{here} must be at most `maxReplicas`, which is {high}, found {low}"));
        }
    }

    /// The labels of the pods must be those that are selected.
    fn selector(&mut self, spec: &Node, path: Path<'_>) {
        let Some(selector) = spec.get("selector") else { return };
        let (wanted, expressions) = (selector.get("matchLabels"), list(selector, "matchExpressions"));
        let wanted = wanted.map(|labels| &labels.data);
        let labels = spec.get("template").and_then(|t| t.get("metadata")).and_then(|m| m.get("labels"));
        match wanted {
            Some(Data::Map(entries)) if !entries.is_empty() => {
                for (key, value) in entries {
                    if labels.and_then(|labels| labels.get(&key.text)).and_then(Node::as_text) != value.as_text() {
                        let (selector, template) = (path.key("selector"), path.key("template"));
                        let (all, metadata) = (selector.key("matchLabels"), template.key("metadata"));
                        let (here, labels) = (all.key(&key.text), metadata.key("labels"));
                        self.at(here, true, format!("{here} selects pods that the template does not make: {labels} must have the same"));
                    }
                }
            }
            _ if expressions.is_empty() => {
                let here = path.key("selector");
                self.at(here, true, format!("{here} selects nothing: it must select the pods of the template"));
            }
            _ => {}
        }
    }

    fn keys(&mut self, data: &Node, path: Path<'_>) {
        let Data::Map(entries) = &data.data else { return };
        for (key, _) in entries {
            let fine = compiled("^[-._a-zA-Z0-9]+$").is_none_or(|form| form.is_match(&key.text));
            if !fine || key.text.len() > 253 || key.text == "." || key.text.starts_with("..") {
                let message = format!("the key `{}` must be letters, digits, `-`, `_` and `.`", words::cut(&key.text));
                self.at(path.key(&key.text), true, message);
            }
        }
    }

    fn pods(&mut self, template: &Node, policies: &[&str], whole: bool, path: Path<'_>) {
        let path = path.key("spec");
        let Some(spec) = template.get("spec") else { return };
        let policy = text(spec, "restartPolicy");
        if let (Some(policy), Some(value)) = (policy, spec.get("restartPolicy"))
            && ["Always", "Never", "OnFailure"].contains(&policy)
            && !policies.contains(&policy)
        {
            self.must(path.key("restartPolicy"), value, &listed(policies));
        } else if policy.is_none() && !policies.contains(&"Always") {
            self.at(path, true, format!("{path} needs the key `restartPolicy`: {}", listed(policies)));
        }
        if !whole {
            return;
        }
        let volumes = list(spec, "volumes");
        self.unique(volumes, path.key("volumes"));
        if spec.get("containers").is_some_and(|all| all.data == Data::List(Vec::new())) {
            let here = path.key("containers");
            self.at(here, true, format!("{here} must have at least 1 item, found none"));
        }
        for key in ["containers", "initContainers"] {
            let (containers, path) = (list(spec, key), path.key(key));
            self.unique(containers, path);
            for (at, container) in containers.iter().enumerate() {
                self.container(container, volumes, path.item(at));
            }
        }
    }

    fn container(&mut self, container: &Node, volumes: &[Node], path: Path<'_>) {
        if let (Some(name), Some(value)) = (text(container, "name"), container.get("name"))
            && !is_label(name, 63)
        {
            self.must(path.key("name"), value, "lower case letters, digits and inner `-`, at most 63");
        }
        if text(container, "image").is_none() {
            self.at(path, true, format!("{path} needs the key `image`"));
        }
        let ports = path.key("ports");
        self.unique(list(container, "ports"), ports);
        for (at, port) in list(container, "ports").iter().enumerate() {
            self.port(port, "containerPort", ports.item(at));
            if let (Some(name), Some(value)) = (text(port, "name"), port.get("name"))
                && !is_port_name(name)
            {
                self.must(ports.item(at).key("name"), value, "at most 15 lower case letters, digits and inner `-`");
            }
        }
        let mounts = path.key("volumeMounts");
        for (at, mount) in list(container, "volumeMounts").iter().enumerate() {
            if let Some(name) = text(mount, "name")
                && !volumes.iter().any(|volume| text(volume, "name") == Some(name))
            {
                let here = mounts.item(at);
                let here = here.key("name");
                self.at(here, false, format!("{here} must be the name of a volume of the pod, found the text `{name}`"));
            }
        }
        let env = path.key("env");
        for (at, variable) in list(container, "env").iter().enumerate() {
            if text(variable, "value").is_some() && has(variable, "valueFrom") {
                let here = env.item(at);
                self.at(here, true, format!("{here} may have `value` or `valueFrom`, not both"));
            }
        }
        self.resources(container, path);
    }

    /// No more may be requested than is allowed.
    fn resources(&mut self, container: &Node, path: Path<'_>) {
        let Some(resources) = container.get("resources") else { return };
        let (Some(Data::Map(requests)), Some(limits)) = (resources.get("requests").map(|r| &r.data), resources.get("limits")) else {
            return;
        };
        let path = path.key("resources");
        let path = path.key("requests");
        for (key, value) in requests {
            let limit = limits.get(&key.text);
            if let (Some(request), Some(most)) = (format::amount(value), limit.and_then(format::amount))
                && request > most
            {
                let here = path.key(&key.text);
                let limit = limit.map(words::seen).unwrap_or_default();
                self.at(here, false, format!("{here} must be at most the limit, which is {limit}, found {}", words::seen(value)));
            }
        }
    }
}

fn listed(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ")
}
