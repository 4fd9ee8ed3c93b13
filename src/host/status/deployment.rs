//! Deployments, by their processes.

use serde_json::{Value, json};

use crate::host::fields::number;
use crate::host::{Known, Layout, Running, State};
use crate::stack::Object;

/// What the Deployment controller says of its replicas.
pub(super) fn status(object: &Object, generation: i64, layout: &Layout, known: &Known) -> Value {
    let wanted: u64 = number(&object.value, "/spec/replicas").unwrap_or(1);
    let own = || layout.processes.iter().filter(|process| process.object == object.id);
    let running: Vec<(&str, &Running)> =
        own().filter_map(|process| Some((process.name.as_str(), known.processes.get(&process.name)?))).collect();
    let updated = running.len() as u64;
    let ready = running.iter().filter(|(_, running)| running.state == State::Ready).count() as u64;
    let older: u64 = running.iter().map(|(_, running)| u64::from(running.older)).sum();
    let mut conditions = vec![
        condition(
            "Available",
            ready >= wanted,
            "MinimumReplicasAvailable",
            "MinimumReplicasUnavailable",
            &format!("{ready} of {wanted} processes are ready"),
        ),
        progress(&running, ready >= wanted),
    ];
    if let Some(why) = layout.waiting.get(&object.id) {
        conditions.push(condition("ReplicaFailure", true, "CreateContainerConfigError", "", why));
    }
    json!({
        "observedGeneration": generation,
        "replicas": updated + older,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": wanted.saturating_sub(ready),
        "conditions": conditions,
    })
}

/// A process that ends again and again does not come by waiting.
fn progress(running: &[(&str, &Running)], complete: bool) -> Value {
    match running.iter().find(|(_, running)| matches!(running.state, State::Failed(_))) {
        Some((name, failed)) => condition("Progressing", false, "", "CrashLoopBackOff", &format!("process {name} {}", failed.told())),
        None if complete => condition("Progressing", true, "NewReplicaSetAvailable", "", "all processes are ready"),
        None => condition("Progressing", true, "ReplicaSetUpdated", "", &waits_for(running)),
    }
}

/// The first process that is not ready, and what it does.
fn waits_for(running: &[(&str, &Running)]) -> String {
    let slow = running.iter().find(|(_, running)| running.state != State::Ready);
    slow.map_or_else(|| "processes are started".to_owned(), |(name, running)| format!("process {name}: {}", running.told()))
}

fn condition(name: &str, is: bool, yes: &str, no: &str, message: &str) -> Value {
    let (status, reason) = if is { ("True", yes) } else { ("False", no) };
    json!({"type": name, "status": status, "reason": reason, "message": message})
}
