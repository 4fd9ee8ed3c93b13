//! A router without a socket: one request in, status, headers and JSON out.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use task_api::{App, Shared, api, config::Config, store::Store};
use tower::ServiceExt;

/// An application that keeps three tasks and answers as v2.
pub struct Service {
    pub app: Shared,
    pub router: Router,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Service {
    pub fn new() -> Self {
        let config = Config {
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            port: 0,
            service: "task-api".into(),
            version: "v2".into(),
            drain: Duration::from_secs(1),
        };
        let app = App::new(config, Store::new(3));
        Self { router: api::router(&app), app }
    }

    /// Sends `"METHOD /path"` with an optional JSON body.
    pub async fn send(&self, line: &str, body: Option<Value>) -> Answer {
        let text = body.map(|body| body.to_string());
        let content_type = text.as_ref().map(|_| "application/json");
        self.send_raw(line, content_type, text.unwrap_or_default()).await
    }

    pub async fn send_raw(&self, line: &str, content_type: Option<&str>, body: String) -> Answer {
        let (method, uri) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(body)).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(&format!("GET {uri}"), None).await
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as a problem, after checking what every problem has.
    #[track_caller]
    pub fn problem(&self, status: u16, instance: &str) -> Value {
        let problem = self.json();
        assert_eq!(self.status.as_u16(), status, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!((&problem["status"], &problem["instance"]), (&status.into(), &instance.into()));
        assert_eq!(problem["version"], "v2");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }
}
