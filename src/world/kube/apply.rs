//! Server-side apply of one object.

use http::HeaderValue;
use http::header::ACCEPT;
use kube::api::{PartialObjectMeta, Patch, PatchParams, PostParams};
use kube::core::Request;
use serde_json::Value;

use super::call::{CallError, once};
use super::{Cluster, FIELD_MANAGER};
use crate::failure::Failure;
use crate::stack::ObjectId;

/// How the API server is asked for no more than that (Kubernetes API concepts, "Metadata-only fetches").
const METADATA_ALONE: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

impl Cluster {
    /// Applies an object. Unknown fields are errors. With `force`, fields that another manager owns are taken over; without it they
    /// are a failure that names the manager.
    pub async fn apply(&self, object: &Value, force: bool) -> Result<(), Failure> {
        self.send(object, force).await.map_err(|e| e.on("apply", &ObjectId::of(object)))
    }

    /// Makes an object, or puts it in the place of the one that is there.
    pub(super) async fn put(&self, id: &ObjectId, json: &str) -> Result<(), CallError> {
        named(id)?;
        let (api, _) = self.api(id).await?;
        let request = Request::new(api.resource_url());
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let made = self.unread(request.create(&params, json.to_owned().into_bytes())).await;
        let Err(error) = made else { return Ok(()) };
        if !error.is_taken() {
            return Err(error);
        }
        let there = once(api.get_metadata(&id.name)).await?;
        let mut object: Value = serde_json::from_str(json).map_err(|e| CallError::Other(e.to_string()))?;
        object["metadata"]["resourceVersion"] = there.metadata.resource_version.unwrap_or_default().into();
        self.unread(request.replace(&id.name, &params, object.to_string().into_bytes())).await
    }

    /// One request of which nobody asks what became of the object: the answer is its metadata alone.
    async fn unread(&self, request: Result<http::Request<Vec<u8>>, kube::core::request::Error>) -> Result<(), CallError> {
        let mut request = request.map_err(|e| CallError::Other(e.to_string()))?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA_ALONE));
        once(self.client().request::<PartialObjectMeta>(request)).await.map(drop)
    }

    /// One request, once.
    pub(super) async fn send(&self, object: &Value, force: bool) -> Result<(), CallError> {
        let id = ObjectId::of(object);
        named(&id)?;
        let (api, _) = self.api(&id).await?;
        let mut params = PatchParams::apply(FIELD_MANAGER).validation_strict();
        params.force = force;
        let patch = Patch::Apply(object);
        // nobody asks what it became: the answer is its metadata alone
        match once(api.patch_metadata(&id.name, &params, &patch)).await {
            Ok(_) => Ok(()),
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
fn named(id: &ObjectId) -> Result<(), CallError> {
    if id.kind.is_empty() || id.api_version.is_empty() || id.name.is_empty() {
        return Err(CallError::Other("it needs apiVersion, kind and metadata.name".to_owned()));
    }
    Ok(())
}
