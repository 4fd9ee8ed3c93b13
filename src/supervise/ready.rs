//! Waits until objects are ready, driven by the supervisor's own word of each change.

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::client::Client;
use super::wire::{Seen, Trouble};
use crate::failure::Failure;
use crate::stack::ObjectId;
use crate::world::kube::{Judge, OnWait, Verdict};

/// As [`Client::await_ready`].
pub(super) async fn wait(client: &Client, ids: &[ObjectId], judge: Judge, deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut watch = client.watch(ids).await?;
    let mut told = String::new();
    let mut unready = vec![("not looked at yet".to_owned(), None)];
    loop {
        let Ok(seen) = timeout_at(deadline, watch.next()).await else { return Err(too_late(ids.len(), &unready)) };
        unready.clear();
        for (id, seen) in ids.iter().zip(seen?) {
            match verdict(&seen, judge) {
                Verdict::Ready => {}
                Verdict::Waiting(reason) => unready.push((format!("{id}: {reason}"), seen.trouble)),
                Verdict::Failed(reason) => return Err(failed(id, &reason, seen.trouble)),
            }
        }
        if unready.is_empty() {
            return Ok(());
        }
        let text = progress(&unready);
        if told != text {
            on_wait(text.clone());
            told = text;
        }
    }
}

/// What the object's status says; where it only waits, the supervisor may know that waiting does not help, or why it waits.
fn verdict(seen: &Seen, judge: fn(&Value) -> Verdict) -> Verdict {
    let judged = seen.object.as_ref().map_or_else(|| Verdict::Waiting("it is not there".to_owned()), judge);
    match (judged, &seen.trouble) {
        (Verdict::Waiting(_) | Verdict::Ready, Some(trouble)) if trouble.is_final => Verdict::Failed(trouble.reason.clone()),
        (Verdict::Waiting(_), Some(trouble)) if !trouble.reason.is_empty() => Verdict::Waiting(trouble.reason.clone()),
        (judged, _) => judged,
    }
}

fn failed(id: &ObjectId, reason: &str, trouble: Option<Trouble>) -> Failure {
    let failure = Failure::step(format!("{id} did not become ready")).why(reason);
    let failure = with_evidence(failure, trouble);
    if failure.hints.is_empty() { failure.hint("Correct the object, then run `tstack up` again.") } else { failure }
}

fn with_evidence(failure: Failure, trouble: Option<Trouble>) -> Failure {
    let trouble = trouble.unwrap_or_default();
    let failure = trouble.why.into_iter().fold(failure, Failure::why);
    trouble.hints.into_iter().fold(failure, Failure::hint)
}

fn progress(unready: &[(String, Option<Trouble>)]) -> String {
    match unready {
        [] => String::new(),
        [(only, _)] => only.clone(),
        [(first, _), rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

fn too_late(count: usize, unready: &[(String, Option<Trouble>)]) -> Failure {
    let what = match unready {
        [(only, _)] => format!("{} did not become ready in time", only.split(':').next().unwrap_or_default()),
        _ => format!("{} of {count} objects did not become ready in time", unready.len()),
    };
    let failure = unready.iter().fold(Failure::step(what), |failure, (text, _)| failure.why(text.clone()));
    let failure = with_evidence(failure, unready.iter().find_map(|(_, trouble)| trouble.clone()));
    failure.hint("Run `tstack up` again, it goes on from here; a component's `timeout` in the stack file gives it more time.")
}
