//! What is in the cluster, and the few things about it that have a name.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use http::Request;
use http_body_util::BodyExt as _;
use kube::Api;
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use super::call::{CallError, once, patient};
use super::plain::Plain;
use super::{Cluster, FIELD_MANAGER};
use crate::failure::Failure;
use crate::stack::ObjectId;

/// How long a service behind the API server's proxy may take.
const SERVICE_LIMIT: Duration = Duration::from_secs(30);

/// From how many objects of one kind on a list is cheaper than one request for each.
const LIST_FROM: usize = 3;

/// A node and whether it takes pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// Whether its condition `Ready` holds.
    pub ready: bool,
    /// The kubelet's own words; empty when ready.
    pub reason: String,
}

impl Cluster {
    /// The object, or `None` where it is absent or its kind is not served. An error means that it is not known.
    pub async fn get(&self, id: &ObjectId) -> Result<Option<Value>, Failure> {
        self.find(id).await.map_err(|e| e.on("read", id))
    }

    pub(super) async fn find(&self, id: &ObjectId) -> Result<Option<Value>, CallError> {
        let found = match self.api(id).await {
            Ok((api, kind)) => patient(|| api.get_opt(&id.name)).await.map(|found| found.map(|object| kind.plain(object))),
            Err(error) => Err(error),
        };
        match found {
            Err(error) if error.is_absent() => Ok(None),
            other => other,
        }
    }

    /// The objects at these ids, in their order, `None` where one is absent. Several of one kind in one namespace are one request.
    pub async fn get_all(&self, ids: &[ObjectId]) -> Result<Vec<Option<Value>>, Failure> {
        let mut groups: BTreeMap<(&str, &str, &str), Vec<&ObjectId>> = BTreeMap::new();
        for id in ids {
            groups.entry((&id.api_version, &id.kind, &id.namespace)).or_default().push(id);
        }
        let found = try_join_all(groups.into_values().map(|group| self.get_group(group))).await?;
        let found: BTreeMap<ObjectId, Value> = found.into_iter().flatten().collect();
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    /// Objects of one kind in one namespace.
    async fn get_group(&self, group: Vec<&ObjectId>) -> Result<Vec<(ObjectId, Value)>, Failure> {
        let first = group[0];
        // a list of Secrets holds all of Helm's records, which are megabytes
        if group.len() < LIST_FROM || first.kind == "Secret" {
            let found = try_join_all(group.iter().map(|id| self.get(id))).await?;
            return Ok(group.into_iter().zip(found).filter_map(|(id, found)| Some((id.clone(), found?))).collect());
        }
        let listed = self.select(&first.api_version, &first.kind, Some(first.namespace_or_default()), &ListParams::default()).await;
        let listed = listed.map_err(|e| e.failure(format!("cannot list objects of kind {}", first.kind)))?;
        let by_name: BTreeMap<String, Value> = listed.into_iter().map(|object| (ObjectId::of(&object).name, object)).collect();
        Ok(group.into_iter().filter_map(|id| Some((id.clone(), by_name.get(&id.name)?.clone()))).collect())
    }

    /// Whether objects of the kind live in namespaces; `None` where the kind is not served.
    pub async fn is_namespaced(&self, id: &ObjectId) -> Result<Option<bool>, Failure> {
        match self.kind(&id.api_version, &id.kind).await {
            Ok(kind) => Ok(Some(kind.namespaced)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.failure(format!("cannot ask for the kind of {id}"))),
        }
    }

    /// The objects of a kind in all namespaces that carry the labels (`app=x,tier!=db`); none where the kind is not served.
    pub async fn list(&self, api_version: &str, kind: &str, labels: Option<&str>) -> Result<Vec<Value>, Failure> {
        let params = labels.map_or_else(ListParams::default, |labels| ListParams::default().labels(labels));
        self.select(api_version, kind, None, &params).await.map_err(|e| e.failure(format!("cannot list objects of kind {kind}")))
    }

    /// The names of all objects of a cluster-wide kind; their contents stay where they are.
    pub async fn names(&self, api_version: &str, kind: &str) -> Result<BTreeSet<String>, Failure> {
        let failed = |e: CallError| e.failure(format!("cannot list the names of kind {kind}"));
        let kind = self.kind(api_version, kind).await.map_err(failed)?;
        let api: Api<Plain> = Api::all_with(self.client(), &kind.resource);
        let all = ListParams::default();
        let list = patient(|| api.list_metadata(&all)).await.map_err(failed)?;
        Ok(list.items.into_iter().filter_map(|one| one.metadata.name).collect())
    }

    pub(super) async fn select(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        params: &ListParams,
    ) -> Result<Vec<Value>, CallError> {
        let kind = match self.kind(api_version, kind).await {
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            other => other?,
        };
        let api: Api<Plain> = match namespace {
            Some(namespace) if kind.namespaced => Api::namespaced_with(self.client(), namespace, &kind.resource),
            _ => Api::all_with(self.client(), &kind.resource),
        };
        match patient(|| api.list(params)).await {
            Ok(list) => Ok(list.items.into_iter().map(|object| kind.plain(object)).collect()),
            Err(error) if error.is_absent() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What tells this cluster from every other: the uid of its namespace `kube-system`.
    pub async fn identity(&self) -> Result<String, Failure> {
        let id = ObjectId::new("v1", "Namespace", "", "kube-system");
        let found = self.get(&id).await?;
        let uid = found.as_ref().and_then(|namespace| namespace.pointer("/metadata/uid")).and_then(Value::as_str);
        uid.map(str::to_owned)
            .ok_or_else(|| Failure::step(format!("cannot tell which cluster {} is", self.server())).why(format!("{id} has no uid")))
    }

    /// Makes a namespace with these labels unless there is one of that name, which then stays as it is; says whether it is ours:
    /// made now, or there with these labels.
    pub async fn ensure_namespace(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<bool, Failure> {
        let id = ObjectId::new("v1", "Namespace", "", name);
        if let Some(found) = self.get(&id).await? {
            if found.pointer("/metadata/deletionTimestamp").is_some() {
                return Err(Failure::step(format!("{id} is being deleted"))
                    .hint("Wait until it is gone, then try again; `tstack status` shows what holds it."));
            }
            // with these labels it was made by an earlier run that was ended before it could note so
            let label = |key: &str| found.pointer("/metadata/labels").and_then(|labels| labels.get(key)).and_then(Value::as_str);
            return Ok(!labels.is_empty() && labels.iter().all(|(key, value)| label(key) == Some(value)));
        }
        let made = async {
            let kind = self.kind(&id.api_version, &id.kind).await?;
            let api = Api::all_with(self.client(), &kind.resource);
            let wanted: DynamicObject =
                serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}))
                    .map_err(|e| CallError::Other(e.to_string()))?;
            let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
            once(api.create(&params, &wanted)).await
        };
        match made.await {
            Ok(_) => Ok(true),
            Err(CallError::Refused(status)) if status.is_already_exists() => Ok(false),
            Err(error) => Err(error.on("make", &id)),
        }
    }

    /// Every node, by name, and whether it takes pods.
    pub async fn nodes_ready(&self) -> Result<Vec<NodeState>, Failure> {
        let mut nodes: Vec<NodeState> = self.list("v1", "Node", None).await?.iter().map(node).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    /// Asks a service in the cluster over the API server's proxy: its status code and body. `path` is percent-encoded and
    /// starts with `/`. A code such as 503 is an answer, also when it means that the service has no endpoints.
    pub async fn service_get(&self, namespace: &str, service: &str, port: u16, path: &str) -> Result<(u16, String), Failure> {
        let what = || format!("cannot ask Service {namespace}/{service} port {port}");
        let url = format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}");
        let request = Request::get(url).body(Body::from(Vec::new())).map_err(|e| Failure::internal(what()).because(&e))?;
        let answer = async {
            let response = self.client().send(request).await?;
            let code = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, kube::Error>((code, String::from_utf8_lossy(&body).into_owned()))
        };
        match timeout(SERVICE_LIMIT, answer).await {
            Ok(answer) => answer.map_err(|e| CallError::from(e).failure(what())),
            Err(_) => Err(Failure::step(what()).why(format!("no answer within {} s", SERVICE_LIMIT.as_secs()))),
        }
    }
}

fn node(node: &Value) -> NodeState {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let name = ObjectId::of(node).name;
    match conditions.into_iter().find(|one| text(one, "type") == "Ready") {
        Some(one) if text(one, "status") == "True" => NodeState { name, ready: true, reason: String::new() },
        Some(one) => NodeState { name, ready: false, reason: format!("{}: {}", text(one, "reason"), text(one, "message")) },
        None => NodeState { name, ready: false, reason: "no word from its kubelet yet".to_owned() },
    }
}
