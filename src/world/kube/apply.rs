//! Server-side apply of one object.

use kube::api::{Patch, PatchParams};
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

    /// One request, once.
    pub(super) async fn send(&self, object: &Value, force: bool) -> Result<Value, CallError> {
        let id = ObjectId::of(object);
        if id.kind.is_empty() || id.api_version.is_empty() || id.name.is_empty() {
            return Err(CallError::Other("it needs apiVersion, kind and metadata.name".to_owned()));
        }
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
