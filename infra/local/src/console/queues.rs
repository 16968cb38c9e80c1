//! The queues of the dev console, and what moves them.

use super::body::done;
use super::error::Answer;
use super::state::Console;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_http::ApiError;

/// The number of dead letters that are shown.
const LISTED: usize = 200;
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(30);

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/queues", get(queues))
        .route("/_local/queues/{name}/dead", get(dead_letters))
        .route("/_local/queues/{name}/redrive", post(redrive))
        .route("/_local/drain", post(drain))
        .route("/_local/stream", post(read_stream))
}

async fn queues(State(console): State<Console>) -> Json<Value> {
    Json(json!({"items": console.depths()}))
}

async fn dead_letters(State(console): State<Console>, Path(name): Path<String>) -> Answer {
    let queue = console.fakes.queues.iter().find(|queue| queue.name() == name).ok_or(ApiError::NotFound)?;
    Ok(Json(json!({"items": queue.dead(LISTED)})))
}

async fn redrive(State(console): State<Console>, Path(name): Path<String>, headers: HeaderMap) -> Answer<Response> {
    let queue = console.fakes.queues.iter().find(|queue| queue.name() == name).ok_or(ApiError::NotFound)?;
    Ok(done(&headers, json!({"redriven": queue.redrive()?})))
}

async fn drain(State(console): State<Console>, headers: HeaderMap) -> Answer<Response> {
    match tokio::time::timeout(DRAIN, console.event_sources.drain()).await {
        Ok(handled) => {
            let handled = handled?;
            console.schedules.count_before_next_read();
            Ok(done(&headers, json!({"handled": handled})))
        }
        Err(_) => Ok((StatusCode::GATEWAY_TIMEOUT, Json(json!({"queues": console.depths()}))).into_response()),
    }
}

/// Starts a read of the outbox's stream: another process, such as `tollgate-ops`, has written to the tables.
async fn read_stream(State(console): State<Console>) -> StatusCode {
    console.fault_injector.announce_write();
    StatusCode::ACCEPTED
}
