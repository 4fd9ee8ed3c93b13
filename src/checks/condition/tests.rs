//! Conditions as controllers write them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::checks::testing::{Bench, Scripted, failure, told_of};
use crate::failure::Failure;
use crate::stack::{CheckKind, ConditionCheck};

fn check() -> CheckKind {
    CheckKind::Condition(ConditionCheck {
        api_version: "keda.sh/v1alpha1".into(),
        kind: "ScaledObject".into(),
        namespace: Some("task-api".into()),
        name: "task-api-scaler".into(),
        condition: Some("Ready".into()),
        status: "True".into(),
        fields: BTreeMap::from([("/spec/minReplicaCount".to_owned(), json!(1))]),
    })
}

fn scaler(ready: &str) -> Value {
    json!({
        "metadata": {"generation": 2},
        "spec": {"minReplicaCount": 1},
        "status": {"conditions": [
            {"type": "Active", "status": "False", "reason": "ScalerNotActive", "message": "Scaling is not performed"},
            {"type": "Ready", "status": ready, "reason": "TriggerError", "message": "Triggers defined in ScaledObject are not working correctly"},
        ]},
    })
}

#[tokio::test]
async fn a_condition_and_fields_that_hold_pass() {
    let bench = Bench::new().with_cluster(Scripted::objects(|_, id| {
        assert_eq!(id.to_string(), "ScaledObject task-api/task-api-scaler");
        Ok(Some(scaler("True")))
    }));
    let report = bench.run(check()).await;
    assert_eq!((report.failure, report.seen.as_str()), (None, "Ready=True, /spec/minReplicaCount = 1"));
}

#[tokio::test]
async fn reason_and_message_are_shown_as_they_are() {
    let report = Bench::new().with_cluster(Scripted::objects(|_, _| Ok(Some(scaler("False"))))).run(check()).await;
    let what = "Ready=False, TriggerError: Triggers defined in ScaledObject are not working correctly, expected Ready=True";
    assert_eq!(failure(&report).what, format!("ScaledObject task-api/task-api-scaler: {what}"));
    assert_eq!(failure(&report).why, ["its other conditions:\nActive=False, ScalerNotActive: Scaling is not performed"]);
    assert_eq!(failure(&report).hints, ["See its events: `kubectl describe scaledobject task-api-scaler -n task-api`."]);
}

#[tokio::test]
async fn a_condition_about_an_earlier_generation_does_not_count() {
    let mut object = scaler("True");
    object["status"]["conditions"][1]["observedGeneration"] = json!(1);
    let report = Bench::new().with_cluster(Scripted::objects(move |_, _| Ok(Some(object.clone())))).run(check()).await;
    assert_eq!(report.seen, "Ready=True is about generation 1, but the object is at generation 2");
}

#[tokio::test]
async fn a_wrong_field_fails() {
    let object = json!({"spec": {"minReplicaCount": 0}, "status": scaler("True")["status"]});
    let report = Bench::new().with_cluster(Scripted::objects(move |_, _| Ok(Some(object.clone())))).run(check()).await;
    assert_eq!(report.seen, "/spec/minReplicaCount is 0, expected 1");
}

#[tokio::test]
async fn an_object_that_is_not_there_fails() {
    let report = Bench::new().with_cluster(Scripted::objects(|_, _| Ok(None))).run(check()).await;
    assert_eq!(failure(&report).what, "ScaledObject task-api/task-api-scaler does not exist");
    assert!(told_of(&report).contains("tstack plan"));
}

#[tokio::test]
async fn a_condition_that_comes_late_passes_while_the_stack_settles() {
    let objects = |asked, _: &_| match asked {
        0 => Ok(None),
        1 => Err(Failure::step("the API server did not answer")),
        2 => Ok(Some(json!({"spec": {"minReplicaCount": 1}}))),
        _ => Ok(Some(scaler("True"))),
    };
    let bench = Bench::new().settling().with_cluster(Scripted::objects(objects));
    assert_eq!(bench.run(check()).await.failure, None);
    let id = "ScaledObject task-api/task-api-scaler";
    assert_eq!(bench.told()[0], format!("{id} does not exist"));
    assert_eq!(bench.told()[1], "the API server did not answer");
    assert_eq!(bench.told()[2], format!("{id}: it has no condition Ready yet, expected Ready=True"));
}

#[tokio::test]
async fn without_a_cluster_it_says_so() {
    let report = Bench::new().run(check()).await;
    assert_eq!(failure(&report).what, "this check reads the cluster, but there is no connection to it");
}
