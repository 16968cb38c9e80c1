//! `POST /login/code`.

use crate::devices::Shown;
use crate::named_account::{account_key, email_or_placeholder, placeholder_id};
use crate::sign_in::{Client, SignInMethod, TokenDelivery, TokenResponse, refuse_closed, refused_entry, sign_in};
use crate::state::State;
use crate::{devices, mailed_codes};
use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::{Email, Secret, SessionId, UserId};
use tollgate_http::{AccountKey, ApiError, ClientCount, CookieJar, FieldError, JsonBody, RequestContext, errors};
use tollgate_platform::random_bytes;
use tollgate_store::Profile;
use utoipa::ToSchema;

/// The address and the code.
#[derive(Deserialize, ToSchema)]
pub struct LoginCode {
    #[schema(format = Email)]
    email: String,
    #[schema(value_type = String, pattern = "^[0-9]{6}$")]
    code: Secret<String>,
    #[serde(default)]
    #[schema(value_type = Option<TokenDelivery>)]
    token_delivery: TokenDelivery,
    /// The `device_token` of an earlier sign-in, from a client without cookies.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device_token: Option<Secret<String>>,
}

errors! {
    /// Why a code does not sign in.
    LoginCodeErrors = [ApiError::InvalidCode, ApiError::AccountDisabled]
}

/// Signs in by a mailed code, which verifies the address: an earlier password of an unverified account ends.
#[utoipa::path(
    post, path = "/login/code", tag = "Sign-in", request_body = LoginCode,
    responses((status = 200, body = TokenResponse), LoginCodeErrors)
)]
pub async fn login_code(
    Shared(state): Shared<State>,
    context: RequestContext,
    count: ClientCount,
    cookies: CookieJar,
    JsonBody(body): JsonBody<LoginCode>,
) -> Result<Response, ApiError> {
    check_code(&body.code)?;
    let shown = Shown { cookies: &cookies, token: body.device_token.as_ref() };
    let email = Email::parse(&body.email).ok();
    let address = email_or_placeholder(&email)?;
    let (admitted, found) = tokio::join!(count.admitted(), state.store.user_of_email(&address));
    admitted?;
    let found = found?;
    let user = found.unwrap_or_else(|| placeholder_id(&context));
    let Some((row, profile, gate)) = find_account(&state, &context, user, &email, &body, shown).await? else {
        return refuse(&state, &context, found, ApiError::InvalidCode).await;
    };
    if let Err(closed) = refuse_closed(&gate, ApiError::InvalidCode) {
        return refuse(&state, &context, found, closed).await;
    }
    let session = SessionId::new(context.now, random_bytes());
    let client = Client { context: &context, shown, delivery: body.token_delivery, session };
    sign_in(&state, &client, profile, gate, SignInMethod::Code(&row)).await
}

fn check_code(code: &Secret<String>) -> Result<(), ApiError> {
    if mailed_codes::is_code(code.expose()) {
        return Ok(());
    }
    Err(ApiError::Validation(FieldError::new("code", "code is a string of six digits.")))
}

/// The account of `user`, and the row of its newest code, if it is the code of the request.
async fn find_account(
    state: &State,
    context: &RequestContext,
    user: UserId,
    email: &Option<Email>,
    body: &LoginCode,
    shown: Shown<'_>,
) -> Result<Option<(OneTimeRow, Profile, Gate)>, ApiError> {
    let account = state.store.profile_and_gate(&user).await?;
    let version = account.as_ref().map(|(profile, gate)| (profile.id, gate.password_version));
    let device = devices::find_device(state, shown, version).await?;
    let key = account_key(email, &body.email, device.as_ref());
    let (admitted, newest) = tokio::join!(
        state.limiter.admit_account(context, &key),
        state.store.newest_onetime(&user, Purpose::LoginCode),
    );
    admitted?;
    // Wrong attempts are counted by account, for any device.
    let whose = email.as_ref().map_or_else(|| key.clone(), |email| AccountKey::address(email, None));
    let row = mailed_codes::try_code(state, context, &whose, newest?, &body.code).await?;
    let Some((row, (profile, gate))) = row.zip(account) else { return Ok(None) };
    Ok(stands(&row, &profile, &gate).then_some((row, profile, gate)))
}

async fn refuse(
    state: &State,
    context: &RequestContext,
    user: Option<UserId>,
    error: ApiError,
) -> Result<Response, ApiError> {
    state.store.record(&refused_entry(context, user.as_ref(), "code", &error)).await?;
    Err(error)
}

/// Whether the account is unchanged since the code was created.
fn stands(row: &OneTimeRow, profile: &Profile, gate: &Gate) -> bool {
    row.email_key == profile.email.key() && row.password_version == gate.password_version
}
