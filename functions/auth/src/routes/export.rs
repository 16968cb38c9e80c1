//! `GET` and `POST /me/export`: all data about the caller.

use crate::reauthentication::{self, Actor, Confirmation, verify_password};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use tollgate_domain::password::Password;
use tollgate_domain::session::FRESH;
use tollgate_http::{ApiError, EXPORTS, Export, OptionalJson, RequestContext, errors};

errors! {
    /// Why nothing is exported.
    ExportErrors = [ApiError::ReauthenticationRequired, ApiError::RATE_LIMITED]
}

errors! {
    /// Why nothing is exported.
    ExportWithPasswordErrors = reauthentication::errors().into_iter().chain([ApiError::RATE_LIMITED])
}

/// All data about the caller, within five minutes of the sign-in of this session.
#[utoipa::path(
    get, path = "/me/export", operation_id = "export_me", tag = "Accounts", security(("bearer" = [])),
    responses((status = 200, body = Export), ExportErrors)
)]
pub async fn export(
    Shared(state): Shared<State>,
    context: RequestContext,
    actor: Actor,
) -> Result<Json<Export>, ApiError> {
    export_confirmed(&state, &context, actor, None).await
}

/// All data about the caller, with the password.
#[utoipa::path(
    post, path = "/me/export", operation_id = "export_me_with_password", tag = "Accounts", security(("bearer" = [])),
    responses((status = 200, body = Export), ExportWithPasswordErrors)
)]
pub async fn export_with_password(
    Shared(state): Shared<State>,
    context: RequestContext,
    actor: Actor,
    OptionalJson(body): OptionalJson<Confirmation>,
) -> Result<Json<Export>, ApiError> {
    export_confirmed(&state, &context, actor, body.password.as_ref()).await
}

async fn export_confirmed(
    state: &State,
    context: &RequestContext,
    actor: Actor,
    password: Option<&Password>,
) -> Result<Json<Export>, ApiError> {
    let Actor { user, own } = actor;
    let counted = state.limiter.admit_user(context, &user.id, EXPORTS);
    match password {
        Some(password) => verify_password(state, (&user, own.as_ref()), counted, password).await?,
        // The id of a session contains the time of its creation.
        None if context.now.duration_since(user.session_id.made_at()) > FRESH => {
            counted.await?;
            return Err(ApiError::ReauthenticationRequired);
        }
        None => counted.await?,
    }
    let profile = own.ok_or(ApiError::Unauthenticated)?;
    let (session, grace) = (user.session_id, state.config.grace);
    Ok(Json(Export::read(&state.store, (profile, user.gate), &session, grace, context.now).await?))
}
