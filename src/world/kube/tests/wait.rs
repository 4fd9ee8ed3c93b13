use serde_json::{Value, json};

use super::super::Cluster;
use super::{Answer, Asked, Log, Told, cluster, deployment, in_seconds, judge, list, modified};
use crate::failure::Failure;
use crate::stack::ObjectId;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/keda/deployments";
const PODS: &str = "/api/v1/namespaces/keda/pods";

fn id(name: &str) -> ObjectId {
    ObjectId::new("apps/v1", "Deployment", "keda", name)
}

async fn wait(cluster: &Cluster, names: &[&str], told: &Told) -> Result<(), Failure> {
    let ids: Vec<ObjectId> = names.iter().map(|name| id(name)).collect();
    cluster.await_ready(&ids, judge, in_seconds(120), &|text| told.push(text)).await
}

fn pod(word: &str, rest: Value) -> Value {
    let mut status = rest;
    status["word"] = json!(word);
    json!({
        "metadata": {
            "name": "keda-1", "namespace": "keda", "resourceVersion": "1",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "keda-set", "uid": "u"}],
        },
        "status": status,
    })
}

/// A cluster with one Deployment that waits, one pod, and the revision of the pod's replica set.
fn with_pod(pod: Value, revision: &'static str) -> (Cluster, Log) {
    cluster(move |asked: &Asked| match asked.path.as_str() {
        _ if asked.is_watch() => Answer::Events(Vec::new()),
        DEPLOYMENTS => list(&[deployment("keda", "0 of 1 available")]),
        PODS => list(std::slice::from_ref(&pod)),
        "/apis/apps/v1/namespaces/keda/replicasets/keda-set" => Answer::Json(
            200,
            json!({
                "metadata": {"name": "keda-set", "annotations": {"deployment.kubernetes.io/revision": revision}},
            }),
        ),
        "/api/v1/namespaces/keda/pods/keda-1/log" => Answer::Text(200, "starting\nno such database\n"),
        "/api/v1/namespaces/keda/events" => list(&[
            json!({"metadata": {"name": "a"}, "reason": "Pulled", "message": "old", "lastTimestamp": "2026-01-01T00:00:00Z"}),
            json!({"metadata": {"name": "b"}, "reason": "BackOff", "message": "again", "count": 4, "lastTimestamp": "2026-01-01T00:00:09Z"}),
        ]),
        // GET of the Deployment itself, for its evidence
        _ => Answer::Json(200, deployment("keda", "0 of 1 available")),
    })
}

#[tokio::test]
async fn a_wait_ends_when_every_object_is_ready() {
    let (cluster, _) = cluster(|asked| match asked.path.as_str() {
        PODS if asked.is_watch() => Answer::Events(Vec::new()),
        PODS => list(&[]),
        _ if asked.is_watch() && asked.query.contains("slow") => Answer::Events(vec![modified(&deployment("slow", "ready"))]),
        _ if asked.is_watch() => Answer::Events(Vec::new()),
        _ if asked.query.contains("slow") => list(&[deployment("slow", "0 of 1 available")]),
        _ => list(&[deployment("quick", "ready")]),
    });
    let told = Told::default();
    wait(&cluster, &["quick", "slow"], &told).await.unwrap();
    assert!(told.all().contains(&"1 of 2 ready; Deployment keda/slow: 0 of 1 available".to_owned()), "{:?}", told.all());
}

#[tokio::test]
async fn an_object_that_is_judged_failed_ends_the_wait() {
    let (cluster, _) = cluster(|asked| match asked.path.as_str() {
        _ if asked.is_watch() => Answer::Events(Vec::new()),
        DEPLOYMENTS => list(&[deployment("keda", "failed: its deadline passed")]),
        _ => list(&[]),
    });
    let failure = wait(&cluster, &["keda"], &Told::default()).await.unwrap_err();
    assert_eq!(failure.what, "Deployment keda/keda did not become ready");
    assert_eq!(failure.why[0], "failed: its deadline passed");
}

fn crashing() -> Value {
    pod(
        "failed: CrashLoopBackOff",
        json!({"containerStatuses": [{
            "name": "app", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }]}),
    )
}

#[tokio::test]
async fn a_pod_that_crashes_ends_the_wait_with_its_last_words() {
    let (cluster, log) = with_pod(crashing(), "2");
    let failure = wait(&cluster, &["keda"], &Told::default()).await.unwrap_err();
    assert_eq!(failure.what, "Deployment keda/keda did not become ready");
    assert_eq!(
        failure.why,
        [
            "pod keda-1: failed: CrashLoopBackOff",
            "Pod keda/keda-1, container app: CrashLoopBackOff: back-off 40s, ended with exit code 1 (Error) before, 3 restarts",
            "last log lines of container app before it ended:\nstarting\nno such database",
            "event of Pod keda/keda-1: BackOff: again (4 times)",
            "event of Pod keda/keda-1: Pulled: old",
        ]
    );
    assert!(failure.hints[0].contains("Read its last log lines"), "{failure:?}");
    let log = log.lock().unwrap();
    let logs = log.iter().find(|one| one.path.ends_with("/log")).unwrap();
    assert!(logs.query.contains("previous=true") && logs.query.contains("tailLines=10"), "{}", logs.query);
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_an_older_template_does_not_end_the_wait() {
    let (cluster, _) = with_pod(crashing(), "1");
    let failure = wait(&cluster, &["keda"], &Told::default()).await.unwrap_err();
    assert_eq!(failure.what, "Deployment keda/keda did not become ready in time");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_no_node_has_room_for_ends_the_wait_after_a_while() {
    let reason = "0/1 nodes are available: 1 Insufficient cpu.";
    let conditions = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}]);
    let (cluster, _) = with_pod(pod("Unschedulable: Insufficient cpu", json!({"phase": "Pending", "conditions": conditions})), "2");
    let start = tokio::time::Instant::now();
    let failure = wait(&cluster, &["keda"], &Told::default()).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(failure.why[0], "pod keda-1: Unschedulable: Insufficient cpu");
    assert!(failure.hints[0].contains("more processors"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_every_object_that_is_not_ready_is_named() {
    let (cluster, _) = cluster(|asked| match asked.path.as_str() {
        _ if asked.is_watch() => Answer::Events(Vec::new()),
        DEPLOYMENTS if asked.query.contains("absent") => list(&[]),
        DEPLOYMENTS if asked.query.contains("slow") => list(&[deployment("slow", "0 of 1 available")]),
        DEPLOYMENTS => list(&[deployment("quick", "ready")]),
        _ => list(&[]),
    });
    let failure = wait(&cluster, &["quick", "slow", "absent"], &Told::default()).await.unwrap_err();
    assert_eq!(failure.what, "2 of 3 objects did not become ready in time");
    assert_eq!(failure.why[..2], ["Deployment keda/slow: 0 of 1 available", "Deployment keda/absent: not there yet"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fell_behind_lists_anew() {
    let mut lists = 0;
    let (cluster, _) = cluster(move |asked| match asked.path.as_str() {
        DEPLOYMENTS if asked.is_watch() => Answer::Events(vec![
            json!({"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}}),
        ]),
        DEPLOYMENTS => {
            lists += 1;
            list(&[deployment("keda", if lists == 1 { "waits" } else { "ready" })])
        }
        _ if asked.is_watch() => Answer::Events(Vec::new()),
        _ => list(&[]),
    });
    let told = Told::default();
    wait(&cluster, &["keda"], &told).await.unwrap();
    assert!(!told.all().iter().any(|text| text.contains("too old")), "{:?}", told.all());
}
