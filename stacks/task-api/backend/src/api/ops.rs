//! What the platform asks: is the process alive, is it ready, what has it measured.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::problem::Problem;
use crate::{Shared, metrics};

/// `/health`, `/ready` and `/metrics`, none of which count as requests.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(measured))
}

/// Alive for as long as it answers, also while draining.
async fn health(State(app): State<Shared>) -> Response {
    status(&app, StatusCode::OK, "ok")
}

async fn ready(State(app): State<Shared>) -> Response {
    if app.drain.is_draining() {
        status(&app, StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else {
        status(&app, StatusCode::OK, "ready")
    }
}

fn status(app: &Shared, code: StatusCode, status: &str) -> Response {
    (code, Json(json!({ "status": status, "version": app.config.version }))).into_response()
}

async fn measured(State(app): State<Shared>) -> Result<Response, Problem> {
    let text = app.metrics.render().map_err(|error| {
        Problem::plain(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write metrics: {error}"))
    })?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
