//! Which throw-away namespace stands for which namespace of a set, and where a set speaks of namespaces.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stack::{Check, CheckKind};

/// A throw-away namespace for each namespace of a set.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// `word` for the first namespace, `word-2` for the second, and so on.
    pub(super) fn new<'a>(namespaces: impl IntoIterator<Item = &'a str>, word: &str) -> Self {
        let mut names = BTreeMap::new();
        for namespace in namespaces {
            let nth = names.len() + 1;
            let name = if nth == 1 { word.to_owned() } else { format!("{word}-{nth}") };
            names.entry(named(namespace).to_owned()).or_insert(name);
        }
        Self(names)
    }

    /// The namespace that stands for this one; itself where the set has nothing in it.
    pub(super) fn of(&self, namespace: &str) -> String {
        self.0.get(named(namespace)).cloned().unwrap_or_else(|| namespace.to_owned())
    }

    /// Every throw-away namespace.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.0.values()
    }

    /// Whether a text, such as a query, speaks of a throw-away namespace.
    pub(super) fn are_in(&self, text: &str) -> bool {
        self.all().any(|name| text.contains(name.as_str()))
    }

    /// Rewrites every place of an object that speaks of a namespace: references, selectors by name, and names inside texts.
    pub(super) fn rename(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    match value {
                        Value::String(text) if key == "namespace" || key == "kubernetes.io/metadata.name" => *text = self.of(text),
                        other => self.rename(other),
                    }
                }
            }
            Value::Array(list) => {
                // `matchNames`, and `values` of an expression on the name's label, are lists of plain names; no other text is touched
                for value in list {
                    self.rename(value);
                }
            }
            Value::String(text) => *text = self.in_text(text),
            _ => {}
        }
    }

    /// In a text, a namespace is known by its neighbours alone: in a DNS name, a label of a query, or a name that Envoy Gateway
    /// gives to a cluster of Envoy's.
    pub(super) fn in_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (old, new) in &self.0 {
            let places = [
                (format!(".{old}.svc"), format!(".{new}.svc")),
                (format!("route/{old}/"), format!("route/{new}/")),
                (format!("namespace=\"{old}\""), format!("namespace=\"{new}\"")),
                (format!("namespace=~\"{old}\""), format!("namespace=~\"{new}\"")),
            ];
            for (from, to) in places {
                text = text.replace(&from, &to);
            }
        }
        text
    }

    /// The check, sent to the throw-away namespaces: `ports` are the ports on localhost that lead to them, by those that the stack
    /// would have.
    pub(super) fn check(&self, check: &Check, ports: &BTreeMap<u16, u16>) -> Check {
        let mut check = check.clone();
        let to = |text: &mut String| *text = with_ports(text, ports);
        match &mut check.kind {
            CheckKind::Http(c) => to(&mut c.url),
            CheckKind::Tls(c) => to(&mut c.address),
            CheckKind::RateLimit(c) => to(&mut c.url),
            CheckKind::CircuitBreaker(c) => to(&mut c.url),
            CheckKind::Autoscale(c) => {
                to(&mut c.url);
                c.namespace = self.of(&c.namespace);
            }
            CheckKind::Condition(c) => c.namespace = c.namespace.as_deref().map(|namespace| self.of(namespace)),
            CheckKind::Promql(c) => {
                c.query = self.in_text(&c.query);
                c.service.namespace = self.of(&c.service.namespace);
            }
        }
        check
    }
}

/// An object that names no namespace means `default`.
fn named(namespace: &str) -> &str {
    if namespace.is_empty() { "default" } else { namespace }
}

/// The text with the port of its authority exchanged: `http://localhost:8080/a` or `localhost:8443`.
fn with_ports(text: &str, ports: &BTreeMap<u16, u16>) -> String {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let default = match scheme {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, default),
    };
    let Some(port) = port.and_then(|port: u16| ports.get(&port)) else { return text.to_owned() };
    let scheme = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}{host}:{port}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        Names::new(["shop", "data", "shop"], "check-1")
    }

    #[test]
    fn every_namespace_of_a_set_has_its_own_and_others_stay() {
        let names = names();
        assert_eq!(
            (names.of("shop"), names.of("data"), names.of("monitoring")),
            ("check-1".into(), "check-1-2".into(), "monitoring".into())
        );
        assert_eq!(Names::new([""], "c").of("default"), "c", "an object without a namespace means default");
    }

    #[test]
    fn references_selectors_and_texts_are_renamed_and_nothing_else() {
        let mut value = json!({
            "kind": "Service", "namespace": "data", "name": "shop",
            "from": {"matchLabels": {"kubernetes.io/metadata.name": "shop", "app": "shop"}},
            "query": "sum(rate(envoy_cluster_upstream_rq_total{envoy_cluster_name=\"httproute/shop/shop/rule/0\",namespace=\"shop\"}[2m]))",
            "url": "http://shop.shop.svc.cluster.local/shop/",
        });
        names().rename(&mut value);
        assert_eq!(
            value,
            json!({
                "kind": "Service", "namespace": "check-1-2", "name": "shop",
                "from": {"matchLabels": {"kubernetes.io/metadata.name": "check-1", "app": "shop"}},
                "query": "sum(rate(envoy_cluster_upstream_rq_total{envoy_cluster_name=\"httproute/check-1/shop/rule/0\",namespace=\"check-1\"}[2m]))",
                "url": "http://shop.check-1.svc.cluster.local/shop/",
            })
        );
    }

    #[test]
    fn a_request_goes_to_the_port_that_leads_to_the_throw_away_gateway() {
        let ports = BTreeMap::from([(8080, 40001), (443, 40002)]);
        for (from, to) in [
            ("http://localhost:8080/api?x=1", "http://localhost:40001/api?x=1"),
            ("https://localhost/api", "https://localhost:40002/api"),
            ("https://[::1]/", "https://[::1]:40002/"),
            ("localhost:8080", "localhost:40001"),
            ("http://localhost:9999/", "http://localhost:9999/"),
        ] {
            assert_eq!(with_ports(from, &ports), to);
        }
    }
}
