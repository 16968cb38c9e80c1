//! `POST /change-password`.

use crate::passwords::PasswordComparison;
use crate::reauthentication::Actor;
use crate::state::State;
use crate::{devices, mails};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::header;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::SessionId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::password::{Password, WeakPasswordError};
use tollgate_http::{AccountKey, ActiveUser, ApiError, CookieJar, JsonBody, Message, RequestContext, errors, message};
use tollgate_mail::PasswordChanged;
use tollgate_store::{Credentials, NewPassword, Profile};
use utoipa::ToSchema;

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
pub struct ChangePassword {
    #[schema(value_type = String, format = Password)]
    old_password: Password,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Password,
}

errors! {
    /// Why another password is refused.
    ChangePasswordErrors = [
        ApiError::NotEnabled,
        ApiError::WrongPassword,
        ApiError::NoPassword,
        ApiError::WeakPassword("new_password", WeakPasswordError::Common),
    ]
}

/// Changes the password; every other session ends, this one continues.
#[utoipa::path(
    post, path = "/change-password", tag = "Accounts", security(("bearer" = [])), request_body = ChangePassword,
    responses((status = 200, body = Message), ChangePasswordErrors)
)]
pub async fn change_password(
    Shared(state): Shared<State>,
    context: RequestContext,
    actor: Actor,
    cookies: CookieJar,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Result<Response, ApiError> {
    let Actor { user, own } = actor;
    let profile = own.ok_or(ApiError::Unauthenticated)?;
    let replaced = compare(&state, &context, &profile, &body.old_password).await?;
    let checked = state.config.passwords.check(&body.new_password, &profile.email, &profile.username);
    checked.map_err(|weak| ApiError::WeakPassword("new_password", weak))?;
    let ends_at = *user.gate.sessions.get(&user.session_id).ok_or(ApiError::Unauthenticated)?;
    let audit = [entry(&context, &user)];
    let new = NewPassword {
        user_id: user.id,
        email: &profile.email,
        hash: state.hasher.hash(&body.new_password).await?,
        replaces_version: replaced.password_version,
        notice: mails::outbox_message(notice(&profile, context.now), profile.locale.clone(), context.now)?,
        audit: &audit,
    };
    replace(&state, &new, (&user.session_id, ends_at)).await?;
    answer(&state, &cookies, &new, context.now).await
}

/// The credentials of the account, if `password` is theirs. The attempt is counted before it is compared.
async fn compare(
    state: &State,
    context: &RequestContext,
    profile: &Profile,
    password: &Password,
) -> Result<Credentials, ApiError> {
    let account = AccountKey::user(&profile.id);
    let (counted, credentials) =
        tokio::join!(state.limiter.admit_account(context, &account), state.store.credentials(&profile.email));
    counted?;
    let credentials = credentials?.filter(|found| found.user_id == profile.id);
    let credentials = credentials.ok_or(ApiError::NoPassword)?;
    if state.hasher.verify(password, Some(&credentials.hash)).await? == PasswordComparison::Wrong {
        return Err(ApiError::WrongPassword);
    }
    Ok(credentials)
}

/// Stores the new password. A concurrent change, reset, or end of this session makes the old one invalid.
async fn replace(state: &State, new: &NewPassword<'_>, session: (&SessionId, Timestamp)) -> Result<(), ApiError> {
    let is_replaced = state.store.change_password(new, session).await?;
    if is_replaced { Ok(()) } else { Err(ApiError::WrongPassword) }
}

fn notice(profile: &Profile, at: Timestamp) -> PasswordChanged {
    let (to, username) = (profile.email.as_str().to_owned(), profile.username.as_str().to_owned());
    PasswordChanged { to, username, at }
}

fn entry(context: &RequestContext, user: &ActiveUser) -> AuditEntry {
    let mut entry = context.entry(Action::PasswordChanged, Some(user.id), Some(user.id.to_string()));
    entry.after = Some(json!({"method": "change", "sessions_ended": user.gate.sessions.len() - 1}));
    entry
}

/// The answer, with a cookie that makes this browser a known device of the new password.
async fn answer(
    state: &State,
    cookies: &CookieJar,
    new: &NewPassword<'_>,
    now: Timestamp,
) -> Result<Response, ApiError> {
    let mut response = message("The password is changed. You are signed out everywhere else.").into_response();
    let device = devices::remember(state, cookies, (new.user_id, new.replaces_version + 1), now).await?;
    response.headers_mut().append(header::SET_COOKIE, device);
    Ok(response)
}
