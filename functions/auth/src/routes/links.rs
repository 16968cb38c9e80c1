//! `POST` and `DELETE /me/links/{provider}`.

use super::oauth::begin;
use crate::reauthentication::{self, Actor, Confirmation, require_fresh};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::{AccountKey, ApiError, CookieJar, OptionalJson, PathId, RequestContext, errors};
use tollgate_store::{LinkFor, Linked, Profile};
use utoipa::ToSchema;

/// The address at the provider.
#[derive(Serialize, ToSchema)]
pub struct Authorize {
    authorize_url: String,
}

errors! {
    /// Why no link is started.
    LinkErrors = reauthentication::errors()
        .into_iter()
        .chain([ApiError::AlreadyLinked, ApiError::ProviderNotConfigured])
}

errors! {
    /// Why a link is not removed.
    UnlinkErrors = reauthentication::errors().into_iter().chain([ApiError::LastSignInMethod])
}

/// Starts to link an identity: the browser goes to the provider and returns to the callback.
#[utoipa::path(
    post, path = "/me/links/{provider}", operation_id = "link_provider", tag = "Providers", security(("bearer" = [])),
    params(("provider" = IdentityProvider, Path, description = "Which")), request_body = Confirmation,
    responses((status = 200, body = Authorize), LinkErrors)
)]
pub async fn link(
    Shared(state): Shared<State>,
    context: RequestContext,
    actor: Actor,
    cookies: CookieJar,
    PathId(provider): PathId<IdentityProvider>,
    OptionalJson(body): OptionalJson<Confirmation>,
) -> Result<Response, ApiError> {
    let account = AccountKey::user(&actor.user.id);
    require_fresh(&state, &context, (&actor.user, actor.own.as_ref()), Some(&account), body.password.as_ref()).await?;
    let Actor { user, own } = actor;
    let profile = own.ok_or(ApiError::Unauthenticated)?;
    if profile.links.contains_key(&provider) {
        return Err(ApiError::AlreadyLinked);
    }
    let link = LinkFor { user_id: user.id, session_id: user.session_id };
    let (authorize_url, cookie) = begin(&state, &context, &cookies, provider, None, Some(link)).await?;
    let mut response = Json(Authorize { authorize_url: authorize_url.into() }).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Unlinks an identity, if another sign-in method remains.
#[utoipa::path(
    delete, path = "/me/links/{provider}", operation_id = "unlink_provider", tag = "Providers", security(("bearer" = [])),
    params(("provider" = IdentityProvider, Path, description = "Which")), request_body = Confirmation,
    responses((status = 204, description = "Taken away"), UnlinkErrors)
)]
pub async fn unlink(
    Shared(state): Shared<State>,
    context: RequestContext,
    actor: Actor,
    PathId(provider): PathId<IdentityProvider>,
    OptionalJson(body): OptionalJson<Confirmation>,
) -> Result<StatusCode, ApiError> {
    require_fresh(&state, &context, (&actor.user, actor.own.as_ref()), None, body.password.as_ref()).await?;
    let user = actor.user;
    let mut own = actor.own;
    // Another link may be removed at the same time: then it is checked again.
    for _ in 0..3 {
        let profile = match own.take() {
            Some(profile) => profile,
            None => state.store.profile(&user.id).await?.ok_or(ApiError::Unauthenticated)?,
        };
        check_unlink(&state, &profile, provider).await?;
        let mut entry = context.entry(Action::Unlinked, Some(user.id), Some(user.id.to_string()));
        entry.before = Some(json!({"provider": provider}));
        if state.store.unlink(&profile, provider, &entry).await? == Linked::Done {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(ApiError::Unavailable("the links change too often".into()))
}

/// Refuses to remove a link that is not there, or the last way to sign in.
async fn check_unlink(state: &State, profile: &Profile, provider: IdentityProvider) -> Result<(), ApiError> {
    if !profile.links.contains_key(&provider) {
        return Err(ApiError::NotFound);
    }
    let credentials = state.store.credentials(&profile.email).await?;
    let has_password = state.config.offer.passwords && credentials.is_some_and(|found| found.user_id == profile.id);
    if !has_password && profile.links.len() == 1 {
        return Err(ApiError::LastSignInMethod);
    }
    Ok(())
}
