//! Apply of many objects, in an order that the API server takes, with tries again for what passes by itself.

use futures::stream::{self, TryStreamExt as _};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::call::CallError;
use super::order::Rank;
use super::waits::Waits;
use super::{Cluster, OnWait, Verdict};
use crate::failure::Failure;
use crate::stack::{Object, ObjectId};
use crate::world::backoff::Backoff;

/// Requests under way at once; the API server of a laptop gains nothing from more.
const AT_ONCE: usize = 8;
/// The same for definitions of kinds, each of which is much work for it; several charts bring theirs at the same time.
const DEFINITIONS_AT_ONCE: usize = 2;

/// A definition of a kind that is to be applied, as text: values would take ten times the room.
pub struct Definition {
    /// Which.
    pub id: ObjectId,
    json: String,
}

impl Definition {
    /// Packs one.
    #[must_use]
    pub fn new(object: &Value) -> Self {
        Self { id: ObjectId::of(object), json: object.to_string() }
    }
}

impl Cluster {
    /// Applies objects: namespaces and definitions first (and waits until the definitions are in force), then what workloads refer
    /// to, workloads, custom resources, and last webhooks and aggregated APIs; within these in the order given.
    ///
    /// What passes by itself is tried again until the deadline: a kind that is not served yet, a webhook that does not answer, a
    /// busy API server, a namespace that is not there yet or still being deleted. All else fails at once.
    pub async fn apply_all(&self, objects: &[Object], deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        let waits = Waits::new(on_wait);
        for rank in Rank::ALL {
            let of_rank = objects.iter().filter(|object| Rank::of(&object.id) == rank);
            stream::iter(of_rank.map(Ok))
                .try_for_each_concurrent(AT_ONCE, |object| {
                    self.until_taken(&object.id, || self.send(&object.value, false), deadline, &waits)
                })
                .await?;
            if rank == Rank::Ground {
                let definitions: Vec<ObjectId> =
                    objects.iter().map(|object| &object.id).filter(|id| id.kind == "CustomResourceDefinition").cloned().collect();
                self.await_ready(&definitions, established, deadline, on_wait).await?;
            }
        }
        Ok(())
    }

    /// Makes definitions, and waits until they are in force. What is there already is replaced: they are nobody else's.
    ///
    /// Not by server-side apply: the API server then compares each field with its schema, of which a definition has thousands. A plain request
    /// takes two thirds of the time (21 definitions of Envoy Gateway: 6.0 and 4.3 s of two processors).
    pub async fn define_all(&self, definitions: &[Definition], deadline: Instant, on_wait: OnWait<'_>) -> Result<(), Failure> {
        let waits = Waits::new(on_wait);
        stream::iter(definitions.iter().map(Ok))
            .try_for_each_concurrent(DEFINITIONS_AT_ONCE, |one| {
                self.until_taken(&one.id, || self.put(&one.id, &one.json), deadline, &waits)
            })
            .await?;
        let ids: Vec<ObjectId> = definitions.iter().map(|definition| definition.id.clone()).collect();
        self.await_ready(&ids, established, deadline, on_wait).await
    }

    async fn until_taken<F>(&self, id: &ObjectId, request: impl Fn() -> F, deadline: Instant, waits: &Waits<'_>) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), CallError>>,
    {
        let mut backoff = Backoff::new();
        let mut reason = String::new();
        loop {
            // a request that hangs must not outlive the deadline
            let error = match timeout_at(deadline, request()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => return Err(too_late(id, &reason)),
            };
            let Some(passing) = error.passing() else {
                return Err(error.on("apply", id));
            };
            waits.tell(format!("{id}: {passing}"));
            reason = passing;
            if !backoff.pause_until(deadline).await {
                return Err(gave_up(&error, id));
            }
        }
    }
}

fn gave_up(error: &CallError, id: &ObjectId) -> Failure {
    error.failure(format!("{id} could not be applied in time"))
}

fn too_late(id: &ObjectId, reason: &str) -> Failure {
    Failure::step(format!("{id} could not be applied in time"))
        .why(if reason.is_empty() { "the API server did not answer before the deadline" } else { reason })
        .hint("Run `tstack up` again, it goes on from here; a component's `timeout` in the stack file gives it more time.")
}

/// Whether a definition is in force: the one readiness that the API server itself asks for, before it takes objects of the kind.
fn established(definition: &Value) -> Verdict {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    let text = |condition: &Value, key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let find = |name: &str| conditions.into_iter().flatten().find(|one| text(one, "type") == name);
    match (find("NamesAccepted"), find("Established")) {
        (Some(names), _) if text(names, "status") == "False" => {
            Verdict::Failed(format!("{}: {}", text(names, "reason"), text(names, "message")))
        }
        (_, Some(established)) if text(established, "status") == "True" => Verdict::Ready,
        _ => Verdict::Waiting("not established yet".to_owned()),
    }
}
