//! The steps of a live check, one outside act each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::names::Names;
use super::place::{self, Mark};
use super::throwaway::Throwaway;
use crate::exec::{self, Act, Context, Signals};
use crate::failure::{Failure, FailureKind};
use crate::forward::{self, Route, Served};
use crate::plan::{Action, Step};
use crate::platform::Platform;
use crate::stack::{Check, Exposure, Object, ObjectId, ServiceFile};
use crate::world::kube::{Cluster, client_for_tunnels};

/// The group of objects that a step applies: the namespaces first, then all else.
pub(super) const NAMESPACES: &str = "namespaces";
pub(super) const OBJECTS: &str = "objects";

/// Everything that the steps work with.
pub(super) struct Live {
    pub cluster: Cluster,
    pub kubeconfig: PathBuf,
    pub context: Option<String>,
    pub mark: Mark,
    pub names: Names,
    pub leftovers: Vec<String>,
    pub set: Throwaway,
    pub checks: Vec<Check>,
    pub expose: Vec<Exposure>,
    /// Puts images into the nodes.
    pub images: Arc<Context>,
    pub served: OnceCell<Served>,
}

impl Act for Live {
    fn act(self: Arc<Self>, step: Step, signals: Arc<Signals>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let cancel = signals.cancel.clone();
            let what = step.title.clone();
            tokio::select! {
                result = self.step(step, &signals) => result.map_err(in_our_words),
                () = cancel.cancelled() => Err(Failure::new(FailureKind::Cancelled, format!("{what}: cancelled"))),
            }
        })
    }
}

impl Live {
    async fn step(&self, step: Step, signals: &Arc<Signals>) -> Result<(), Failure> {
        let deadline = Instant::now() + step.deadline;
        let tell = |reason: String| signals.waiting(reason);
        match step.action {
            Action::BuildImage { .. } => Arc::clone(&self.images).act(step, Arc::clone(signals)).await,
            Action::DeleteObjects { .. } => place::remove(&self.cluster, &self.leftovers, &tell).await,
            Action::ApplyObjects { component } if component == NAMESPACES => {
                self.mark.make(&self.cluster, &self.names, &self.set.labels).await
            }
            Action::ApplyObjects { .. } => self.cluster.apply_all(&self.set.objects, deadline, &tell).await,
            Action::AwaitReady { component } => {
                let object = self.object(&component)?;
                self.cluster.await_ready(std::slice::from_ref(&object.id), exec::judge, deadline, &tell).await
            }
            Action::StartForwarder { .. } => self.forward().await,
            Action::RunCheck { check } => self.check(&check, signals).await,
            other => Err(Failure::internal(format!("a live check has no such step: {other:?}"))),
        }
    }

    fn object(&self, name: &str) -> Result<&Object, Failure> {
        let found = self.set.objects.iter().find(|object| object.id.to_string() == name);
        found.ok_or_else(|| Failure::internal(format!("the plan names {name}, which the check does not have")))
    }

    /// Listens on free ports of 127.0.0.1, which lead to the throw-away Gateway's Envoy as the stack's own ports lead to the stack's.
    async fn forward(&self) -> Result<(), Failure> {
        let mut routes = Vec::new();
        for exposure in &self.expose {
            let service = self.service_behind(exposure).await?;
            routes.push(Route { name: exposure.name.clone(), host: 0, service });
        }
        let client = client_for_tunnels(&self.kubeconfig, self.context.as_deref()).await?;
        let served = forward::serve(client, routes, Arc::new(|_| ())).await?;
        self.served.set(served).map_err(|_| Failure::internal("the forward of a live check was started twice"))
    }

    /// A Service of the set itself, or the one that Envoy Gateway made for the set's Gateway with that port.
    async fn service_behind(&self, exposure: &Exposure) -> Result<ServiceFile, Failure> {
        let wanted = &exposure.service;
        let namespace = self.names.of(&wanted.namespace);
        let of_set = |object: &&Object| object.id.kind == "Service" && object.id.name == wanted.name && object.id.namespace == namespace;
        if self.set.objects.iter().any(|object| of_set(&object)) {
            return Ok(ServiceFile { namespace, node_port: None, ..wanted.clone() });
        }
        for gateway in self.set.objects.iter().filter(|object| object.id.kind == "Gateway") {
            let label = "gateway.envoyproxy.io/owning-gateway";
            let selector = format!("{label}-name={},{label}-namespace={}", gateway.id.name, gateway.id.namespace);
            for service in self.cluster.list("v1", "Service", Some(&selector)).await? {
                let ports = service.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
                if ports.into_iter().any(|port| port["port"].as_u64() == Some(wanted.port.into())) {
                    let id = ObjectId::of(&service);
                    return Ok(ServiceFile { namespace: id.namespace, name: id.name, port: wanted.port, node_port: None });
                }
            }
        }
        Err(Failure::step(format!("nothing of the set listens on port {} for `{}`", wanted.port, exposure.name))
            .hint("A Gateway of the set needs a listener of that port."))
    }

    async fn check(&self, name: &str, signals: &Signals) -> Result<(), Failure> {
        let check = self.checks.iter().find(|check| check.name == name);
        let check = check.ok_or_else(|| Failure::internal(format!("the plan names check `{name}`, which the stack does not have")))?;
        let port = |exposure: &Exposure| Some((exposure.host, self.served.get()?.port(&exposure.name)?));
        let ports: BTreeMap<u16, u16> = self.expose.iter().filter_map(port).collect();
        let result =
            exec::run_check(&self.names.check(check, &ports), &Platform::Cluster(self.cluster.clone()), self.authorities().await?, signals)
                .await;
        // what the forward met is the likelier cause of a request without an answer
        let trouble = self.served.get().and_then(Served::trouble);
        result.map_err(|failure| match trouble {
            Some(trouble) => failure.why(format!("the forward to it says: {trouble}")),
            None => failure,
        })
    }

    /// The CAs of the set's own certificates, from the Secrets that its listeners use: nothing else is trusted.
    async fn authorities(&self) -> Result<Option<String>, Failure> {
        let mut pems = String::new();
        for id in listener_secrets(&self.set.objects) {
            let secret = self.cluster.get(&id).await?.unwrap_or_default();
            let key = |name: &str| secret["data"][name].as_str().filter(|text| !text.is_empty());
            let Some(encoded) = key("ca.crt").or_else(|| key("tls.crt")) else { continue };
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
            let bytes = bytes.map_err(|e| Failure::step(format!("the certificate in {id} cannot be read")).because(&e))?;
            pems.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok((!pems.is_empty()).then_some(pems))
    }
}

/// The Secrets of https listeners, each once.
fn listener_secrets(objects: &[Object]) -> Vec<ObjectId> {
    let mut ids = Vec::new();
    for gateway in objects.iter().filter(|object| object.id.kind == "Gateway") {
        for listener in gateway.value["spec"]["listeners"].as_array().into_iter().flatten() {
            for reference in listener.pointer("/tls/certificateRefs").and_then(Value::as_array).into_iter().flatten() {
                let namespace = reference["namespace"].as_str().unwrap_or(&gateway.id.namespace);
                let id = ObjectId::new("v1", "Secret", namespace, reference["name"].as_str().unwrap_or_default());
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
    }
    ids
}

/// The rooms below speak of `tstack up`, which is not what the person runs.
fn in_our_words(failure: Failure) -> Failure {
    let hints = failure.hints.iter().filter(|hint| !hint.contains("`tstack up` again")).cloned().collect();
    Failure { hints, ..failure }
}
