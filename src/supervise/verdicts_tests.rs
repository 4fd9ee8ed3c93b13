use serde_json::json;

use super::*;

fn key(name: &str) -> VerdictKey {
    ("HTTPRoute".to_owned(), format!("demo/{name}"))
}

fn status(name: &str, word: &str) -> Line {
    Line::Status { key: key(name), status: json!({"word": word}) }
}

fn generation(verdicts: &Verdicts, name: &str) -> Option<(String, i64)> {
    verdicts.known().get(&key(name)).map(|v| (v.status["word"].as_str().unwrap().to_owned(), v.generation))
}

#[test]
fn a_status_is_read_from_the_log() {
    let line = r#"{"level":"info","ts":"2026-11-21T17:28:14.321Z","logger":"provider","msg":"Got new status for Backend\nconditions:\n- lastTransitionTime: \"2026-11-21T17:28:14Z\"\n  message: The Backend was accepted\n  reason: Accepted\n  status: \"True\"\n  type: Accepted\n","runner":"provider","key":"demo/b"}"#;
    let Some(Line::Status { key, status }) = read(line) else { panic!("{:?}", read(line)) };
    assert_eq!(key, ("Backend".to_owned(), "demo/b".to_owned()));
    assert_eq!(status["conditions"][0]["status"], "True");
}

#[test]
fn envoy_gateway_has_no_name_for_its_own_kind() {
    let line = r#"{"msg":"Got new status for Unknown\nancestors: []\n","key":"envoy-gateway-system/p"}"#;
    let Some(Line::Status { key, .. }) = read(line) else { panic!() };
    assert_eq!(key, ("EnvoyProxy".to_owned(), "envoy-gateway-system/p".to_owned()));
}

#[test]
fn a_refusal_is_read_with_its_reason_and_all_else_means_nothing() {
    let line =
        r#"{"level":"error","msg":"error when reload resources","error":"local validation error: spec.provider.hosst: Invalid value"}"#;
    assert_eq!(read(line), Some(Line::Refused("local validation error: spec.provider.hosst: Invalid value".to_owned())));
    assert_eq!(read(r#"{"msg":"received a status update","kind":"HTTPRoute"}"#), None);
    assert_eq!(read("starting: /x/envoy with logs in /y"), None);
    let at_its_start = r#"{"level":"error","msg":"failed to reload resources initially","error":"x"}"#;
    assert_eq!(read(at_its_start), Some(Line::Refused("x".to_owned())));
    assert_eq!(read(r#"{"msg":"started status update handler"}"#), Some(Line::Looks));
}

#[test]
fn a_word_counts_for_the_new_generation_when_the_second_marker_was_judged() {
    let mut verdicts = Verdicts::default();
    verdicts.wrote([(key("r"), 1)].into(), Some(key("m-1")), false);
    assert_eq!(verdicts.hear(status("r", "good")), Next::Nothing);
    assert_eq!(generation(&verdicts, "r"), None);
    assert_eq!(verdicts.hear(status("m-1", "")), Next::Mark);
    verdicts.marked(key("m-2"));
    assert_eq!(verdicts.hear(status("m-2", "")), Next::Settled);
    assert_eq!(generation(&verdicts, "r"), Some(("good".to_owned(), 1)));

    // a change that leaves the verdict as it is brings no word of it
    verdicts.wrote([(key("r"), 2)].into(), Some(key("m-3")), true);
    assert_eq!(generation(&verdicts, "r"), Some(("good".to_owned(), 1)));
    assert_eq!(verdicts.hear(status("m-3", "")), Next::Mark);
    verdicts.marked(key("m-4"));
    verdicts.hear(status("m-4", ""));
    assert_eq!(generation(&verdicts, "r"), Some(("good".to_owned(), 2)));
}

#[test]
fn what_was_written_while_it_looked_for_the_first_time_is_written_again() {
    let mut verdicts = Verdicts::default();
    verdicts.wrote([(key("r"), 1)].into(), Some(key("m-1")), true);
    assert_eq!(verdicts.hear(Line::Looks), Next::Nothing);
    verdicts.wrote([(key("r"), 2)].into(), Some(key("m-2")), true);
    assert_eq!(verdicts.hear(Line::Reads), Next::Mark);
    verdicts.marked(key("m-3"));
    verdicts.hear(status("r", "of the first look"));
    assert_eq!(verdicts.hear(status("m-3", "")), Next::Mark);
    verdicts.marked(key("m-4"));
    assert_eq!(verdicts.hear(status("m-4", "")), Next::Settled);

    // nothing was written meanwhile: nothing is missed
    verdicts.restarted();
    verdicts.hear(Line::Looks);
    assert_eq!(verdicts.hear(Line::Reads), Next::Nothing);
}

#[test]
fn a_word_on_the_old_resources_is_not_taken_for_one_on_the_new() {
    let mut verdicts = Verdicts::default();
    verdicts.wrote([(key("r"), 1)].into(), Some(key("m-1")), true);
    verdicts.wrote([(key("r"), 2)].into(), Some(key("m-2")), true);
    // the marker of a load that was overtaken
    assert_eq!(verdicts.hear(status("m-1", "")), Next::Nothing);
    verdicts.hear(status("r", "bad"));
    assert_eq!(generation(&verdicts, "r"), None);
}

#[test]
fn what_is_no_longer_written_has_no_verdict() {
    let mut verdicts = Verdicts::default();
    verdicts.wrote([(key("r"), 1)].into(), None, true);
    verdicts.hear(status("r", "good"));
    assert_eq!(generation(&verdicts, "r"), Some(("good".to_owned(), 1)));
    verdicts.wrote(BTreeMap::new(), None, true);
    assert!(verdicts.known().is_empty());
}

#[test]
fn a_refusal_is_about_the_objects_that_have_the_field() {
    let bad = json!({"spec": {"rules": [{"matches": [{"path": {"type": "Nope"}}]}]}});
    let good = json!({"spec": {"rules": []}});
    let refusal = "failed to load: local validation error: spec.rules[0].matches[0].path.type: Unsupported value: \"Nope\"";
    assert!(may_be_about(refusal, &bad));
    assert!(!may_be_about(refusal, &good));
    assert!(may_be_about("local validation error: spec.gatewayClassName: Required value", &good));
    assert!(!may_be_about("yaml: line 3: did not find", &bad));
}

#[test]
fn a_refusal_that_names_its_object_is_about_no_other() {
    let named = |name: &str| {
        let api = "gateway.envoyproxy.io/v1alpha1";
        json!({"apiVersion": api, "kind": "BackendTrafficPolicy", "metadata": {"name": name}, "spec": {"limit": {"unit": "x"}}})
    };
    let refusal =
        "local validation error: BackendTrafficPolicy.gateway.envoyproxy.io \"a\" is invalid: [spec.limit.unit: Unsupported value: \"x\"]";
    assert!(may_be_about(refusal, &named("a")));
    assert!(!may_be_about(refusal, &named("b")));
}

#[test]
fn a_change_that_leaves_what_is_written_as_it_is_needs_no_new_word() {
    let mut verdicts = Verdicts::default();
    verdicts.wrote([(key("r"), 1)].into(), None, true);
    verdicts.hear(status("r", "good"));
    verdicts.renumbered([(key("r"), 2)].into());
    assert_eq!(generation(&verdicts, "r"), Some(("good".to_owned(), 2)));
}

#[test]
fn a_new_word_after_all_was_settled_counts_at_once() {
    let mut verdicts = Verdicts::default();
    verdicts.wrote([(key("r"), 1)].into(), Some(key("m-1")), true);
    verdicts.hear(status("r", "good"));
    assert_eq!(generation(&verdicts, "r"), Some(("good".to_owned(), 1)));
    // not settled: the next word may still be on the first
    verdicts.wrote([(key("r"), 2)].into(), Some(key("m-2")), true);
    verdicts.hear(status("r", "bad"));
    assert_eq!(generation(&verdicts, "r"), Some(("bad".to_owned(), 1)));
}
