//! `POST /logout`.

use super::refresh_token::RefreshTokenBody;
use crate::State;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_http::{ApiError, CookieJar, OptionalJson, REFRESH_COOKIE, RequestContext};

/// Ends the session of a refresh token, also of one that has been rotated away.
#[utoipa::path(
    post, path = "/logout", tag = "Sessions", request_body = Option<RefreshTokenBody>,
    responses((status = 204, description = "Signed out"),
        (status = 403, description = "`forbidden`: a cookie from an origin that is not allowed"))
)]
pub async fn logout(
    Shared(state): Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    OptionalJson(body): OptionalJson<RefreshTokenBody>,
) -> Result<Response, ApiError> {
    let token = match body.refresh_token {
        Some(token) => Some(token),
        None => cookies.get_to_act(REFRESH_COOKIE, &state.config.origins)?,
    };
    if let Some(token) = token {
        let keys = state.keys.auth().await?;
        if let Ok(token) = keys.read_refresh_token(token.expose()) {
            let user = token.user_id;
            let mut entry = context.entry(Action::SessionRevoked, Some(user), Some(user.to_string()));
            entry.before = Some(json!({"session_id": token.session_id}));
            entry.after = Some(json!({"reason": "logout"}));
            state.store.end_session(&user, &token.session_id, &entry).await?;
        }
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cleared = state.config.cookies.set(REFRESH_COOKIE, "", 0)?;
    response.headers_mut().append(header::SET_COOKIE, cleared);
    Ok(response)
}
