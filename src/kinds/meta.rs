//! What all objects have in common: names, labels and annotations.

use super::index::Kind;
use super::path::Path;
use super::pattern::compiled;
use super::{Cause, Fault, words};
use crate::yaml::{Data, Node};

/// The most bytes that all annotations of an object may have together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// How the name of an object is checked.
enum Naming {
    /// A DNS name of at most so many characters.
    Subdomain(usize),
    /// One label of a DNS name.
    Label,
    /// The same, beginning with a letter.
    ServiceLabel,
    /// Anything that may be a part of a path.
    Segment,
    /// As the kind wants it; not checked here.
    Special,
}

impl Naming {
    fn of(kind: &Kind) -> Self {
        match (kind.group, kind.kind) {
            ("", "Service") => Self::ServiceLabel,
            ("", "Namespace") => Self::Label,
            ("batch", "CronJob") => Self::Subdomain(52),
            ("rbac.authorization.k8s.io", _) => Self::Segment,
            ("networking.k8s.io", "IPAddress") | ("apiregistration.k8s.io", _) => Self::Special,
            _ => Self::Subdomain(253),
        }
    }

    /// What is wrong with a name.
    fn broken(&self, name: &str) -> Option<String> {
        let matches = |form: &str| compiled(form).is_none_or(|form| form.is_match(name));
        let long = |most: usize| (name.len() > most).then(|| format!("at most {most} characters, found {}", name.len()));
        match self {
            Self::Subdomain(most) if !matches(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$") => {
                Some(words::DNS_NAME.to_owned()).filter(|_| *most > 0)
            }
            Self::Subdomain(most) => long(*most),
            Self::Label if !matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$") => Some("lower case letters, digits and inner `-`".into()),
            Self::ServiceLabel if !matches("^[a-z]([-a-z0-9]*[a-z0-9])?$") => {
                Some("lower case letters, digits and inner `-`, beginning with a letter".into())
            }
            Self::Label | Self::ServiceLabel => long(63),
            Self::Segment if [".", ".."].contains(&name) || name.contains(['/', '%']) => Some("a name without `/` and `%`".into()),
            Self::Segment | Self::Special => None,
        }
    }
}

/// The name of an object.
pub(super) fn object(kind: &Kind, object: &Node, faults: &mut Vec<Fault>) {
    let root = Path::root(kind.kind);
    let path = root.key("metadata");
    let Some(metadata) = object.get("metadata").filter(|node| matches!(node.data, Data::Map(_))) else {
        if object.get("metadata").is_none_or(|node| node.data == Data::Null) {
            faults.push(fault(root, true, Cause::MissingKey, format!("{root} needs a name: `metadata.name`")));
        }
        return;
    };
    let text = |key: &str| metadata.get(key).and_then(Node::as_text).filter(|text| !text.is_empty());
    let empty = |key: &str| metadata.get(key).is_none_or(|node| node.data == Data::Null || node.as_text() == Some(""));
    if empty("name") && empty("generateName") {
        faults.push(fault(path, true, Cause::MissingKey, format!("{path} needs the key `name`")));
    }
    let naming = Naming::of(kind);
    if let Some(name) = text("name")
        && let Some(wanted) = naming.broken(name)
    {
        let path = path.key("name");
        faults.push(fault(path, false, Cause::Form, format!("{path} must be {wanted}, found the text `{}`", words::cut(name))));
    }
    if let Some(namespace) = text("namespace").filter(|_| kind.namespaced)
        && let Some(wanted) = Naming::Label.broken(namespace)
    {
        let path = path.key("namespace");
        faults.push(fault(path, false, Cause::Form, format!("{path} must be {wanted}, found the text `{}`", words::cut(namespace))));
    }
}

/// What a definition says that no schema says: labels and annotations, wherever there is metadata, and label selectors.
pub(super) fn referenced(reference: &str, node: &Node, path: Path<'_>, faults: &mut Vec<Fault>) {
    match reference.rsplit('.').next() {
        Some("ObjectMeta") => {
            labels(node, "labels", path, faults);
            annotations(node, path, faults);
        }
        Some("LabelSelector") => labels(node, "matchLabels", path, faults),
        _ => {}
    }
}

fn labels(node: &Node, key: &str, path: Path<'_>, faults: &mut Vec<Fault>) {
    let Some(Data::Map(entries)) = node.get(key).map(|labels| &labels.data) else { return };
    let path = path.key(key);
    for (key, value) in entries {
        let here = path.key(&key.text);
        if let Some(wanted) = broken_key(&key.text) {
            faults.push(fault(here, true, Cause::Form, format!("the key `{}` must be {wanted}", words::cut(&key.text))));
        }
        if let Some(text) = value.as_text() {
            let form = compiled("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$");
            if text.len() > 63 || !form.is_none_or(|form| form.is_match(text)) {
                let wanted = "a label: at most 63 letters, digits, inner `-`, `_` and `.`";
                faults.push(fault(here, false, Cause::Form, format!("{here} must be {wanted}, found {}", words::seen(value))));
            }
        }
    }
}

fn annotations(node: &Node, path: Path<'_>, faults: &mut Vec<Fault>) {
    let Some(Data::Map(entries)) = node.get("annotations").map(|annotations| &annotations.data) else { return };
    let path = path.key("annotations");
    let mut size = 0;
    for (key, value) in entries {
        size += key.text.len() + value.as_text().map_or(0, str::len);
        // capital letters of the prefix are let pass here, and nowhere else
        if let Some(wanted) = broken_key(&key.text.to_lowercase()) {
            faults.push(fault(path.key(&key.text), true, Cause::Form, format!("the key `{}` must be {wanted}", words::cut(&key.text))));
        }
    }
    if size > MAX_ANNOTATIONS {
        faults.push(fault(path, true, Cause::Length, format!("{path} must have at most {MAX_ANNOTATIONS} bytes in all, found {size}")));
    }
}

/// What is wrong with the key of a label or an annotation.
fn broken_key(key: &str) -> Option<&'static str> {
    let prefix = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
    let form = compiled(&format!(r"^({prefix}/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"));
    let (before, name) = key.rsplit_once('/').unwrap_or(("", key));
    let fine = form.is_none_or(|form| form.is_match(key)) && name.len() <= 63 && before.len() <= 253;
    (!fine).then_some("a name such as `app` or `example.com/app`")
}

fn fault(path: Path<'_>, on_key: bool, cause: Cause, message: String) -> Fault {
    Fault { pointer: path.pointer(), on_key, message, hint: None, cause }
}
