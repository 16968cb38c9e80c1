//! `POST /deactivate`.

use super::{Message, message};
use crate::reauthentication::{Confirmation, require_fresh};
use crate::{State, mails};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::billing::UserOrder;
use tollgate_http::{AccountKey, ActiveUser, ApiError, OptionalJson, REFRESH_COOKIE, RequestContext};
use tollgate_store::Deactivation;

/// Closes the caller's own account.
#[utoipa::path(
    post, path = "/deactivate", tag = "Accounts", security(("bearer" = [])), request_body = Option<Confirmation>,
    responses((status = 200, body = Message),
        (status = 403, description = "`reauthentication_required`, `wrong_password`"),
        (status = 409, description = "`last_admin`"), (status = 429, description = "`rate_limited`"))
)]
pub async fn deactivate(
    Shared(state): Shared<State>,
    context: RequestContext,
    user: ActiveUser,
    OptionalJson(body): OptionalJson<Confirmation>,
) -> Result<Response, ApiError> {
    state.limiter.admit_account(&context, &AccountKey::user(&user.id)).await?;
    require_fresh(&state, &context, &user, &body).await?;
    let mut entry = context.entry(Action::Deactivated, Some(user.id), Some(user.id.to_string()));
    entry.before = Some(json!({"is_active": true}));
    entry.after = Some(json!({"is_active": false, "sessions_ended": user.gate.sessions.len()}));
    let order = UserOrder { user_id: user.id, email: None, ends_checkouts: true };
    let order = mails::order(order, context.now)?;
    match state.store.deactivate(&user.gate, &order, &entry).await? {
        Deactivation::Done => {}
        Deactivation::LastAdmin => return Err(ApiError::LastAdmin),
        Deactivation::Changed => return Err(ApiError::Unauthenticated),
    }
    let mut response = message("Your account is closed.").into_response();
    response.headers_mut().append(header::SET_COOKIE, state.config.cookies.set(REFRESH_COOKIE, "", 0)?);
    Ok(response)
}
