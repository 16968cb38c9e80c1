//! `POST /deactivate` and `POST /me/delete`: closing an account.

use crate::mails;
use crate::reauthentication::{self, Confirmation, require_fresh};
use crate::state::State;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::billing::UserCommand;
use tollgate_domain::gate::Closing;
use tollgate_http::{
    AccountKey, ActiveUser, ApiError, CookieName, Message, OptionalJson, RequestContext, errors, message,
};
use tollgate_store::RightsChange;

errors! {
    /// Why an account is not closed.
    ClosingErrors = reauthentication::errors().into_iter().chain([ApiError::LastAdmin])
}

/// Closes the caller's own account.
#[utoipa::path(
    post, path = "/deactivate", tag = "Accounts", security(("bearer" = [])), request_body = Confirmation,
    responses((status = 200, body = Message), ClosingErrors)
)]
pub async fn deactivate(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    OptionalJson(body): OptionalJson<Confirmation>,
) -> Result<Response, ApiError> {
    close_account(&state, &context, &user, &body, Closing::Deactivated).await?;
    signed_out(&state, StatusCode::OK, "Your account is closed.")
}

/// Deletes the caller's own account: sign-in ends at once, a subscription is cancelled at once, and personal data is
/// erased within a day. Payments and audit entries stay under the id.
#[utoipa::path(
    post, path = "/me/delete", operation_id = "delete_me", tag = "Accounts", security(("bearer" = [])),
    request_body = Confirmation,
    responses((status = 202, body = Message), ClosingErrors)
)]
pub async fn delete(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    OptionalJson(body): OptionalJson<Confirmation>,
) -> Result<Response, ApiError> {
    close_account(&state, &context, &user, &body, Closing::Deleted).await?;
    signed_out(&state, StatusCode::ACCEPTED, "Your account is deleted. What is kept of you is gone within a day.")
}

async fn close_account(
    state: &State,
    context: &RequestContext,
    user: &ActiveUser,
    confirmation: &Confirmation,
    closing: Closing,
) -> Result<(), ApiError> {
    let account = AccountKey::user(&user.id);
    require_fresh(state, context, (user, None), Some(&account), confirmation.password.as_ref()).await?;
    let action = match closing {
        Closing::Deactivated => Action::Deactivated,
        Closing::Deleted => Action::Deleted,
    };
    let mut entry = context.entry(action, Some(user.id), Some(user.id.to_string()));
    entry.before = Some(json!({"is_active": true}));
    entry.after = Some(json!({"is_active": false, "sessions_ended": user.gate.sessions.len()}));
    let command = mails::command(UserCommand::closing(user.id), context.now)?;
    match state.store.close_account(&user.gate, closing, &command, &entry).await? {
        RightsChange::Done => Ok(()),
        RightsChange::LastAdmin => Err(ApiError::LastAdmin),
        RightsChange::Changed => Err(ApiError::Unauthenticated),
    }
}

fn signed_out(state: &State, status: StatusCode, text: &'static str) -> Result<Response, ApiError> {
    let mut response = (status, message(text)).into_response();
    response.headers_mut().append(header::SET_COOKIE, state.config.cookies.set(CookieName::Refresh, "", 0)?);
    Ok(response)
}
