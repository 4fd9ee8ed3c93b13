//! Plans of the shipped stack, as people see them, and the promise that what is done is never done again.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::failure::Failure;
use crate::stack::{
    self, Chart, Component, ComponentKind, ImageRef, Need, ObjectId, Overrides, PortMapping, ServiceFile, Stack, Until,
    certificate_objects, secret_objects,
};

const UP: UpRequest = UpRequest { exposing: Exposing::Auto, checks: true, new_authority: false };
/// For snapshots of what comes before the checks.
const NO_CHECKS: UpRequest = UpRequest { checks: false, ..UP };
const AUTHORITY: &str = "5f:3a";

fn task_api() -> Stack {
    static PLAIN: LazyLock<Stack> = LazyLock::new(|| with(&[]));
    PLAIN.clone()
}

/// The shipped stack with values set, and a stand-in for the program that goes into its image.
fn with(set: &[(&str, &str)]) -> Stack {
    let mut folder = stack::shipped_folder("task-api").unwrap();
    folder.files.insert("bin/linux-amd64/task-api".into(), b"program".to_vec());
    let set = set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    stack::resolve(&folder, &Overrides { architecture: "amd64".into(), set, ..Overrides::default() }).unwrap_or_else(|e| panic!("{e}"))
}

/// The world in which the stack is up and verified.
fn all_there(stack: &Stack) -> Observed {
    let mut observed = Observed {
        cluster: ClusterFact::Running,
        nodes: NodeAccess::Containers(vec!["tstack-task-api-control-plane".into()]),
        engine_images: stack.images().into_iter().chain([stack.cluster.image.clone()]).collect(),
        node_images: stack.images().into_iter().chain(built_images(stack)).collect(),
        authority: Some(AUTHORITY.into()),
        ports: stack.cluster.ports.clone(),
        verified: Some(stack_digest(stack)),
        ..Observed::default()
    };
    for component in &stack.components {
        for (id, digest) in wanted_objects(component, AUTHORITY) {
            observed.objects.insert(id, ObjectFact { digest: Some(digest), unready: None });
        }
        if let ComponentKind::Helm(chart) = &component.kind {
            observed.pulled_charts.insert(component.name.clone());
            observed.releases.insert(release_of(chart), release_as_wanted(chart));
        }
        observed.made.push(on_record(&component.name));
    }
    observed
}

/// That something of a component is on record.
fn on_record(component: &str) -> Made {
    Made::Objects { component: component.to_owned(), ids: Vec::new() }
}

fn built_images(stack: &Stack) -> Vec<ImageRef> {
    let built = |c: &Component| if let ComponentKind::Image(build) = &c.kind { Some(build.image.clone()) } else { None };
    stack.components.iter().filter_map(built).collect()
}

fn wanted_objects(component: &Component, authority: &str) -> Vec<(ObjectId, String)> {
    match &component.kind {
        ComponentKind::Manifests(objects) => objects.iter().map(|o| (o.id.clone(), object_digest(&o.value))).collect(),
        ComponentKind::Certificate(wanted) => {
            certificate_objects(wanted).into_iter().map(|id| (id, certificate_digest(wanted, authority))).collect()
        }
        ComponentKind::Secrets(wanted) => secret_objects(wanted).into_iter().map(|id| (id, secrets_digest(wanted))).collect(),
        _ => Vec::new(),
    }
}

fn release_of(chart: &Chart) -> (String, String) {
    (chart.namespace.clone(), chart.release.clone())
}

fn release_as_wanted(chart: &Chart) -> ReleaseFact {
    ReleaseFact { status: "deployed".into(), chart_version: chart.version.clone(), digest: Some(chart_digest(chart)), unready: None }
}

fn chart<'a>(stack: &'a Stack, component: &str) -> &'a Chart {
    let ComponentKind::Helm(chart) = &stack.component(component).unwrap().kind else { panic!("{component} is no chart") };
    chart
}

/// What a cluster of ours shows while its API server does not run: nothing of what is in it.
fn unseen(observed: &mut Observed) {
    observed.ports.clear();
    observed.node_images.clear();
    observed.releases.clear();
    observed.objects.clear();
}

fn text(stack: &Stack, observed: &Observed, request: UpRequest) -> String {
    up(stack, observed, request).unwrap().text()
}

fn changed(change: impl FnOnce(&mut Observed)) -> String {
    let stack = task_api();
    let mut observed = all_there(&stack);
    change(&mut observed);
    text(&stack, &observed, NO_CHECKS)
}

#[test]
fn from_nothing_everything_starts_as_early_as_it_can() {
    insta::assert_snapshot!(text(&task_api(), &Observed::default(), UP), @"
     1. pull docker.io/kindest/node:v1.34.4  (the engine does not have it)
     2. make the cluster (Kubernetes v1.34.4)  (there is none)  <- 1
     3. wait until the node takes images  (the cluster is being made)  beside 2
     4. wait until the API server answers  (the cluster is being made)  <- 3  beside 2
     5. pull docker.io/envoyproxy/gateway:v1.9.1  (the engine does not have it)
     6. pull docker.io/envoyproxy/envoy:distroless-v1.39.1  (the engine does not have it)
     7. pull quay.io/prometheus/prometheus:v3.14.0  (the engine does not have it)
     8. pull quay.io/jetstack/cert-manager-controller:v1.21.2  (the engine does not have it)
     9. pull quay.io/jetstack/cert-manager-webhook:v1.21.2  (the engine does not have it)
    10. pull quay.io/jetstack/cert-manager-cainjector:v1.21.2  (the engine does not have it)
    11. pull ghcr.io/kedacore/keda:2.21.0  (the engine does not have it)
    12. pull ghcr.io/kedacore/keda-metrics-apiserver:2.21.0  (the engine does not have it)
    13. pull ghcr.io/kedacore/keda-admission-webhooks:2.21.0  (the engine does not have it)
    14. load 1 image of envoy-gateway into the node  (the node does not have all of them)  <- 3, 5  in turn
    15. load 1 image of gateway into the node  (the node does not have all of them)  <- 4, 6  in turn
    16. load 1 image of prometheus into the node  (the node does not have all of them)  <- 4, 7  in turn
    17. load 3 images of cert-manager into the node  (the node does not have all of them)  <- 4, 8, 9, 10  in turn
    18. load 3 images of keda into the node  (the node does not have all of them)  <- 4, 11, 12, 13  in turn
    19. apply namespace (1 object)  (not there)  <- 4
    20. wait until namespace is ready  (it was just applied)  <- 4, 19
    21. put localhost/task-api:sha-cefd9fdc1142 into the node  (the node does not have it)  <- 3
    22. apply task-api (5 objects)  (not there)  <- 4, 19, 21
    23. wait until task-api is ready  (it was just applied)  <- 4, 22
    24. apply envoy-gateway-keys (4 objects)  (not there)  <- 4
    25. pull the chart of envoy-gateway v1.9.1  (not pulled before)
    26. apply the definitions of envoy-gateway  (not installed)  <- 4, 25
    27. install envoy-gateway v1.9.1  (not installed)  <- 4, 14, 24, 26
    28. wait until envoy-gateway is ready  (it was just applied)  <- 4, 27
    29. apply gateway (3 objects)  (not there)  <- 4, 15, 19, 28
    30. wait until gateway is ready  (it was just applied)  <- 4, 29
    31. apply routes (2 objects)  (not there)  <- 4, 22, 29
    32. wait until routes is ready  (it was just applied)  <- 4, 31
    33. pull the chart of prometheus 29.27.0  (not pulled before)
    34. apply the definitions of prometheus  (not installed)  <- 4, 33
    35. install prometheus 29.27.0  (not installed)  <- 4, 16, 34  after 26
    36. wait until prometheus is ready  (it was just applied)  <- 4, 35
    37. pull the chart of cert-manager v1.21.2  (not pulled before)
    38. apply the definitions of cert-manager  (not installed)  <- 4, 37
    39. install cert-manager v1.21.2  (not installed)  <- 4, 17, 38  after 26
    40. wait until cert-manager is ready  (it was just applied)  <- 4, 39
    41. apply keda-keys (1 object)  (not there)  <- 4
    42. pull the chart of keda 2.21.0  (not pulled before)
    43. apply the definitions of keda  (not installed)  <- 4, 42
    44. install keda 2.21.0  (not installed)  <- 4, 18, 41, 43  after 26
    45. wait until keda is ready  (it was just applied)  <- 4, 44
    46. make a local certificate authority  (there is no usable one)
    47. apply certificate (3 objects)  (not there)  <- 4, 19, 40, 46
    48. wait until certificate is ready  (it was just applied)  <- 4, 47
    49. apply scaler (1 object)  (not there)  <- 4, 22, 36, 44
    50. wait until scaler is ready  (it was just applied)  <- 4, 49
    51. check: tasks over http  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    52. check: tasks over https  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    53. check: certificate names  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    54. check: version 1  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    55. check: version 2  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    56. check: gateway programmed  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    57. check: scaler ready  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50
    58. check: requests are counted  (the stack changes)  <- 23, 36
    59. check: scaler's query has a value  (the stack changes)  <- 23, 36
    60. check: user rate limit  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50  after 51, 52, 53, 54, 55
    61. check: anonymous rate limit  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50  after 60
    62. check: circuit breaker  (the stack changes)  <- 2, 20, 23, 30, 32, 45, 48, 50  after 61
    ");
}

#[test]
fn a_half_made_cluster_is_made_anew() {
    let observed = Observed { cluster: ClusterFact::HalfMade, ..Observed::default() };
    let stack = task_api();
    let plan = up(&stack, &observed, NO_CHECKS).unwrap();
    let first = plan.text().lines().take(3).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(first, @"
    1. remove the half-made cluster  (an earlier run was ended while it made it)
    2. pull docker.io/kindest/node:v1.34.4  (the engine does not have it)
    3. make the cluster (Kubernetes v1.34.4)  (there is none)  <- 1, 2
    ");
    let rest = |plan: &Plan| plan.steps().iter().map(|step| step.id.clone()).filter(|id| id != "remains").collect::<Vec<_>>();
    assert_eq!(rest(&plan), rest(&up(&stack, &Observed::default(), NO_CHECKS).unwrap()));
}

#[test]
fn with_a_baked_node_image_nothing_is_pulled_or_loaded() {
    let stack = task_api();
    let baked = ImageRef::parse("localhost/tstack-node:1").unwrap();
    let node_images = stack.images().into_iter().chain(built_images(&stack)).collect();
    let observed = Observed { baked: Some(baked.clone()), node_images, ..Observed::default() };
    let plan = up(&stack, &observed, NO_CHECKS).unwrap();
    let moves = |step: &Step| matches!(step.action, Action::PullImage { .. } | Action::LoadImages { .. } | Action::BuildImage { .. });
    assert!(!plan.steps().iter().any(moves), "{}", plan.text());
    let made = plan.steps().iter().find(|step| matches!(&step.action, Action::CreateCluster { image, .. } if *image == baked)).unwrap();
    assert_eq!(made.cause, "there is none; the baked node image holds all images");
}

#[test]
fn a_snapshot_serves_other_host_ports_and_no_other_stack() {
    let digest = |set: &[(&str, &str)]| cluster_digest(&with(set));
    assert_eq!(digest(&[("parameters.httpPort", "9080"), ("parameters.httpsPort", "9443")]), digest(&[]));
    assert_ne!(digest(&[("parameters.maxReplicas", "3")]), digest(&[]));
}

#[test]
fn a_stopped_cluster_is_started_and_then_looked_at_as_a_whole() {
    let shown = changed(|observed| {
        observed.cluster = ClusterFact::Stopped;
        unseen(observed);
    });
    insta::assert_snapshot!(shown, @"
     1. start the stopped cluster  (its node does not run)
     2. load 1 image of envoy-gateway into the node  (the node does not have all of them)  <- 1  in turn
     3. load 1 image of gateway into the node  (the node does not have all of them)  <- 1  in turn
     4. load 1 image of prometheus into the node  (the node does not have all of them)  <- 1  in turn
     5. load 3 images of cert-manager into the node  (the node does not have all of them)  <- 1  in turn
     6. load 3 images of keda into the node  (the node does not have all of them)  <- 1  in turn
     7. apply namespace (1 object)  (not there)  <- 1
     8. wait until namespace is ready  (it was just applied)  <- 1, 7
     9. put localhost/task-api:sha-cefd9fdc1142 into the node  (the node does not have it)  <- 1
    10. apply task-api (5 objects)  (not there)  <- 1, 7, 9
    11. wait until task-api is ready  (it was just applied)  <- 1, 10
    12. apply envoy-gateway-keys (4 objects)  (not there)  <- 1
    13. apply the definitions of envoy-gateway  (not installed)  <- 1
    14. install envoy-gateway v1.9.1  (not installed)  <- 1, 2, 12, 13
    15. wait until envoy-gateway is ready  (it was just applied)  <- 1, 14
    16. apply gateway (3 objects)  (not there)  <- 1, 3, 7, 15
    17. wait until gateway is ready  (it was just applied)  <- 1, 16
    18. apply routes (2 objects)  (not there)  <- 1, 10, 16
    19. wait until routes is ready  (it was just applied)  <- 1, 18
    20. apply the definitions of prometheus  (not installed)  <- 1
    21. install prometheus 29.27.0  (not installed)  <- 1, 4, 20  after 13
    22. wait until prometheus is ready  (it was just applied)  <- 1, 21
    23. apply the definitions of cert-manager  (not installed)  <- 1
    24. install cert-manager v1.21.2  (not installed)  <- 1, 5, 23  after 13
    25. wait until cert-manager is ready  (it was just applied)  <- 1, 24
    26. apply keda-keys (1 object)  (not there)  <- 1
    27. apply the definitions of keda  (not installed)  <- 1
    28. install keda 2.21.0  (not installed)  <- 1, 6, 26, 27  after 13
    29. wait until keda is ready  (it was just applied)  <- 1, 28
    30. apply certificate (3 objects)  (not there)  <- 1, 7, 25
    31. wait until certificate is ready  (it was just applied)  <- 1, 30
    32. apply scaler (1 object)  (not there)  <- 1, 10, 22, 28
    33. wait until scaler is ready  (it was just applied)  <- 1, 32
    ");
}

#[test]
fn where_everything_is_there_the_plan_is_empty() {
    let stack = task_api();
    assert_eq!(text(&stack, &all_there(&stack), UP), "");
}

#[test]
fn one_changed_image_moves_that_image_alone() {
    let before = all_there(&task_api());
    let after = with(&[("components.gateway.images.0", "docker.io/envoyproxy/envoy:distroless-v1.39.2")]);
    insta::assert_snapshot!(text(&after, &before, NO_CHECKS), @"
    1. pull docker.io/envoyproxy/envoy:distroless-v1.39.2  (the engine does not have it)
    2. load 1 image of gateway into the node  (the node does not have all of them)  <- 1  in turn
    ");
}

#[test]
fn another_version_of_a_chart_is_an_upgrade_that_names_the_installed_one() {
    let mut before = all_there(&task_api());
    before.pulled_charts.remove("keda");
    let after = with(&[("components.keda.helm.version", "2.22.0")]);
    insta::assert_snapshot!(text(&after, &before, NO_CHECKS), @"
    1. pull the chart of keda 2.22.0  (not pulled before)
    2. apply the definitions of keda  (version 2.21.0 is installed)  <- 1
    3. upgrade keda 2.22.0  (version 2.21.0 is installed)  <- 2
    4. wait until keda is ready  (it was just applied)  <- 3
    ");
}

#[test]
fn other_values_are_an_upgrade_without_a_pull() {
    let before = all_there(&task_api());
    let after = with(&[("components.prometheus.helm.values.server.retention", "4h")]);
    insta::assert_snapshot!(text(&after, &before, NO_CHECKS), @"
    1. apply the definitions of prometheus  (its values differ from the stack)
    2. upgrade prometheus 29.27.0  (its values differ from the stack)  <- 1
    3. wait until prometheus is ready  (it was just applied)  <- 2
    ");
}

#[test]
fn a_release_stuck_in_pending_is_healed() {
    let stack = task_api();
    let mut observed = all_there(&stack);
    observed.releases.get_mut(&release_of(chart(&stack, "keda"))).unwrap().status = "pending-install".into();
    let plan = up(&stack, &observed, NO_CHECKS).unwrap();
    insta::assert_snapshot!(plan.text(), @"
    1. apply the definitions of keda  (the release is pending-install)
    2. install keda 2.21.0  (the release is pending-install)  <- 1
    3. wait until keda is ready  (it was just applied)  <- 2
    ");
    assert!(matches!(&plan.steps()[1].action, Action::InstallChart { heal: true, .. }));
}

#[test]
fn a_failed_release_is_installed_again_without_healing() {
    let stack = task_api();
    let mut observed = all_there(&stack);
    observed.releases.get_mut(&release_of(chart(&stack, "keda"))).unwrap().status = "failed".into();
    let plan = up(&stack, &observed, NO_CHECKS).unwrap();
    insta::assert_snapshot!(plan.text(), @"
    1. apply the definitions of keda  (the release is failed)
    2. install keda 2.21.0  (the release is failed)  <- 1
    3. wait until keda is ready  (it was just applied)  <- 2
    ");
    assert!(matches!(&plan.steps()[1].action, Action::InstallChart { heal: false, .. }));
}

#[test]
fn one_missing_object_applies_its_component_alone() {
    let shown = changed(|observed| drop(observed.objects.remove(&ObjectId::new("v1", "Service", "task-api", "task-api-v2"))));
    insta::assert_snapshot!(shown, @r"
        1. apply task-api (5 objects)  (1 of 5 objects are not there)
        2. wait until task-api is ready  (it was just applied)  <- 1
        ");
}

#[test]
fn an_object_that_somebody_changed_is_named() {
    let shown = changed(|observed| {
        let route = observed.objects.iter_mut().find(|(id, _)| id.kind == "HTTPRoute").unwrap();
        route.1.digest = Some("another".into());
    });
    insta::assert_snapshot!(shown, @r"
        1. apply routes (2 objects)  (HTTPRoute task-api/task-api-route differs from the stack)
        2. wait until routes is ready  (it was just applied)  <- 1
        ");
}

#[test]
fn what_is_as_wanted_but_not_ready_is_only_waited_for() {
    let stack = task_api();
    let mut observed = all_there(&stack);
    observed.releases.get_mut(&release_of(chart(&stack, "keda"))).unwrap().unready =
        Some("Deployment keda/keda-operator: 0 of 1 ready".into());
    let gateway = observed.objects.iter_mut().find(|(id, _)| id.kind == "Gateway").unwrap();
    gateway.1.unready = Some("Gateway task-api/task-api-gateway: not programmed".into());
    insta::assert_snapshot!(text(&stack, &observed, NO_CHECKS), @"
    1. wait until gateway is ready  (Gateway task-api/task-api-gateway: not programmed)
    2. wait until keda is ready  (Deployment keda/keda-operator: 0 of 1 ready)
    ");
}

#[test]
fn a_certificate_of_another_authority_is_issued_anew() {
    insta::assert_snapshot!(changed(|observed| observed.authority = Some("another".into())), @r"
        1. apply certificate (3 objects)  (Secret cert-manager/tstack-ca differs from the stack)
        2. wait until certificate is ready  (it was just applied)  <- 1
        ");
}

#[test]
fn a_certificate_that_nears_its_end_is_issued_anew_and_nothing_else() {
    let plan = changed(|observed| {
        let secret = ObjectId::new("v1", "Secret", "cert-manager", "tstack-ca");
        assert!(observed.objects.contains_key(&secret));
        observed.outdated.insert(secret, "it expires in 12 days, on 2027-01-01T00:00:00Z".into());
    });
    insta::assert_snapshot!(plan, @r"
        1. apply certificate (3 objects)  (Secret cert-manager/tstack-ca: it expires in 12 days, on 2027-01-01T00:00:00Z)
        2. wait until certificate is ready  (it was just applied)  <- 1
        ");
}

#[test]
fn another_authority_is_made_where_it_is_asked_for_and_all_its_certificates_with_it() {
    let stack = task_api();
    insta::assert_snapshot!(text(&stack, &all_there(&stack), UpRequest { new_authority: true, ..NO_CHECKS }), @r"
        1. make a local certificate authority  (asked for; who trusts the old one must trust it anew)
        2. apply certificate (3 objects)  (Secret cert-manager/tstack-ca differs from the stack)  <- 1
        3. wait until certificate is ready  (it was just applied)  <- 2
        ");
}

#[test]
fn without_an_authority_there_will_be_one_first() {
    insta::assert_snapshot!(changed(|observed| observed.authority = None), @r"
        1. make a local certificate authority  (there is no usable one)
        2. apply certificate (3 objects)  (Secret cert-manager/tstack-ca differs from the stack)  <- 1
        3. wait until certificate is ready  (it was just applied)  <- 2
        ");
}

#[test]
fn what_no_record_tells_of_is_applied_once_more_on_a_cluster_that_stays() {
    let stack = task_api();
    let forwarder = Some(stack.expose.iter().map(|e| (e.host, e.service.clone())).collect());
    let mut observed = Observed { cluster: ClusterFact::Named, forwarder, ports: vec![], ..all_there(&stack) };
    assert!(up(&stack, &observed, UP).unwrap().is_empty());
    observed.made.retain(|made| ![on_record("keda"), on_record("routes")].contains(made));
    let plan = up(&stack, &observed, UP).unwrap();
    let applied: Vec<_> =
        plan.steps().iter().filter(|step| step.id.starts_with("apply:")).map(|step| (step.id.as_str(), step.cause.as_str())).collect();
    let cause = "it is there, and not on record: `down` would leave it";
    assert_eq!(BTreeSet::from_iter(applied), BTreeSet::from([("apply:keda", cause), ("apply:routes", cause)]));
    // a cluster of ours goes as a whole
    assert!(up(&stack, &Observed { made: vec![], ..all_there(&stack) }, UP).unwrap().is_empty());
}

#[test]
fn a_damaged_authority_is_told_to_those_who_trust_it() {
    let damage = |observed: &mut Observed| {
        observed.authority = None;
        observed.authority_damage = Some("ca.key is gone".into());
    };
    insta::assert_snapshot!(changed(damage), @r"
        1. make a local certificate authority  (the one that was made is damaged (ca.key is gone), and who trusts it has to trust the new one)
        2. apply certificate (3 objects)  (Secret cert-manager/tstack-ca differs from the stack)  <- 1
        3. wait until certificate is ready  (it was just applied)  <- 2
        ");
}

#[test]
fn a_named_cluster_that_takes_no_image_is_refused_with_a_way_out() {
    let observed = Observed { cluster: ClusterFact::Named, ..Observed::default() };
    let failure: Failure = up(&task_api(), &observed, UP).unwrap_err();
    assert_eq!(failure.kind.exit_code(), 3);
    assert_eq!(failure.what, "the image of component `task-api-image` cannot be put into this cluster");
    assert_eq!(failure.why, ["its nodes are not containers of the engine on this machine"]);
    assert_eq!(failure.hints, ["Use a kind cluster of this machine's engine, or Docker Desktop."]);
}

#[test]
fn a_named_cluster_is_neither_made_nor_mapped_so_the_forwarder_serves() {
    let stack = task_api();
    for nodes in [NodeAccess::Containers(vec!["node".into()]), NodeAccess::Engine] {
        let observed = Observed { nodes, cluster: ClusterFact::Named, node_images: BTreeSet::new(), ports: vec![], ..all_there(&stack) };
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&stack, &observed, NO_CHECKS), @"
            1. load 1 image of envoy-gateway into the node  (the node does not have all of them)  in turn
            2. load 1 image of gateway into the node  (the node does not have all of them)  in turn
            3. load 1 image of prometheus into the node  (the node does not have all of them)  in turn
            4. load 3 images of cert-manager into the node  (the node does not have all of them)  in turn
            5. load 3 images of keda into the node  (the node does not have all of them)  in turn
            6. put localhost/task-api:sha-cefd9fdc1142 into the node  (the node does not have it)
            7. forward localhost:8080 and :8443  (the cluster maps no port for it)
            ");
        }
    }
}

#[test]
fn expose_forward_takes_the_forwarder_though_ports_are_mapped() {
    let stack = task_api();
    let forward = UpRequest { exposing: Exposing::Forward, ..NO_CHECKS };
    let mut observed = all_there(&stack);
    insta::assert_snapshot!(text(&stack, &observed, forward), @"  1. forward localhost:8080 and :8443  (asked for)");
    let service = |e: &stack::Exposure| (e.host, e.service.clone());
    observed.forwarder = Some(stack.expose.iter().map(service).collect());
    assert_eq!(text(&stack, &observed, forward), "");
    observed.forwarder = Some(vec![(1, ServiceFile { namespace: "a".into(), name: "b".into(), port: 1, node_port: None })]);
    insta::assert_snapshot!(text(&stack, &observed, forward), @"  1. forward localhost:8080 and :8443  (the running one has other routes)");
}

#[test]
fn a_port_that_the_cluster_does_not_map_yet_is_forwarded() {
    insta::assert_snapshot!(changed(|observed| observed.ports = vec![PortMapping { host: 8080, node: 30080 }]), @"  1. forward localhost:8443  (the cluster maps no port for it)");
}

#[test]
fn an_unverified_stack_is_only_checked() {
    let stack = task_api();
    for verified in [None, Some("of another stack".to_owned())] {
        let observed = Observed { verified, ..all_there(&stack) };
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&stack, &observed, UP), @r"
                 1. check: tasks over http  (not verified since the last change)
                 2. check: tasks over https  (not verified since the last change)
                 3. check: certificate names  (not verified since the last change)
                 4. check: version 1  (not verified since the last change)
                 5. check: version 2  (not verified since the last change)
                 6. check: gateway programmed  (not verified since the last change)
                 7. check: scaler ready  (not verified since the last change)
                 8. check: requests are counted  (not verified since the last change)
                 9. check: scaler's query has a value  (not verified since the last change)
                10. check: user rate limit  (not verified since the last change)  after 1, 2, 3, 4, 5
                11. check: anonymous rate limit  (not verified since the last change)  after 10
                12. check: circuit breaker  (not verified since the last change)  after 11
                ");
        }
        assert_eq!(text(&stack, &observed, NO_CHECKS), "");
    }
}

#[test]
fn a_deep_verify_puts_load_on_last_and_one_at_a_time() {
    insta::assert_snapshot!(verify(&task_api(), None, true).unwrap().text(), @r"
         1. check: tasks over http  (asked for)
         2. check: tasks over https  (asked for)
         3. check: certificate names  (asked for)
         4. check: version 1  (asked for)
         5. check: version 2  (asked for)
         6. check: gateway programmed  (asked for)
         7. check: scaler ready  (asked for)
         8. check: requests are counted  (asked for)
         9. check: scaler's query has a value  (asked for)
        10. check: user rate limit  (asked for)  after 1, 2, 3, 4, 5
        11. check: anonymous rate limit  (asked for)  after 10
        12. check: circuit breaker  (asked for)  after 11
        13. check: replicas follow the load  (asked for)  after 12
        ");
    assert!(!verify(&task_api(), None, false).unwrap().text().contains("replicas follow the load"));
}

fn made() -> Vec<Made> {
    vec![
        Made::Namespace { name: "keda".into() },
        Made::Definitions { component: "keda".into(), names: vec!["scaledobjects.keda.sh".into()] },
        Made::Release { component: "keda".into(), namespace: "keda".into(), name: "keda".into() },
        Made::Objects {
            component: "task-api".into(),
            ids: vec![ObjectId::new("v1", "Service", "task-api", "a"), ObjectId::new("apps/v1", "Deployment", "task-api", "b")],
        },
    ]
}

fn down_text(observed: &Observed, keep_cluster: bool) -> String {
    down(observed, DownRequest { keep_cluster }).unwrap().text()
}

#[test]
fn down_deletes_the_whole_cluster_at_once() {
    let forwarder = Some(Vec::new());
    let observed = Observed { cluster: ClusterFact::Running, made: made(), network_made: true, forwarder, ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, false), @r"
        1. end the forwarder  (it runs)
        2. delete the cluster  (we made it)  <- 1
        3. remove the engine's network `kind`  (we made it)  <- 2
        4. remove our files  (nothing is left that they describe)  <- 1, 2, 3
        ");
    let stopped = Observed { cluster: ClusterFact::Stopped, ..observed };
    assert_eq!(down_text(&stopped, false), down_text(&Observed { cluster: ClusterFact::Running, ..stopped.clone() }, false));
}

#[test]
fn what_was_put_outside_of_the_cluster_goes_with_it_and_stays_with_it() {
    let (exported, trusted) = (vec!["/home/me/.kube/config".into()], vec!["/usr/local/share/ca-certificates/tstack-x.crt".into()]);
    let observed = Observed { cluster: ClusterFact::Running, made: made(), exported, trusted, ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, false), @r"
        1. take the cluster out of /home/me/.kube/config  (`up --export-kubeconfig` put it there)
        2. take the local CA out of the system's trust store  (`certs trust` put it there)
        3. delete the cluster  (we made it)
        4. remove our files  (nothing is left that they describe)  <- 1, 2, 3
        ");
    assert!(!down_text(&observed, true).contains("take the"), "the cluster stays");
    // the cluster of a context is never ours: its record goes
    assert!(down_text(&Observed { cluster: ClusterFact::Named, ..observed }, true).contains("take the local CA out"));
}

#[test]
fn a_kubeconfig_gets_the_cluster_when_it_is_made_and_nothing_is_checked_again_for_it() {
    let plan = changed(|observed| observed.exports = vec![("/home/me/.kube/config".into(), "asked for".into())]);
    assert_eq!(plan.trim(), "1. put the cluster into /home/me/.kube/config  (asked for)");
}

#[test]
fn down_leaves_a_network_that_was_there_before() {
    let observed = Observed { cluster: ClusterFact::Running, made: made(), ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, false), @r"
        1. delete the cluster  (we made it)
        2. remove our files  (nothing is left that they describe)  <- 1
        ");
}

#[test]
fn keep_cluster_undoes_the_newest_first_and_keeps_the_record() {
    let observed = Observed { cluster: ClusterFact::Running, made: made(), network_made: true, ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, true), @r"
        1. delete the objects of task-api  (we made it)
        2. uninstall keda  (we made it)  <- 1
        3. delete the definitions of charts (1)  (we made them)  <- 2
        4. delete the namespaces keda  (we made them)  <- 3
        ");
    let plan = down(&observed, DownRequest { keep_cluster: true }).unwrap();
    let Action::DeleteObjects { ids } = &plan.steps()[0].action else { panic!("{plan:?}") };
    assert_eq!(ids.iter().map(|id| id.name.as_str()).collect::<Vec<_>>(), ["b", "a"], "what was applied last goes first");
}

/// A ConfigMap for each component, and what each needs.
fn side_by_side(parts: &[(&str, &[&str])]) -> Observed {
    let objects =
        |(name, _): &(&str, &[&str])| Made::Objects { component: (*name).into(), ids: vec![ObjectId::new("v1", "ConfigMap", "x", *name)] };
    let needs = |(name, needs): &(&str, &[&str])| ((*name).to_owned(), needs.iter().map(|need| (*need).to_owned()).collect());
    Observed {
        cluster: ClusterFact::Running,
        made: parts.iter().map(objects).collect(),
        needs: parts.iter().map(needs).collect(),
        ..Observed::default()
    }
}

#[test]
fn what_needs_another_goes_before_it_and_all_else_side_by_side() {
    let parts: [(&str, &[&str]); 5] =
        [("base", &[]), ("left", &["base"]), ("right", &["image"]), ("top", &["left", "base"]), ("alone", &[])];
    let mut observed = side_by_side(&parts);
    // an image leaves nothing behind, and yet one stands on the other by way of it
    observed.needs.insert("image".into(), vec!["base".into()]);
    insta::assert_snapshot!(down_text(&observed, true), @r"
        1. delete the objects of alone  (we made it)
        2. delete the objects of top  (we made it)
        3. delete the objects of right  (we made it)
        4. delete the objects of left  (we made it)  <- 2
        5. delete the objects of base  (we made it)  <- 3, 4
        ");
}

#[test]
fn a_chart_goes_after_all_that_is_newer_since_its_program_may_have_to_let_go_of_it() {
    let mut observed = side_by_side(&[("older", &[]), ("operator", &[]), ("newer", &[]), ("newest", &[])]);
    observed.made[1] = Made::Release { component: "operator".into(), namespace: "operator".into(), name: "operator".into() };
    observed.made.push(Made::Namespace { name: "operator".into() });
    insta::assert_snapshot!(down_text(&observed, true), @r"
        1. delete the objects of newest  (we made it)
        2. delete the objects of newer  (we made it)
        3. uninstall operator  (we made it)  <- 1, 2
        4. delete the objects of older  (we made it)
        5. delete the namespaces operator  (we made them)  <- 3, 4
        ");
    let namespace = ObjectId::new("v1", "Namespace", "", "x");
    observed.made[1] = Made::Objects { component: "operator".into(), ids: vec![namespace] };
    assert!(down_text(&observed, true).contains("3. delete the objects of operator  (we made it)  <- 1, 2"), "others live in a namespace");
}

#[test]
fn what_a_component_needs_and_was_never_noted_may_be_all_that_is_older() {
    let mut observed = side_by_side(&[("a", &[]), ("b", &[]), ("c", &[])]);
    observed.needs.remove("b");
    insta::assert_snapshot!(down_text(&observed, true), @r"
        1. delete the objects of c  (we made it)
        2. delete the objects of b  (we made it)
        3. delete the objects of a  (we made it)  <- 2
        ");
}

#[test]
fn what_was_added_later_and_is_needed_by_what_was_there_goes_after_it_and_a_circle_keeps_nothing_from_going() {
    let later = side_by_side(&[("user", &["added"]), ("added", &[])]);
    insta::assert_snapshot!(down_text(&later, true), @r"
        1. delete the objects of user  (we made it)
        2. delete the objects of added  (we made it)  <- 1
        ");
    let circle = side_by_side(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]);
    insta::assert_snapshot!(down_text(&circle, true), @r"
        1. delete the objects of c  (we made it)
        2. delete the objects of b  (we made it)  <- 1
        3. delete the objects of a  (we made it)  <- 2
        ");
}

#[test]
fn a_stopped_cluster_that_is_to_be_kept_is_started_to_be_emptied() {
    let observed = Observed { cluster: ClusterFact::Stopped, made: made(), ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, true), @r"
        1. start the stopped cluster  (its node does not run, and what is in it is to be removed)
        2. delete the objects of task-api  (we made it)  <- 1
        3. uninstall keda  (we made it)  <- 2
        4. delete the definitions of charts (1)  (we made them)  <- 3
        5. delete the namespaces keda  (we made them)  <- 4
        ");
    assert_eq!(down_text(&Observed { made: vec![], ..observed }, true), "");
}

#[test]
fn a_named_cluster_is_never_deleted() {
    let observed = Observed { cluster: ClusterFact::Named, made: made(), forwarder: Some(Vec::new()), ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, false), @r"
        1. end the forwarder  (it runs)
        2. delete the objects of task-api  (we made it)  <- 1
        3. uninstall keda  (we made it)  <- 2
        4. delete the definitions of charts (1)  (we made them)  <- 3
        5. delete the namespaces keda  (we made them)  <- 4
        6. remove our files  (nothing is left that they describe)  <- 1, 2, 3, 4, 5
        ");
}

#[test]
fn a_half_made_cluster_is_deleted_whole() {
    let observed = Observed { cluster: ClusterFact::HalfMade, network_made: true, ..Observed::default() };
    insta::assert_snapshot!(down_text(&observed, false), @r"
        1. delete the cluster  (we made it)
        2. remove the engine's network `kind`  (we made it)  <- 1
        3. remove our files  (nothing is left that they describe)  <- 1, 2
        ");
}

#[test]
fn where_nothing_is_left_only_our_files_go() {
    insta::assert_snapshot!(down_text(&Observed::default(), false), @"  1. remove our files  (nothing is left that they describe)");
}

/// One thing that is true of a stack that is up.
#[derive(Clone, Debug)]
enum Fact {
    InEngine(ImageRef),
    InNode(ImageRef),
    Pulled(String),
    Released(String),
    ReleaseReady(String),
    Applied(String, ObjectId),
    Ready(String, ObjectId),
    Authority,
    Verified,
}

fn facts(stack: &Stack) -> Vec<Fact> {
    let mut facts: Vec<Fact> = stack.images().into_iter().flat_map(|i| [Fact::InEngine(i.clone()), Fact::InNode(i)]).collect();
    facts.extend(built_images(stack).into_iter().map(Fact::InNode));
    facts.extend([Fact::Authority, Fact::Verified]);
    for component in &stack.components {
        let name = component.name.clone();
        if let ComponentKind::Helm(_) = component.kind {
            facts.extend([Fact::Pulled(name.clone()), Fact::Released(name.clone()), Fact::ReleaseReady(name.clone())]);
        }
        for (id, _) in wanted_objects(component, AUTHORITY) {
            facts.push(Fact::Applied(name.clone(), id.clone()));
            // what is made is ready then
            if !component.kind.is_ready_at_once() {
                facts.push(Fact::Ready(name.clone(), id));
            }
        }
    }
    facts
}

fn remove(stack: &Stack, observed: &mut Observed, fact: &Fact) {
    match fact {
        Fact::InEngine(image) => drop(observed.engine_images.remove(image)),
        Fact::InNode(image) => drop(observed.node_images.remove(image)),
        Fact::Pulled(name) => drop(observed.pulled_charts.remove(name)),
        Fact::Released(name) => drop(observed.releases.remove(&release_of(chart(stack, name)))),
        Fact::ReleaseReady(name) => {
            if let Some(release) = observed.releases.get_mut(&release_of(chart(stack, name))) {
                release.unready = Some("0 of 1 ready".into());
            }
        }
        Fact::Applied(_, id) => drop(observed.objects.remove(id)),
        Fact::Ready(_, id) => {
            if let Some(object) = observed.objects.get_mut(id) {
                object.unready = Some("not ready".into());
            }
        }
        Fact::Authority => observed.authority = None,
        Fact::Verified => observed.verified = None,
    }
}

/// The ids of the steps that these missing facts ask for, said a second time and without regard to order.
fn asked_for(stack: &Stack, gone: &[Fact]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let built = built_images(stack);
    let released = |name: &String| !gone.iter().any(|f| matches!(f, Fact::Released(n) if n == name));
    for fact in gone {
        match fact {
            Fact::InNode(image) if built.contains(image) => drop(ids.insert("apply:task-api-image".to_owned())),
            Fact::InNode(image) => {
                let loads = |component: &&Component| component.images.contains(image);
                ids.extend(stack.components.iter().find(loads).map(|component| format!("images:{}", component.name)));
                if gone.iter().any(|f| matches!(f, Fact::InEngine(i) if i == image)) {
                    ids.insert(format!("pull:{image}"));
                }
            }
            // an image is needed only to be loaded, a chart to be installed, and the checks are added below
            Fact::InEngine(_) | Fact::Verified => {}
            Fact::Pulled(name) if released(name) => {}
            Fact::Pulled(name) => drop(ids.insert(format!("chart:{name}"))),
            Fact::Released(name) => ids.extend(["define", "apply", "ready"].map(|act| format!("{act}:{name}"))),
            Fact::Applied(name, _) => {
                ids.insert(format!("apply:{name}"));
                if !stack.component(name).is_some_and(|component| component.kind.is_ready_at_once()) {
                    ids.insert(format!("ready:{name}"));
                }
            }
            Fact::ReleaseReady(name) | Fact::Ready(name, _) => drop(ids.insert(format!("ready:{name}"))),
            Fact::Authority => ids.extend(["authority", "apply:certificate", "ready:certificate"].map(str::to_owned)),
        }
    }
    if !ids.is_empty() || gone.iter().any(|f| matches!(f, Fact::Verified)) {
        ids.extend(stack.checks.iter().filter(|check| !check.deep).map(|check| format!("check:{}", check.name)));
    }
    ids
}

/// The world after a step, if the step does what it says. Panics when the step is not possible in it.
fn act(stack: &Stack, observed: &mut Observed, step: &Step) {
    let running = matches!(observed.cluster, ClusterFact::Running | ClusterFact::Named);
    let component = |name: &String| stack.component(name).unwrap();
    match &step.action {
        Action::PullImage { image } => drop(observed.engine_images.insert(image.clone())),
        Action::CreateCluster { image, ports, .. } => {
            assert!(observed.engine_images.contains(image), "kind would pull the node image itself, past the mirror");
            unseen(observed);
            (observed.cluster, observed.ports) = (ClusterFact::Running, ports.clone());
            observed.nodes = NodeAccess::Containers(vec!["node".into()]);
        }
        Action::DeleteCluster => observed.cluster = ClusterFact::Absent,
        // beside the cluster, which is made by now
        Action::AwaitNode | Action::AwaitServer => assert!(running),
        Action::ApplyDefinitions { component } => assert!(running && observed.pulled_charts.contains(component), "{component}"),
        Action::StartCluster => (observed.cluster, observed.ports) = (ClusterFact::Running, stack.cluster.ports.clone()),
        Action::LoadImages { images } => {
            assert!(running && images.iter().all(|image| observed.engine_images.contains(image)), "{}", step.id);
            observed.node_images.extend(images.iter().cloned());
        }
        Action::BuildImage { component: name } => {
            let ComponentKind::Image(build) = &component(name).kind else { panic!("{name}") };
            assert!(running);
            observed.node_images.insert(build.image.clone());
        }
        Action::PullChart { component } => drop(observed.pulled_charts.insert(component.clone())),
        Action::InstallChart { component: name, .. } => {
            assert!(running && observed.pulled_charts.contains(name), "{name}");
            assert!(component(name).images.iter().all(|image| observed.node_images.contains(image)), "{name}");
            let unready = Some("new".into());
            observed.made.push(on_record(name));
            observed.releases.insert(release_of(chart(stack, name)), ReleaseFact { unready, ..release_as_wanted(chart(stack, name)) });
        }
        Action::ApplyObjects { component: name } => {
            assert!(running);
            let authority = observed.authority.clone().unwrap_or_default();
            observed.made.push(on_record(name));
            let unready = (!component(name).kind.is_ready_at_once()).then(|| "new".to_owned());
            for (id, digest) in wanted_objects(component(name), &authority) {
                observed.objects.insert(id, ObjectFact { digest: Some(digest), unready: unready.clone() });
            }
        }
        Action::AwaitReady { component: name } => {
            for (id, _) in wanted_objects(component(name), "") {
                observed.objects.get_mut(&id).unwrap_or_else(|| panic!("{id} was never applied")).unready = None;
            }
            if let ComponentKind::Helm(chart) = &component(name).kind {
                observed.releases.get_mut(&release_of(chart)).unwrap().unready = None;
            }
        }
        Action::CreateAuthority => observed.authority = Some("new".into()),
        Action::StartForwarder { routes } => {
            observed.forwarder = Some(routes.iter().map(|route| (route.host, route.service.clone())).collect());
        }
        Action::RunCheck { check } if stack.checks.iter().any(|one| one.name == *check && !one.needs.is_empty()) => {}
        Action::RunCheck { .. } => {
            let unready = observed.objects.values().any(|o| o.unready.is_some()) || observed.releases.values().any(|r| r.unready.is_some());
            assert!(!unready, "a check runs when everything is ready");
            observed.verified = Some(stack_digest(stack));
        }
        other => panic!("`up` never does {other:?}"),
    }
}

/// Does a plan, then asks again.
fn settles(stack: &Stack, mut observed: Observed, request: UpRequest) {
    let plan = up(stack, &observed, request).unwrap();
    for step in plan.steps() {
        act(stack, &mut observed, step);
    }
    assert_eq!(text(stack, &observed, request), "", "after\n{}", plan.text());
}

fn ids(plan: &Plan) -> BTreeSet<String> {
    plan.steps().iter().map(|step| step.id.clone()).collect()
}

#[test]
fn layers_that_lead_to_each_other_in_very_many_ways_are_decided_all_the_same() {
    let mut stack = task_api();
    let pattern = stack.component("namespace").unwrap().clone();
    // each of two needs both of the layer below: whoever walks every way never comes back
    stack.components = (0..128)
        .map(|number: usize| {
            let below = (number / 2 * 2).checked_sub(2).map(|first| [first, first + 1]).into_iter().flatten();
            let needs = below.map(|one| Need { component: format!("c{one}"), until: Until::Ready }).collect();
            Component { name: format!("c{number}"), needs, ..pattern.clone() }
        })
        .collect();
    assert_eq!(stack.depths()["c0"], 63);
    let plan = up(&stack, &Observed { cluster: ClusterFact::Absent, ..Observed::default() }, NO_CHECKS).unwrap();
    assert!(plan.falls_with("apply:c127", "apply:c0") && !plan.falls_with("apply:c0", "apply:c127"));
}

#[test]
fn from_nothing_one_run_is_enough() {
    for cluster in [ClusterFact::Absent, ClusterFact::HalfMade] {
        for exposing in [Exposing::Auto, Exposing::Forward] {
            settles(&task_api(), Observed { cluster: cluster.clone(), ..Observed::default() }, UpRequest { exposing, ..UP });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_missing_is_done_and_nothing_else_and_once(
        cluster in prop_oneof![4 => Just(ClusterFact::Running), 1 => Just(ClusterFact::Named), 1 => Just(ClusterFact::Stopped)],
        chance in 0.0..0.6_f64,
        dice in proptest::collection::vec(0.0..1.0_f64, 128),
    ) {
        let stack = task_api();
        let all = facts(&stack);
        prop_assert!(all.len() <= dice.len());
        let gone: Vec<Fact> = all.into_iter().zip(dice).filter(|(_, die)| *die < chance).map(|(fact, _)| fact).collect();
        let mut observed = all_there(&stack);
        for fact in &gone {
            remove(&stack, &mut observed, fact);
        }
        match cluster {
            // a named cluster maps no ports, so a forwarder serves it
            ClusterFact::Named => {
                observed.ports.clear();
                observed.forwarder = Some(stack.expose.iter().map(|e| (e.host, e.service.clone())).collect());
            }
            ClusterFact::Stopped => unseen(&mut observed),
            _ => {}
        }
        observed.cluster = cluster;
        let plan = up(&stack, &observed, UP).unwrap();
        if observed.cluster != ClusterFact::Stopped {
            prop_assert_eq!(ids(&plan), asked_for(&stack, &gone));
        }
        for (place, step) in plan.steps().iter().enumerate() {
            for need in step.follows() {
                prop_assert!(plan.steps()[..place].iter().any(|earlier| earlier.id == *need), "{} before {need}", step.id);
            }
            prop_assert!(!step.cause.is_empty(), "{} has no cause", step.id);
        }
        settles(&stack, observed, UP);
    }
}

mod host;
