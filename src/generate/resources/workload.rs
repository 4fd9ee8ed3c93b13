//! The namespace, and the Deployment and Service of each version.

use super::super::document::Document;
use super::{list, map};
use crate::spec::{Profile, PullPolicy, Resources, ServiceSpec, Version, Workload};
use crate::yaml::{Item, Map};

const FILE: &str = "20-workload.yaml";

/// The namespace; `default` is there in every cluster.
pub(in crate::generate) fn namespace(spec: &ServiceSpec) -> Option<Document> {
    let head = "Everything below lives here.";
    (spec.namespace != "default").then(|| Document::new(spec, "10-namespace.yaml", ("v1", "Namespace"), &spec.namespace, head))
}

pub(in crate::generate) fn workloads(spec: &ServiceSpec) -> Vec<Document> {
    let with = |version: &Version| {
        version.workload.as_ref().map(|workload| [deployment(spec, version, workload), service(spec, version, workload)])
    };
    spec.versions.iter().filter_map(with).flatten().collect()
}

/// What tells the pods of a version from all others.
fn selector(spec: &ServiceSpec, version: &Version) -> Map {
    map([("app.kubernetes.io/name", (&spec.name).into()), ("app.kubernetes.io/version", (&version.name).into())])
}

/// What a container asks for and may use.
pub(super) fn resources(resources: &Resources) -> Map {
    let mut all = Map::new();
    all.put("requests", map([("cpu", (&resources.cpu).into()), ("memory", (&resources.memory).into())]));
    all.put("limits", map([("memory", (&resources.memory_limit).into())]))
        .above("none on cpu: a limit would slow it down while the node has time to spare");
    all
}

fn deployment(spec: &ServiceSpec, version: &Version, workload: &Workload) -> Document {
    let head = format!("Version {} of the program.", version.name);
    let mut body = Map::new();
    body.put_some("replicas", workload.replicas);
    let pods = body.put("selector", map([("matchLabels", selector(spec, version).into())]));
    if workload.replicas.is_none() {
        pods.above("no replicas: their number belongs to the scaler");
    }
    let mut metadata = Map::new();
    metadata.put("labels", selector(spec, version));
    let mut template = Map::new();
    template.put("metadata", metadata);
    template.put("spec", pod(spec, version, workload));
    body.put("template", template);
    Document::new(spec, FILE, ("apps/v1", "Deployment"), &version.service, head).with_spec(body)
}

fn pod(spec: &ServiceSpec, version: &Version, workload: &Workload) -> Map {
    let mut pod = Map::new();
    pod.put("automountServiceAccountToken", false).above("a service that is called by others seldom calls the API server");
    pod.put("enableServiceLinks", false).above("no variables for every Service of the namespace");
    let mut security = Map::new();
    if spec.profile == Profile::Production {
        security.put("runAsNonRoot", true).above("an image whose user is root does not start");
        let spread = map([
            ("maxSkew", 1_u32.into()),
            ("topologyKey", "kubernetes.io/hostname".into()),
            ("whenUnsatisfiable", "ScheduleAnyway".into()),
            ("labelSelector", map([("matchLabels", selector(spec, version).into())]).into()),
        ]);
        pod.put("topologySpreadConstraints", list([spread])).above("the pods do not all go with one node");
    }
    security.put("seccompProfile", map([("type", "RuntimeDefault".into())]));
    pod.put("securityContext", security);
    pod.put("containers", list([container(workload)]));
    pod
}

fn container(workload: &Workload) -> Map {
    let mut container = Map::new();
    container.put("name", "service");
    container.put("image", &workload.image);
    let policy = match workload.pull_policy {
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Always => "Always",
        PullPolicy::Never => "Never",
    };
    container.put("imagePullPolicy", policy);
    if !workload.args.is_empty() {
        container.put("args", list(&workload.args));
    }
    container.put("ports", list([map([("name", "http".into()), ("containerPort", workload.port.into())])]));
    if !workload.env.is_empty() {
        let env = workload.env.iter().map(|(name, value)| map([("name", name.into()), ("value", value.into())]));
        container.put("env", list(env));
    }
    if !workload.env_secrets.is_empty() {
        let secrets = workload.env_secrets.iter().map(|name| map([("secretRef", map([("name", name.into())]).into())]));
        container.put("envFrom", list(secrets));
    }
    let probe = |path: &str, period: u32| {
        let get = map([("path", path.into()), ("port", "http".into())]);
        map([("httpGet", get.into()), ("periodSeconds", period.into())])
    };
    container.put("readinessProbe", probe(&workload.readiness, 5)).above("a pod gets requests only while this answers");
    container.put("livenessProbe", probe(&workload.liveness, 10)).above("a pod that does not answer for three times is started again");
    let sleep = map([("sleep", map([("seconds", 5_u32.into())]).into())]);
    container.put("lifecycle", map([("preStop", sleep.into())])).above("the gateway hears of the end before connections are refused");
    let drop = map([("drop", list(["ALL"]).into())]);
    container.put("securityContext", map([("allowPrivilegeEscalation", false.into()), ("capabilities", drop.into())]));
    container.put("resources", resources(&workload.resources));
    container
}

fn service(spec: &ServiceSpec, version: &Version, workload: &Workload) -> Document {
    let head = format!("The address of version {}.", version.name);
    let mut document = Document::new(spec, FILE, ("v1", "Service"), &version.service, head);
    if let Some(path) = &workload.metrics {
        let marks = [
            ("prometheus.io/scrape", "true".to_owned()),
            ("prometheus.io/port", workload.port.to_string()),
            ("prometheus.io/path", path.clone()),
        ];
        document = document.annotated(
            &marks,
            "where Prometheus finds its metrics; on the Service and not on the pods, so that they carry the label `service`",
        );
    }
    let port = map([("name", "http".into()), ("port", version.port.into()), ("targetPort", "http".into())]);
    let mut body = Map::new();
    body.put("selector", selector(spec, version));
    body.put("ports", vec![Item::new(port)]);
    document.with_spec(body)
}
