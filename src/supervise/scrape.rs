//! What Prometheus scrapes: the processes behind each annotated Service, with the labels that the chart's job
//! `kubernetes-service-endpoints` gives.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::host::Layout;
use crate::stack::Object;

/// Prometheus' configuration; the targets are in a file of their own, which it watches.
pub(super) fn config(interval: &str, targets: &std::path::Path) -> Value {
    json!({
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "scrape_configs": [{"job_name": "kubernetes-service-endpoints", "file_sd_configs": [{"files": [targets]}]}]
    })
}

/// The targets as `file_sd_configs` reads them.
pub(super) fn targets(objects: &[(String, Object)], layout: &Layout) -> Value {
    let services = objects
        .iter()
        .map(|(_, object)| object)
        .filter(|object| object.id.kind == "Service" && annotation(object, "scrape") == Some("true"));
    services.flat_map(|service| of_service(service, layout)).collect()
}

fn of_service(service: &Object, layout: &Layout) -> Vec<Value> {
    let (namespace, name) = (service.id.namespace_or_default(), &service.id.name);
    let ports = layout.services.iter().filter(|((ns, n, _), _)| ns == namespace && n == name);
    let wanted = annotation(service, "port").and_then(|port| port.parse::<u16>().ok());
    let addresses: Vec<SocketAddr> = match wanted {
        Some(port) => ports
            .flat_map(|(_, addresses)| addresses)
            .filter(|address| process_at(layout, **address).is_none_or(|(_, container)| container == port))
            .copied()
            .collect(),
        None => ports.flat_map(|(_, addresses)| addresses).copied().collect(),
    };
    let target = |address: SocketAddr| {
        let process = process_at(layout, address).map(|(name, _)| name.rsplit_once('/').map_or(name, |(_, short)| short).to_owned());
        json!({
            "targets": [address.to_string()],
            "labels": {
                "namespace": namespace,
                "service": name,
                "pod": process.map_or_else(|| address.to_string(), |number| format!("{name}-{number}")),
                "__metrics_path__": annotation(service, "path").unwrap_or("/metrics"),
                "__scheme__": annotation(service, "scheme").unwrap_or("http"),
            }
        })
    };
    addresses.into_iter().map(target).collect()
}

/// The process that listens there, and the container port that it is.
fn process_at(layout: &Layout, address: SocketAddr) -> Option<(&str, u16)> {
    layout.processes.iter().find_map(|process| {
        let (container, _) = process.ports.iter().find(|(_, host)| **host == address.port())?;
        Some((process.name.as_str(), *container))
    })
}

fn annotation<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.value["metadata"]["annotations"][format!("prometheus.io/{name}")].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, annotations: &Value) -> (String, Object) {
        let metadata = json!({"name": name, "namespace": "demo", "annotations": annotations});
        ("c".to_owned(), Object::new(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata})))
    }

    #[test]
    fn each_process_behind_an_annotated_service_is_a_target_with_the_charts_labels() {
        let marked = json!({"prometheus.io/scrape": "true", "prometheus.io/port": "8000", "prometheus.io/path": "/m"});
        let objects = [service("api", &marked), service("other", &json!({}))];
        let address: SocketAddr = "127.0.0.1:20001".parse().unwrap();
        let mut layout = Layout::default();
        for name in ["api", "other"] {
            layout.services.insert(("demo".to_owned(), name.to_owned(), 80), vec![address]);
        }
        let expected = json!([{
            "targets": ["127.0.0.1:20001"],
            "labels": {
                "namespace": "demo", "service": "api", "pod": "127.0.0.1:20001", "__metrics_path__": "/m", "__scheme__": "http"
            }
        }]);
        assert_eq!(targets(&objects, &layout), expected);
    }
}
