//! Digests of what is wanted, to compare with what was applied.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::stack::{CertificateFile, Chart, SecretsFile, Stack};

/// The digest of an object as the stack wants it.
#[must_use]
pub fn object_digest(object: &Value) -> String {
    short(&canonical(object))
}

/// The digest of a release: chart, version and values.
#[must_use]
pub fn chart_digest(chart: &Chart) -> String {
    // without a word where they run, as it has always been: what is installed stays as it is
    let hooks = if chart.hooks { "" } else { "\nno hooks" };
    short(&format!("{}\n{}\n{}{hooks}", chart.reference, chart.version, canonical(&Value::Object(chart.values.clone()))))
}

/// The digest of a certificate: what is asked for, and which CA signs.
#[must_use]
pub fn certificate_digest(certificate: &CertificateFile, authority_fingerprint: &str) -> String {
    let wanted = serde_json::to_value(certificate).unwrap_or_default();
    short(&format!("{authority_fingerprint}\n{}", canonical(&wanted)))
}

/// The digest of Secrets that are made once: what is asked for.
#[must_use]
pub fn secrets_digest(secrets: &SecretsFile) -> String {
    short(&canonical(&serde_json::to_value(secrets).unwrap_or_default()))
}

/// The digest of a whole stack: when it changes, the checks must run again.
#[must_use]
pub fn stack_digest(stack: &Stack) -> String {
    short(&canonical(&serde_json::to_value(stack).unwrap_or_default()))
}

/// The digest of what a stack makes in a cluster, whatever leads to it: host ports, addresses and checks may differ.
#[must_use]
pub fn cluster_digest(stack: &Stack) -> String {
    let nodes: Vec<u16> = stack.cluster.ports.iter().map(|port| port.node).collect();
    let wanted = serde_json::json!({"name": stack.name, "node": stack.cluster.image, "ports": nodes, "components": stack.components});
    short(&canonical(&wanted))
}

/// JSON with sorted keys: the order in which a person wrote them is no difference.
fn canonical(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

/// 128 bits are plenty to tell versions of one object apart, and fit a line.
fn short(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_is_no_difference() {
        assert_eq!(object_digest(&json!({"a": 1, "b": {"c": 2, "d": 3}})), object_digest(&json!({"b": {"d": 3, "c": 2}, "a": 1})));
    }

    #[test]
    fn a_changed_value_is() {
        assert_ne!(object_digest(&json!({"a": 1})), object_digest(&json!({"a": "1"})));
    }
}
