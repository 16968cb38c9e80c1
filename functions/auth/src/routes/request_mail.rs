//! Requests for a mail with a secret: `POST /request/verify`, `/request/login-code`, `/forget-password`. The answer is
//! the same for any address, and so is the work (S6).

use super::{email, placeholder_id};
use crate::devices;
use crate::devices::Shown;
use crate::mails::{self, Account};
use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::Secret;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::Purpose;
use tollgate_http::{
    AccountKey, ApiError, ClientCount, CookieJar, JsonBody, Limiter, Message, RequestContext, errors, message,
};
use tollgate_store::Profile;
use utoipa::ToSchema;

/// The recipient of the mail.
#[derive(Deserialize, ToSchema)]
pub struct Address {
    /// The address.
    #[schema(format = Email)]
    email: String,
    /// The `device_token` of an earlier sign-in, from a client without cookies.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device_token: Option<Secret<String>>,
}

type Accepted = Result<(StatusCode, Json<Message>), ApiError>;

errors! {
    /// Why no mail is requested.
    AddressErrors = [ApiError::InvalidEmail("email")]
}

errors! {
    /// Why no link to set a password is requested.
    ForgetPasswordErrors = [ApiError::NotEnabled, ApiError::InvalidEmail("email")]
}

/// Sends a verification mail again, if the address is not verified.
#[utoipa::path(
    post, path = "/request/verify", tag = "Accounts", request_body = Address,
    responses((status = 202, body = Message), AddressErrors)
)]
pub async fn request_verify(
    Shared(state): Shared<State>,
    context: RequestContext,
    count: ClientCount,
    cookies: CookieJar,
    JsonBody(body): JsonBody<Address>,
) -> Accepted {
    send(&state, (&context, &count), &cookies, &body, Purpose::Verify).await?;
    Ok((StatusCode::ACCEPTED, message("If this address is waiting to be verified, a mail is on its way.")))
}

/// Mails a sign-in code to an active account, verified or not.
#[utoipa::path(
    post, path = "/request/login-code", tag = "Sign-in", request_body = Address,
    responses((status = 202, body = Message), AddressErrors)
)]
pub async fn request_login_code(
    Shared(state): Shared<State>,
    context: RequestContext,
    count: ClientCount,
    cookies: CookieJar,
    JsonBody(body): JsonBody<Address>,
) -> Accepted {
    send(&state, (&context, &count), &cookies, &body, Purpose::LoginCode).await?;
    Ok((StatusCode::ACCEPTED, message("If there is an account with this address, a code is on its way.")))
}

/// Mails a link to set a new password, to an active account, with a password or without one.
#[utoipa::path(
    post, path = "/forget-password", tag = "Accounts", request_body = Address,
    responses((status = 202, body = Message), ForgetPasswordErrors)
)]
pub async fn forget_password(
    Shared(state): Shared<State>,
    context: RequestContext,
    count: ClientCount,
    cookies: CookieJar,
    JsonBody(body): JsonBody<Address>,
) -> Accepted {
    send(&state, (&context, &count), &cookies, &body, Purpose::Reset).await?;
    Ok((StatusCode::ACCEPTED, message("If there is an account with this address, a mail is on its way.")))
}

/// Mails a secret of `purpose` to an account that may have one; for any other address the same work is done on decoys.
async fn send(
    state: &State,
    (context, count): (&RequestContext, &ClientCount),
    cookies: &CookieJar,
    body: &Address,
    purpose: Purpose,
) -> Result<(), ApiError> {
    let shown = Shown { cookies, token: body.device_token.as_ref() };
    let email = email(&body.email, "email")?;
    let (admitted, found) = tokio::join!(count.admitted(), state.store.user_of_email(&email));
    admitted?;
    let found = found?;
    let user = found.unwrap_or_else(|| placeholder_id(context));
    let found = state.store.profile_and_gate(&user).await?;
    let version = found.as_ref().map(|(profile, gate)| (profile.id, gate.password_version));
    let account = AccountKey::address(&email, devices::find_device(state, shown, version).await?.as_ref());
    let mails = Limiter::mails_to(&account);
    let (admitted, mails) = tokio::join!(state.limiter.admit_account(context, &account), state.store.look_up(&mails));
    admitted?;
    let may_be_sent = state.limiter.admit_mail_beyond(context, mails?, mails::kind(purpose)).await?;
    let receiver = found.filter(|(profile, gate)| applies(purpose, profile, gate));
    match receiver.filter(|_| may_be_sent) {
        Some((profile, gate)) => issue(state, purpose, &profile, &gate, context.now).await?,
        None => state.store.put_decoys(&mails::decoy(state, context.now).await?, 1, context.now).await?,
    }
    Ok(())
}

/// Whether an account may get a secret of `purpose`.
pub fn applies(purpose: Purpose, profile: &Profile, gate: &Gate) -> bool {
    match purpose {
        Purpose::Verify => gate.state().may_sign_in() && !profile.email_verified,
        Purpose::Reset | Purpose::LoginCode | Purpose::ChangeEmail => gate.state().may_sign_in(),
    }
}

/// Writes a secret of `purpose` for this account, and its mail.
pub async fn issue(
    state: &State,
    purpose: Purpose,
    profile: &Profile,
    gate: &Gate,
    now: Timestamp,
) -> Result<(), ApiError> {
    let (row, mail) = mails::onetime(state, Account::of(profile, gate), purpose, now).await?;
    Ok(state.store.put_onetime(&row, &mail).await?)
}
