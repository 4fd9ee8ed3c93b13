//! One object per rule. A word of the expected reason stands for the whole, but never only the verdict.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Readiness, judge};

/// An object of generation 2.
#[expect(clippy::needless_pass_by_value, reason = "a test reads better with json! in place")]
fn object(api_version: &str, kind: &str, rest: Value) -> Value {
    let mut all = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "generation": 2}});
    for (key, value) in rest.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

fn condition(name: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": name, "status": status, "reason": reason, "message": message, "observedGeneration": 2})
}

#[track_caller]
fn ready(object: &Value) {
    assert_eq!(judge(object), Readiness::Ready);
}

#[track_caller]
fn waits(object: &Value, reason: &str) {
    match judge(object) {
        Readiness::Waiting(told) => assert!(told.contains(reason), "{told}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn fails(object: &Value, reason: &str) {
    match judge(object) {
        Readiness::Failed(told) => assert!(told.contains(reason), "{told}"),
        other => panic!("{other:?}"),
    }
}

const STALE: &str = "has not seen the newest change";

#[test]
fn an_object_that_is_being_deleted_is_never_ready() {
    let mut config = object("v1", "ConfigMap", json!({}));
    ready(&config);
    config["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    waits(&config, "being deleted");
    config["metadata"]["finalizers"] = json!(["finalizer.keda.sh"]);
    waits(&config, "held by finalizer.keda.sh");
}

#[test]
fn a_deployment_is_judged_as_kubectl_rollout_does() {
    let deployment = |status: Value| object("apps/v1", "Deployment", json!({"spec": {"replicas": 2}, "status": status}));
    let counts = |seen: i64, all: i64, updated: i64, available: i64| {
        deployment(json!({"observedGeneration": seen, "replicas": all, "updatedReplicas": updated, "availableReplicas": available}))
    };
    ready(&counts(2, 2, 2, 2));
    waits(&counts(1, 2, 2, 2), STALE);
    waits(&deployment(json!({})), STALE);
    waits(&counts(2, 2, 1, 2), "1 of 2 replicas updated");
    waits(&counts(2, 3, 2, 2), "1 old replicas still to end");
    waits(&counts(2, 2, 2, 0), "0 of 2 replicas available");
    let conditions = json!([condition("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet x-1 has timed out progressing")]);
    fails(&deployment(json!({"observedGeneration": 2, "conditions": conditions})), "ReplicaSet x-1 has timed out");
    let conditions = json!([condition("ReplicaFailure", "True", "FailedCreate", "serviceaccount \"x\" not found")]);
    waits(&deployment(json!({"observedGeneration": 2, "conditions": conditions})), "FailedCreate: serviceaccount");
}

#[test]
fn a_deadline_that_was_missed_before_the_newest_change_says_nothing() {
    let conditions = json!([condition("Progressing", "False", "ProgressDeadlineExceeded", "old")]);
    waits(&object("apps/v1", "Deployment", json!({"status": {"observedGeneration": 1, "conditions": conditions}})), STALE);
}

#[test]
fn stateful_and_daemon_sets_count_their_pods() {
    let set = |status: Value| object("apps/v1", "StatefulSet", json!({"spec": {"replicas": 1}, "status": status}));
    ready(&set(json!({"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "a"})));
    waits(&set(json!({"observedGeneration": 2})), "0 of 1 replicas ready");
    waits(
        &set(json!({"observedGeneration": 2, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"})),
        "0 of 1 replicas updated",
    );
    waits(&set(json!({"observedGeneration": 1, "readyReplicas": 1})), STALE);
    let daemon = |status: Value| object("apps/v1", "DaemonSet", json!({"status": status}));
    ready(&daemon(json!({"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1})));
    waits(&daemon(json!({"observedGeneration": 2, "desiredNumberScheduled": 1})), "0 of 1 pods updated");
    waits(&daemon(json!({"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1})), "0 of 1 pods available");
    waits(&daemon(json!({"observedGeneration": 1})), STALE);
}

#[test]
fn a_job_is_ready_when_it_is_done() {
    let job = |conditions: Value| object("batch/v1", "Job", json!({"status": {"failed": 1, "conditions": conditions}}));
    ready(&job(json!([condition("Complete", "True", "", "")])));
    waits(&job(json!([])), "0 of 1 runs done, 1 tries failed");
    fails(
        &job(json!([condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")])),
        "BackoffLimit",
    );
    waits(&object("batch/v1", "Job", json!({"spec": {"suspend": true}})), "suspended");
}

fn pod(container: Value) -> Value {
    let mut container = container;
    container["name"] = json!("app");
    object("v1", "Pod", json!({"status": {"phase": "Pending", "containerStatuses": [container]}}))
}

fn waiting_pod(reason: &str, message: &str) -> Value {
    pod(json!({"ready": false, "state": {"waiting": {"reason": reason, "message": message}}}))
}

#[test]
fn a_pod_whose_image_cannot_be_pulled_fails_at_the_second_try() {
    waits(&waiting_pod("ContainerCreating", ""), "container app: ContainerCreating");
    waits(&waiting_pod("ErrImagePull", "dial tcp: timeout"), "ErrImagePull: dial tcp: timeout");
    fails(
        &waiting_pod("ImagePullBackOff", "Back-off pulling image \"x:1\""),
        "container app: ImagePullBackOff: Back-off pulling image \"x:1\"",
    );
    fails(&waiting_pod("InvalidImageName", "couldn't parse"), "InvalidImageName");
}

#[test]
fn a_missing_secret_of_a_container_may_still_come() {
    waits(&waiting_pod("CreateContainerConfigError", "secret \"x\" not found"), "secret \"x\" not found");
}

fn crashed(restarts: i64, backoff: &str, code: i64, reason: &str) -> Value {
    pod(json!({
        "ready": false, "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": format!("back-off {backoff} restarting failed container=app")}},
        "lastState": {"terminated": {"exitCode": code, "reason": reason}},
    }))
}

#[test]
fn a_crash_loop_fails_when_it_is_one() {
    waits(&crashed(1, "10s", 1, "Error"), "ended with exit code 1, 1 restarts");
    fails(&crashed(2, "20s", 1, "Error"), "CrashLoopBackOff: ended with exit code 1, 2 restarts");
    fails(&crashed(3, "40s", 137, "OOMKilled"), "more memory than its limit");
}

#[test]
fn a_program_that_ends_well_once_to_start_anew_is_no_crash_loop() {
    waits(&crashed(1, "10s", 0, "Completed"), "exit code 0");
    waits(&crashed(2, "20s", 0, "Completed"), "exit code 0");
    fails(&crashed(6, "5m0s", 0, "Completed"), "exit code 0");
}

#[test]
fn restarts_from_before_the_node_came_up_again_convict_nobody() {
    waits(&crashed(9, "10s", 1, "Error"), "9 restarts");
}

#[test]
fn a_pod_that_fits_nowhere_says_what_the_scheduler_says() {
    let conditions = json!([condition("PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.")]);
    let pod = object("v1", "Pod", json!({"status": {"phase": "Pending", "conditions": conditions}}));
    waits(&pod, "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.");
}

#[test]
fn pods_that_run_are_ready_by_their_condition() {
    let running = |status: &str| {
        object("v1", "Pod", json!({"status": {"phase": "Running", "conditions": [condition("Ready", status, "ContainersNotReady", "")]}}))
    };
    ready(&running("True"));
    waits(&running("False"), "running, not ready yet");
    ready(&object("v1", "Pod", json!({"status": {"phase": "Succeeded"}})));
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
    fails(&object("v1", "Pod", json!({"status": evicted})), "Evicted: The node was low");
}

#[test]
fn a_crd_needs_its_names_and_to_be_served() {
    let crd = |names: &str, established: &str| {
        let conditions =
            json!([condition("NamesAccepted", names, "R", "plural name in use"), condition("Established", established, "Installing", "")]);
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({"status": {"conditions": conditions}}))
    };
    ready(&crd("True", "True"));
    waits(&crd("True", "False"), "Installing");
    fails(&crd("False", "False"), "plural name in use");
    waits(&object("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({})), "no condition NamesAccepted yet");
}

#[test]
fn an_aggregated_api_waits_for_its_program() {
    let api = |status: &str| {
        let conditions = json!([condition("Available", status, "MissingEndpoints", "endpoints for service/keda have no addresses")]);
        object("apiregistration.k8s.io/v1", "APIService", json!({"status": {"conditions": conditions}}))
    };
    ready(&api("True"));
    waits(&api("False"), "MissingEndpoints: endpoints");
}

#[test]
fn webhooks_in_the_cluster_need_their_ca() {
    let webhook = |bundle: Value| {
        let hooks = json!([{"name": "w.example", "clientConfig": {"service": {"name": "w"}, "caBundle": bundle}}]);
        object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", json!({"webhooks": hooks}))
    };
    ready(&webhook(json!("LS0t")));
    waits(&webhook(json!("")), "webhook w.example has no CA yet");
    waits(&webhook(Value::Null), "no CA yet");
    let by_url = json!([{"name": "w", "clientConfig": {"url": "https://example.test"}}]);
    ready(&object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", json!({"webhooks": by_url})));
}

const GATEWAY: &str = "gateway.networking.k8s.io/v1";

#[test]
fn a_gateway_class_with_wrong_parameters_fails_unless_they_may_still_come() {
    let class = |status: &str, message: &str| {
        object(GATEWAY, "GatewayClass", json!({"status": {"conditions": [condition("Accepted", status, "InvalidParameters", message)]}}))
    };
    ready(&class("True", ""));
    fails(&class("False", "unsupported kind Foo"), "InvalidParameters: unsupported kind Foo");
    waits(&class("False", "EnvoyProxy tstack not found"), "not found");
    waits(&class("Unknown", "Waiting for controller"), "Waiting for controller");
}

#[expect(clippy::needless_pass_by_value, reason = "a test reads better with json! in place")]
fn gateway(programmed: &str, https: Value) -> Value {
    let conditions =
        json!([condition("Accepted", "True", "Accepted", ""), condition("Programmed", programmed, "AddressNotAssigned", "No addresses")]);
    object(
        GATEWAY,
        "Gateway",
        json!({
            "spec": {"listeners": [{"name": "https"}]},
            "status": {"conditions": conditions, "listeners": [{"name": "https", "conditions": https}]},
        }),
    )
}

#[test]
fn a_programmed_gateway_with_a_dead_listener_is_not_ready() {
    let fine =
        json!([condition("Accepted", "True", "", ""), condition("Programmed", "True", "", ""), condition("ResolvedRefs", "True", "", "")]);
    ready(&gateway("True", fine.clone()));
    waits(&gateway("False", fine), "AddressNotAssigned: No addresses");
    let no_secret = json!([
        condition("Accepted", "True", "", ""),
        condition("Programmed", "False", "Invalid", ""),
        condition("ResolvedRefs", "False", "InvalidCertificateRef", "secret task-api/task-api-tls not found"),
    ]);
    waits(&gateway("True", no_secret), "listener https: InvalidCertificateRef: secret task-api/task-api-tls not found");
    let conflict = json!([condition("Conflicted", "True", "HostnameConflict", "same port and name")]);
    fails(&gateway("True", conflict), "listener https: HostnameConflict");
}

#[test]
fn a_listener_judged_for_an_older_generation_waits() {
    let mut old = condition("ResolvedRefs", "True", "", "");
    old["observedGeneration"] = json!(1);
    waits(&gateway("True", json!([old])), STALE);
}

#[test]
fn a_gateway_waits_for_all_its_listeners_to_be_known() {
    let conditions = json!([condition("Accepted", "True", "", ""), condition("Programmed", "True", "", "")]);
    let gateway = object(GATEWAY, "Gateway", json!({"spec": {"listeners": [{"name": "a"}]}, "status": {"conditions": conditions}}));
    waits(&gateway, "0 of 1 listeners known");
}

#[expect(clippy::needless_pass_by_value, reason = "a test reads better with json! in place")]
fn route(accepted: Value, resolved: Value) -> Value {
    let parent = json!({
        "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
        "parentRef": {"name": "edge"}, "conditions": [accepted, resolved],
    });
    object(GATEWAY, "HTTPRoute", json!({"spec": {"parentRefs": [{"name": "edge"}]}, "status": {"parents": [parent]}}))
}

#[test]
fn a_route_needs_each_of_its_gateways() {
    let yes = |name: &str| condition(name, "True", name, "");
    ready(&route(yes("Accepted"), yes("ResolvedRefs")));
    waits(
        &route(yes("Accepted"), condition("ResolvedRefs", "False", "BackendNotFound", "Service a/b not found")),
        "Gateway edge: BackendNotFound",
    );
    waits(&route(condition("Accepted", "False", "NoMatchingParent", ""), yes("ResolvedRefs")), "NoMatchingParent");
    fails(
        &route(condition("Accepted", "False", "UnsupportedValue", "bad header"), yes("ResolvedRefs")),
        "Gateway edge: UnsupportedValue: bad header",
    );
    fails(&route(yes("Accepted"), condition("ResolvedRefs", "False", "InvalidKind", "kind Foo")), "InvalidKind");
    waits(&object(GATEWAY, "HTTPRoute", json!({})), "no Gateway has taken it yet");
}

#[test]
fn the_word_of_another_controller_counts_for_nothing() {
    let parents = json!([{"controllerName": "example.test/c", "conditions": [condition("Accepted", "False", "UnsupportedValue", "")]}]);
    waits(&object(GATEWAY, "HTTPRoute", json!({"status": {"parents": parents}})), "no Gateway");
}

#[expect(clippy::needless_pass_by_value, reason = "a test reads better with json! in place")]
fn policy(kind: &str, conditions: Value) -> Value {
    let ancestors = json!([{
        "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
        "ancestorRef": {"kind": "Gateway", "name": "edge"}, "conditions": conditions,
    }]);
    object("gateway.envoyproxy.io/v1alpha1", kind, json!({"status": {"ancestors": ancestors}}))
}

#[test]
fn a_policy_that_is_invalid_or_comes_second_fails() {
    let accepted = |status: &str, reason: &str, message: &str| json!([condition("Accepted", status, reason, message)]);
    for kind in ["BackendTrafficPolicy", "ClientTrafficPolicy", "SecurityPolicy", "EnvoyExtensionPolicy"] {
        ready(&policy(kind, accepted("True", "Accepted", "")));
        fails(&policy(kind, accepted("False", "Invalid", "rate limit needs a value")), "Gateway edge: Invalid: rate limit needs a value");
        fails(&policy(kind, accepted("False", "Conflicted", "another has already attached")), "Conflicted");
        waits(&policy(kind, accepted("False", "Invalid", "secret a/b does not exist")), "does not exist");
        waits(&policy(kind, accepted("False", "TargetNotFound", "")), "TargetNotFound");
    }
}

#[test]
fn a_policy_that_is_overridden_somewhere_is_in_force_elsewhere() {
    ready(&policy(
        "SecurityPolicy",
        json!([condition("Accepted", "True", "", ""), condition("Overridden", "True", "Overridden", "by route")]),
    ));
}

#[test]
fn a_policy_without_a_target_waits_and_so_does_a_stale_word() {
    waits(&object("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy", json!({})), "its target may be missing");
    let mut old = condition("Accepted", "True", "Accepted", "");
    old["observedGeneration"] = json!(1);
    waits(&policy("BackendTrafficPolicy", json!([old])), STALE);
    waits(&object("gateway.networking.k8s.io/v1", "BackendTLSPolicy", json!({})), "no Gateway");
}

#[test]
fn a_patch_must_be_laid_over_too() {
    let patch = |reason: &str| json!([condition("Accepted", "True", "", ""), condition("Programmed", "False", reason, "x")]);
    waits(&policy("EnvoyPatchPolicy", patch("ResourceNotFound")), "ResourceNotFound");
    fails(&policy("EnvoyPatchPolicy", patch("Invalid")), "Invalid: x");
}

#[test]
fn an_envoy_proxy_is_ready_when_it_is_there() {
    ready(&object("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", json!({})));
}

#[test]
fn certificates_and_issuers_wait_for_what_may_come() {
    let certificate = |conditions: Value| object("cert-manager.io/v1", "Certificate", json!({"status": {"conditions": conditions}}));
    ready(&certificate(json!([condition("Ready", "True", "Ready", "")])));
    waits(&certificate(json!([condition("Ready", "False", "DoesNotExist", "Secret does not exist")])), "DoesNotExist");
    let failed = json!([condition("Ready", "False", "DoesNotExist", ""), condition("Issuing", "False", "Failed", "the CA said no")]);
    fails(&certificate(failed), "Failed: the CA said no");
    let issuer = |reason: &str| {
        object("cert-manager.io/v1", "ClusterIssuer", json!({"status": {"conditions": [condition("Ready", "False", reason, "m")]}}))
    };
    waits(&issuer("ErrGetKeyPair"), "ErrGetKeyPair: m");
    fails(&issuer("ErrInvalidKeyPair"), "ErrInvalidKeyPair: m");
}

#[test]
fn a_certificate_judged_for_an_older_generation_waits() {
    let mut old = condition("Ready", "True", "Ready", "");
    old["observedGeneration"] = json!(1);
    waits(&object("cert-manager.io/v1", "Certificate", json!({"status": {"conditions": [old]}})), STALE);
}

#[test]
fn a_scaled_object_needs_its_metric_to_arrive() {
    let scaled = |conditions: Value| object("keda.sh/v1alpha1", "ScaledObject", json!({"status": {"conditions": conditions}}));
    let ready_now = condition("Ready", "True", "ScaledObjectReady", "");
    ready(&scaled(json!([ready_now])));
    ready(&scaled(json!([ready_now, condition("HPAActive", "True", "ValidMetricFound", "")])));
    waits(
        &scaled(json!([ready_now, condition("HPAActive", "False", "FailedGetExternalMetric", "no metrics")])),
        "autoscaler: FailedGetExternalMetric",
    );
    waits(&scaled(json!([condition("Ready", "False", "TriggerError", "prometheus does not answer")])), "TriggerError");
    waits(
        &scaled(json!([condition(
            "Ready",
            "False",
            "ScaledObjectCheckFailed",
            "ScaledObject doesn't have correct scaleTargetRef specification"
        )])),
        "scaleTargetRef",
    );
    fails(
        &scaled(json!([condition(
            "Ready",
            "False",
            "ScaledObjectCheckFailed",
            "ScaledObject doesn't have correct triggers specification"
        )])),
        "triggers specification",
    );
}

#[test]
fn an_autoscaler_needs_its_metrics() {
    let scaler = |status: &str, reason: &str| {
        let conditions = json!([condition("ScalingActive", status, reason, "m")]);
        object("autoscaling/v2", "HorizontalPodAutoscaler", json!({"status": {"conditions": conditions}}))
    };
    ready(&scaler("True", "ValidMetricFound"));
    ready(&scaler("False", "ScalingDisabled"));
    waits(&scaler("False", "FailedGetExternalMetric"), "FailedGetExternalMetric: m");
}

#[test]
fn the_core_kinds() {
    ready(&object("v1", "Namespace", json!({"status": {"phase": "Active"}})));
    waits(&object("v1", "Namespace", json!({"status": {"phase": "Terminating"}})), "Terminating");
    ready(&object("v1", "Service", json!({"spec": {"type": "NodePort"}})));
    waits(&object("v1", "Service", json!({"spec": {"type": "LoadBalancer"}})), "load balancer");
    ready(&object(
        "v1",
        "Service",
        json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
    ));
    ready(&object("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Bound"}})));
    fails(&object("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Lost"}})), "lost");
    ready(&object("v1", "PersistentVolumeClaim", json!({"spec": {"storageClassName": "standard"}, "status": {"phase": "Pending"}})));
    waits(&object("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Pending"}})), "not bound");
}

#[test]
fn an_unknown_kind_is_judged_by_its_ready_condition() {
    let thing = |status: Value| object("example.test/v1", "Thing", json!({"status": status}));
    ready(&object("example.test/v1", "Thing", json!({})));
    ready(&thing(json!({"conditions": [condition("Ready", "True", "", "")]})));
    waits(&thing(json!({"conditions": [condition("Ready", "False", "NotYet", "soon")]})), "NotYet: soon");
    waits(&thing(json!({"observedGeneration": 1, "conditions": [condition("Ready", "True", "", "")]})), STALE);
    waits(&object("v1", "Node", json!({"status": {"conditions": [condition("Ready", "False", "KubeletNotReady", "cni")]}})), "cni");
}

/// Any JSON, with the words that the rules look for among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "status",
        "spec",
        "metadata",
        "conditions",
        "type",
        "reason",
        "message",
        "Ready",
        "Accepted",
        "True",
        "False",
        "generation",
        "observedGeneration",
        "listeners",
        "parents",
        "ancestors",
        "controllerName",
        "gateway.envoyproxy.io/x",
        "containerStatuses",
        "state",
        "waiting",
        "terminated",
        "CrashLoopBackOff",
        "replicas",
        "webhooks",
        "clientConfig",
        "service",
        "phase",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_judge_panic(
        kind in prop::sample::select(vec![
            ("v1", "Pod"), ("v1", "Service"), ("v1", "PersistentVolumeClaim"), ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"), ("batch/v1", "Job"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"), (GATEWAY, "Gateway"), (GATEWAY, "HTTPRoute"),
            ("gateway.envoyproxy.io/v1alpha1", "EnvoyPatchPolicy"), ("keda.sh/v1alpha1", "ScaledObject"), ("x/v1", "Y"),
        ]),
        spec in any_json(), status in any_json(), metadata in any_json(), whole in any_json(),
    ) {
        let _ = judge(&whole);
        let _ = judge(&json!({"apiVersion": kind.0, "kind": kind.1, "metadata": metadata, "spec": spec, "status": status}));
    }
}
