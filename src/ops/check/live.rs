//! `--check live`: the objects in throw-away namespaces of a running stack, awaited and asked with real requests.
//!
//! ```text
//! stack --rewrite--> throw-away namespaces --apply--> ready --forward--> checks
//!                        \--removed in every case, those of a killed run by the next one
//! ```

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::act::{Live, NAMESPACES, OBJECTS};
use super::drive::drive;
use super::names::Names;
use super::place::{self, Mark};
use super::server::running;
use super::throwaway::{Around, rewrite};
use crate::failure::Failure;
use crate::ops::drive::{Listener, Told};
use crate::ops::session::{Programs, Session, Setup, Wanted};
use crate::plan::{self, Action, Plan, Step};
use crate::stack::{AUTHORITY_NAMESPACE, CertificateFile, Check, CheckKind, ComponentKind, Object, Stack};
use crate::state::Target;
use crate::world::clock;
use crate::world::kube::Cluster;

/// How long the objects may take to be accepted by the API server and its webhooks.
const APPLY: Duration = Duration::from_mins(1);
/// How long a controller may take to say its word about an object that it need not start anything for.
const WORD: Duration = Duration::from_secs(90);
/// How long something that starts pods may take.
const START: Duration = Duration::from_mins(3);
/// Ids of steps that others name.
const LEFTOVERS: &str = "leftovers";
const FORWARD: &str = "forward";

/// What a live check saw.
pub struct LiveReport {
    /// What came of its steps and checks.
    pub told: Told,
    /// What was not proven, a sentence each.
    pub unproven: Vec<String>,
}

/// Proves a stack's own objects beside the running stack `name`: applied, awaited, asked. Nothing of it stays.
///
/// Charts of the stack are not installed: the running stack has them.
///
/// # Errors
/// When there is no running cluster, or it has no Envoy Gateway. What fails after that is in the report.
pub async fn live(
    setup: &Setup,
    name: &str,
    wanted: &Wanted,
    stack: Stack,
    mut listener: Listener,
    cancel: &CancellationToken,
) -> Result<LiveReport, Failure> {
    let session = Session::open(setup, name, wanted, Some("generate --check live")).await?;
    let cluster = running(&session, name)?.clone();
    let run = format!("{} {}", std::process::id(), clock::now().as_nanosecond());
    let mark = Mark::new(&session.folder, &run);
    let parts = Parts::of(&stack);
    let around = around(&cluster, &parts.objects).await?;
    let names = Names::new(parts.namespaces(&around), &mark.namespace());
    let mut set = rewrite(&parts.objects, &parts.certificates, &names, &around);
    let mut unproven = std::mem::take(&mut set.unproven);
    unproven.extend(unsaid(&stack, &names));
    let leftovers = mark.leftovers(&cluster).await?;
    let plan = decide(&stack, &set.objects, &names, &leftovers)?;
    let context = match &session.record.target {
        Target::Context { context, .. } => Some(context.clone()),
        Target::Kind { .. } | Target::Host => None,
    };
    let stack = Arc::new(stack);
    let act = Arc::new(Live {
        cluster,
        kubeconfig: session.kubeconfig(),
        context,
        mark,
        names,
        leftovers,
        set,
        checks: stack.checks.clone(),
        expose: stack.expose.clone(),
        images: session.context(Some(Arc::clone(&stack)), Programs::default()),
        served: OnceCell::new(),
    });
    let told = drive(setup.began, &session.target_name(), &plan, act, &mut listener, cancel).await;
    Ok(LiveReport { told, unproven })
}

/// What of a stack is its own: its objects and certificates. Charts and images, and the Secrets that are made for them, are the platform's.
struct Parts {
    objects: Vec<Object>,
    certificates: Vec<CertificateFile>,
}

impl Parts {
    fn of(stack: &Stack) -> Self {
        let mut parts = Self { objects: Vec::new(), certificates: Vec::new() };
        for component in &stack.components {
            match &component.kind {
                ComponentKind::Manifests(objects) => parts.objects.extend(objects.iter().cloned()),
                ComponentKind::Certificate(certificate) => parts.certificates.push(certificate.clone()),
                ComponentKind::Helm(_) | ComponentKind::Image(_) | ComponentKind::Secrets(_) => {}
            }
        }
        parts
    }

    /// The namespaces that something of the set lives in.
    fn namespaces<'a>(&'a self, around: &'a Around) -> impl Iterator<Item = &'a str> {
        let lives = |object: &&Object| {
            let kind = (object.id.api_version.clone(), object.id.kind.clone());
            // an EnvoyProxy beside the controller is a class's, and goes with its Gateways
            !(around.cluster_wide.contains(&kind) || object.id.kind == "EnvoyProxy" && object.id.namespace == "envoy-gateway-system")
        };
        let of_objects = self.objects.iter().filter(lives).map(|object| object.id.namespace.as_str());
        let of_certificates = self.certificates.iter().map(|certificate| certificate.namespace.as_str());
        of_objects.chain(of_certificates).filter(|namespace| *namespace != AUTHORITY_NAMESPACE)
    }
}

/// What the running stack lends. Without an Envoy Gateway there is nobody to prove a Gateway to.
async fn around(cluster: &Cluster, objects: &[Object]) -> Result<Around, Failure> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let classes = cluster.list("gateway.networking.k8s.io/v1", "GatewayClass", None).await?;
    let class = classes.iter().find(|class| text(class, "/spec/controllerName") == "gateway.envoyproxy.io/gatewayclass-controller");
    if class.is_none() && objects.iter().any(|object| object.id.kind == "Gateway") {
        return Err(Failure::preflight("the running stack has no GatewayClass of Envoy Gateway")
            .hint("Use a stack with Envoy Gateway, such as the built-in one: `tstack up`."));
    }
    let mut around = Around { class: class.map(|class| text(class, "/metadata/name")), ..Around::default() };
    if let Some(class) = class {
        let (namespace, name) = (text(class, "/spec/parametersRef/namespace"), text(class, "/spec/parametersRef/name"));
        let id = crate::stack::ObjectId::new("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", namespace, name);
        if !id.name.is_empty() {
            around.proxy = cluster.get(&id).await?.map(|proxy| proxy["spec"].clone()).unwrap_or_default();
        }
    }
    let issuers = cluster.list("cert-manager.io/v1", "ClusterIssuer", None).await?;
    around.issuers = issuers.iter().map(|issuer| text(issuer, "/metadata/name")).collect();
    for object in objects {
        let kind = (object.id.api_version.clone(), object.id.kind.clone());
        if !around.cluster_wide.contains(&kind) && cluster.is_namespaced(&object.id).await? == Some(false) {
            around.cluster_wide.insert(kind);
        }
    }
    Ok(around)
}

/// Checks whose answer may come from the running stack's own pods.
fn unsaid(stack: &Stack, names: &Names) -> Vec<String> {
    let vague = |check: &&Check| match &check.kind {
        CheckKind::Promql(promql) => !names.are_in(&names.in_text(&promql.query)),
        _ => false,
    };
    let sentence = |check: &Check| {
        format!("check `{}`: its query names no namespace, so the running stack's own numbers may have answered it", check.name)
    };
    stack.checks.iter().filter(vague).map(sentence).collect()
}

/// The steps, each after what it needs. Requests need not wait for an autoscaler, whose metric may come only with them.
fn decide(stack: &Stack, objects: &[Object], names: &Names, leftovers: &[String]) -> Result<Plan, Failure> {
    let mut steps = Vec::new();
    let mut before = Vec::new();
    if !leftovers.is_empty() {
        let title = format!("remove {}", leftovers.join(", "));
        steps.push(
            Step::new(LEFTOVERS, title, Action::DeleteObjects { ids: Vec::new() })
                .because("left by a check that was killed")
                .within(place::REMOVAL),
        );
        before.push(LEFTOVERS.to_owned());
    }
    for component in stack.components.iter().filter(|component| matches!(component.kind, ComponentKind::Image(_))) {
        let (id, title) = (format!("image:{}", component.name), format!("put the image of {} into the node", component.name));
        let action = Action::BuildImage { component: component.name.clone() };
        steps.push(Step::new(&id, title, action).because("pods of the check run it; it stays in the node"));
        before.push(id);
    }
    let title = format!("make {}", names.all().cloned().collect::<Vec<_>>().join(", "));
    let apply = |group: &str| Action::ApplyObjects { component: group.to_owned() };
    steps.push(Step::new(NAMESPACES, title, apply(NAMESPACES)).because("a throw-away namespace").needs(before));
    let title = format!("apply {} objects", objects.len());
    steps.push(Step::new(OBJECTS, title, apply(OBJECTS)).because("to be proven").needs([NAMESPACES.into()]).within(APPLY));
    let (mut for_requests, mut all) = (Vec::new(), Vec::new());
    for object in objects {
        let (id, name) = (format!("ready:{}", object.id), object.id.to_string());
        let starts = matches!(object.id.kind.as_str(), "Gateway" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job");
        let step = Step::new(&id, format!("check: {name}"), Action::AwaitReady { component: name });
        steps.push(step.because("it must become ready").needs([OBJECTS.into()]).within(if starts { START } else { WORD }));
        if !matches!(object.id.kind.as_str(), "ScaledObject" | "HorizontalPodAutoscaler") {
            for_requests.push(id.clone());
        }
        all.push(id);
    }
    if !stack.expose.is_empty() {
        let action = Action::StartForwarder { routes: Vec::new() };
        steps.push(
            Step::new(FORWARD, "forward free local ports to it", action).because("requests go through it").needs(for_requests.clone()),
        );
        for_requests.push(FORWARD.into());
        all.push(FORWARD.into());
    }
    for step in plan::verify(stack, None, false)?.steps() {
        let check = stack.checks.iter().find(|check| step.id == format!("check:{}", check.name));
        let asks = check.is_none_or(|check| {
            !matches!(check.kind, CheckKind::Http(_) | CheckKind::Tls(_) | CheckKind::RateLimit(_) | CheckKind::CircuitBreaker(_))
        });
        let needs = if asks { all.clone() } else { for_requests.clone() };
        steps.push(step.clone().because("requests prove it").needs(needs));
    }
    Plan::new(steps).map_err(|e| Failure::internal("the plan of a live check is not sound").because(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(kinds: &[&str]) -> Vec<Object> {
        let of =
            |kind: &&str| Object::new(serde_json::json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "c"}}));
        kinds.iter().map(of).collect()
    }

    fn stack() -> Stack {
        let mut folder = crate::stack::shipped_folder("task-api").unwrap();
        folder.files.insert("bin/linux-amd64/task-api".into(), b"program".to_vec());
        let overrides = crate::stack::Overrides { architecture: "amd64".into(), ..crate::stack::Overrides::default() };
        crate::stack::resolve(&folder, &overrides).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn requests_do_not_wait_for_an_autoscaler_but_questions_about_it_do() {
        let plan = decide(&stack(), &objects(&["Gateway", "ScaledObject"]), &Names::new(["a"], "c"), &[]).unwrap();
        let needs = |id: &str| plan.steps().iter().find(|step| step.id == id).unwrap().needs.clone();
        let scaler = "ready:ScaledObject c/x".to_owned();
        assert!(!needs("check:tasks over http").contains(&scaler));
        assert!(needs("check:scaler ready").contains(&scaler));
        assert!(needs("check:user rate limit").contains(&"ready:Gateway c/x".to_owned()));
    }

    #[test]
    fn what_a_killed_check_left_goes_first() {
        let plan = decide(&stack(), &objects(&["Gateway"]), &Names::new(["a"], "c"), &["tstack-check-1".into()]).unwrap();
        assert_eq!(plan.steps()[0].title, "remove tstack-check-1");
        assert!(plan.steps().iter().any(|step| step.id == NAMESPACES && step.needs.contains(&LEFTOVERS.to_owned())));
    }
}
