//! Several owners on one gateway.

use std::collections::HashMap;

use crate::lint::entry::Entry;
use crate::lint::model;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Two namespaces answer for one host: each can take the other's paths.
pub(super) fn one_host(set: &Set, sink: &mut Sink) {
    let mut owner: HashMap<(&str, &str, &str), &Entry> = HashMap::new();
    for route in set.of(model::GATEWAY_API, "HTTPRoute") {
        let own: Vec<&str> = route.items("/spec/hostnames").filter_map(|host| host.text()).collect();
        let hosts = if own.is_empty() { vec!["*"] } else { own };
        let mut told = false;
        for parent in route.items("/spec/parentRefs") {
            let Some(name) = parent.text_of("name") else { continue };
            let namespace = parent.text_of("namespace").unwrap_or_else(|| route.namespace());
            for host in &hosts {
                let Some(other) = owner.get(&(namespace, name, *host)) else {
                    owner.insert((namespace, name, *host), route);
                    continue;
                };
                if other.namespace() == route.namespace() || told {
                    continue;
                }
                let Some(place) = route.at("/spec/hostnames").or_else(|| route.at("/spec")) else { continue };
                let said = if *host == "*" { "every host".to_owned() } else { format!("the host {host}") };
                sink.at(
                    &place,
                    format!(
                        "namespaces {} and {} both answer for {said} of Gateway {name}: each can take requests from the other with a longer path",
                        other.namespace(),
                        route.namespace()
                    ),
                    "Give each its own host, and let a listener for it admit only its namespace (allowedRoutes.namespaces.selector).",
                );
                told = true;
            }
        }
    }
}
