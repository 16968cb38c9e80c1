//! `GET /healthz`.

use axum::Json;
use serde_json::{Value, json};

/// That the function runs, and which version.
#[utoipa::path(
    get, path = "/healthz", tag = "Service", responses((status = 200, description = "It runs"))
)]
pub async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
