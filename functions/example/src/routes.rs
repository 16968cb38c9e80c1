//! The endpoints. The guard of each is an argument of its handler.

use axum::Json;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_guard::{ActiveUser, Feature, Guard, Quota, RequireFeature, RequireTier};
use tollgate_http::{ApiError, Routes, routes};
use utoipa::ToSchema;

/// Every operation of this function: router and OpenAPI document follow.
pub(crate) fn operations<R: Routes<Guard>>(list: R) -> R {
    routes![list; me, tier, feature, quota]
}

/// The name `exports` in the features and limits of the plans.
pub struct Exports;

impl Feature for Exports {
    const NAME: &'static str = "exports";
}

/// The caller.
#[derive(Serialize, ToSchema)]
pub struct Caller {
    user_id: String,
}

impl Caller {
    fn of(user: &ActiveUser) -> Json<Self> {
        Json(Self { user_id: user.id.to_string() })
    }
}

/// For each signed-in user.
#[utoipa::path(
    get, path = "/example/me", operation_id = "example_me", tag = "Example",
    security(("bearer" = [])), responses((status = 200, body = Caller))
)]
pub async fn me(user: ActiveUser) -> Json<Caller> {
    Caller::of(&user)
}

/// For users whose plan is of tier 2 or more now.
#[utoipa::path(
    get, path = "/example/tier", operation_id = "example_tier", tag = "Example",
    security(("bearer" = [])), responses((status = 200, body = Caller))
)]
pub async fn tier(RequireTier(user): RequireTier<2>) -> Json<Caller> {
    Caller::of(&user)
}

/// For users whose plan has the feature `exports` now.
#[utoipa::path(
    get, path = "/example/feature", operation_id = "example_feature", tag = "Example",
    security(("bearer" = [])), responses((status = 200, body = Caller))
)]
pub async fn feature(RequireFeature(user, _): RequireFeature<Exports>) -> Json<Caller> {
    Caller::of(&user)
}

/// A counted use.
#[derive(Serialize, ToSchema)]
pub struct Counted {
    /// The uses that the plan allows in a month.
    limit: u64,
    /// The uses so far, this one included.
    used: u64,
    /// When counting starts again.
    #[schema(value_type = String, format = DateTime)]
    resets_at: Timestamp,
}

/// Up to the number of uses a month in the plan's limit `exports`.
#[utoipa::path(
    post, path = "/example/quota", operation_id = "example_quota", tag = "Example",
    security(("bearer" = [])), responses((status = 200, body = Counted))
)]
pub async fn quota(quota: Quota<Exports>) -> Result<Json<Counted>, ApiError> {
    Ok(Json(Counted { limit: quota.limit, used: quota.used, resets_at: quota.resets_at }))
}
