//! Errors as RFC 9457 problem details, whoever found them.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Versioned;
use crate::Shared;

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong with it.
    pub message: String,
}

/// Where in a request something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the body, as a JSON pointer (RFC 6901).
    Pointer(String),
    /// In the query.
    Parameter(&'static str),
}

/// An error on its way to the client; [`render`] turns it into the answer.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

impl Problem {
    /// A problem that its status says all about.
    pub fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self::typed("about:blank", title, status, detail)
    }

    /// A problem of a kind of its own.
    pub fn typed(
        kind: &'static str,
        title: &'static str,
        status: StatusCode,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind, title, status: status.as_u16(), detail: detail.into(), errors: Vec::new() }
    }

    /// The request reads well but asks for something it may not.
    #[must_use]
    pub fn invalid(status: StatusCode, errors: Vec<Fault>) -> Self {
        let detail = match errors.len() {
            1 => "1 value is not valid".to_owned(),
            count => format!("{count} values are not valid"),
        };
        let kind = "urn:problem-type:task-api:invalid";
        Self { errors, ..Self::typed(kind, "Invalid request", status, detail) }
    }
}

impl IntoResponse for Problem {
    /// Only the status; the body waits for [`render`], which knows the request.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Serialize)]
struct Located<'a> {
    #[serde(flatten)]
    problem: Problem,
    instance: &'a str,
}

/// Middleware: writes the body of a [`Problem`].
pub async fn render(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let inner = Located { problem, instance: uri.path() };
    let body = Json(Versioned { inner, version: &app.config.version }).into_response().into_body();
    let (mut parts, _) = response.into_parts();
    let media_type = HeaderValue::from_static("application/problem+json");
    parts.headers.insert(header::CONTENT_TYPE, media_type);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body)
}

/// For paths that are none of ours.
pub async fn not_found(uri: Uri) -> Problem {
    Problem::plain(StatusCode::NOT_FOUND, format!("nothing is served at {}", uri.path()))
}

/// For methods that a path does not know.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not answer {method}", uri.path());
    Problem::plain(StatusCode::METHOD_NOT_ALLOWED, detail)
}
