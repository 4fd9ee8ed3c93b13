//! Gateways: which of their listeners are served, on which port of loopback.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::objects::{Objects, document, namespace_of};
use crate::host::fields::{list, number, selects, some_text, text};
use crate::host::kinds::{ENVOY_GATEWAY, GATEWAY_API};
use crate::host::{Fault, LeftOutObject, Listener, Surroundings};
use crate::stack::{Exposure, Object, ObjectId};

/// Envoy Gateway's name as the controller of a class.
const CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";
/// The parameters of a class that names none: only with them Envoy Gateway knows which Envoy to start.
const OUR_PROXY: (&str, &str) = ("default", "tstack-host");
/// The kinds of routes.
const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"];
/// Envoy's own port for readiness, which Envoy Gateway opens on every address.
const READY_LISTENER: &str = "envoy-gateway-proxy-ready-0.0.0.0-19003";

/// The Gateways that Envoy serves.
#[derive(Default)]
pub(super) struct Gateways<'a> {
    pub(super) served: Vec<Served<'a>>,
    pub(super) left_out: Vec<LeftOutObject>,
    pub(super) faults: Vec<Fault>,
}

/// A Gateway and its listeners.
pub(super) struct Served<'a> {
    pub(super) object: &'a Object,
    /// The class whose Gateways share one Envoy, where they do.
    merged: Option<&'a str>,
    pub(super) listeners: Vec<Listener>,
}

/// A Gateway with what Kubernetes would call the Service of its Envoy.
struct Named<'a> {
    object: &'a Object,
    merged: Option<&'a str>,
    service: String,
    /// Whether the parameters that it refers to are there, so that the name is certain.
    certain: bool,
}

/// Whether Envoy Gateway is the controller of a class.
pub(super) fn is_ours(class: &Object) -> bool {
    text(&class.value, "/spec/controllerName") == CONTROLLER
}

impl<'a> Gateways<'a> {
    pub(super) fn new(all: Objects<'a>, around: &Surroundings) -> Self {
        let mut gateways = Self::default();
        for (_, class) in all.of(GATEWAY_API, "GatewayClass").filter(|(_, class)| !is_ours(class)) {
            gateways.leave_out(&class.id, None, "its controller is not Envoy Gateway");
        }
        let mut named = Vec::new();
        for (_, gateway) in all.of(GATEWAY_API, "Gateway") {
            match all.find(GATEWAY_API, "GatewayClass", "", text(&gateway.value, "/spec/gatewayClassName")) {
                // its class may still come, and nobody takes it before
                None => {}
                Some(class) if is_ours(class) => named.push(Named::of(gateway, class, all)),
                Some(_) => gateways.leave_out(&gateway.id, None, "the controller of its class is not Envoy Gateway"),
            }
        }
        let services: BTreeSet<&str> = named.iter().map(|one| one.service.as_str()).collect();
        // which Envoy has which port: two Gateways share one only when they share the Envoy
        let mut taken: BTreeMap<u16, String> = BTreeMap::new();
        for one in &named {
            let listeners = gateways.listeners(one, all, &around.expose, &services, &mut taken);
            if !listeners.is_empty() {
                gateways.served.push(Served { object: one.object, merged: one.merged, listeners });
            }
        }
        gateways
    }

    fn leave_out(&mut self, id: &ObjectId, part: Option<String>, why: &str) {
        self.left_out.push(LeftOutObject { id: id.clone(), part, why: why.to_owned() });
    }

    fn listeners(
        &mut self,
        gateway: &Named<'_>,
        all: Objects<'_>,
        expose: &[Exposure],
        services: &BTreeSet<&str>,
        taken: &mut BTreeMap<u16, String>,
    ) -> Vec<Listener> {
        let id = &gateway.object.id;
        let mut free = |host: u16| *taken.entry(host).or_insert_with(|| gateway.service.clone()) == gateway.service;
        let mut found = |port: u16| {
            let exact = expose.iter().find(|e| e.service.name == gateway.service && e.service.port == port);
            let of_nobody = |e: &&Exposure| {
                let known = all.find("", "Service", &e.service.namespace, &e.service.name).is_some();
                e.service.port == port && !known && !services.contains(e.service.name.as_str())
            };
            exact.or_else(|| expose.iter().find(of_nobody)).map(|e| e.host).filter(|host| free(*host))
        };
        let (mut served, mut closed) = (Vec::new(), Vec::new());
        for listener in list(&gateway.object.value, "/spec/listeners") {
            let name = text(listener, "/name").to_owned();
            let port = number(listener, "/port").unwrap_or(0);
            match (text(listener, "/protocol"), found(port)) {
                ("UDP", _) => closed.push((name, "exposed ports carry TCP alone".to_owned())),
                (_, Some(host)) => served.push(Listener { name, port, host }),
                (_, None) => closed.push((name, format!("no entry of `expose` leads to port {port} of Service {}", gateway.service))),
            }
        }
        if served.is_empty() && gateway.certain {
            let what = format!("no entry of `expose` leads to {id}");
            let hint = format!("Add one for a port of Service {} to the stack file.", gateway.service);
            self.faults.push(Fault { id: id.clone(), what, hint });
        } else if gateway.certain {
            for (name, why) in closed {
                self.leave_out(id, Some(format!("listener {name}")), &why);
            }
        }
        served
    }

    /// The port of this machine that a listener's port is.
    pub(super) fn host_port(&self, namespace: &str, gateway: &str, port: u16) -> Option<u16> {
        let served = self.served.iter().find(|one| one.object.id.name == gateway && one.object.id.namespace_or_default() == namespace)?;
        served.listeners.iter().find(|listener| listener.port == port).map(|listener| listener.host)
    }

    /// What keeps each Envoy on loopback: Envoy Gateway itself would open its listeners on all addresses of the machine.
    pub(super) fn loopback(&self, ipv6: bool) -> Vec<Value> {
        let mut done: Vec<&str> = Vec::new();
        let mut policies = Vec::new();
        for one in &self.served {
            let id = &one.object.id;
            let (kind, target, of): (_, _, Vec<&Served<'_>>) = match one.merged {
                Some(class) if done.contains(&class) => continue,
                Some(class) => {
                    done.push(class);
                    ("GatewayClass", class, self.served.iter().filter(|other| other.merged == Some(class)).collect())
                }
                None => ("Gateway", id.name.as_str(), vec![one]),
            };
            let patches: Vec<Value> = of.iter().flat_map(|served| served.patches(ipv6)).chain(ready_patches()).collect();
            let name = format!("tstack-loopback-{}", id.name);
            let policy = ObjectId::new("gateway.envoyproxy.io/v1alpha1", "EnvoyPatchPolicy", id.namespace_or_default(), name);
            let target = json!({"group": GATEWAY_API, "kind": kind, "name": target});
            policies.push(document(&policy, [("spec", json!({"targetRef": target, "type": "JSONPatch", "jsonPatches": patches}))]));
        }
        policies
    }
}

impl<'a> Named<'a> {
    fn of(gateway: &'a Object, class: &'a Object, all: Objects<'a>) -> Self {
        let proxy = |reference: &'a Value, namespace: &str| all.find(ENVOY_GATEWAY, "EnvoyProxy", namespace, text(reference, "/name"));
        let of_class = class.value.pointer("/spec/parametersRef");
        let of_gateway = gateway.value.pointer("/spec/infrastructure/parametersRef");
        let class_proxy = of_class.map(|reference| proxy(reference, namespace_of(reference, &class.id)));
        let own_proxy = of_gateway.map(|reference| proxy(reference, gateway.id.namespace_or_default()));
        let shared = class_proxy.flatten().is_some_and(|proxy| proxy.value.pointer("/spec/mergeGateways") == Some(&json!(true)));
        let merged = shared.then_some(class.id.name.as_str());
        let given = [own_proxy, class_proxy].into_iter().flatten().flatten();
        let mut names = given.filter_map(|proxy| some_text(&proxy.value, "/spec/provider/kubernetes/envoyService/name"));
        let default = || match merged {
            Some(class) => service_name(class),
            None => service_name(&format!("{}/{}", gateway.id.namespace_or_default(), gateway.id.name)),
        };
        let service = names.next().map_or_else(default, str::to_owned);
        let certain = class_proxy != Some(None) && own_proxy != Some(None);
        Self { object: gateway, merged, service, certain }
    }
}

/// What Envoy Gateway calls the Service of an Envoy that has no name of its own: at most 48 characters, and a digest.
fn service_name(of: &str) -> String {
    let digest = Sha256::digest(of.as_bytes()).iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let name = of.replace('/', "-");
    let short = if name.len() > 48 { name[..48].strip_suffix('-').unwrap_or(&name[..48]) } else { &name };
    format!("envoy-{short}-{digest}")
}

impl Served<'_> {
    /// The Gateway with the ports of this machine, and without the listeners that nobody reaches.
    pub(super) fn document(&self, all: Objects<'_>, faults: &mut Vec<Fault>) -> Value {
        let mut spec = self.object.value.get("spec").cloned().unwrap_or_default();
        let host = |port: Option<u16>| self.listeners.iter().find(|listener| Some(listener.port) == port).map(|listener| listener.host);
        if let Some(listeners) = spec.get_mut("listeners").and_then(Value::as_array_mut) {
            listeners.retain(|one| self.listeners.iter().any(|listener| listener.name == text(one, "/name")));
            for listener in listeners {
                if let Some(port) = host(number(listener, "/port")) {
                    listener["port"] = json!(port);
                }
                self.allow(listener, all, faults);
            }
        }
        if let Some(ports) = spec.pointer_mut("/tls/frontend/perPort").and_then(Value::as_array_mut) {
            for one in ports {
                if let Some(port) = host(number(one, "/port")) {
                    one["port"] = json!(port);
                }
            }
        }
        document(&self.object.id, [("spec", spec)])
    }

    /// Envoy Gateway reads no labels of namespaces from files, so a selector of namespaces becomes what it comes to for the routes
    /// that there are.
    fn allow(&self, listener: &mut Value, all: Objects<'_>, faults: &mut Vec<Fault>) {
        let Some(namespaces) = listener.pointer_mut("/allowedRoutes/namespaces").filter(|n| text(n, "/from") == "Selector") else { return };
        let id = &self.object.id;
        let refers = |route: &Object| {
            list(&route.value, "/spec/parentRefs").iter().any(|parent| {
                let gateway = matches!(text(parent, "/kind"), "" | "Gateway") && text(parent, "/name") == id.name;
                gateway && namespace_of(parent, &route.id) == id.namespace_or_default()
            })
        };
        let routes = ROUTES.iter().flat_map(|kind| all.of(GATEWAY_API, kind)).map(|(_, route)| route).filter(|route| refers(route));
        let selector = namespaces.get("selector").cloned().unwrap_or_default();
        let chosen = |namespace: &&str| selects(&selector, &all.namespace_labels(namespace));
        let (inside, outside): (Vec<&str>, Vec<&str>) = routes.map(|route| route.id.namespace_or_default()).partition(chosen);
        let same = id.namespace_or_default();
        let from = match (inside.as_slice(), outside.as_slice()) {
            (_, []) => "All",
            (inside, outside) if inside.iter().all(|n| *n == same) && !outside.contains(&same) => "Same",
            _ => {
                let what = "a listener allows namespaces by their labels, which Envoy Gateway does not read from files".to_owned();
                faults.push(Fault { id: id.clone(), what, hint: "Allow `from: All` or `from: Same` here.".to_owned() });
                return;
            }
        };
        *namespaces = json!({"from": from});
    }

    /// Each listener by its name: of those that share a port, the first that is valid names the one that Envoy opens.
    fn patches(&self, ipv6: bool) -> Vec<Value> {
        let id = &self.object.id;
        let each = self.listeners.iter().flat_map(|listener| {
            let name = format!("{}/{}/{}", id.namespace_or_default(), id.name, listener.name);
            let v4 = patch(&name, "replace", "/address/socket_address/address", &json!("127.0.0.1"));
            let second = json!([{"address": {"socket_address": {"address": "::1", "port_value": listener.host}}}]);
            let v6 = ipv6.then(|| patch(&name, "add", "/additional_addresses", &second));
            // else two stacks could open one port, and the system would share out its connections between them unnoticed
            let alone = patch(&name, "add", "/enable_reuse_port", &json!(false));
            [v4, alone].into_iter().chain(v6)
        });
        each.collect()
    }
}

/// The port for readiness becomes one that the system picks: it is asked by nobody here, and every Envoy has it.
fn ready_patches() -> [Value; 2] {
    [
        patch(READY_LISTENER, "replace", "/address/socket_address/address", &json!("127.0.0.1")),
        patch(READY_LISTENER, "replace", "/address/socket_address/port_value", &json!(0)),
    ]
}

fn patch(name: &str, op: &str, path: &str, value: &Value) -> Value {
    json!({
        "type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "operation": {"op": op, "path": path, "value": value},
    })
}

/// A class with parameters, since only they say which Envoy to start.
pub(super) fn class_document(class: &Object) -> Value {
    let mut spec = class.value.get("spec").cloned().unwrap_or_default();
    if spec.get("parametersRef").is_none() {
        let (namespace, name) = OUR_PROXY;
        spec["parametersRef"] = json!({"group": ENVOY_GATEWAY, "kind": "EnvoyProxy", "namespace": namespace, "name": name});
    }
    document(&class.id, [("spec", spec)])
}

/// The parameters of classes that name none.
pub(super) fn our_proxy(all: Objects<'_>, envoy: &str) -> Option<Value> {
    let bare = |class: &Object| is_ours(class) && class.value.pointer("/spec/parametersRef").is_none();
    let (namespace, name) = OUR_PROXY;
    let id = ObjectId::new("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", namespace, name);
    all.of(GATEWAY_API, "GatewayClass").any(|(_, class)| bare(class)).then(|| proxy_document(&id, json!({}), envoy))
}

/// How Envoy runs, without what is said of Kubernetes. Its addresses are ours to say.
pub(super) fn proxy_document(id: &ObjectId, mut spec: Value, envoy: &str) -> Value {
    if let Some(spec) = spec.as_object_mut() {
        spec.shift_remove("ipFamily");
        spec.insert("provider".to_owned(), json!({"type": "Host", "host": {"envoyVersion": envoy}}));
    }
    document(id, [("spec", spec)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envoy_without_a_name_has_the_one_that_envoy_gateway_gives() {
        // both seen on clusters
        assert!(service_name("task-api/task-api-gateway").starts_with("envoy-task-api-task-api-gateway-"));
        assert_eq!(service_name("default/eg"), "envoy-default-eg-e41e7b31");
        let long = service_name(&format!("default/{}-{}", "a".repeat(39), "b".repeat(20)));
        assert!(long.starts_with(&format!("envoy-default-{}-", "a".repeat(39))) && !long.contains('b'), "{long}");
    }
}
