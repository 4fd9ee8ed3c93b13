use serde_json::{Value, json};

use super::{Answer, Told, cluster, in_seconds, list, refusal};
use crate::stack::ObjectId;

fn config(finalizers: &[&str]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "keda", "uid": "u-1", "resourceVersion": "1", "finalizers": finalizers},
    })
}

fn id() -> ObjectId {
    ObjectId::of(&config(&[]))
}

/// What the deletion said of dependents.
fn how(log: &std::sync::Mutex<Vec<super::Asked>>) -> String {
    let log = log.lock().unwrap();
    let deleted = log.iter().find(|one| one.method == "DELETE").unwrap();
    deleted.body["propagationPolicy"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_absent_is_deleted_already() {
    let (cluster, log) = cluster(|_| refusal(404, "NotFound", "configmaps \"x\" not found"));
    cluster.delete_all(&[id()], in_seconds(5), &|_| ()).await.unwrap();
    assert!(log.lock().unwrap().iter().all(|one| one.method == "GET"));
}

#[tokio::test]
async fn a_deletion_is_over_when_the_object_and_what_hangs_on_it_is_gone() {
    let deployment = |finalizers: &[&str]| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "x", "namespace": "keda", "uid": "u-1", "resourceVersion": "1", "finalizers": finalizers},
        })
    };
    let (cluster, log) = cluster(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("DELETE", _) | ("GET", "/apis/apps/v1/namespaces/keda/deployments/x") => Answer::Json(200, deployment(&[])),
        _ if asked.is_watch() => Answer::Events(vec![json!({"type": "DELETED", "object": deployment(&[])})]),
        _ => list(&[deployment(&["foregroundDeletion"])]),
    });
    let told = Told::default();
    let id = ObjectId::new("apps/v1", "Deployment", "keda", "x");
    cluster.delete_all(&[id], in_seconds(5), &|text| told.push(text)).await.unwrap();
    assert_eq!(told.all(), ["Deployment keda/x: its dependents are being deleted first"]);
    assert_eq!(how(&log), "Foreground");
}

#[tokio::test]
async fn the_garbage_collector_is_spared_what_nothing_hangs_on() {
    let (cluster, log) = cluster(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("DELETE", _) | ("GET", "/api/v1/namespaces/keda/configmaps/x") => Answer::Json(200, config(&[])),
        _ if asked.is_watch() => Answer::Events(vec![json!({"type": "DELETED", "object": config(&[])})]),
        _ => list(&[config(&[])]),
    });
    cluster.delete_all(&[id()], in_seconds(5), &|_| ()).await.unwrap();
    assert_eq!(how(&log), "Background");
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_that_holds_an_object_is_named() {
    let (cluster, _) = cluster(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        _ if asked.is_watch() => Answer::Events(Vec::new()),
        (_, "/api/v1/namespaces/keda/configmaps") => list(&[config(&["finalizer.keda.sh"])]),
        _ => Answer::Json(200, config(&["finalizer.keda.sh"])),
    });
    let failure = cluster.delete_all(&[id()], in_seconds(20), &|_| ()).await.unwrap_err();
    assert_eq!(failure.what, "ConfigMap keda/x could not be deleted in time");
    assert_eq!(failure.why, ["ConfigMap keda/x: held by finalizers finalizer.keda.sh"]);
}

#[tokio::test]
async fn pods_of_a_namespace_that_goes_get_a_second_after_what_would_make_them_anew_was_deleted() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "keda", "uid": "u-2"}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "keda", "uid": "u-3"}});
    let mut ended = false;
    let (cluster, log) = cluster(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("DELETE", "/api/v1/namespaces/keda/pods/p") => {
            ended = true;
            Answer::Json(200, pod.clone())
        }
        ("GET", "/api/v1/namespaces/keda/pods") if !ended => list(std::slice::from_ref(&pod)),
        ("GET", "/apis/apps/v1/namespaces/keda/deployments") => list(std::slice::from_ref(&deployment)),
        (_, "/apis/apps/v1/namespaces/keda/deployments/d") => Answer::Json(200, deployment.clone()),
        ("GET", path) if path.ends_with('s') => list(&[]),
        _ => refusal(404, "NotFound", "the kind is not served"),
    });
    cluster.end_pods("keda", in_seconds(5)).await.unwrap();
    let log = log.lock().unwrap();
    let deleted: Vec<_> = log.iter().filter(|one| one.method == "DELETE").collect();
    assert_eq!(deleted[0].path, "/apis/apps/v1/namespaces/keda/deployments/d");
    assert_eq!(deleted[1].path, "/api/v1/namespaces/keda/pods/p");
    assert_eq!(deleted[1].body["gracePeriodSeconds"], 1);
}
