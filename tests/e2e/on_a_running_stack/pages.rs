//! The pages of the linter's rules: what they call an error is one to the real API server or to the real translator, and what they
//! call good is none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tstack::certs::{self, Authority};
use tstack::lint::{Page, Proof};
use tstack::ops::{Wanted, check_server};
use tstack::stack::{CertificateFile, CertificateIssuer, Object, ObjectId};
use tstack::world::backoff::Backoff;
use tstack::world::kube::Cluster;
use tstack::yaml;

use super::Stack;
use crate::support::client::runtime;
use crate::support::{holds, part};

/// How long the translator may take for all cases together.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a good case may be told where the running stack's Envoy Gateway is not configured as the case needs it.
const CONFIGURATION: [&str; 2] = ["disabled in Envoy Gateway configuration", "enable Ratelimit in the EnvoyGateway config"];
const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];

pub(super) fn the_cluster_agrees_with_the_rules(stack: &Stack) {
    part("the rules that a real cluster can prove");
    let (mut server, mut translator) = (Vec::new(), Vec::new());
    for page in Page::all() {
        match page.proof.clone() {
            Proof::Server(words) => server.push((page, words)),
            Proof::Translator(words) => translator.push((page, words)),
            Proof::None => {}
        }
    }
    println!("        {} rules by the API server, {} by the translator", server.len(), translator.len());
    let mut wrong = Vec::new();
    for (page, words) in &server {
        wrong.extend(by_the_server(stack, page, words));
    }
    wrong.extend(by_the_translator(stack, &translator));
    holds("every bad case is refused as its page says, and every good case is taken", wrong.is_empty(), || wrong.join("\n"));
}

fn objects(text: &str) -> Vec<Object> {
    yaml::parse_nodes(text).unwrap().iter().map(|node| Object::new(node.to_value())).collect()
}

/// What is wrong with the page, by dry runs.
fn by_the_server(stack: &Stack, page: &Page, words: &str) -> Vec<String> {
    let refusals = |text: &str| -> Vec<String> {
        let report = runtime().block_on(check_server(&stack.setup, &stack.name, &Wanted::Own, &objects(text))).unwrap();
        report.verdicts.into_iter().filter_map(|verdict| verdict.refusal).flat_map(|failure| failure.why).collect()
    };
    let (bad, good) = (refusals(page.bad), refusals(page.good));
    let mut wrong = Vec::new();
    if !bad.iter().any(|text| text.contains(words)) {
        wrong.push(format!("{}: the API server does not refuse the bad case with `{words}`; it says {bad:?}", page.rule));
    }
    // kinds of another project are refused as long as nobody installs them
    if good.iter().any(|text| !text.contains("does not serve")) {
        wrong.push(format!("{}: the API server refuses the good case: {good:?}", page.rule));
    }
    wrong
}

/// What is wrong with the pages, by the conditions that controllers write; all cases beside each other.
fn by_the_translator(stack: &Stack, pages: &[(Page, String)]) -> Vec<String> {
    let mut cases = Vec::new();
    for (page, words) in pages {
        cases.push(Case::new(page, page.bad, Some(words.clone())));
        cases.push(Case::new(page, page.good, None));
    }
    let namespaces: Vec<ObjectId> =
        cases.iter().flat_map(|case| case.namespaces.values().map(|name| ObjectId::new("v1", "Namespace", "", name))).collect();
    runtime().block_on(async {
        let cluster = &stack.cluster().await;
        let refused = futures::future::join_all(cases.iter().map(|case| case.apply(cluster))).await;
        let applied: Vec<(&Case, Option<String>)> = cases.iter().zip(refused).collect();
        // what the good cases have been told by then, the bad ones have been told too: a Gateway that is still pending stays so
        let (bad, good): (Vec<_>, Vec<_>) = applied.into_iter().partition(|(case, _)| case.words.is_some());
        let mut wrong = Vec::new();
        for cases in [good, bad] {
            let deadline = Instant::now() + PATIENCE;
            wrong.extend(futures::future::join_all(cases.into_iter().map(|(case, refused)| case.judge(cluster, refused, deadline))).await);
        }
        // asked for and not awaited: the cluster goes soon, and so many namespaces take minutes
        cluster.delete_all(&namespaces, Instant::now() + Duration::from_secs(5), &|_| ()).await.ok();
        wrong.into_iter().flatten().collect()
    })
}

/// One block of a page in namespaces of its own, with what it refers to and does not hold.
struct Case {
    title: String,
    objects: Vec<Object>,
    namespaces: BTreeMap<String, String>,
    /// What a condition must say of the bad block; of a good one, all must be well.
    words: Option<String>,
}

impl Case {
    fn new(page: &Page, text: &str, words: Option<String>) -> Self {
        let sort = if words.is_some() { "bad" } else { "good" };
        let word = format!("page-{}-{sort}", page.rule.to_lowercase());
        let mut all = objects(text);
        if !page.complete {
            all.extend(stand_ins(&all));
        }
        let of_ours = |object: &&Object| object.value["spec"]["controllerName"] == "gateway.envoyproxy.io/gatewayclass-controller";
        let classes: BTreeSet<String> = all.iter().filter(of_ours).map(|class| class.id.name.clone()).collect();
        let mut namespaces = BTreeMap::new();
        for object in &all {
            let nth = namespaces.len();
            namespaces.entry(object.id.namespace.clone()).or_insert_with(|| if nth == 0 { word.clone() } else { format!("{word}-{nth}") });
        }
        let mut objects = Vec::new();
        for mut object in all.into_iter().filter(|object| !matches!(object.id.kind.as_str(), "Namespace" | "GatewayClass")) {
            object.value["metadata"]["namespace"] = object.id.namespace.clone().into();
            rename(&mut object.value, &namespaces);
            if object.value.pointer("/spec/template/spec/containers").is_some() {
                object.value["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(0);
            }
            if object.id.kind == "Gateway" {
                if object.value.pointer("/spec/infrastructure/parametersRef").is_none() {
                    object.value["spec"]["infrastructure"]["parametersRef"] =
                        json!({"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "no-pods"});
                }
                // a class that the block shows, or need not show, is the running stack's; any other one is the case itself
                let class = object.value["spec"]["gatewayClassName"].as_str().unwrap_or_default();
                if classes.contains(class) || classes.is_empty() && !page.complete {
                    object.value["spec"]["gatewayClassName"] = "eg".into();
                }
                objects.push(Object::new(proxy(&object.value["metadata"]["namespace"])));
            }
            objects.push(Object::new(object.value));
        }
        objects.dedup_by_key(|object| object.id.clone());
        Self { title: format!("{}, the {sort} case", page.rule), objects, namespaces, words }
    }

    /// Applies the block; gives back why it was refused.
    async fn apply(&self, cluster: &Cluster) -> Option<String> {
        for name in self.namespaces.values() {
            cluster.ensure_namespace(name, &BTreeMap::from([("e2e".to_owned(), "page".to_owned())])).await.unwrap();
        }
        let applied = cluster.apply_all(&self.objects, Instant::now() + PATIENCE, &|_| ()).await;
        applied.err().map(|failure| format!("{failure}: {}", failure.why.join("; ")))
    }

    /// What is not as the page says; nothing where it is.
    async fn judge(&self, cluster: &Cluster, refused: Option<String>, deadline: Instant) -> Option<String> {
        if let Some(refused) = refused {
            // a webhook may refuse what only the other objects of the block make wrong
            let as_told = self.words.as_ref().is_some_and(|words| refused.contains(words.as_str()));
            return (!as_told).then(|| format!("{}: {refused}", self.title));
        }
        let ids: Vec<ObjectId> = self.objects.iter().map(|object| object.id.clone()).collect();
        let mut backoff = Backoff::new();
        loop {
            let found = cluster.get_all(&ids).await.unwrap();
            let conditions: Vec<Condition> = found.iter().flatten().flat_map(conditions).collect();
            let is_there = match &self.words {
                Some(words) => conditions.iter().any(|c| c.reason == *words || c.status != "True" && c.message.contains(words.as_str())),
                None => !found.iter().flatten().any(is_silent) && !conditions.iter().any(|c| c.is_bad() && !c.is_of_configuration()),
            };
            if is_there {
                return None;
            }
            if !backoff.pause_until(deadline).await {
                let wanted = self.words.clone().unwrap_or_else(|| "all well".to_owned());
                let silent: Vec<String> = found.iter().flatten().filter(|o| is_silent(o)).map(|o| ObjectId::of(o).to_string()).collect();
                let bad: Vec<String> = conditions.iter().filter(|c| c.is_bad()).map(Condition::to_string).collect();
                return Some(format!("{}: expected {wanted}; conditions: {bad:?}; without a word: {silent:?}", self.title));
            }
        }
    }
}

/// A condition, with what has it.
struct Condition {
    of: String,
    kind: String,
    status: String,
    reason: String,
    message: String,
}

impl Condition {
    /// Whether it tells of an error in the objects. Envoys without pods and Services without endpoints are of this test's making.
    fn is_bad(&self) -> bool {
        match self.kind.as_str() {
            "Accepted" | "ResolvedRefs" | "Ready" | "ScalingActive" | "AbleToScale" => {
                self.status == "False" && self.reason != "ListenersNotValid"
            }
            "Conflicted" | "PartiallyInvalid" => self.status == "True",
            _ => false,
        }
    }
}

impl Condition {
    fn is_of_configuration(&self) -> bool {
        CONFIGURATION.iter().any(|words| self.message.contains(words))
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}={} {}: {}", self.of, self.kind, self.status, self.reason, self.message)
    }
}

fn list<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn conditions(object: &Value) -> Vec<Condition> {
    let text = |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    let own = list(object, "/status/conditions");
    let nested = ["/status/parents", "/status/ancestors", "/status/listeners"].into_iter().flat_map(|part| list(object, part));
    let all = own.chain(nested.flat_map(|one| list(one, "/conditions")));
    all.map(|one| Condition {
        of: ObjectId::of(object).to_string(),
        kind: text(one, "type"),
        status: text(one, "status"),
        reason: text(one, "reason"),
        message: text(one, "message"),
    })
    .collect()
}

/// Whether a controller has still to say its word.
fn is_silent(object: &Value) -> bool {
    let id = ObjectId::of(object);
    let speaks =
        id.kind == "Gateway" || ROUTES.contains(&id.kind.as_str()) || id.kind.ends_with("Policy") && id.group().starts_with("gateway.");
    speaks && !conditions(object).iter().any(|condition| condition.kind == "Accepted" && condition.status != "Unknown")
}

/// What the objects refer to and the block does not hold: Gateways of routes, routes and Gateways of policies, Services of backends.
fn stand_ins(objects: &[Object]) -> Vec<Object> {
    let mut added: Vec<Object> = Vec::new();
    let has = |added: &[Object], kind: &str, namespace: &str, name: &str| {
        objects.iter().chain(added).any(|object| object.id.kind == kind && object.id.namespace == namespace && object.id.name == name)
    };
    for object in objects.iter().filter(|object| object.id.kind.ends_with("Policy")) {
        let single = object.value.pointer("/spec/targetRef");
        for target in list(&object.value, "/spec/targetRefs").chain(single) {
            let (kind, name) = (target["kind"].as_str().unwrap_or_default(), target["name"].as_str().unwrap_or_default());
            if !has(&added, kind, &object.id.namespace, name) {
                added.extend(target_of(kind, &object.id.namespace, name));
            }
        }
    }
    let of_block: Vec<Object> = objects.iter().chain(&added).cloned().collect();
    for route in of_block.iter().filter(|object| ROUTES.contains(&object.id.kind.as_str())) {
        let mut sections: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for parent in list(&route.value, "/spec/parentRefs") {
            let namespace = parent["namespace"].as_str().unwrap_or(&route.id.namespace).to_owned();
            let entry = sections.entry((namespace, parent["name"].as_str().unwrap_or_default().to_owned())).or_default();
            entry.insert(parent["sectionName"].as_str().unwrap_or("http").to_owned());
        }
        for ((namespace, name), listeners) in sections {
            if !has(&added, "Gateway", &namespace, &name) {
                added.push(gateway(&namespace, &name, &listeners));
            }
        }
        for backend in list(&route.value, "/spec/rules").flat_map(|rule| list(rule, "/backendRefs")) {
            let (namespace, name) =
                (backend["namespace"].as_str().unwrap_or(&route.id.namespace), backend["name"].as_str().unwrap_or_default());
            let kind = backend["kind"].as_str().unwrap_or("Service");
            if kind == "Service" && !has(&added, "Service", namespace, name) {
                let port = backend["port"].as_u64().unwrap_or(80);
                added.push(service(namespace, name, port));
            }
        }
    }
    let with_gateways: Vec<Object> = objects.iter().chain(&added).cloned().collect();
    for gateway in with_gateways.iter().filter(|object| object.id.kind == "Gateway") {
        for reference in list(&gateway.value, "/spec/listeners").flat_map(|listener| list(listener, "/tls/certificateRefs")) {
            let namespace = reference["namespace"].as_str().unwrap_or(&gateway.id.namespace);
            let name = reference["name"].as_str().unwrap_or_default();
            let made = |object: &Object| object.id.kind == "Certificate" && object.value["spec"]["secretName"] == name;
            if !has(&added, "Secret", namespace, name) && !objects.iter().any(made) {
                added.push(secret(namespace, name));
            }
        }
    }
    for policy in objects.iter().filter(|object| object.id.kind == "SecurityPolicy") {
        let name = policy.value.pointer("/spec/oidc/clientSecret/name").and_then(Value::as_str).unwrap_or_default();
        if !name.is_empty() && !has(&added, "Secret", &policy.id.namespace, name) {
            added.push(Object::new(json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": policy.id.namespace},
                "stringData": {"client-secret": "x"},
            })));
        }
    }
    added
}

/// A certificate of a CA that nobody knows.
fn secret(namespace: &str, name: &str) -> Object {
    let now = jiff::Timestamp::now();
    let authority = Authority::generate("e2e", now, 1).unwrap();
    let wanted = CertificateFile {
        namespace: namespace.to_owned(),
        secret: name.to_owned(),
        common_name: "localhost".into(),
        dns_names: vec!["localhost".into()],
        ip_addresses: Vec::new(),
        issuer: CertificateIssuer::Tstack,
    };
    certs::objects(&wanted, &authority, None, now).unwrap().remove(0)
}

fn target_of(kind: &str, namespace: &str, name: &str) -> Option<Object> {
    match kind {
        "Gateway" => Some(gateway(namespace, name, &BTreeSet::from(["http".to_owned()]))),
        "HTTPRoute" => Some(Object::new(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name, "namespace": namespace},
            "spec": {"parentRefs": [{"name": "stand-in"}], "rules": [{"backendRefs": [{"name": "stand-in", "port": 80}]}]},
        }))),
        _ => None,
    }
}

fn gateway(namespace: &str, name: &str, listeners: &BTreeSet<String>) -> Object {
    let listener = |(at, name): (usize, &String)| json!({"name": name, "protocol": "HTTP", "port": 80 + at, "allowedRoutes": {"namespaces": {"from": "All"}}});
    Object::new(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": namespace},
        "spec": {"gatewayClassName": "eg", "listeners": listeners.iter().enumerate().map(listener).collect::<Vec<_>>()},
    }))
}

fn service(namespace: &str, name: &str, port: u64) -> Object {
    Object::new(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port}]},
    }))
}

/// An Envoy of no pods: the translator speaks without them.
fn proxy(namespace: &Value) -> Value {
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyProxy", "metadata": {"name": "no-pods", "namespace": namespace},
        "spec": {"provider": {"type": "Kubernetes", "kubernetes": {"envoyDeployment": {"replicas": 0}, "envoyService": {"type": "ClusterIP"}}}},
    })
}

fn rename(value: &mut Value, namespaces: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(text) if key == "namespace" || key == "kubernetes.io/metadata.name" => {
                        if let Some(name) = namespaces.get(text.as_str()) {
                            text.clone_from(name);
                        }
                    }
                    other => rename(other, namespaces),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, namespaces)),
        _ => {}
    }
}
