//! The creation of a session, and the answer with its tokens.

use crate::devices;
use crate::devices::Shown;
use crate::state::State;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::gate::{AccountState, Gate};
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::session::after;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{SessionId, User, UserId};
use tollgate_http::{ApiError, CookieName, RequestContext};
use tollgate_platform::Secret;
use tollgate_store::{Admission, Admitted, NewSession, Profile, SessionRow, Takeover};
use tollgate_tokens::claims::{Subject, new_claims};
use tollgate_tokens::refresh::Nonce;
use utoipa::ToSchema;

/// How the refresh token reaches the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenDelivery {
    /// In the cookie `refresh_token`.
    #[default]
    Cookie,
    /// In the body, without a cookie.
    Body,
}

/// The `TokenResponse` of the contract.
#[derive(Serialize, ToSchema)]
pub struct TokenResponse<'a> {
    /// A JWT (RFC 9068).
    access_token: &'a str,
    /// Always `Bearer`.
    token_type: &'static str,
    /// In seconds.
    expires_in: u32,
    /// Only with `token_delivery: "body"`; otherwise it is a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// Only with `token_delivery: "body"` at a sign-in: it is sent at the next one, in place of a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<&'a str>,
    /// The signed-in user.
    user: User,
}

/// The delivery of the refresh token.
#[derive(Clone, Copy)]
pub enum Delivery<'a> {
    /// In a cookie.
    Cookie,
    /// In the body, at a sign-in together with the device token.
    Body(Option<&'a Secret<String>>),
}

impl From<TokenDelivery> for Delivery<'_> {
    fn from(delivery: TokenDelivery) -> Self {
        match delivery {
            TokenDelivery::Cookie => Self::Cookie,
            TokenDelivery::Body => Self::Body(None),
        }
    }
}

/// The method by which a user has signed in.
#[derive(Clone, Copy)]
pub enum SignInMethod<'a> {
    /// The password of this version.
    Password,
    /// A mailed code: the write that creates the session uses it up.
    Code(&'a OneTimeRow),
    /// The verification of the address in the browser of the registration: that write also uses up the code of the same
    /// mail.
    Registration(&'a OneTimeRow),
    /// An identity provider.
    Provider(IdentityProvider),
}

impl SignInMethod<'_> {
    /// Its name in the audit trail.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code(_) => "code",
            Self::Registration(_) => "registration",
            Self::Provider(provider) => provider.as_str(),
        }
    }

    /// Its name in the claim `amr` (RFC 8176; `fed` is the contract's). A mailed link counts as a code.
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Code(_) | Self::Registration(_) => "otp",
            Self::Provider(_) => "fed",
        }
    }

    /// The version of the password in `gate`, where the method depends on it.
    const fn compared_version(self, gate: &Gate) -> Option<u64> {
        match self {
            Self::Provider(_) => None,
            Self::Password | Self::Code(_) | Self::Registration(_) => Some(gate.password_version),
        }
    }

    /// The admission of `session`, for which the sessions `ended` make room.
    const fn admission<'a>(self, gate: &Gate, session: &'a NewSession, ended: &'a [SessionId]) -> Admission<'a> {
        Admission {
            user: &session.user_id,
            session: &session.id,
            ends_at: session.ends_at,
            ended,
            password_version: self.compared_version(gate),
        }
    }

    /// The error for a client whose method is not valid any more.
    const fn refusal(self) -> ApiError {
        match self {
            Self::Password => ApiError::InvalidCredentials,
            Self::Code(_) => ApiError::InvalidCode,
            Self::Registration(_) => ApiError::InvalidToken,
            Self::Provider(_) => ApiError::AccountDisabled,
        }
    }
}

/// The request of a client that signs in.
pub struct Client<'a> {
    pub context: &'a RequestContext,
    /// The tokens of earlier sign-ins that it may present.
    pub shown: Shown<'a>,
    pub delivery: TokenDelivery,
    /// The id of the session that is created.
    pub session: SessionId,
}

/// Creates a session for `profile`, whose `gate` was read in this request: its row and its entry in the gate, on
/// condition that the account is unchanged since it was checked.
pub async fn sign_in(
    state: &State,
    client: &Client<'_>,
    mut profile: Profile,
    gate: Gate,
    method: SignInMethod<'_>,
) -> Result<Response, ApiError> {
    let context = client.context;
    let (session, nonce) = new_session(state, client, &profile.id, method.amr());
    let gate = match method {
        SignInMethod::Password | SignInMethod::Provider(_) => start(state, context, gate, &session, method).await?,
        // A code is valid once: the row is written before the code is used up.
        SignInMethod::Code(code) => {
            state.store.put_session(&session).await?;
            let (gate, ended) = if profile.email_verified {
                admit(state, context, gate, &session, method).await?
            } else {
                (take_over(state, context, &profile, gate, &session, code).await?, Vec::new())
            };
            profile.email_verified = true;
            state.store.record(&signed_in_entry(context, &session, method.method(), &ended)).await?;
            gate
        }
        // A registration's code cannot be mailed again after its use: its entry is part of the write that uses it.
        SignInMethod::Registration(_) => {
            state.store.put_session(&session).await?;
            admit(state, context, gate, &session, method).await?.0
        }
    };
    issue_tokens(state, client, profile, &gate, session, &nonce).await
}

/// A session to be created for `user`, and the nonce of its refresh tokens.
pub fn new_session(state: &State, client: &Client<'_>, user: &UserId, amr: &str) -> (NewSession, Nonce) {
    let (context, nonce) = (client.context, Nonce::draw());
    let session = NewSession {
        id: client.session,
        user_id: *user,
        nonce_hash: nonce.hash(),
        created_at: context.now,
        ends_at: after(context.now, state.config.lifetimes.absolute_seconds),
        ip: context.ip.clone(),
        user_agent: context.user_agent.clone(),
        amr: vec![amr.to_owned()],
    };
    (session, nonce)
}

/// The answer with the first tokens of a stored session that `gate` names, and the client's device token.
pub async fn issue_tokens(
    state: &State,
    client: &Client<'_>,
    profile: Profile,
    gate: &Gate,
    session: NewSession,
    nonce: &Nonce,
) -> Result<Response, ApiError> {
    let (context, now) = (client.context, client.context.now);
    let seconds_left = i64::from(state.config.lifetimes.idle_seconds.min(state.config.lifetimes.absolute_seconds));
    let issued =
        IssuedRefreshToken { session: session.id, n: 0, nonce, seconds_left, amr: session.amr, signed_in_at: now };
    let account = (profile.id, gate.password_version);
    match client.delivery {
        TokenDelivery::Cookie => {
            let mut response = answer(state, context, profile, gate, issued, Delivery::Cookie).await?;
            let device = devices::remember(state, client.shown.cookies, account, now).await?;
            response.headers_mut().append(header::SET_COOKIE, device);
            Ok(response)
        }
        TokenDelivery::Body => {
            let device = devices::token(state, client.shown, account, now).await?;
            answer(state, context, profile, gate, issued, Delivery::Body(Some(&device))).await
        }
    }
}

/// The entry of a sign-in, and of the sessions that ended to make room.
pub fn signed_in_entry(
    context: &RequestContext,
    session: &NewSession,
    method: &str,
    ended: &[SessionId],
) -> AuditEntry {
    let mut entry = context.entry(Action::SignedIn, Some(session.user_id), Some(session.user_id.to_string()));
    entry.after = Some(json!({"method": method, "session_id": session.id, "ended": ended}));
    entry
}

/// The entry of a sign-in that was refused; `user` is the account that it names, if there is one.
pub fn refused_entry(context: &RequestContext, user: Option<&UserId>, method: &str, error: &ApiError) -> AuditEntry {
    let mut entry = context.entry(Action::SignInFailed, None, user.map(UserId::to_string));
    entry.after = Some(json!({"method": method, "reason": error.code()}));
    entry
}

/// Starts the session of a method that can be used again. Its entry is written with it; when the gate has changed since
/// it was read, the entry is corrected as soon as the result is known.
async fn start(
    state: &State,
    context: &RequestContext,
    gate: Gate,
    session: &NewSession,
    method: SignInMethod<'_>,
) -> Result<Gate, ApiError> {
    let ended = gate.sessions_to_end(context.now);
    let entry = signed_in_entry(context, session, method.method(), &ended);
    let admission = method.admission(&gate, session, &ended);
    if let Some(gate) = state.store.start_session(session, &admission, &entry).await? {
        return Ok(gate);
    }
    let admitted = match changed_gate(state, &gate, session, method).await {
        Ok(gate) if gate.sessions.contains_key(&session.id) => Ok((gate, ended)),
        Ok(gate) => admit(state, context, gate, session, method).await,
        Err(refusal) => Err(refusal),
    };
    let corrected = match &admitted {
        Ok((_, ended)) => signed_in_entry(context, session, method.method(), ended),
        Err(refusal) => refused_entry(context, Some(&session.user_id), method.method(), refusal),
    };
    state.store.record(&AuditEntry { id: entry.id, ..corrected }).await?;
    admitted.map(|(gate, _)| gate)
}

/// Adds the session to the gate; a concurrent change takes precedence, unless it was only another sign-in.
async fn admit(
    state: &State,
    context: &RequestContext,
    mut gate: Gate,
    session: &NewSession,
    method: SignInMethod<'_>,
) -> Result<(Gate, Vec<SessionId>), ApiError> {
    for _ in 0..5 {
        let ended = gate.sessions_to_end(context.now);
        let admission = method.admission(&gate, session, &ended);
        let admitted = match method {
            SignInMethod::Code(row) | SignInMethod::Registration(row) => {
                let entry = matches!(method, SignInMethod::Registration(_))
                    .then(|| signed_in_entry(context, session, method.method(), &ended));
                match state.store.admit_by_code(&admission, row, entry.as_ref(), context.now).await? {
                    Admitted::Done => {
                        gate.sessions.retain(|id, _| !ended.contains(id));
                        gate.sessions.insert(session.id, session.ends_at);
                        return Ok((gate, ended));
                    }
                    Admitted::CodeUsed => return Err(method.refusal()),
                    Admitted::GateChanged => None,
                }
            }
            SignInMethod::Password | SignInMethod::Provider(_) => state.store.admit_session(&admission).await?,
        };
        if let Some(gate) = admitted {
            return Ok((gate, ended));
        }
        gate = changed_gate(state, &gate, session, method).await?;
        if gate.sessions.contains_key(&session.id) {
            return Ok((gate, ended));
        }
    }
    Err(ApiError::Unavailable("the gate changes too often".into()))
}

/// The gate that has changed since it was read as `gate`, if the method still signs in, or if the session was admitted and
/// the answer was lost (R8).
async fn changed_gate(
    state: &State,
    gate: &Gate,
    session: &NewSession,
    method: SignInMethod<'_>,
) -> Result<Gate, ApiError> {
    let changed = state.store.gate(&session.user_id).await?.ok_or(method.refusal())?;
    refuse_closed(&changed, method.refusal())?;
    let is_admitted = changed.sessions.contains_key(&session.id);
    let compared = method.compared_version(gate);
    if !is_admitted && compared.is_some_and(|version| version != changed.password_version) {
        return Err(method.refusal());
    }
    Ok(changed)
}

/// The owner of the address signs in to an unverified account: its password and sessions end (S23).
async fn take_over(
    state: &State,
    context: &RequestContext,
    profile: &Profile,
    mut gate: Gate,
    session: &NewSession,
    row: &OneTimeRow,
) -> Result<Gate, ApiError> {
    let takeover = Takeover {
        profile,
        replaces_version: gate.password_version,
        session: Some((&session.id, session.ends_at)),
        code: Some(row),
        identity: None,
        audit: &[taken_over_entry(context, profile, "code")],
    };
    if !state.store.take_over(&takeover, context.now).await? {
        return Err(ApiError::InvalidCode);
    }
    gate.password_version += 1;
    gate.sessions = [(session.id, session.ends_at)].into();
    Ok(gate)
}

/// The entry of a verified address, and of the password that ends with it.
pub fn taken_over_entry(context: &RequestContext, profile: &Profile, method: &str) -> AuditEntry {
    let mut entry = context.entry(Action::Verified, Some(profile.id), Some(profile.id.to_string()));
    entry.before = Some(json!({"email_verified": false, "has_password": true}));
    entry.after = Some(json!({"email_verified": true, "has_password": false, "method": method}));
    entry
}

/// Refuses a closed account; a deleted one is reported as `unknown`.
pub fn refuse_closed(gate: &Gate, unknown: ApiError) -> Result<(), ApiError> {
    match gate.state() {
        AccountState::Active => Ok(()),
        AccountState::Deleted => Err(unknown),
        AccountState::Disabled | AccountState::Deactivated => Err(ApiError::AccountDisabled),
    }
}

/// The refresh token to issue.
pub struct IssuedRefreshToken<'a> {
    pub session: SessionId,
    pub n: u64,
    pub nonce: &'a Nonce,
    pub seconds_left: i64,
    pub amr: Vec<String>,
    pub signed_in_at: Timestamp,
}

impl<'a> IssuedRefreshToken<'a> {
    /// The current token of `row`.
    pub fn of_row(state: &State, row: &SessionRow, nonce: &'a Nonce, context: &RequestContext) -> Self {
        let seconds_left = row.rotation().seconds_left(context.now, state.config.lifetimes.idle_seconds);
        let (amr, signed_in_at) = (row.amr.clone(), row.created_at);
        Self { session: row.id, n: row.n, nonce, seconds_left, amr, signed_in_at }
    }
}

/// The answer with both tokens.
pub async fn answer(
    state: &State,
    context: &RequestContext,
    profile: Profile,
    gate: &Gate,
    issued: IssuedRefreshToken<'_>,
    delivery: Delivery<'_>,
) -> Result<Response, ApiError> {
    let (config, now) = (&state.config, context.now);
    let algorithm = state.publish_keys(now).await?;
    let keys = state.keys.auth().await?;
    let subject = Subject {
        user: profile.id,
        session: issued.session,
        tier: gate.present_tier(now),
        is_admin: gate.is_admin,
        features: state.guard.free_plan.features_of(gate, now).await?,
        amr: issued.amr,
        signed_in_at: issued.signed_in_at,
    };
    let claims = new_claims((&config.app_url, &config.audience), subject, now, &config.lifetimes);
    let access = keys.sign_access(&claims, algorithm, now);
    let access = access.map_err(|_| ApiError::Internal("an access token was not signed".into()))?;
    let refresh: Secret<String> = keys.refresh_token(&profile.id, &issued.session, issued.n, issued.nonce, now);
    let (in_body, device) = match delivery {
        Delivery::Cookie => (false, None),
        Delivery::Body(device) => (true, device),
    };
    let mut response = Json(TokenResponse {
        access_token: access.expose(),
        token_type: "Bearer",
        expires_in: config.lifetimes.access_seconds,
        refresh_token: in_body.then_some(refresh.expose().as_str()),
        device_token: device.map(|device| device.expose().as_str()),
        user: profile.into_user(),
    })
    .into_response();
    if !in_body {
        let cookie = config.cookies.set(CookieName::Refresh, refresh.expose(), issued.seconds_left)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
