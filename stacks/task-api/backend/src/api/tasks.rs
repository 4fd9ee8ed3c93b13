//! The tasks resource: list, create, get, replace, change, delete.

use std::time::SystemTime;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::{Method, StatusCode, Uri, header, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::Serialize;

use super::body::Body;
use super::problem::{Fault, Problem};
use super::query::{Params, both};
use super::{Versioned, draft};
use crate::Shared;
use crate::task::Task;

/// How many tasks a page has unless the client says otherwise, and at most.
const PAGE: (u64, u64) = (50, 500);

/// What there is to do, and the status when it succeeds.
pub const OPERATIONS: [(Method, &str, u16); 6] = [
    (Method::GET, "/tasks", 200),
    (Method::POST, "/tasks", 201),
    (Method::GET, "/tasks/{id}", 200),
    (Method::PUT, "/tasks/{id}", 200),
    (Method::PATCH, "/tasks/{id}", 200),
    (Method::DELETE, "/tasks/{id}", 204),
];

/// Methods of the whole collection.
pub fn collection() -> MethodRouter<Shared> {
    get(list).post(create)
}

/// Methods of one task.
pub fn item() -> MethodRouter<Shared> {
    get(read).put(replace).patch(change).delete(remove)
}

async fn list(State(app): State<Shared>, params: Params) -> Result<Response, Problem> {
    let (default, most) = PAGE;
    let limit = params.number("limit", 1..=most);
    let (limit, cursor) = both(limit, params.number("cursor", 0..=u64::MAX))?;
    let limit = usize::try_from(limit.unwrap_or(default)).unwrap_or(usize::MAX);
    let page = app.store().page(cursor.unwrap_or(0), limit);
    Ok(json(&app, page))
}

async fn create(
    State(app): State<Shared>,
    uri: Uri,
    Body(body): Body,
) -> Result<Response, Problem> {
    let draft = draft::whole(&body).map_err(invalid)?;
    let task = app.store().create(draft, SystemTime::now()).map_err(|full| {
        Problem::typed(
            "urn:problem-type:task-api:store-full",
            "Too many tasks",
            StatusCode::INSUFFICIENT_STORAGE,
            format!("{} tasks are kept at most; delete some first", full.capacity),
        )
    })?;
    let location = format!("{}/{}", uri.path(), task.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], json(&app, task)).into_response())
}

async fn read(State(app): State<Shared>, Id(id): Id) -> Result<Response, Problem> {
    let task = app.store().get(id);
    found(&app, id, task)
}

async fn replace(
    State(app): State<Shared>,
    Id(id): Id,
    Body(body): Body,
) -> Result<Response, Problem> {
    let draft = draft::whole(&body).map_err(invalid)?;
    let task = app.store().update(id, draft, SystemTime::now());
    found(&app, id, task)
}

async fn change(
    State(app): State<Shared>,
    Id(id): Id,
    Body(body): Body,
) -> Result<Response, Problem> {
    let change = draft::part(&body).map_err(invalid)?;
    let task = app.store().update(id, change, SystemTime::now());
    found(&app, id, task)
}

async fn remove(State(app): State<Shared>, Id(id): Id) -> Result<StatusCode, Problem> {
    if app.store().delete(id) { Ok(StatusCode::NO_CONTENT) } else { Err(missing(id)) }
}

/// The id in a path; only as the store would write it, so that a task has one address.
struct Id(u64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let text = text.map_or_else(|_| String::new(), |Path(text)| text);
        let id = text.parse().ok().filter(|id: &u64| id.to_string() == text);
        id.map(Self).ok_or_else(|| {
            Problem::plain(StatusCode::NOT_FOUND, "the id of a task is a whole number")
        })
    }
}

fn found(app: &Shared, id: u64, task: Option<Task>) -> Result<Response, Problem> {
    task.map(|task| json(app, task)).ok_or_else(|| missing(id))
}

fn missing(id: u64) -> Problem {
    Problem::plain(StatusCode::NOT_FOUND, format!("there is no task {id}"))
}

fn json<T: Serialize>(app: &Shared, inner: T) -> Response {
    Json(Versioned { inner, version: &app.config.version }).into_response()
}

fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::invalid(StatusCode::UNPROCESSABLE_ENTITY, faults)
}
