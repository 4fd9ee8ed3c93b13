//! The same objects, changed so that they live in throw-away namespaces beside a running stack. Pure: no look outside.
//!
//! What is changed is less of a proof, so each change that takes something away says what was not proven.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::names::Names;
use crate::stack::{AUTHORITY_NAME, CertificateFile, Object, ObjectId};

/// The group, version and name of the objects that a check adds.
const EG: &str = "gateway.envoyproxy.io/v1alpha1";
const ADDED: &str = "tstack-check";

/// What the running stack lends to a check.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    /// Its GatewayClass of Envoy Gateway, where it has one.
    pub class: Option<String>,
    /// The `spec` of the EnvoyProxy behind that class: an image that the nodes have, probes that answer soon.
    pub proxy: Value,
    /// Its issuers for the whole cluster.
    pub issuers: BTreeSet<String>,
    /// Kinds of the objects that have no namespace, as apiVersion and kind.
    pub cluster_wide: BTreeSet<(String, String)>,
}

/// Objects for the throw-away namespaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Throwaway {
    pub objects: Vec<Object>,
    /// Labels that the set's own Namespaces carry, by the throw-away namespace.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// What the check does not prove, a sentence each.
    pub unproven: Vec<String>,
}

/// Rewrites a set. `certificates` are those that a stack makes itself.
pub(super) fn rewrite(objects: &[Object], certificates: &[CertificateFile], names: &Names, around: &Around) -> Throwaway {
    let mut rewriter = Rewriter { names, around, out: Throwaway::default(), classes: BTreeMap::new() };
    rewriter.class_parameters(objects);
    for object in objects {
        rewriter.object(object);
    }
    for certificate in certificates {
        rewriter.certificate(certificate);
    }
    rewriter.missing_secrets();
    let mut seen = BTreeSet::new();
    rewriter.out.unproven.retain(|sentence| seen.insert(sentence.clone()));
    rewriter.out
}

struct Rewriter<'a> {
    names: &'a Names,
    around: &'a Around,
    out: Throwaway,
    /// By class, the EnvoyProxy that it names in the set: the spec, which then holds for its Gateways, and its id.
    classes: BTreeMap<String, (ObjectId, Value)>,
}

impl Rewriter<'_> {
    /// A class is cluster-wide and not applied; what it says of Envoy is said to each of its Gateways instead.
    fn class_parameters(&mut self, objects: &[Object]) {
        for class in objects.iter().filter(|object| object.id.kind == "GatewayClass") {
            let text = |key: &str| class.value.pointer(&format!("/spec/parametersRef/{key}")).and_then(Value::as_str).unwrap_or_default();
            let (namespace, name) = (text("namespace"), text("name"));
            let named = |object: &&Object| object.id.kind == "EnvoyProxy" && object.id.name == name && object.id.namespace == namespace;
            if let Some(proxy) = objects.iter().find(named) {
                self.classes.insert(class.id.name.clone(), (proxy.id.clone(), proxy.value["spec"].clone()));
            }
        }
    }

    fn object(&mut self, object: &Object) {
        let id = &object.id;
        if id.kind == "Namespace" {
            let labels = object.value.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
            let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
            self.out.labels.insert(self.names.of(&id.name), labels);
            return;
        }
        if self.around.cluster_wide.contains(&(id.api_version.clone(), id.kind.clone())) {
            let stead = match (id.kind.as_str(), &self.around.class) {
                ("GatewayClass", Some(class)) => format!("the running stack's class `{class}` took its place"),
                _ => "it was not applied".to_owned(),
            };
            return self.unproven(format!("{id} belongs to the whole cluster: {stead}"));
        }
        if self.classes.values().any(|(proxy, _)| proxy == id) {
            return;
        }
        let mut value = object.value.clone();
        self.names.rename(&mut value);
        value["metadata"]["namespace"] = self.names.of(&id.namespace).into();
        match id.kind.as_str() {
            "Service" if id.group().is_empty() => self.service(id, &mut value),
            "EnvoyProxy" => self.envoy_proxy(&mut value["spec"]),
            "Gateway" if id.group() == "gateway.networking.k8s.io" => self.gateway(&mut value),
            "Certificate" => self.issuer(id, &mut value),
            "ScaledObject" => self.queries(id, &value),
            _ => {}
        }
        self.out.objects.push(Object::new(value));
    }

    fn unproven(&mut self, sentence: String) {
        self.out.unproven.push(sentence);
    }

    /// No port of the node and no address from outside: they are the running stack's, or nobody gives them.
    fn service(&mut self, id: &ObjectId, value: &mut Value) {
        let Some(spec) = value["spec"].as_object_mut() else { return };
        let kind = spec.get("type").and_then(Value::as_str).unwrap_or("ClusterIP").to_owned();
        if !matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            return;
        }
        spec.insert("type".into(), "ClusterIP".into());
        spec.retain(|key, _| {
            !(key.starts_with("loadBalancer") || key.starts_with("externalTraffic") || key == "allocateLoadBalancerNodePorts")
        });
        spec.remove("healthCheckNodePort");
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                port.remove("nodePort");
            }
        }
        self.unproven(format!("{id} was a ClusterIP here: its type {kind} was not tried"));
    }

    /// Envoy as the set wants it, but for how it is reached, with the running stack's image where the set names none.
    fn envoy_proxy(&mut self, spec: &mut Value) {
        let lent = &self.around.proxy;
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("mergeGateways");
            for key in ["shutdown", "concurrency"] {
                if let (false, Some(value)) = (spec.contains_key(key), lent.get(key)) {
                    spec.insert(key.to_owned(), value.clone());
                }
            }
        }
        spec["provider"]["type"] = "Kubernetes".into();
        let kubernetes = &mut spec["provider"]["kubernetes"];
        kubernetes["envoyService"] = json!({ "type": "ClusterIP" });
        let image = "/provider/kubernetes/envoyDeployment/container/image";
        if kubernetes.get("envoyDaemonSet").is_none()
            && kubernetes.pointer("/envoyDeployment/container/image").is_none()
            && let Some(image) = lent.pointer(image)
        {
            kubernetes["envoyDeployment"]["container"]["image"] = image.clone();
        }
        self.unproven(
            "how people reach Envoy from outside the cluster: its Service was a ClusterIP, and requests came by a port-forward".into(),
        );
    }

    fn gateway(&mut self, value: &mut Value) {
        let namespace = ObjectId::of(value).namespace;
        let class = value["spec"]["gatewayClassName"].as_str().unwrap_or_default().to_owned();
        if let Some(lent) = &self.around.class {
            value["spec"]["gatewayClassName"] = lent.as_str().into();
        }
        // the class's own Envoy has a Service of a fixed name and fixed node ports, which only one Gateway can have
        if value.pointer("/spec/infrastructure/parametersRef").is_none() {
            let mut spec = self.classes.get(&class).map_or_else(|| self.around.proxy.clone(), |(_, spec)| spec.clone());
            if !spec.is_object() {
                spec = Value::Object(Map::new());
            }
            self.envoy_proxy(&mut spec);
            let proxy =
                json!({ "apiVersion": EG, "kind": "EnvoyProxy", "metadata": { "name": ADDED, "namespace": namespace }, "spec": spec });
            if !self.out.objects.iter().any(|object| object.id == ObjectId::of(&proxy)) {
                self.out.objects.push(Object::new(proxy));
            }
            value["spec"]["infrastructure"]["parametersRef"] =
                json!({ "group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": ADDED });
        }
    }

    /// A query that does not say which namespace is answered by the running stack's own pods too.
    fn queries(&mut self, id: &ObjectId, value: &Value) {
        for trigger in value.pointer("/spec/triggers").and_then(Value::as_array).into_iter().flatten() {
            let query = trigger.pointer("/metadata/query").and_then(Value::as_str).unwrap_or_default();
            if !query.is_empty() && !self.names.are_in(query) {
                self.unproven(format!("{id}: its query names no namespace, so the running stack's own numbers may have answered it"));
            }
        }
    }

    /// An issuer that is not there would keep the certificate waiting for ever.
    fn issuer(&mut self, id: &ObjectId, value: &mut Value) {
        let reference = &value["spec"]["issuerRef"];
        let text = |key: &str| reference[key].as_str().unwrap_or_default();
        if text("kind") != "ClusterIssuer" || self.around.issuers.contains(text("name")) {
            return;
        }
        let sentence = format!("{id}: its ClusterIssuer `{}` is not in the running stack; a local CA signed in its place", text("name"));
        self.unproven(sentence);
        value["spec"]["issuerRef"] = self.stand_in_issuer(&ObjectId::of(value).namespace);
    }

    /// The running stack's own CA, or one that signs itself.
    fn stand_in_issuer(&mut self, namespace: &str) -> Value {
        if self.around.issuers.contains(AUTHORITY_NAME) {
            return json!({ "group": "cert-manager.io", "kind": "ClusterIssuer", "name": AUTHORITY_NAME });
        }
        let issuer = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": { "name": ADDED, "namespace": namespace }, "spec": { "selfSigned": {} },
        });
        if !self.out.objects.iter().any(|object| object.id == ObjectId::of(&issuer)) {
            self.out.objects.push(Object::new(issuer));
        }
        json!({ "group": "cert-manager.io", "kind": "Issuer", "name": ADDED })
    }

    /// A certificate that a stack makes with its own CA.
    fn certificate(&mut self, wanted: &CertificateFile) {
        let namespace = self.names.of(&wanted.namespace);
        self.add_certificate(&namespace, &wanted.secret, &wanted.dns_names, &wanted.ip_addresses);
    }

    fn add_certificate(&mut self, namespace: &str, secret: &str, dns: &[String], ips: &[String]) {
        let issuer = self.stand_in_issuer(namespace);
        let mut spec = json!({
            "secretName": secret, "issuerRef": issuer, "privateKey": { "algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always" },
            "usages": ["digital signature", "server auth"],
        });
        for (key, list) in [("dnsNames", dns), ("ipAddresses", ips)] {
            if !list.is_empty() {
                spec[key] = json!(list);
            }
        }
        self.out.objects.push(Object::new(json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": { "name": secret, "namespace": namespace }, "spec": spec,
        })));
    }

    /// Secrets of https listeners that nothing in the set makes: a certificate of ours stands in for the owner's own.
    fn missing_secrets(&mut self) {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let made: BTreeSet<(String, String)> = (self.out.objects.iter())
            .filter_map(|object| match object.id.kind.as_str() {
                "Secret" => Some((object.id.namespace.clone(), object.id.name.clone())),
                "Certificate" => Some((object.id.namespace.clone(), text(&object.value["spec"], "secretName"))),
                _ => None,
            })
            .collect();
        let mut missing: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for gateway in self.out.objects.iter().filter(|object| object.id.kind == "Gateway") {
            for listener in gateway.value["spec"]["listeners"].as_array().into_iter().flatten() {
                for reference in listener.pointer("/tls/certificateRefs").and_then(Value::as_array).into_iter().flatten() {
                    let namespace = reference["namespace"].as_str().unwrap_or(&gateway.id.namespace).to_owned();
                    let secret = (namespace, text(reference, "name"));
                    if !made.contains(&secret) {
                        let host = listener["hostname"].as_str().unwrap_or("localhost").to_owned();
                        missing.entry(secret).or_default().push(host);
                    }
                }
            }
        }
        for ((namespace, secret), mut hosts) in missing {
            hosts.push("localhost".into());
            hosts.sort();
            hosts.dedup();
            self.unproven(format!("your own Secret `{secret}`: a certificate of a local CA stood in for it"));
            self.add_certificate(&namespace, &secret, &hosts, &["127.0.0.1".to_owned()]);
        }
    }
}

#[cfg(test)]
mod tests;
