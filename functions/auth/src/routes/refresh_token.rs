//! `POST /refresh-token`.

use crate::sign_in::{IssuedRefreshToken, TokenDelivery, TokenResponse, answer};
use crate::state::State;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::Secret;
use tollgate_domain::audit::Action;
use tollgate_domain::gate::Gate;
use tollgate_domain::session::Refresh;
use tollgate_http::{ApiError, CookieJar, CookieName, OptionalJson, RequestContext, errors};
use tollgate_store::{ProfileOf, SessionRow, TokenRotation};
use tollgate_tokens::refresh::RefreshToken;
use utoipa::ToSchema;

/// The body of a client without cookies.
#[derive(Deserialize, ToSchema)]
pub struct PresentedToken {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub refresh_token: Option<Secret<String>>,
    #[serde(default)]
    #[schema(value_type = Option<TokenDelivery>)]
    pub token_delivery: TokenDelivery,
}

/// Why a token was refused, and whether its session continues.
enum RefreshError {
    /// The cookie is not valid any more.
    SessionGone,
    /// A rotated token after its grace: it was copied, unless a current token is presented with it.
    Reused,
    /// Another tab holds a newer one: the cookie stays.
    SessionLives,
    /// Another error.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for RefreshError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

errors! {
    /// Why a token is not rotated: it is not valid, or in a cookie from an origin that is not allowed.
    RefreshErrors = [ApiError::InvalidRefreshToken, ApiError::Forbidden]
}

/// Rotates a refresh token.
#[utoipa::path(
    post, path = "/refresh-token", tag = "Sessions", request_body = PresentedToken,
    responses((status = 200, body = TokenResponse), RefreshErrors)
)]
pub async fn refresh_token(
    Shared(state): Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    OptionalJson(body): OptionalJson<PresentedToken>,
) -> Result<Response, ApiError> {
    let from_cookie = body.refresh_token.is_none();
    let tokens = presented(&state, &cookies, body.refresh_token)?;
    let keys = state.keys.auth().await?;
    let (mut session_lives, mut reused) = (false, Vec::new());
    for token in tokens.iter().filter_map(|token| keys.read_refresh_token(token.expose()).ok()) {
        match rotate(&state, &context, &token, body.token_delivery).await {
            Ok(response) => return Ok(response),
            Err(RefreshError::Failed(error)) => return Err(error),
            Err(RefreshError::SessionLives) => session_lives = true,
            Err(RefreshError::Reused) => reused.push(token),
            Err(RefreshError::SessionGone) => {}
        }
    }
    end_stolen(&state, &context, &reused).await?;
    if session_lives || !from_cookie {
        return Err(ApiError::InvalidRefreshToken);
    }
    refuse_and_clear(&state)
}

/// The refusal of a cookie of which nothing is valid any more: it is removed.
fn refuse_and_clear(state: &State) -> Result<Response, ApiError> {
    let mut response = ApiError::InvalidRefreshToken.into_response();
    let cleared = state.config.cookies.set(CookieName::Refresh, "", 0)?;
    response.headers_mut().append(header::SET_COOKIE, cleared);
    Ok(response)
}

/// The refresh tokens of a request: that of the body, otherwise those of all cookies.
pub(super) fn presented(
    state: &State,
    cookies: &CookieJar,
    in_body: Option<Secret<String>>,
) -> Result<Vec<Secret<String>>, ApiError> {
    if let Some(token) = in_body {
        return Ok(vec![token]);
    }
    cookies.check_origin(&state.config.origins)?;
    Ok(cookies.values(&state.config.cookies, CookieName::Refresh))
}

async fn rotate(
    state: &State,
    context: &RequestContext,
    token: &RefreshToken,
    delivery: TokenDelivery,
) -> Result<Response, RefreshError> {
    let admits = |gate: &Gate| gate.admits(&token.session_id, context.now);
    let own = state.store.look_up_behind_gate(token.user_id, &ProfileOf(token.user_id), admits).await?;
    let (gate, profile) = own.ok_or(RefreshError::SessionGone)?;
    let profile = profile.ok_or_else(|| ApiError::Internal("a gate without a profile".into()))?;
    let row = next_row(state, context, token).await?;
    let issued = IssuedRefreshToken::of_row(state, &row, &token.nonce, context);
    Ok(answer(state, context, profile, &gate, issued, delivery.into()).await?)
}

/// The row whose token is issued: rotated now, or by a request just before this one.
async fn next_row(state: &State, context: &RequestContext, token: &RefreshToken) -> Result<SessionRow, RefreshError> {
    let idle_seconds = state.config.lifetimes.idle_seconds;
    let nonce_hash = token.nonce.hash();
    let shown = (token.n, nonce_hash.as_str());
    let rotated = state
        .store
        .rotate_session(&token.user_id, &token.session_id, shown, idle_seconds, &context.request_id, context.now)
        .await?;
    let row = match rotated {
        TokenRotation::Done(row) => return Ok(row),
        TokenRotation::Unknown => return Err(RefreshError::SessionGone),
        TokenRotation::Stale(row) => row,
    };
    match row.rotation().decide(token.n, context.now, idle_seconds) {
        Refresh::Repeat => Ok(row),
        Refresh::Reuse => Err(RefreshError::Reused),
        Refresh::Refuse if row.rotation().is_expired(context.now, idle_seconds) => Err(RefreshError::SessionGone),
        Refresh::Refuse => Err(RefreshError::SessionLives),
        Refresh::Rotate => Err(ApiError::Internal("a rotation was refused without a reason".into()).into()),
    }
}

/// Tokens that were used long ago are presented again, and none that is valid: they were copied, and their sessions end
/// for both holders (S18).
async fn end_stolen(state: &State, context: &RequestContext, reused: &[RefreshToken]) -> Result<(), ApiError> {
    for token in reused {
        let mut entry = context.entry(Action::SessionRevoked, None, Some(token.user_id.to_string()));
        entry.before = Some(json!({"session_id": token.session_id}));
        entry.after = Some(json!({"reason": "refresh_token_reused"}));
        state.store.end_session(&token.user_id, &token.session_id, &entry).await?;
    }
    Ok(())
}
