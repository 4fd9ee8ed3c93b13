//! Fields that Envoy Gateway still reads and warns of (condition `Warning`, reason `DeprecatedField`).

use super::GROUP;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Kind, old field, new field. From the `Deprecated:` marks of `api/v1alpha1` 1.9.1; `rateLimit.type` has a rule of its own.
const FIELDS: [(&str, &str, &str); 9] = [
    ("BackendTrafficPolicy", "/spec/targetRef", "targetRefs"),
    ("BackendTrafficPolicy", "/spec/compression", "compressor"),
    ("BackendTrafficPolicy", "/spec/loadBalancer/consistentHash/header", "headers"),
    ("ClientTrafficPolicy", "/spec/targetRef", "targetRefs"),
    ("ClientTrafficPolicy", "/spec/enableProxyProtocol", "proxyProtocol"),
    ("ClientTrafficPolicy", "/spec/headers/preserveXRequestID", "requestID: PreserveOrGenerate"),
    ("ClientTrafficPolicy", "/spec/tls/clientValidation/optional", "mode"),
    ("SecurityPolicy", "/spec/targetRef", "targetRefs"),
    ("EnvoyExtensionPolicy", "/spec/targetRef", "targetRefs"),
];

pub(super) fn fields(set: &Set, sink: &mut Sink) {
    for (kind, old, new) in FIELDS {
        for place in set.of(GROUP, kind).filter_map(|policy| policy.at(old)) {
            let name = old.rsplit('/').next().unwrap_or_default();
            let remedy =
                if new == "targetRefs" { "Write `targetRefs`, a list with this one item.".to_owned() } else { format!("Write `{new}`.") };
            sink.at(&place, format!("`{name}` is deprecated in Envoy Gateway, which still reads it"), remedy);
        }
    }
}
