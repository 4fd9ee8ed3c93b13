//! The policy for everything between clients and the gateway.

use super::super::document::Document;
use super::{list, map, target};
use crate::spec::{ServiceSpec, TlsVersion};
use crate::yaml::Map;

pub(in crate::generate) fn client_policy(spec: &ServiceSpec) -> Option<Document> {
    let (gateway, client) = (spec.gateway.as_ref()?, spec.client.as_ref()?);
    let mut body = Map::new();
    body.put("targetRefs", list([target("Gateway", &gateway.name)]));
    if let Some(hops) = client.trusted_hops {
        let detection = map([("xForwardedFor", map([("numTrustedHops", hops.into())]).into())]);
        body.put("clientIPDetection", detection)
            .above("believed because so many proxies of ours stand before the gateway; anybody else's entries are not");
    }
    if let Some(version) = client.min_tls_version {
        let version = if version == TlsVersion::V1_3 { "1.3" } else { "1.2" };
        body.put("tls", map([("minVersion", version.into())]));
    }
    if client.request_timeout.is_some() || client.idle_timeout.is_some() {
        let mut http = Map::new();
        if let Some(span) = &client.request_timeout {
            http.put("requestReceivedTimeout", span.as_str()).behind("a client that sends a request byte by byte");
        }
        if let Some(span) = &client.idle_timeout {
            http.put("idleTimeout", span.as_str()).behind("a connection without requests");
        }
        body.put("timeout", map([("http", http.into())]));
    }
    if let Some(number) = client.max_connections {
        let limit = map([("connectionLimit", map([("value", number.into())]).into())]);
        body.put("connection", limit).above("of each Envoy; what is above is closed at once");
    }
    let kind = ("gateway.envoyproxy.io/v1alpha1", "ClientTrafficPolicy");
    let head = "What the gateway takes from clients.";
    Some(Document::new(spec, "62-client-policy.yaml", kind, &spec.object_name("clients"), head).with_spec(body))
}
