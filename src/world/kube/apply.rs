//! Server-side apply of one object.

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::call::{CallError, once};
use super::{Cluster, FIELD_MANAGER};
use crate::failure::Failure;
use crate::stack::ObjectId;

impl Cluster {
    /// Applies an object and gives it back as the API server keeps it. Unknown fields are errors. With `force`, fields that
    /// another manager owns are taken over; without it they are a failure that names the manager.
    pub async fn apply(&self, object: &Value, force: bool) -> Result<Value, Failure> {
        self.send(object, force).await.map_err(|e| e.on("apply", &ObjectId::of(object)))
    }

    /// Makes an object, or puts it in the place of the one that is there.
    pub(super) async fn put(&self, object: &Value) -> Result<Value, CallError> {
        let id = named(object)?;
        let (api, kind) = self.api(&id).await?;
        let mut wanted: DynamicObject = serde_json::from_value(object.clone()).map_err(|e| CallError::Other(e.to_string()))?;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let kept = match once(api.create(&params, &wanted)).await {
            Err(error) if error.is_taken() => {
                wanted.metadata.resource_version = once(api.get(&id.name)).await?.metadata.resource_version;
                once(api.replace(&id.name, &params, &wanted)).await
            }
            made => made,
        }?;
        Ok(kind.plain(kept))
    }

    /// One request, once.
    pub(super) async fn send(&self, object: &Value, force: bool) -> Result<Value, CallError> {
        let id = named(object)?;
        let (api, kind) = self.api(&id).await?;
        let mut params = PatchParams::apply(FIELD_MANAGER).validation_strict();
        params.force = force;
        let patch = Patch::Apply(object);
        match once(api.patch(&id.name, &params, &patch)).await {
            Ok(kept) => Ok(kind.plain(kept)),
            Err(error) => {
                if error.is_absent() {
                    self.forget(&id.api_version, &id.kind);
                }
                Err(error)
            }
        }
    }
}

/// What a request has to say of an object.
fn named(object: &Value) -> Result<ObjectId, CallError> {
    let id = ObjectId::of(object);
    if id.kind.is_empty() || id.api_version.is_empty() || id.name.is_empty() {
        return Err(CallError::Other("it needs apiVersion, kind and metadata.name".to_owned()));
    }
    Ok(id)
}
