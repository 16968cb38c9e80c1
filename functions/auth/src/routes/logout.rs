//! `POST /logout`.

use super::refresh_token::{PresentedToken, presented};
use crate::state::State;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use std::collections::BTreeSet;
use tollgate_domain::Secret;
use tollgate_domain::audit::Action;
use tollgate_http::{ApiError, CookieJar, CookieName, OptionalJson, RequestContext, errors};

errors! {
    /// Why a session is not ended: a cookie from an origin that is not allowed.
    LogoutErrors = [ApiError::Forbidden]
}

/// Ends the session of each refresh token that is presented, also of one that has been rotated.
#[utoipa::path(
    post, path = "/logout", tag = "Sessions", request_body = PresentedToken,
    responses((status = 204, description = "Signed out"), LogoutErrors)
)]
pub async fn logout(
    Shared(state): Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    OptionalJson(body): OptionalJson<PresentedToken>,
) -> Result<Response, ApiError> {
    let tokens = presented(&state, &cookies, body.refresh_token)?;
    if !tokens.is_empty() {
        let keys = state.keys.auth().await?;
        let read = |token: &Secret<String>| keys.read_refresh_token(token.expose()).ok();
        let sessions: BTreeSet<_> =
            tokens.iter().filter_map(read).map(|token| (token.user_id, token.session_id)).collect();
        for (user, session) in sessions {
            let mut entry = context.entry(Action::SessionRevoked, Some(user), Some(user.to_string()));
            entry.before = Some(json!({"session_id": session}));
            entry.after = Some(json!({"reason": "logout"}));
            state.store.end_session(&user, &session, &entry).await?;
        }
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cleared = state.config.cookies.set(CookieName::Refresh, "", 0)?;
    response.headers_mut().append(header::SET_COOKIE, cleared);
    Ok(response)
}
