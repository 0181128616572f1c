//! `/kv/{key}`: reads and writes of clients.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use openraft_toolkit::openraft::ReadPolicy;
use openraft_toolkit::propose_at;
use serde::Deserialize;
use tokio::time::timeout;

use super::App;
use super::error::ApiError;
use crate::command::{Command, Outcome, PutOptions};
use crate::data::Value;

/// How long a request waits for a majority.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn routes() -> Router<App> {
    Router::new().route("/{*key}", get(read).put(put).delete(delete))
}

#[derive(Deserialize)]
struct ReadOptions {
    /// Answer from this node's own state, which may be old.
    stale: Option<String>,
}

async fn read(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(key): Path<String>,
    Query(options): Query<ReadOptions>,
) -> Result<Value, ApiError> {
    if options.stale.is_none() {
        let confirmed = timeout(PATIENCE, app.raft.ensure_linearizable(ReadPolicy::ReadIndex)).await;
        confirmed
            .map_err(|_| ApiError::Unavailable(format!("no majority answered within {PATIENCE:?}")))?
            .map_err(|error| ApiError::read(error, &uri))?;
    }
    app.state_machine.get(&key).await.ok_or_else(|| no_value(&key))
}

async fn put(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(key): Path<String>,
    options: Result<Query<PutOptions>, QueryRejection>,
    value: Bytes,
) -> Result<Response, ApiError> {
    let Query(options) = options.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    match write(&app, &uri, Command::put(key.clone(), value.into(), options)).await? {
        Outcome::Done { existed: true } => Ok(StatusCode::NO_CONTENT.into_response()),
        Outcome::Done { existed: false } => Ok(StatusCode::CREATED.into_response()),
        Outcome::Unexpected { found: Some(value) } => Ok((StatusCode::PRECONDITION_FAILED, value).into_response()),
        Outcome::Unexpected { found: None } => Err(no_value(&key)),
    }
}

async fn delete(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(key): Path<String>,
) -> Result<StatusCode, ApiError> {
    match write(&app, &uri, Command::Delete { key: key.clone() }).await? {
        Outcome::Done { existed: true } => Ok(StatusCode::NO_CONTENT),
        _ => Err(no_value(&key)),
    }
}

pub(super) async fn write(app: &App, uri: &Uri, command: Command) -> Result<Outcome, ApiError> {
    // This checks the command before it gets into the log: a node of an older release could not read it there.
    let committed = timeout(PATIENCE, propose_at(&app.raft, app.level(), command)).await;
    let response = committed
        .map_err(|_| ApiError::Unconfirmed(format!("no majority confirmed the write within {PATIENCE:?}")))?
        .map_err(|error| ApiError::write(error, uri))?;
    Ok(response.data)
}

fn no_value(key: &str) -> ApiError {
    ApiError::NotFound(format!("no value at {key:?}"))
}
