//! `GET /healthz`.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// A function that runs.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The version.
    version: &'static str,
}

/// Returns that the function runs, and its version.
#[utoipa::path(
    get, path = "/healthz", tag = "Service", responses((status = 200, description = "It runs", body = Health))
)]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
