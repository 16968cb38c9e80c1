//! `GET /healthz`.

use axum::Json;
use serde_json::{Value, json};

/// That the function runs, and which version.
pub async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
