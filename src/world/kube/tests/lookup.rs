use std::collections::BTreeMap;

use serde_json::json;

use super::super::Cluster;
use super::{Answer, cluster, deployment, refusal};
use crate::failure::FailureKind;
use crate::stack::ObjectId;

fn id() -> ObjectId {
    ObjectId::new("apps/v1", "Deployment", "keda", "x")
}

#[tokio::test]
async fn an_object_is_there_or_absent_or_unknown() {
    let (there, _) = cluster(|_| Answer::Json(200, deployment("x", "ready")));
    let found = there.get(&id()).await.unwrap().unwrap();
    assert_eq!((&found["kind"], &found["apiVersion"]), (&json!("Deployment"), &json!("apps/v1")));
    let (absent, _) = cluster(|_| refusal(404, "NotFound", "deployments.apps \"x\" not found"));
    assert_eq!(absent.get(&id()).await.unwrap(), None);
    let (broken, _) = cluster(|_| refusal(500, "InternalError", "disk full"));
    let failure = broken.get(&id()).await.unwrap_err();
    assert_eq!((failure.what.as_str(), failure.why[0].as_str()), ("cannot read Deployment keda/x", "disk full"));
}

#[tokio::test]
async fn a_kind_that_is_not_served_has_no_objects_but_cannot_be_applied() {
    let (cluster, _) = cluster(|_| Answer::Text(404, "404 page not found"));
    let thing = json!({"apiVersion": "example.test/v1", "kind": "Thing", "metadata": {"name": "t"}});
    assert_eq!(cluster.get(&ObjectId::of(&thing)).await.unwrap(), None);
    assert!(cluster.list("example.test/v1", "Thing", None).await.unwrap().is_empty());
    let failure = cluster.apply(&thing, false).await.unwrap_err();
    assert_eq!(failure.why, ["the API server does not serve Thing of example.test/v1"]);
}

#[tokio::test]
async fn a_namespace_that_is_there_stays_as_it_is() {
    let namespace = json!({"metadata": {"name": "a", "uid": "u-1"}});
    let (there, log) = cluster(move |_| Answer::Json(200, namespace.clone()));
    assert!(!there.ensure_namespace("a", &BTreeMap::new()).await.unwrap());
    assert_eq!(log.lock().unwrap().len(), 1);
    assert_eq!(there.identity().await.unwrap(), "u-1");
    let (absent, log) = cluster(|asked| match asked.method.as_str() {
        "GET" => refusal(404, "NotFound", "namespaces \"a\" not found"),
        _ => Answer::Json(201, asked.body.clone()),
    });
    let labels = BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), "tstack".to_owned())]);
    assert!(absent.ensure_namespace("a", &labels).await.unwrap());
    assert_eq!(log.lock().unwrap()[1].body["metadata"]["labels"]["app.kubernetes.io/managed-by"], "tstack");
}

#[tokio::test]
async fn an_answer_of_a_service_is_an_answer_whatever_its_code() {
    let (cluster, log) = cluster(|_| Answer::Text(503, "no endpoints available"));
    let answer = cluster.service_get("monitoring", "prometheus", 9090, "/api/v1/query?query=up").await.unwrap();
    assert_eq!(answer, (503, "no endpoints available".to_owned()));
    let asked = log.lock().unwrap()[0].clone();
    assert!(asked.is("GET", "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query"), "{asked:?}");
    assert_eq!(asked.query, "query=up");
}

#[tokio::test]
async fn a_context_that_is_not_in_the_file_is_answered_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let text =
        "apiVersion: v1\nkind: Config\ncontexts:\n- name: kind-a\n  context: {cluster: a}\n- name: kind-b\n  context: {cluster: b}\n";
    crate::world::files::write_private(&path, text.as_bytes()).unwrap();
    let failure = Cluster::connect(&path, Some("prod")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Usage);
    assert!(failure.what.ends_with("has no context `prod`"), "{failure:?}");
    assert_eq!(failure.why, ["it has kind-a, kind-b"]);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_found_when_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    // a port that was free a moment ago
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {{cluster: a}}\n\
         clusters:\n- name: a\n  cluster: {{server: 'http://127.0.0.1:{port}'}}\n"
    );
    crate::world::files::write_private(&path, text.as_bytes()).unwrap();
    let failure = Cluster::connect(&path, None).await.unwrap_err();
    assert!(failure.what.starts_with(&format!("cannot reach the API server http://127.0.0.1:{port}")), "{failure:?}");
    assert!(failure.why[0].to_lowercase().contains("refused"), "{failure:?}");
}
