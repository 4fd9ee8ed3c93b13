//! One JSON object per line, for programs.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::event::Event;

use super::Renderer;

/// Writes each event as a line of JSON with the seconds since the start in `at`, and flushes it.
pub struct Json {
    to: Box<dyn Write + Send>,
}

impl Json {
    /// A renderer that writes to `to`.
    #[must_use]
    pub fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to }
    }
}

impl Renderer for Json {
    fn on(&mut self, event: &Event, at: Duration) {
        // an event that this version does not know has nothing to tell
        let Ok(Value::Object(fields)) = serde_json::to_value(event) else { return };
        if *event == Event::Unknown {
            return;
        }
        let mut object = Map::new();
        object.insert("at".into(), Value::from((at.as_secs_f64() * 1000.0).round() / 1000.0));
        object.extend(fields);
        let _ = writeln!(self.to, "{}", Value::Object(object));
        let _ = self.to.flush();
    }
}

/// One line of JSON that is no event of a run but stands beside them: `{"event":"summary","data":{…}}`.
/// Ends in a line break; data that has no JSON form (a map with keys that are no text) is `null`.
#[must_use]
pub fn line(event: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_value(data).unwrap_or(Value::Null);
    format!("{}\n", serde_json::json!({ "event": event, "data": data }))
}

/// Data as indented JSON, ending in a line break: what `status`, `plan` and `verify` write with `--output json`.
#[must_use]
pub fn document(data: &impl Serialize) -> String {
    let data = serde_json::to_value(data).unwrap_or(Value::Null);
    format!("{data:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::report::recorded::{Kept, broken, play};

    #[test]
    fn every_event_is_a_line_of_json_with_its_time() {
        let kept = Kept::default();
        play(&mut Json::new(Box::new(kept.clone())), &broken());
        insta::assert_snapshot!(kept.text(), @r#"
        {"at":0.0,"event":"plan.started","verb":"up","target":"tstack-task-api","steps":[{"id":"cluster","title":"make cluster tstack-task-api","cause":"there is none","needs":[]},{"id":"install:cert-manager","title":"install cert-manager v1.19.1","cause":"not installed","needs":["cluster"]},{"id":"install:keda","title":"install keda 2.21.0","cause":"not installed","needs":["cluster"]},{"id":"apply:task-api","title":"apply task-api","cause":"12 objects are new","needs":["install:keda"]},{"id":"verify","title":"run 2 checks","cause":"they never ran","needs":["apply:task-api"]}]}
        {"at":0.01,"event":"step.started","id":"cluster"}
        {"at":31.21,"event":"step.done","id":"cluster","took":31.2}
        {"at":31.22,"event":"step.started","id":"install:cert-manager"}
        {"at":31.22,"event":"step.started","id":"install:keda"}
        {"at":33.0,"event":"step.waiting","id":"install:keda","reason":"Deployment keda/keda-operator: 0 of 1 replicas available"}
        {"at":39.4,"event":"step.failed","id":"install:keda","took":8.18,"failure":{"kind":"step","what":"Deployment keda/keda-operator did not become ready","why":["Pod keda/keda-operator-5c: container keda-operator is in CrashLoopBackOff, 4 restarts","last lines of its log:\n\u001b[31mERROR\u001b[0m cannot list ScaledObjects\u0007\npanic: forbidden"],"hints":["look at it: kubectl -n keda describe pod keda-operator-5c"]}}
        {"at":39.4,"event":"step.skipped","id":"apply:task-api","because":"install:keda"}
        {"at":39.4,"event":"step.skipped","id":"verify","because":"apply:task-api"}
        {"at":40.0,"event":"step.done","id":"install:cert-manager","took":8.78}
        {"at":40.0,"event":"plan.finished","done":2,"failed":1,"skipped":2,"took":40.0}
        "#);
    }

    #[test]
    fn every_line_reads_back_as_the_event() {
        let kept = Kept::default();
        play(&mut Json::new(Box::new(kept.clone())), &broken());
        let read: Vec<Event> = kept.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let sent: Vec<Event> = broken().into_iter().map(|(_, event)| event).collect();
        assert_eq!(read, sent);
    }

    #[test]
    fn a_document_is_indented() {
        assert_eq!(document(&crate::status::Health::Healthy), "\"healthy\"\n");
        assert_eq!(document(&std::collections::BTreeMap::from([("a", 1)])), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn a_failure_outside_of_a_run_has_the_same_form() {
        assert_eq!(
            line("failure", &Failure::usage("no stack `x`")),
            "{\"event\":\"failure\",\"data\":{\"kind\":\"usage\",\"what\":\"no stack `x`\"}}\n"
        );
    }
}
