//! `GET` and `PATCH /me`.

use crate::mails;
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tollgate_domain::User;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::{ActiveUser, ActiveUserWith, ApiError, Patch, PatchBody, RequestContext, errors};
use tollgate_store::{Profile, ProfileOf};
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
    let profile = caller.own.ok_or(ApiError::Unauthenticated)?;
    view(&state, &context, caller.user, profile).await.map(Json)
}

/// The fields of the caller to change.
#[derive(Deserialize, ToSchema)]
pub struct MeChange {
    /// The language of pages and mails: one of those that the service has. `null` for that of the browser, and of English
    /// mails.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 2, examples("de"))]
    locale: Option<Option<String>>,
}

impl Patch for MeChange {
    const NULLABLE: &'static [&'static str] = &["locale"];
    const PARAMETERS: &'static [&'static str] = &[];
}

/// A field that was sent, also as `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

errors! {
    /// Why the caller is not changed.
    MeChangeErrors = []
}

/// Changes the caller's own user.
#[utoipa::path(
    patch, path = "/me", operation_id = "change_me", tag = "Accounts", security(("bearer" = [])), request_body = MeChange,
    responses((status = 200, body = Me), MeChangeErrors)
)]
pub async fn change(
    Shared(state): Shared<State>,
    context: RequestContext,
    caller: ActiveUserWith<ProfileOf>,
    PatchBody(body): PatchBody<MeChange>,
) -> Result<Json<Me>, ApiError> {
    let mut profile = caller.own.ok_or(ApiError::Unauthenticated)?;
    if let Some(wanted) = body.locale {
        let locale = wanted.as_deref().map(mails::language_named).transpose()?;
        if locale != profile.locale.as_deref() {
            state.store.set_locale(&profile.id, locale).await?;
            profile.locale = locale.map(str::to_owned);
        }
    }
    view(&state, &context, caller.user, profile).await.map(Json)
}

async fn view(state: &State, context: &RequestContext, user: ActiveUser, profile: Profile) -> Result<Me, ApiError> {
    let has_password = match user.gate.has_password {
        _ if !state.config.offer.passwords => false,
        Some(has_password) => has_password,
        // A gate of an earlier version.
        None => state.store.credentials(&profile.email).await?.is_some_and(|found| found.user_id == user.id),
    };
    Ok(Me {
        tier: user.gate.present_tier(context.now),
        features: state.guard.free_plan.features_of(&user.gate, context.now).await?,
        amr: user.amr,
        has_password,
        linked_providers: profile.links.keys().copied().collect(),
        user: profile.into_user(),
    })
}
