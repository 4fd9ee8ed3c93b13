//! The HTTP surface: which paths there are and what every one of them has in common.

mod body;
mod draft;
mod faults;
mod ops;
mod problem;
mod query;
mod tasks;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::{Shared, metrics, shutdown};

/// The same API under each: what a pod answers depends on its deployment, not on the path.
const PREFIXES: [&str; 3] = ["/api", "/api/v1", "/api/v2"];

/// The largest request body.
const MAX_BODY: usize = 64 * 1024;

/// Tells the deployment's version even where there is no body.
const VERSION_HEADER: &str = "x-api-version";

/// An answer that says which version of the service gave it.
#[derive(Serialize)]
struct Versioned<'a, T> {
    #[serde(flatten)]
    inner: T,
    version: &'a str,
}

/// All routes over `app`.
pub fn router(app: &Shared) -> Router {
    let mut api = Router::new();
    for prefix in PREFIXES {
        for (method, path, status) in tasks::OPERATIONS {
            app.metrics.declare(&method, &format!("{prefix}{path}"), status);
        }
        app.metrics.declare(&Method::GET, prefix, 200);
        api = api
            .route(prefix, get(about))
            .route(&format!("{prefix}/tasks"), tasks::collection())
            .route(&format!("{prefix}/tasks/{{id}}"), tasks::item());
    }
    let api = api
        .method_not_allowed_fallback(problem::method_not_allowed)
        .route_layer(from_fn(faults::inject))
        .fallback(problem::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(app.clone(), problem::render))
        .layer(from_fn_with_state(app.clone(), stamp))
        .layer(from_fn_with_state(app.clone(), metrics::measure));
    let ops = ops::routes()
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), problem::render));
    api.merge(ops).layer(from_fn_with_state(app.clone(), shutdown::track)).with_state(app.clone())
}

/// Who answers: handy for seeing traffic split between versions.
async fn about(State(app): State<Shared>) -> Response {
    #[derive(Serialize)]
    struct About<'a> {
        service: &'a str,
    }
    let inner = About { service: &app.config.service };
    Json(Versioned { inner, version: &app.config.version }).into_response()
}

/// Middleware: names the deployment's version in a header.
async fn stamp(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(version) = HeaderValue::from_str(&app.config.version) {
        response.headers_mut().insert(VERSION_HEADER, version);
    }
    response
}
