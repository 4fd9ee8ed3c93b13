//! Whether a document is an object.

use crate::yaml::{Data, Node};

/// What a document is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// An object.
    Object,
    /// A list of objects.
    List,
    /// Plainly something else, and what.
    Other(&'static str),
    /// Neither.
    Broken(String),
}

/// What a document of a file is.
pub(super) fn sort(node: &Node, file: &str) -> Sort {
    let entries = match &node.data {
        Data::Map(entries) => entries,
        Data::List(_) => return Sort::Other("a list"),
        _ => return Sort::Other("a text"),
    };
    let (version, kind) = (node.get("apiVersion"), node.get("kind"));
    match (version.and_then(Node::as_text), kind.and_then(Node::as_text)) {
        (Some(version), Some(kind)) if !version.is_empty() && !kind.is_empty() => {
            if let Some(what) = not_for_the_cluster(version, kind) {
                return Sort::Other(what);
            }
            let items = entries.iter().any(|(key, value)| key.text == "items" && matches!(value.data, Data::List(_)));
            if kind == "List" || (kind.ends_with("List") && items && has_kinds(node)) { Sort::List } else { Sort::Object }
        }
        _ => {
            if version.is_none()
                && kind.is_none()
                && let Some(what) = other(node, file)
            {
                return Sort::Other(what);
            }
            let wrong = |key: &str, node: Option<&Node>| match node {
                None => Some(format!("it has no `{key}`")),
                Some(node) if node.as_text().is_none_or(str::is_empty) => Some(format!("its `{key}` is no text")),
                Some(_) => None,
            };
            let all: Vec<String> = [wrong("apiVersion", version), wrong("kind", kind)].into_iter().flatten().collect();
            Sort::Broken(format!("this document is no Kubernetes object: {}", all.join(" and ")))
        }
    }
}

/// Whether the items of a list say what they are.
fn has_kinds(list: &Node) -> bool {
    let Some(Node { data: Data::List(items), .. }) = list.get("items") else { return false };
    items.iter().all(|item| item.get("kind").is_some())
}

/// Files that look like objects but are read by a program on the machine of their author.
fn not_for_the_cluster(version: &str, kind: &str) -> Option<&'static str> {
    let group = version.split('/').next().unwrap_or_default();
    match (group, kind) {
        ("kustomize.config.k8s.io", _) => Some("a file of kustomize: lint what it makes, `kustomize build .. | tstack lint -`"),
        ("tstack.dev", "Stack") => Some("a stack file of tstack: name its folder"),
        ("tstack.dev", _) => Some("a file of tstack itself"),
        ("kind.x-k8s.io", _) => Some("a file of kind"),
        ("v1", "Config") => Some("a kubeconfig"),
        ("skaffold", _) => Some("a file of Skaffold"),
        _ => None,
    }
}

/// What a document without `apiVersion` and `kind` is.
fn other(node: &Node, file: &str) -> Option<&'static str> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let has = |key: &str| node.get(key).is_some();
    match name {
        "Chart.yaml" | "Chart.lock" => return Some("a Helm chart's own file"),
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => {
            return Some("a file of kustomize: lint what it makes, `kustomize build .. | tstack lint -`");
        }
        "package.json" | "package-lock.json" | "tsconfig.json" => return Some("a file of npm"),
        _ if name.starts_with("values") || name.contains("-values") || name.contains(".values") => return Some("a file of Helm values"),
        _ => {}
    }
    if has("services") && !has("spec") {
        return Some("a file of Docker Compose");
    }
    if has("openapi") || has("swagger") {
        return Some("an API description");
    }
    if has("$schema") {
        return Some("a JSON Schema or a file of another program");
    }
    // without these it is not even a broken object
    (!has("metadata") && !has("spec")).then_some("a file of another program: it has neither `apiVersion` nor `kind`")
}
