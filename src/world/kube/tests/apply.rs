use serde_json::json;

use super::super::Cluster;
use super::{Answer, Told, cluster, in_seconds, list, modified, refusal};
use crate::failure::Failure;
use crate::stack::Object;

fn config() -> Object {
    Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "keda"}}))
}

async fn apply_all(cluster: &Cluster, objects: &[Object], told: &Told) -> Result<(), Failure> {
    cluster.apply_all(objects, in_seconds(60), &|text| told.push(text)).await
}

#[tokio::test]
async fn apply_is_server_side_under_our_name_and_strict() {
    let (cluster, log) = cluster(|asked| Answer::Json(200, asked.body.clone()));
    cluster.apply(&config().value, true).await.unwrap();
    let asked = log.lock().unwrap()[0].clone();
    assert!(asked.is("PATCH", "/api/v1/namespaces/keda/configmaps/x"), "{asked:?}");
    assert_eq!(asked.content_type, "application/apply-patch+yaml");
    for part in ["fieldManager=tstack", "force=true", "fieldValidation=Strict"] {
        assert!(asked.query.contains(part), "{}", asked.query);
    }
    assert!(!asked.query.contains("dryRun"));
}

#[tokio::test]
async fn an_invalid_object_is_refused_with_its_fields() {
    let (cluster, log) = cluster(|_| {
        Answer::Json(
            422,
            json!({
                "kind": "Status", "code": 422, "reason": "Invalid", "message": "ConfigMap \"x\" is invalid",
                "details": {"name": "x", "causes": [{"reason": "FieldValueInvalid", "field": "spec.a", "message": "must be a number"}]},
            }),
        )
    });
    let failure = apply_all(&cluster, &[config()], &Told::default()).await.unwrap_err();
    assert_eq!(failure.what, "cannot apply ConfigMap keda/x");
    assert_eq!(failure.why, ["ConfigMap \"x\" is invalid", "spec.a: must be a number"]);
    assert_eq!(log.lock().unwrap().len(), 1, "an edit alone repairs it: no second try");
}

#[tokio::test]
async fn a_conflict_names_the_owner_of_the_field() {
    let (cluster, log) = cluster(|_| {
        let cause = json!({"reason": "FieldManagerConflict", "field": ".spec.replicas", "message": "conflict with \"helm\" using apps/v1"});
        Answer::Json(
            409,
            json!({
                "kind": "Status", "code": 409, "reason": "Conflict", "message": "Apply failed with 1 conflict",
                "details": {"name": "x", "causes": [cause]},
            }),
        )
    });
    let failure = apply_all(&cluster, &[config()], &Told::default()).await.unwrap_err();
    assert_eq!(failure.hints, ["Remove .spec.replicas from the manifest, or give it up at its owner: field manager `helm`."]);
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_answer_yet_is_tried_again() {
    let mut tries = 0;
    let (cluster, _) = cluster(move |asked| {
        tries += 1;
        if tries < 4 {
            let message = "Internal error occurred: failed calling webhook \"w.example\": failed to call webhook: \
                           Post \"https://w.svc:443/validate?timeout=10s\": dial tcp 10.0.0.1:443: connect: connection refused";
            return refusal(500, "InternalError", message);
        }
        Answer::Json(200, asked.body.clone())
    });
    let told = Told::default();
    apply_all(&cluster, &[config()], &told).await.unwrap();
    let expected = "ConfigMap keda/x: webhook w.example does not answer yet: dial tcp 10.0.0.1:443: connect: connection refused";
    assert_eq!(told.all(), [expected], "told once, not at each try");
}

#[tokio::test]
async fn a_webhook_that_says_no_ends_it_at_once() {
    let (cluster, log) =
        cluster(|_| refusal(403, "Forbidden", "admission webhook \"w.example\" denied the request: two policies on one route"));
    let failure = apply_all(&cluster, &[config()], &Told::default()).await.unwrap_err();
    assert!(failure.why[0].contains("two policies on one route"), "{failure:?}");
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_still_ends_at_the_deadline() {
    let (cluster, _) = cluster(|_| refusal(503, "ServiceUnavailable", "apiserver is starting"));
    let failure = apply_all(&cluster, &[config()], &Told::default()).await.unwrap_err();
    assert_eq!(failure.what, "ConfigMap keda/x could not be applied in time");
    assert!(failure.why[0].contains("apiserver is starting"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_custom_resource_waits_for_its_definition() {
    let definition = |established: &str| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.test", "resourceVersion": "1"},
            "status": {"conditions": [{"type": "Established", "status": established}]},
        })
    };
    let mut discoveries = 0;
    let (cluster, log) = cluster(move |asked| {
        if asked.path == "/apis/example.test/v1" {
            discoveries += 1;
            if discoveries == 1 {
                return Answer::Text(404, "404 page not found");
            }
            return Answer::Json(200, json!({"resources": [{"name": "things", "kind": "Thing", "namespaced": false}]}));
        }
        match asked.method.as_str() {
            "PATCH" => Answer::Json(200, asked.body.clone()),
            _ if asked.is_watch() => Answer::Events(vec![modified(&definition("True"))]),
            _ => list(&[definition("False")]),
        }
    });
    let thing = Object::new(json!({"apiVersion": "example.test/v1", "kind": "Thing", "metadata": {"name": "t"}}));
    let told = Told::default();
    apply_all(&cluster, &[thing, Object::new(definition("False"))], &told).await.unwrap();
    let patched: Vec<String> = log.lock().unwrap().iter().filter(|one| one.method == "PATCH").map(|one| one.path.clone()).collect();
    assert_eq!(patched, ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.test", "/apis/example.test/v1/things/t"]);
    assert!(told.all().iter().any(|text| text == "Thing t: Thing of example.test/v1 is not served yet"), "{:?}", told.all());
    assert!(told.all().iter().any(|text| text.contains("not established yet")), "{:?}", told.all());
}

#[tokio::test]
async fn a_definition_is_made_and_one_that_is_there_is_replaced_in_the_version_that_was_seen() {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"}, "spec": {"group": "example.org"},
    });
    let (cluster, log) = cluster(|asked| match asked.method.as_str() {
        "POST" => refusal(409, "AlreadyExists", "customresourcedefinitions \"widgets.example.org\" already exists"),
        "GET" => Answer::Json(200, json!({"metadata": {"name": "widgets.example.org", "resourceVersion": "7"}})),
        _ => Answer::Json(200, asked.body.clone()),
    });
    cluster.put(&crate::stack::ObjectId::of(&definition), &definition.to_string()).await.unwrap();
    let log = log.lock().unwrap();
    let folder = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert!(log[0].is("POST", folder), "{:?}", log[0]);
    assert!(log[0].query.contains("fieldManager=tstack"), "{}", log[0].query);
    let last = log.last().unwrap();
    assert!(last.is("PUT", &format!("{folder}/widgets.example.org")), "{last:?}");
    assert_eq!((&last.body["metadata"]["resourceVersion"], &last.body["spec"]["group"]), (&json!("7"), &json!("example.org")));
}
