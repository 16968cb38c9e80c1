//! `GET /admin/stats`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use tollgate_domain::statistics::Statistics;
use tollgate_http::{Admin, ApiError};

/// The statistics, at most an hour old.
#[utoipa::path(
    get, path = "/admin/stats", operation_id = "stats", tag = "Admin", security(("bearer" = [])),
    responses((status = 200, body = Statistics))
)]
pub async fn stats(Shared(state): Shared<State>, _: Admin) -> Result<Json<Statistics>, ApiError> {
    let counted = state.store.statistics().await?;
    counted.map(Json).ok_or_else(|| ApiError::Unavailable("the statistics were never counted".into()))
}
