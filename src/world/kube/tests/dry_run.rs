use serde_json::{Value, json};

use super::super::{Admission, Cluster, DryRun, FieldCause};
use super::{Answer, cluster, list, refusal};
use crate::failure::Failure;
use crate::stack::Object;

fn config(namespace: &str) -> Object {
    Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": namespace}}))
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

async fn ask(cluster: &Cluster, object: Object) -> Result<DryRun, Failure> {
    Ok(cluster.dry_run_all(&[object]).await?.remove(0))
}

fn cause(field: &str, message: &str) -> FieldCause {
    FieldCause { field: field.to_owned(), message: message.to_owned() }
}

#[tokio::test]
async fn nothing_is_kept_and_unknown_fields_are_errors() {
    let (cluster, log) = cluster(|asked| match asked.method.as_str() {
        "GET" => Answer::Json(200, namespace("keda")),
        _ => Answer::Warned(asked.body.clone(), &["spec.a is deprecated, use \\\"b\\\""]),
    });
    let said = ask(&cluster, config("keda")).await.unwrap();
    assert_eq!(said, DryRun { verdict: Admission::Accepted(vec![r#"spec.a is deprecated, use "b""#.to_owned()]), in_stand_in: false });
    let asked = log.lock().unwrap().last().unwrap().clone();
    assert!(asked.is("POST", "/api/v1/namespaces/keda/configmaps"), "{asked:?}");
    assert_eq!(asked.query, "dryRun=All&fieldValidation=Strict&fieldManager=tstack");
}

#[tokio::test]
async fn an_object_of_a_namespace_that_is_not_there_is_tried_in_default() {
    let (cluster, log) = cluster(|asked| match asked.method.as_str() {
        "GET" => refusal(404, "NotFound", "namespaces \"shop\" not found"),
        _ => Answer::Json(201, asked.body.clone()),
    });
    let said = ask(&cluster, config("shop")).await.unwrap();
    assert!(said.in_stand_in && said.verdict.is_accepted(), "{said:?}");
    let asked = log.lock().unwrap().last().unwrap().clone();
    assert!(asked.is("POST", "/api/v1/namespaces/default/configmaps"), "{asked:?}");
    assert_eq!(asked.body["metadata"]["namespace"], "default");
}

#[tokio::test]
async fn unknown_fields_do_not_hide_what_else_is_wrong() {
    let (cluster, _) = cluster(|asked| match (asked.method.as_str(), asked.query.contains("fieldValidation=Strict")) {
        ("GET", _) => Answer::Json(200, namespace("keda")),
        (_, true) => refusal(400, "BadRequest", "strict decoding error: unknown field \"spec.a\", unknown field \"spec.b[0].c\""),
        (_, false) => Answer::Json(
            422,
            json!({"kind": "Status", "code": 422, "reason": "Invalid", "message": "it is invalid", "details": {"causes": [
                {"field": "spec.d", "message": "must be an integer"},
                {"field": "<nil>", "message": "some validation rules were not checked because the object was invalid; correct the errors"},
            ]}}),
        ),
    });
    let Admission::Refused { causes, .. } = ask(&cluster, config("keda")).await.unwrap().verdict else { panic!("it was accepted") };
    assert_eq!(causes, [cause("spec.a", "unknown field"), cause("spec.b[0].c", "unknown field"), cause("spec.d", "must be an integer")]);
}

#[tokio::test]
async fn an_object_that_exists_is_asked_about_as_a_change() {
    let (cluster, log) = cluster(|asked| match asked.method.as_str() {
        "GET" => Answer::Json(200, namespace("keda")),
        "POST" => refusal(409, "AlreadyExists", "configmaps \"x\" already exists"),
        _ => refusal(422, "Invalid", "data: field is immutable when `immutable` is set"),
    });
    let said = ask(&cluster, config("keda")).await.unwrap();
    let message = "data: field is immutable when `immutable` is set".to_owned();
    assert_eq!(said.verdict, Admission::Refused { message, causes: Vec::new() });
    let asked = log.lock().unwrap().last().unwrap().clone();
    assert!(asked.is("PATCH", "/api/v1/namespaces/keda/configmaps/x"), "{asked:?}");
    assert!(asked.query.contains("dryRun=All") && asked.query.contains("force=true"), "{}", asked.query);
}

#[tokio::test]
async fn a_webhook_that_says_no_refuses_and_one_that_is_silent_leaves_it_open() {
    let denied = "admission webhook \"vscaledobject.kb.io\" denied the request: MinReplicaCount=5 must be less than MaxReplicaCount=2";
    let silent = "Internal error occurred: failed calling webhook \"w\": connect: connection refused";
    for (code, message, is_verdict) in [(403, denied, true), (500, silent, false)] {
        let (cluster, _) = cluster(move |asked| match asked.method.as_str() {
            "GET" => Answer::Json(200, namespace("keda")),
            _ => refusal(code, "Forbidden", message),
        });
        assert_eq!(ask(&cluster, config("keda")).await.is_ok(), is_verdict, "{message}");
    }
}

#[tokio::test]
async fn an_account_without_the_right_to_ask_is_no_verdict() {
    let (cluster, _) = cluster(|asked| match asked.method.as_str() {
        "GET" => Answer::Json(200, namespace("keda")),
        _ => refusal(403, "Forbidden", "configmaps is forbidden: User \"jane\" cannot create resource \"configmaps\" in API group \"\""),
    });
    let failure = ask(&cluster, config("keda")).await.unwrap_err();
    assert_eq!(failure.what, "cannot check ConfigMap keda/x");
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_refused_by_name() {
    let (cluster, _) = cluster(|_| list(&[]));
    let value = json!({"apiVersion": "apps/v1", "kind": "Deploymend", "metadata": {"name": "x"}});
    let said = ask(&cluster, Object::new(value)).await.unwrap();
    let message = "the API server does not serve Deploymend of apps/v1".to_owned();
    assert_eq!(said.verdict, Admission::Refused { message, causes: Vec::new() });
}
