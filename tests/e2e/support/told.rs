//! What tstack says with `--output json`.

use serde_json::Value;
use tstack::event::{CheckReport, Event};

use super::program::Said;

/// The events of a run, in order.
pub(crate) fn events(said: &Said) -> Vec<Event> {
    said.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|event| *event != Event::Unknown).collect()
}

/// The event of a line.
pub(crate) fn event(line: &str) -> Option<Event> {
    serde_json::from_str(line).ok()
}

/// The data of the line `{"event": name, "data": …}`.
#[track_caller]
pub(crate) fn data(said: &Said, name: &str) -> Value {
    let lines = said.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.filter(|line| line["event"] == name).map(|line| line["data"].clone()).next();
    found.unwrap_or_else(|| panic!("no line `{name}`\n{}", said.all()))
}

/// Results of the checks.
pub(crate) fn checks(said: &Said) -> Vec<CheckReport> {
    let of = |event| if let Event::CheckDone { report, .. } = event { Some(report) } else { None };
    events(said).into_iter().filter_map(of).collect()
}

/// The ids of a plan's steps (`plan --output json`).
pub(crate) fn steps(said: &Said) -> Vec<String> {
    let plan = data(said, "plan");
    plan["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
}

/// Where the time of a run went, for the log.
pub(crate) fn times(said: &Said) -> String {
    let of = |event| if let Event::StepDone { id, took } = event { Some((took, id)) } else { None };
    let mut steps: Vec<_> = events(said).into_iter().filter_map(of).collect();
    steps.sort();
    let slowest: Vec<String> = steps.iter().rev().take(4).map(|(took, id)| format!("{id} {:.1} s", took.as_secs_f64())).collect();
    format!("        ({:.1} s: {})", said.took.as_secs_f64(), slowest.join(", "))
}
