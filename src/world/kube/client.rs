//! The handle on a cluster, and the kinds that it serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::Value;

use super::call::{CallError, patient};
use super::plain::Plain;
use crate::stack::ObjectId;

/// A cluster; cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    server: String,
    /// By apiVersion and kind. Filled a whole apiVersion at a time, since the API server lists it so.
    kinds: Mutex<HashMap<(String, String), Kind>>,
}

/// A kind that the API server serves.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) resource: ApiResource,
    pub(super) namespaced: bool,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("server", &self.inner.server).finish_non_exhaustive()
    }
}

impl Cluster {
    /// A cluster behind a client that is there already.
    #[must_use]
    pub fn new(client: Client, server: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { client, server: server.into(), kinds: Mutex::default() }) }
    }

    /// The URL of the API server, as the kubeconfig has it.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The client, for the forwarder's upgrades.
    #[must_use]
    pub fn client(&self) -> Client {
        self.inner.client.clone()
    }

    /// How the API server serves a kind.
    pub(super) async fn kind(&self, api_version: &str, kind: &str) -> Result<Kind, CallError> {
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(known) = self.kinds().get(&key) {
            return Ok(known.clone());
        }
        let fresh = match self.kinds_of(api_version).await {
            Err(error) if error.is_absent() => Vec::new(),
            other => other?,
        };
        let mut kinds = self.kinds();
        for one in fresh {
            kinds.insert((api_version.to_owned(), one.resource.kind.clone()), one);
        }
        kinds.get(&key).cloned().ok_or_else(|| CallError::NotServed(format!("{kind} of {api_version}")))
    }

    /// Forgets a kind, since the API server does not know it any more.
    pub(super) fn forget(&self, api_version: &str, kind: &str) {
        self.kinds().remove(&(api_version.to_owned(), kind.to_owned()));
    }

    fn kinds(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Kind>> {
        self.inner.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn kinds_of(&self, api_version: &str) -> Result<Vec<Kind>, CallError> {
        let (path, group, version) = match api_version.split_once('/') {
            Some((group, version)) => (format!("/apis/{api_version}"), group, version),
            None => (format!("/api/{api_version}"), "", api_version),
        };
        let list: Value = patient(|| self.json(&path)).await?;
        let resources = list.get("resources").and_then(Value::as_array).into_iter().flatten();
        let text = |resource: &Value, key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let own = resources.filter(|resource| !text(resource, "name").contains('/'));
        Ok(own
            .map(|resource| Kind {
                resource: ApiResource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    api_version: api_version.to_owned(),
                    kind: text(resource, "kind"),
                    plural: text(resource, "name"),
                },
                namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
            })
            .collect())
    }

    /// The JSON at a path of the API server.
    pub(super) async fn json(&self, path: &str) -> kube::Result<Value> {
        let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        self.inner.client.request(request).await
    }

    /// The API of the object's kind, in its namespace or, where it names none, in `default`.
    pub(super) async fn api(&self, id: &ObjectId) -> Result<(Api<Plain>, Kind), CallError> {
        let kind = self.kind(&id.api_version, &id.kind).await?;
        let api = if kind.namespaced {
            Api::namespaced_with(self.client(), id.namespace_or_default(), &kind.resource)
        } else {
            Api::all_with(self.client(), &kind.resource)
        };
        Ok((api, kind))
    }
}

impl Kind {
    /// An object as plain JSON, with the type that entries of a list lack.
    pub(super) fn plain(&self, object: Plain) -> Value {
        let mut value = object.value;
        if let Some(object) = value.as_object_mut() {
            object.insert("apiVersion".to_owned(), self.resource.api_version.as_str().into());
            object.insert("kind".to_owned(), self.resource.kind.as_str().into());
        }
        value
    }
}
