//! What the API server says of objects, without keeping any.
//!
//! An object is created in a dry run: schema, rules (CEL), defaulting and every webhook that takes part are asked, nothing is stored.
//! One that exists is also applied in a dry run, since rules about changes (immutable fields) speak only then.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use kube::Api;
use kube::client::Body;
use kube::core::Status;
use serde_json::Value;

use super::call::{CallError, patient};
use super::plain::Plain;
use super::{Cluster, FIELD_MANAGER};
use crate::failure::Failure;
use crate::stack::{Object, ObjectId};

/// Requests under way at once.
const AT_ONCE: usize = 8;
/// The namespace that every cluster has: where an object is tried whose own namespace is not there.
pub const STAND_IN: &str = "default";

/// What the API server says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// Its verdict.
    pub verdict: Admission,
    /// The object's namespace is not there; it was tried in [`STAND_IN`].
    pub in_stand_in: bool,
}

/// Whether the API server would take an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It would; with the warnings that it gives.
    Accepted(Vec<String>),
    /// It would not.
    Refused {
        /// Its words.
        message: String,
        /// The fields that it names, where it does.
        causes: Vec<FieldCause>,
    },
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldCause {
    /// `spec.retry.numRetries`; empty where the cause is of no one field.
    pub field: String,
    /// The API server's words about it.
    pub message: String,
}

impl Admission {
    /// Whether the object would be taken.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }
}

/// An answer to one request.
struct Reply {
    code: u16,
    warnings: Vec<String>,
    body: Value,
}

impl Cluster {
    /// Asks the API server about each object, in their order, and changes nothing: unknown fields are errors.
    ///
    /// An object whose namespace does not exist is tried in [`STAND_IN`], and so is one that names none.
    ///
    /// # Errors
    /// When the API server does not answer. A refusal is an answer.
    pub async fn dry_run_all(&self, objects: &[Object]) -> Result<Vec<DryRun>, Failure> {
        let there = self.namespaces_of(objects).await?;
        stream::iter(objects)
            .map(|object| async {
                let in_stand_in = !object.id.namespace.is_empty() && !there.contains(object.id.namespace.as_str());
                let verdict = self.dry_run(&object.value, in_stand_in).await.map_err(|e| e.on("check", &object.id))?;
                Ok(DryRun { verdict, in_stand_in })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Which of the objects' namespaces exist.
    async fn namespaces_of<'a>(&self, objects: &'a [Object]) -> Result<BTreeSet<&'a str>, Failure> {
        let named: BTreeMap<&str, ObjectId> = objects
            .iter()
            .map(|object| object.id.namespace.as_str())
            .filter(|name| !name.is_empty())
            .map(|name| (name, ObjectId::new("v1", "Namespace", "", name)))
            .collect();
        let ids: Vec<ObjectId> = named.values().cloned().collect();
        let found = self.get_all(&ids).await?;
        Ok(named.into_keys().zip(found).filter_map(|(name, found)| found.map(|_| name)).collect())
    }

    async fn dry_run(&self, object: &Value, in_stand_in: bool) -> Result<Admission, CallError> {
        let mut object = object.clone();
        let id = ObjectId::of(&object);
        let (api, kind) = match self.api(&id).await {
            Err(CallError::NotServed(kind)) => {
                return Ok(Admission::Refused { message: format!("the API server does not serve {kind}"), causes: Vec::new() });
            }
            found => found?,
        };
        // a namespace on a cluster-wide object would be refused, and is none of ours to add
        let api = if kind.namespaced && (in_stand_in || id.namespace.is_empty()) {
            object["metadata"]["namespace"] = STAND_IN.into();
            Api::<Plain>::namespaced_with(self.client(), STAND_IN, &kind.resource)
        } else {
            api
        };
        let url = api.resource_url();
        let reply = self.ask(Method::POST, url, "Strict", &object).await?;
        match reply.code {
            200..=299 => Ok(Admission::Accepted(reply.warnings)),
            // said after all else was found well: whether it may be changed so is asked as well
            409 if reply.body["reason"] == "AlreadyExists" => {
                let reply = self.ask(Method::PATCH, &format!("{url}/{}", id.name), "Strict", &object).await?;
                if reply.code < 300 { Ok(Admission::Accepted(reply.warnings)) } else { Ok(refused(&reply, None)) }
            }
            // unknown fields end the reading; what else is wrong comes when they are let pass
            400 if unknown_fields(&reply).next().is_some() => {
                let more = self.ask(Method::POST, url, "Ignore", &object).await?;
                Ok(refused(&reply, Some(&more).filter(|more| more.code == 422)))
            }
            _ => Ok(refused(&reply, None)),
        }
    }

    async fn ask(&self, method: Method, url: &str, validation: &str, object: &Value) -> Result<Reply, CallError> {
        let apply = method == Method::PATCH;
        let force = if apply { "&force=true" } else { "" };
        let url = format!("{url}?dryRun=All&fieldValidation={validation}&fieldManager={FIELD_MANAGER}{force}");
        let content = if apply { "application/apply-patch+yaml" } else { "application/json" };
        let bytes = object.to_string();
        patient(|| async {
            let request = Request::builder().method(&method).uri(&url).header("content-type", content);
            let request = request.body(Body::from(bytes.clone().into_bytes())).map_err(kube::Error::HttpError)?;
            let response = self.client().send(request).await?;
            let (code, warnings) = (response.status().as_u16(), warnings(response.headers()));
            let body = response.into_body().collect().await?.to_bytes();
            match serde_json::from_slice(&body) {
                Ok(body) if code < 300 || speaks_of_the_object(code, &body) => Ok(Reply { code, warnings, body }),
                // what is not about the object leaves open whether it would be taken
                Ok(body) => Err(kube::Error::Api(serde_json::from_value(body).map_err(kube::Error::SerdeError)?)),
                Err(_) => {
                    let message = String::from_utf8_lossy(&body).trim().to_owned();
                    Err(kube::Error::Api(Status { code, message, ..Status::default() }.boxed()))
                }
            }
        })
        .await
    }
}

/// Whether a refusal is a verdict on the object: the server, its rules or a webhook said no. Not one: a busy or broken server, a
/// webhook that does not answer (500), and an account that may not ask.
fn speaks_of_the_object(code: u16, status: &Value) -> bool {
    let message = status["message"].as_str().unwrap_or_default();
    match code {
        400 | 409 | 413 | 422 => true,
        403 => !(message.contains(" cannot create resource ") || message.contains(" cannot patch resource ")),
        _ => false,
    }
}

/// The texts of the header `Warning: 299 - "text"`.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all("warning").into_iter().filter_map(|value| value.to_str().ok());
    texts
        .filter_map(|text| {
            let quoted = text.split_once('"')?.1.rsplit_once('"')?.0;
            Some(quoted.replace("\\\"", "\"").replace("\\\\", "\\"))
        })
        .collect()
}

/// The fields of `strict decoding error: unknown field "spec.a", unknown field "spec.b"`.
fn unknown_fields(reply: &Reply) -> impl Iterator<Item = FieldCause> + '_ {
    let message = reply.body["message"].as_str().unwrap_or_default();
    let strict = message.split_once("strict decoding error: ").map_or("", |(_, strict)| strict);
    strict.split("unknown field \"").skip(1).filter_map(|rest| {
        let field = rest.split('"').next()?;
        Some(FieldCause { field: field.to_owned(), message: "unknown field".to_owned() })
    })
}

fn refused(reply: &Reply, more: Option<&Reply>) -> Admission {
    let mut causes: Vec<FieldCause> = unknown_fields(reply).collect();
    for reply in [Some(reply), more].into_iter().flatten() {
        let all = reply.body.pointer("/details/causes").and_then(Value::as_array).into_iter().flatten();
        causes.extend(all.filter_map(cause));
    }
    let message = reply.body["message"].as_str().unwrap_or_default().trim();
    let message = if message.is_empty() { format!("HTTP {}", reply.code) } else { message.to_owned() };
    Admission::Refused { message, causes }
}

fn cause(cause: &Value) -> Option<FieldCause> {
    let text = |key: &str| cause[key].as_str().unwrap_or_default();
    // how the API server says that it stopped looking: no fault of the object's own
    if text("message").contains("some validation rules were not checked") {
        return None;
    }
    let field = if text("field") == "<nil>" { "" } else { text("field") };
    Some(FieldCause { field: field.to_owned(), message: text("message").to_owned() })
}
