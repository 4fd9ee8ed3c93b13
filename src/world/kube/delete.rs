//! Deletion that waits until the objects are gone.

use futures::StreamExt as _;
use futures::future::try_join_all;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::call::{CallError, once};
use super::order::Rank;
use super::waits::Waits;
use super::{Cluster, OnWait};
use crate::failure::{Failure, chain};
use crate::stack::ObjectId;
use crate::world::backoff::Backoff;

/// What makes pods anew when they are deleted, and what scales it: its controller clears a finalizer, which must not wait for the namespace.
const RUNS_PODS: [(&str, &str); 6] = [
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
];

/// An object that was not gone at the deadline.
struct Left {
    id: ObjectId,
    /// Why, as far as it says.
    reason: String,
}

impl Cluster {
    /// Deletes objects and waits until they are gone, in the order opposite to [`Cluster::apply_all`]: custom resources before
    /// the workloads whose controllers clear their finalizers, definitions and namespaces last. Dependents go first (foreground
    /// deletion). Absent objects are fine. At the deadline the failure names what is left and which finalizers hold it.
    pub async fn delete_all(&self, ids: &[ObjectId], deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        let waits = Waits::new(on_wait);
        for rank in Rank::ALL.into_iter().rev() {
            let of_rank = ids.iter().filter(|id| Rank::of(id) == rank);
            let left = try_join_all(of_rank.map(|id| self.delete_until(id, deadline, &waits))).await?;
            let left: Vec<Left> = left.into_iter().flatten().collect();
            if !left.is_empty() {
                return Err(not_gone(&left));
            }
        }
        Ok(())
    }

    /// Empties a namespace that is about to be deleted of its pods: what runs them is deleted, and they get a second to end. A namespace
    /// alone would wait for each pod's own time to end, and look again in long steps.
    pub async fn end_pods(&self, namespace: &str, deadline: Instant) -> Result<(), Failure> {
        let fail = |error: CallError| error.failure(format!("cannot end the pods of namespace {namespace}"));
        for (api_version, kind) in RUNS_PODS {
            let found = self.select(api_version, kind, Some(namespace), &ListParams::default()).await.map_err(fail)?;
            try_join_all(found.iter().map(|object| async { self.start_delete(&ObjectId::of(object)).await.map(drop) }))
                .await
                .map_err(fail)?;
        }
        let soon = DeleteParams::default().grace_period(1);
        let (api, _) = self.api(&ObjectId::new("v1", "Pod", namespace, "")).await.map_err(fail)?;
        let mut backoff = Backoff::new();
        loop {
            let pods = self.select("v1", "Pod", Some(namespace), &ListParams::default()).await.map_err(fail)?;
            if pods.is_empty() {
                return Ok(());
            }
            for pod in &pods {
                match once(api.delete(&ObjectId::of(pod).name, &soon)).await {
                    Err(error) if !error.is_absent() => return Err(fail(error)),
                    _ => {}
                }
            }
            // the deletion of the namespace waits for those that are left
            if !backoff.pause_until(deadline).await {
                return Ok(());
            }
        }
    }

    /// Deletes one object; gives it back when it was not gone in time.
    async fn delete_until(&self, id: &ObjectId, deadline: Instant, waits: &Waits<'_>) -> Result<Option<Left>, Failure> {
        let mut backoff = Backoff::new();
        let uid = loop {
            let error = match timeout_at(deadline, self.start_delete(id)).await {
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(uid))) => break uid,
                Ok(Err(error)) => error,
                Err(_) => return Ok(Some(Left { id: id.clone(), reason: "the API server did not answer".to_owned() })),
            };
            let Some(passing) = error.passing() else { return Err(error.on("delete", id)) };
            waits.tell(format!("{id}: {passing}"));
            if !backoff.pause_until(deadline).await {
                return Err(error.failure(format!("{id} could not be deleted in time")));
            }
        };
        let mut reason = "being deleted".to_owned();
        match timeout_at(deadline, self.await_gone(id, &uid, &mut reason, waits)).await {
            Ok(()) => Ok(None),
            Err(_) => Ok(Some(Left { id: id.clone(), reason })),
        }
    }

    /// Asks for the deletion; the object's uid, or `None` where there is nothing to delete.
    async fn start_delete(&self, id: &ObjectId) -> Result<Option<String>, CallError> {
        let Some(found) = self.find(id).await? else { return Ok(None) };
        let uid = uid(&found);
        let (api, _) = self.api(id).await?;
        let how = if has_dependents(id) { DeleteParams::foreground() } else { DeleteParams::background() };
        match once(api.delete(&id.name, &how)).await {
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
            Ok(_) => Ok(Some(uid)),
        }
    }

    async fn await_gone(&self, id: &ObjectId, old: &str, reason: &mut String, waits: &Waits<'_>) {
        // a kind that is not served any more took its objects with it
        let Ok((api, kind)) = self.api(id).await else { return };
        let mut stream = std::pin::pin!(watch_object(api, &id.name).default_backoff());
        while let Some(seen) = stream.next().await {
            match seen {
                Ok(None) => return,
                Ok(Some(object)) => {
                    let object = kind.plain(object);
                    // made anew under the same name: the old one is gone
                    if uid(&object) != old {
                        return;
                    }
                    *reason = held_by(&object);
                }
                Err(error) => {
                    if gone_with_its_kind(&error) {
                        return;
                    }
                    *reason = chain(&error);
                }
            }
            waits.tell(format!("{id}: {reason}"));
        }
    }
}

/// Whether others may hang on an object that must be gone before it is. The garbage collector lets go of the object then; it is allowed 20
/// requests a second, so it is spared the many kinds of which nothing hangs.
fn has_dependents(id: &ObjectId) -> bool {
    match Rank::of(id) {
        // Envoy Gateway lets go of a class once: were the garbage collector to write it at that moment, it would stay for ever
        Rank::Class | Rank::Config => false,
        _ => !matches!((id.group(), id.kind.as_str()), ("autoscaling" | "policy", _) | ("", "Pod")),
    }
}

fn uid(object: &Value) -> String {
    object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What holds an object that is being deleted: finalizers, and for a namespace what it says of its content.
fn held_by(object: &Value) -> String {
    let finalizers: Vec<&str> =
        object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let content = conditions
        .filter(|one| text(one, "type").starts_with("Namespace") && text(one, "status") == "True")
        .map(|one| text(one, "message"))
        .find(|message| !message.is_empty());
    match (finalizers.as_slice(), content) {
        (_, Some(content)) => content,
        ([], None) => "being deleted".to_owned(),
        (["foregroundDeletion"], None) => "its dependents are being deleted first".to_owned(),
        (held, None) => format!("held by finalizers {}", held.join(", ")),
    }
}

fn gone_with_its_kind(error: &kube::runtime::watcher::Error) -> bool {
    use kube::runtime::watcher::Error;
    matches!(error, Error::InitialListFailed(kube::Error::Api(status)) | Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 404)
}

fn not_gone(left: &[Left]) -> Failure {
    let what = match left {
        [only] => format!("{} could not be deleted in time", only.id),
        _ => format!("{} objects could not be deleted in time", left.len()),
    };
    left.iter()
        .fold(Failure::step(what), |failure, one| failure.why(format!("{}: {}", one.id, one.reason)))
        .hint("A finalizer is cleared by its controller: see that it runs. If it is gone for good, remove the finalizer by hand.")
}
