//! JSON bodies, with each way of getting them wrong as a problem.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::Value;

use super::problem::Problem;

/// A body that is JSON, whatever it says.
pub struct Body(pub Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(problem(&rejection)),
        }
    }
}

fn problem(rejection: &JsonRejection) -> Problem {
    let status = rejection.status();
    match status {
        StatusCode::BAD_REQUEST => Problem::typed(
            "urn:problem-type:task-api:malformed-json",
            "Malformed JSON",
            status,
            rejection.body_text(),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::plain(status, format!("a body may have {} bytes", super::MAX_BODY))
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::plain(status, "send the body with Content-Type: application/json")
        }
        _ => Problem::plain(status, rejection.body_text()),
    }
}
