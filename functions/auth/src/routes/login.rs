//! `POST /login`.

use super::or_nobodys;
use crate::passwords::Verdict;
use crate::sign_in::{Client, Proof, TokenDelivery, TokenResponse, refuse_closed, sign_in};
use crate::{State, devices};
use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::{Email, Secret};
use tollgate_http::{AccountKey, ApiError, CookieJar, JsonBody, RequestContext};
use tollgate_store::Credentials;
use utoipa::ToSchema;

/// Who wants in.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    #[schema(format = Email)]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
    #[serde(default)]
    token_delivery: TokenDelivery,
}

/// Signs in by password.
#[utoipa::path(
    post, path = "/login", tag = "Sign-in", request_body = Login,
    responses((status = 200, body = TokenResponse), (status = 401, description = "`invalid_credentials`"),
        (status = 403, description = "`email_not_verified`, `account_disabled`"), (status = 429, description = "`rate_limited`"))
)]
pub async fn login(
    Shared(state): Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    JsonBody(body): JsonBody<Login>,
) -> Result<Response, ApiError> {
    let named = Email::parse(&body.email).ok();
    let email = or_nobodys(&named)?;
    let found = state.store.credentials(&email).await?;
    let version = found.as_ref().map(|found| (found.user_id, found.password_version));
    let device = devices::known(&state, &cookies, version).await?;
    let account = match &named {
        Some(email) => AccountKey::address(email, device.as_ref()),
        None => AccountKey::no_address(&body.email),
    };
    state.limiter.admit_account(&context, &account).await?;
    let verdict = state.hasher.verify(&body.password, found.as_ref().map(|found| found.hash.as_str())).await?;
    let Some(credentials) = found.as_ref().filter(|_| verdict != Verdict::Wrong) else {
        return refuse(&state, &context, found.as_ref(), ApiError::InvalidCredentials).await;
    };
    let (profile, gate) =
        tokio::join!(state.store.profile(&credentials.user_id), state.store.gate(&credentials.user_id));
    let (Some(profile), Some(gate)) = (profile?, gate?) else {
        return Err(ApiError::InvalidCredentials); // nobody had proved the account, and it was taken away just now
    };
    if let Err(closed) = refuse_closed(&gate, ApiError::InvalidCredentials) {
        return refuse(&state, &context, Some(credentials), closed).await;
    }
    if !profile.email_verified {
        return refuse(&state, &context, Some(credentials), ApiError::EmailNotVerified).await;
    }
    if gate.password_version != credentials.password_version {
        return Err(ApiError::InvalidCredentials); // a reset or change came between the two reads
    }
    if verdict == Verdict::RightButWeak {
        let stronger = state.hasher.hash(&body.password).await?;
        state.store.renew_hash(&email, &credentials.hash, &stronger).await?;
    }
    let client = Client { context: &context, cookies: &cookies, delivery: body.token_delivery };
    sign_in(&state, &client, profile, gate, Proof::Password).await
}

async fn refuse(
    state: &State,
    context: &RequestContext,
    credentials: Option<&Credentials>,
    error: ApiError,
) -> Result<Response, ApiError> {
    let target = credentials.map(|found| found.user_id.to_string());
    let mut entry = context.entry(Action::SignInFailed, None, target);
    entry.after = Some(json!({"method": "password", "reason": error.code()}));
    state.store.record(&entry).await?;
    Err(error)
}
