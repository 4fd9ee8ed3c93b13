//! A scripted API server: each test says what it answers, and reads back what it was asked.

mod apply;
mod delete;
mod dry_run;
mod lookup;
mod releases;
mod wait;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Cluster, Verdict};

/// One request as the API server saw it.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    path: String,
    query: String,
    content_type: String,
    body: Value,
}

impl Asked {
    fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }
}

/// What it answers.
enum Answer {
    Json(u16, Value),
    /// With warnings.
    Warned(Value, &'static [&'static str]),
    Text(u16, &'static str),
    /// A watch: these events, then an open connection.
    Events(Vec<Value>),
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// A cluster behind a script. The kinds that the tests use are served without asking it.
fn cluster(mut script: impl FnMut(&Asked) -> Answer + Send + 'static) -> (Cluster, Log) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<BoxBody<Bytes, Infallible>>>();
    let log = Log::default();
    let kept = Arc::clone(&log);
    tokio::spawn(async move {
        while let Some((request, reply)) = handle.next_request().await {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let content_type = head.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
            let asked = Asked {
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                content_type: content_type.to_owned(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let answer = served(&asked.path).unwrap_or_else(|| {
                kept.lock().unwrap().push(asked.clone());
                script(&asked)
            });
            reply.send_response(response(answer));
        }
    });
    (Cluster::new(kube::Client::new(service, "default"), "https://127.0.0.1:6443"), log)
}

fn response(answer: Answer) -> Response<BoxBody<Bytes, Infallible>> {
    let mut builder = Response::builder();
    if let Answer::Warned(_, warnings) = &answer {
        builder = warnings.iter().fold(builder, |builder, text| builder.header("warning", format!("299 - \"{text}\"")));
    }
    let (code, chunks, stays_open) = match answer {
        Answer::Warned(value, _) => (200, vec![value.to_string()], false),
        Answer::Json(code, value) => (code, vec![value.to_string()], false),
        Answer::Text(code, text) => (code, vec![text.to_owned()], false),
        Answer::Events(events) => (200, events.into_iter().map(|event| format!("{event}\n")).collect(), true),
    };
    let frames = stream::iter(chunks).map(|chunk| Ok(Frame::data(Bytes::from(chunk))));
    let body =
        if stays_open { BodyExt::boxed(StreamBody::new(frames.chain(stream::pending()))) } else { BodyExt::boxed(StreamBody::new(frames)) };
    builder.status(code).body(body).unwrap()
}

fn served(path: &str) -> Option<Answer> {
    let kind = |plural: &str, kind: &str, namespaced: bool| json!({"name": plural, "kind": kind, "namespaced": namespaced});
    let resources = match path {
        "/api/v1" => json!([
            kind("pods", "Pod", true),
            kind("pods/log", "Pod", true),
            kind("secrets", "Secret", true),
            kind("events", "Event", true),
            kind("configmaps", "ConfigMap", true),
            kind("namespaces", "Namespace", false),
            kind("nodes", "Node", false),
        ]),
        "/apis/apps/v1" => json!([kind("deployments", "Deployment", true), kind("replicasets", "ReplicaSet", true)]),
        "/apis/apiextensions.k8s.io/v1" => json!([kind("customresourcedefinitions", "CustomResourceDefinition", false)]),
        _ => return None,
    };
    Some(Answer::Json(200, json!({"kind": "APIResourceList", "resources": resources})))
}

fn list(items: &[Value]) -> Answer {
    Answer::Json(200, json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}))
}

fn modified(object: &Value) -> Value {
    json!({"type": "MODIFIED", "object": object})
}

fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    Answer::Json(code, json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}))
}

/// A Deployment whose `status.word` the judge of these tests reads.
fn deployment(name: &str, word: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": name, "namespace": "keda", "resourceVersion": "1",
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {"selector": {"matchLabels": {"app": name}}},
        "status": {"word": word},
    })
}

/// Reads `status.word`: `ready`, `failed …`, or what it waits for.
fn judge(object: &Value) -> Verdict {
    match object.pointer("/status/word").and_then(Value::as_str).unwrap_or_default() {
        "ready" => Verdict::Ready,
        word if word.starts_with("failed") => Verdict::Failed(word.to_owned()),
        word => Verdict::Waiting(word.to_owned()),
    }
}

/// What a wait told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn push(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}
