//! The making of a session, and the answer that hands out its tokens.

use crate::State;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::gate::{Gate, Left};
use tollgate_domain::session::after;
use tollgate_domain::{SessionId, User};
use tollgate_http::{ApiError, REFRESH_COOKIE, RequestContext};
use tollgate_platform::tokens::{Nonce, new_claims};
use tollgate_platform::{Secret, random_bytes};
use tollgate_store::{NewSession, Profile, SessionRow};

/// How the refresh token reaches the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDelivery {
    /// In the cookie `refresh_token`.
    #[default]
    Cookie,
    /// In the body, and no cookie at all.
    Body,
}

/// The `TokenResponse` of the contract.
#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    user: User,
}

/// Makes a session for `profile`, whose `gate` was read in this request: the row first, then the gate, on condition that
/// the account is still what was judged.
pub async fn sign_in(
    state: &State,
    context: &RequestContext,
    profile: Profile,
    mut gate: Gate,
    delivery: TokenDelivery,
) -> Result<Response, ApiError> {
    let now = context.now;
    let nonce = Nonce::draw();
    let session = NewSession {
        id: SessionId::new(now, random_bytes()),
        user_id: profile.id,
        nonce_hash: nonce.hash(),
        created_at: now,
        ends_at: after(now, state.config.lifetimes.absolute_seconds),
        ip: context.ip.clone(),
        user_agent: context.user_agent.clone(),
    };
    let judged_version = gate.password_version;
    state.store.put_session(&session).await?;
    let mut tries = 0;
    let (gate, ended) = loop {
        let ended = gate.sessions_to_end(now);
        let entry = (&session.id, session.ends_at);
        if let Some(gate) = state.store.admit_session(&profile.id, entry, Some(judged_version), &ended).await? {
            break (gate, ended);
        }
        // What raced this sign-in has won, unless it was only another sign-in that took the last place.
        gate = state.store.gate(&profile.id).await?.ok_or(ApiError::InvalidCredentials)?;
        refuse_closed(&gate)?;
        if gate.sessions.contains_key(&session.id) {
            break (gate, ended); // it was admitted, and the answer was lost (R8)
        }
        tries += 1;
        if gate.password_version != judged_version {
            return Err(ApiError::InvalidCredentials);
        }
        if tries == 5 {
            return Err(ApiError::Unavailable("the gate changes too often".into()));
        }
    };
    let mut entry = context.entry(Action::SignedIn, Some(profile.id), Some(profile.id.to_string()));
    entry.after = Some(json!({"method": "password", "session_id": session.id, "ended": ended}));
    state.store.record(&entry).await?;
    let seconds_left = i64::from(state.config.lifetimes.idle_seconds.min(state.config.lifetimes.absolute_seconds));
    let handed = Handed { session: session.id, n: 0, nonce: &nonce, seconds_left };
    answer(state, context, profile, &gate, handed, delivery).await
}

/// Refuses an account that is closed; a deleted one is as good as unknown.
pub fn refuse_closed(gate: &Gate) -> Result<(), ApiError> {
    match gate {
        Gate { is_active: true, .. } => Ok(()),
        Gate { left: Some(Left::Deleted), .. } => Err(ApiError::InvalidCredentials),
        _ => Err(ApiError::AccountDisabled),
    }
}

/// The refresh token to hand out.
pub struct Handed<'a> {
    pub session: SessionId,
    pub n: u64,
    pub nonce: &'a Nonce,
    pub seconds_left: i64,
}

impl<'a> Handed<'a> {
    /// The token that is good now for `row`.
    pub fn of_row(state: &State, row: &SessionRow, nonce: &'a Nonce, context: &RequestContext) -> Self {
        let seconds_left = row.rotation().seconds_left(context.now, state.config.lifetimes.idle_seconds);
        Self { session: row.id, n: row.n, nonce, seconds_left }
    }
}

/// The answer with both tokens.
pub async fn answer(
    state: &State,
    context: &RequestContext,
    profile: Profile,
    gate: &Gate,
    handed: Handed<'_>,
    delivery: TokenDelivery,
) -> Result<Response, ApiError> {
    let (config, now) = (&state.config, context.now);
    let keys = state.keys.auth().await?;
    let rights = (gate.present_tier(now), gate.is_admin);
    let issuer = (&*config.app_url, &*config.audience);
    let claims = new_claims(issuer, profile.id, handed.session, rights, now, &config.lifetimes);
    let access =
        keys.sign_access(&claims, now).map_err(|_| ApiError::Internal("an access token was not signed".into()))?;
    let refresh: Secret<String> = keys.refresh_token(&profile.id, &handed.session, handed.n, handed.nonce, now);
    let in_body = delivery == TokenDelivery::Body;
    let mut response = Json(TokenResponse {
        access_token: access.expose(),
        token_type: "Bearer",
        expires_in: config.lifetimes.access_seconds,
        refresh_token: in_body.then_some(refresh.expose().as_str()),
        user: profile.into_user(gate),
    })
    .into_response();
    if !in_body {
        let cookie = config.cookies.set(REFRESH_COOKIE, refresh.expose(), handed.seconds_left)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
