//! `GET /admin/stats`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use tollgate_domain::statistics::{DEFAULT_DAYS, MAX_DAYS, MIN_DAYS, Statistics};
use tollgate_http::{Admin, ApiError, FieldError, Parameters, errors};
use utoipa::IntoParams;

/// The requested days.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// The number of days, with the current one: 7 to 365.
    #[param(value_type = Option<i64>, minimum = 7, maximum = 365, default = 30)]
    days: Option<String>,
}

fn wrong_days() -> ApiError {
    ApiError::Validation(FieldError::new("days", "days is a whole number from 7 to 365."))
}

errors! {
    /// Why no statistics are shown.
    StatsErrors = [wrong_days()]
}

/// The statistics, at most an hour old.
#[utoipa::path(
    get, path = "/admin/stats", operation_id = "stats", tag = "Admin", security(("bearer" = [])), params(StatsQuery),
    responses((status = 200, body = Statistics), StatsErrors)
)]
pub async fn stats(
    Shared(state): Shared<State>,
    _: Admin,
    Parameters(query): Parameters<StatsQuery>,
) -> Result<Json<Statistics>, ApiError> {
    let days = match query.days.as_deref() {
        None => DEFAULT_DAYS,
        Some(text) => text.parse().ok().filter(|days| (MIN_DAYS..=MAX_DAYS).contains(days)).ok_or_else(wrong_days)?,
    };
    let totals = state.store.statistics().await?;
    let totals = totals.ok_or_else(|| ApiError::Unavailable("the statistics were never counted".into()))?;
    let rows = state.store.statistics_days(totals.first_day(days)).await?;
    Ok(Json(totals.with_days(rows, days)))
}
