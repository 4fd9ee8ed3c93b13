//! Pods, and what their containers wait for.
//!
//! Failed at once: an image that the node has given up on for now (`ImagePullBackOff`: the second try failed as well), an image name
//! that is none, an image that may not be pulled, and a crash loop. Waiting: the first failed pull (`ErrImagePull`, a registry may
//! hiccup), a missing ConfigMap or Secret (`CreateContainerConfigError`, it may still be applied), a pod that fits on no node (a
//! node may become ready), and a single crash. How long those may last is for the one who waits to decide.

use serde_json::Value;

use super::Readiness;
use super::condition::{Condition, about, condition, list, number, text, worst};

/// A pod that runs and is ready, or has done its work.
pub(super) fn judge(object: &Value) -> Readiness {
    match text(object, "/status/phase") {
        "Succeeded" => return Readiness::Ready,
        "Failed" => return Readiness::Failed(ended_badly(object)),
        _ => {}
    }
    if condition(object, "Ready").is_some_and(Condition::is_true) {
        return Readiness::Ready;
    }
    if let Some(scheduled) = condition(object, "PodScheduled").filter(|scheduled| scheduled.is_false()) {
        return Readiness::Waiting(scheduled.explain());
    }
    let containers = ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter().flat_map(|at| list(object, at));
    match worst(containers.map(container)) {
        Readiness::Ready => Readiness::Waiting(match text(object, "/status/phase") {
            "" | "Pending" => "not started yet".to_owned(),
            _ => "running, not ready yet".to_owned(),
        }),
        other => other,
    }
}

fn ended_badly(object: &Value) -> String {
    let (reason, message) = (text(object, "/status/reason"), text(object, "/status/message"));
    if !reason.is_empty() {
        return if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    }
    let ended = list(object, "/status/containerStatuses").iter().find_map(|one| {
        let last = one.pointer("/state/terminated").filter(|last| number(last, "/exitCode", 0) != 0)?;
        Some(format!("container {} {}", text(one, "/name"), ending(last)))
    });
    ended.unwrap_or_else(|| "failed".to_owned())
}

/// One container, by its state and, in a crash loop, by how it ended before.
fn container(status: &Value) -> Readiness {
    let reason = text(status, "/state/waiting/reason");
    let message = text(status, "/state/waiting/message");
    let told = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    let judged = match reason {
        "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => Readiness::Failed(told),
        "CrashLoopBackOff" => crash_loop(status, message),
        // the two that every pod passes through
        "" | "PodInitializing" | "ContainerCreating" => settling(status, reason),
        _ => Readiness::Waiting(told),
    };
    about(&format!("container {}", text(status, "/name")), judged)
}

/// A container that is not in trouble now; a crash before this start is worth a word.
fn settling(status: &Value, reason: &str) -> Readiness {
    let state = status.get("state");
    if let Some(last) = state.and_then(|state| state.get("terminated")).filter(|last| number(last, "/exitCode", 0) != 0) {
        return Readiness::Waiting(ending(last));
    }
    if let Some(last) = status.pointer("/lastState/terminated").filter(|last| number(last, "/exitCode", 0) != 0)
        && status.get("ready").and_then(Value::as_bool) == Some(false)
    {
        return Readiness::Waiting(format!("started again, {} before", ending(last)));
    }
    if reason.is_empty() { Readiness::Ready } else { Readiness::Waiting(reason.to_owned()) }
}

/// A container that ended again and again.
///
/// It is failed when it ended badly at least three times in a row: two restarts counted and a back-off above its first ten seconds.
/// The kubelet forgets the back-off when it starts anew, so after a restart of the node an old count alone convicts nobody. An
/// end with code 0 is by design in some programs (KEDA's operator once, when it has made its certificates), so that takes five.
fn crash_loop(status: &Value, message: &str) -> Readiness {
    let restarts = number(status, "/restartCount", 0);
    let Some(last) = status.pointer("/lastState/terminated") else {
        return Readiness::Waiting(format!("CrashLoopBackOff: {message}"));
    };
    let told = format!("CrashLoopBackOff: {}, {restarts} restarts", ending(last));
    let enough = if number(last, "/exitCode", 0) == 0 { 5 } else { 2 };
    if restarts >= enough && !message.starts_with("back-off 10s ") { Readiness::Failed(told) } else { Readiness::Waiting(told) }
}

/// `ended with exit code 1`, `was killed: out of memory (OOMKilled)`.
fn ending(terminated: &Value) -> String {
    let code = number(terminated, "/exitCode", 0);
    match text(terminated, "/reason") {
        "OOMKilled" => "was killed: it used more memory than its limit (OOMKilled)".to_owned(),
        "" | "Error" | "Completed" => format!("ended with exit code {code}"),
        reason => format!("ended with exit code {code} ({reason})"),
    }
}
