//! `GET /admin/labels`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use tollgate_http::{Admin, ApiError};
use utoipa::ToSchema;

/// The labels.
#[derive(Serialize, ToSchema)]
pub struct Labels {
    /// Whether there is one.
    has_label: bool,
}

/// Returns whether there is a label.
#[utoipa::path(
    get, path = "/admin/labels", operation_id = "labels", tag = "Admin", security(("bearer" = [])),
    responses((status = 200, body = Labels))
)]
pub async fn labels(Shared(state): Shared<State>, _: Admin) -> Result<Json<Labels>, ApiError> {
    Ok(Json(Labels { has_label: state.store.has_label().await? }))
}
