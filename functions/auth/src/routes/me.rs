//! `GET /me`.

use crate::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use serde_json::{Map, Value};
use tollgate_domain::User;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::{ActiveUserWith, ApiError, RequestContext};
use tollgate_store::ProfileOf;
use utoipa::ToSchema;

/// The caller, with fields that only the caller sees.
#[derive(Serialize, ToSchema)]
pub struct Me {
    #[serde(flatten)]
    user: User,
    tier: u32,
    /// The features of the caller's plan, without access those of the plan of price 0.
    #[schema(value_type = Object)]
    features: Map<String, Value>,
    /// How the caller signed in: `pwd`, `otp`, or `fed` for a provider.
    amr: Vec<String>,
    has_password: bool,
    linked_providers: Vec<IdentityProvider>,
}

/// The caller's own user.
#[utoipa::path(
    get, path = "/me", tag = "Accounts", security(("bearer" = [])), responses((status = 200, body = Me))
)]
pub async fn me(
    Shared(state): Shared<State>,
    context: RequestContext,
    caller: ActiveUserWith<ProfileOf>,
) -> Result<Json<Me>, ApiError> {
    let ActiveUserWith { user, own } = caller;
    let profile = own.ok_or(ApiError::Unauthenticated)?;
    let has_password = match user.gate.has_password {
        _ if !state.config.offer.passwords => false,
        Some(has_password) => has_password,
        // A gate of an earlier version.
        None => state.store.credentials(&profile.email).await?.is_some_and(|found| found.user_id == user.id),
    };
    Ok(Json(Me {
        tier: user.gate.present_tier(context.now),
        features: state.free_plan.features_of(&user.gate, context.now).await?,
        amr: user.amr,
        has_password,
        linked_providers: profile.links.keys().copied().collect(),
        user: profile.into_user(),
    }))
}
