//! Faults of the services that functions call, and the answers of the chat model.

use super::body::body;
use super::error::Answer;
use super::state::Console;
use crate::ai::ScriptedAnswer;
use crate::faults::{Fault, Kind, OPERATIONS};
use crate::service::Service;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_http::{ApiError, FieldError};

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_local/ai", get(model_requests).post(script_model))
}

/// The active faults, and the operations that a fault can name.
async fn faults(State(console): State<Console>) -> Json<Value> {
    let items: Vec<_> =
        console.fault_injector.faults().iter().filter_map(|fault: &Fault| serde_json::to_value(fault).ok()).collect();
    let services: Vec<_> =
        OPERATIONS.iter().map(|(service, operations)| json!({"service": service, "operations": operations})).collect();
    Json(json!({"items": items, "services": services}))
}

async fn add_fault(
    State(console): State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Value>)> {
    let fault: Fault = body(&headers, &bytes)?;
    if !console.fault_injector.add(fault.clone()) {
        let field = FieldError::new("operation", "No function calls this operation of this service.");
        return Err(ApiError::Validation(field).into());
    }
    Ok((StatusCode::CREATED, Json(json!(fault))))
}

/// Which faults are removed; all of them without a service.
#[derive(Deserialize)]
struct FaultsToClear {
    service: Option<Service>,
    operation: Option<String>,
    kind: Option<Kind>,
}

async fn clear_faults(State(console): State<Console>, Query(wanted): Query<FaultsToClear>) -> StatusCode {
    let FaultsToClear { service, operation, kind } = wanted;
    match (service, kind) {
        (Some(service), Some(kind)) => console.fault_injector.remove(service, operation.as_deref(), kind),
        _ => drop(console.fault_injector.clear()),
    }
    StatusCode::NO_CONTENT
}

async fn model_requests(State(console): State<Console>) -> Json<Value> {
    Json(json!({"items": console.model.requests()}))
}

/// The scripted answer of the chat model.
#[derive(Deserialize)]
struct Script {
    answers: Vec<ScriptedAnswer>,
}

async fn script_model(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let script: Script = body(&headers, &bytes)?;
    let count = script.answers.len();
    console.model.script(script.answers);
    Ok(Json(json!({"answers": count})))
}
