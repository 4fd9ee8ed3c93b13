//! The Gateway, and how its Envoys run.

use super::super::document::Document;
use super::workload::resources;
use super::{ENVOY_GATEWAY, list, map};
use crate::spec::{Gateway, Profile, ServiceSpec, ServiceType};
use crate::yaml::{Item, Map};

const FILE: &str = "40-gateway.yaml";

/// Envoy by its tag: the built-in default names a digest, which an image that was loaded by its tag does not satisfy.
const ENVOY: &str = "docker.io/envoyproxy/envoy:distroless-v1.39.1";

pub(in crate::generate) fn gateway(spec: &ServiceSpec) -> Vec<Document> {
    let Some(gateway) = &spec.gateway else { return Vec::new() };
    vec![proxy(spec, gateway), listeners(spec, gateway)]
}

fn proxy(spec: &ServiceSpec, gateway: &Gateway) -> Document {
    let head = "How Envoy runs. It belongs to this Gateway alone and stands in place of what its class says.";
    let mut body = Map::new();
    if spec.profile == Profile::Local {
        body.put("concurrency", 1_u32).above("one thread: no processor of a laptop idles in a worker");
        body.put("shutdown", map([("drainTimeout", "5s".into()), ("minDrainDuration", "1s".into())]))
            .above("the defaults of 60s and 10s are for many nodes and long requests");
    }
    let mut kubernetes = Map::new();
    kubernetes.put("envoyDeployment", deployment(spec, gateway));
    if gateway.replicas > 1 {
        kubernetes.put("envoyPDB", map([("minAvailable", 1_u32.into())])).above("one stays while nodes are emptied");
    }
    kubernetes.put("envoyService", service(spec, gateway));
    let mut provider = Map::new();
    provider.put("type", "Kubernetes");
    provider.put("kubernetes", kubernetes);
    body.put("provider", provider);
    let kind = ("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy");
    Document::new(spec, FILE, kind, &spec.object_name("envoy"), head).with_spec(body)
}

fn deployment(spec: &ServiceSpec, gateway: &Gateway) -> Map {
    let mut deployment = Map::new();
    let replicas = deployment.put("replicas", gateway.replicas);
    if spec.rate_limit.as_ref().is_some_and(|limit| limit.scope == crate::spec::Scope::Local) {
        replicas.above("each Envoy counts its own rate limits");
    }
    let mut container = Map::new();
    if spec.profile == Profile::Local {
        container.put("image", ENVOY).above("by tag: the built-in default names a digest that no loaded image has");
    }
    container.put("resources", resources(&gateway.resources));
    deployment.put("container", container);
    if spec.profile == Profile::Local {
        let probe = map([("periodSeconds", 1_u32.into()), ("failureThreshold", 120_u32.into())]);
        let patched = |name: &str| {
            map([
                ("name", name.into()),
                ("startupProbe", probe.clone().into()),
                ("readinessProbe", map([("periodSeconds", 1_u32.into())]).into()),
            ])
        };
        let pod = map([("containers", list([patched("envoy"), patched("shutdown-manager")]).into())]);
        let value = map([("spec", map([("template", map([("spec", pod.into())]).into())]).into())]);
        deployment
            .put("patch", map([("type", "StrategicMerge".into()), ("value", value.into())]))
            .above("asked every second and not every ten; the failures allowed make it as patient as before");
    }
    deployment
}

fn service(spec: &ServiceSpec, gateway: &Gateway) -> Map {
    let mut service = Map::new();
    service.put("name", &gateway.service).above("Envoy Gateway would put eight digits behind a name of its own");
    match gateway.service_type {
        ServiceType::LoadBalancer => {
            service
                .put("type", "LoadBalancer")
                .above("without an address of it the Gateway is not Programmed: the cluster must be able to give one");
        }
        ServiceType::NodePort => {
            service.put("type", "NodePort").above("a LoadBalancer gets no address on kind, and the Gateway would never be Programmed");
            service.put("externalTrafficPolicy", "Cluster").above("the default, Local, serves only on the nodes that run Envoy");
        }
        ServiceType::ClusterIP => {
            service.put("type", "ClusterIP").above("within the cluster alone");
        }
    }
    let port = |scheme: &str, port: u16, node_port: u16| {
        Item::new(map([
            ("name", format!("{scheme}-{port}").into()),
            ("port", port.into()),
            ("nodePort", node_port.into()),
            ("protocol", "TCP".into()),
        ]))
    };
    let https = gateway.node_ports.https.filter(|_| spec.tls.is_some());
    let ports: Vec<Item> = gateway
        .node_ports
        .http
        .map(|node| port("http", gateway.ports.http, node))
        .into_iter()
        .chain(https.map(|node| port("https", gateway.ports.https, node)))
        .collect();
    if !ports.is_empty() {
        let value = map([("spec", map([("ports", ports.into())]).into())]);
        service
            .put("patch", map([("type", "StrategicMerge".into()), ("value", value.into())]))
            .above("fixed ports of every node; name and protocol keep the entries whole");
    }
    service
}

fn listeners(spec: &ServiceSpec, gateway: &Gateway) -> Document {
    let same = || map([("namespaces", map([("from", "Same".into())]).into())]);
    let mut http = map([("name", "http".into()), ("protocol", "HTTP".into()), ("port", gateway.ports.http.into())]);
    let allowed = http.put("allowedRoutes", same());
    allowed.above("routes of this namespace alone");
    let mut listeners = vec![Item::new(http)];
    if let Some(tls) = &spec.tls {
        let reference = map([("kind", "Secret".into()), ("name", (&tls.secret).into())]);
        let mut https = map([("name", "https".into()), ("protocol", "HTTPS".into()), ("port", gateway.ports.https.into())]);
        https
            .put("tls", map([("mode", "Terminate".into()), ("certificateRefs", list([reference]).into())]))
            .above("the listener serves as soon as the Secret is there; the Gateway is Programmed without it");
        https.put("allowedRoutes", same());
        listeners.push(Item::new(https));
    }
    let proxy = map([("group", ENVOY_GATEWAY.into()), ("kind", "EnvoyProxy".into()), ("name", spec.object_name("envoy").into())]);
    let mut body = Map::new();
    body.put("gatewayClassName", &gateway.class_name).above("the class must exist: Envoy Gateway's chart does not make it");
    body.put("infrastructure", map([("parametersRef", proxy.into())]));
    body.put("listeners", listeners);
    let kind = ("gateway.networking.k8s.io/v1", "Gateway");
    Document::new(spec, FILE, kind, &gateway.name, "Where requests come in.").with_spec(body)
}
