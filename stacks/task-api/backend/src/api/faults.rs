//! Trouble on demand: `?delay_ms=` makes an answer late, `?status=` changes its status.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::query::{Params, both};

/// The longest delay, in milliseconds.
const MAX_DELAY: u64 = 30_000;

/// Middleware: delays, then fails without doing the work, or does it under another status.
///
/// A delay is not cut short when the process drains: it stands for work in flight.
pub async fn inject(params: Params, request: Request, next: Next) -> Result<Response, Problem> {
    let delay = params.number("delay_ms", 0..=MAX_DELAY);
    let (delay, status) = both(delay, params.number("status", 200..=599))?;
    if let Some(delay) = delay {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let status = status.and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    match status {
        None => Ok(next.run(request).await),
        Some(status) if status.as_u16() >= 400 => Err(Problem::typed(
            "urn:problem-type:task-api:injected-fault",
            "Injected fault",
            status,
            "the request asked for this status",
        )),
        Some(status) => Ok(replaced(next.run(request).await, status)),
    }
}

/// The answer under another status; true errors stay visible.
fn replaced(mut response: Response, status: StatusCode) -> Response {
    let bodiless = matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    );
    if !response.status().is_success() {
        response
    } else if bodiless {
        status.into_response()
    } else {
        *response.status_mut() = status;
        response
    }
}
