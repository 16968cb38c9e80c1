//! `POST /change-password`.

use crate::passwords::PasswordComparison;
use crate::reauthentication::Actor;
use crate::{State, devices, mails};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::password::{Password, WeakPasswordError};
use tollgate_http::{AccountKey, ApiError, CookieJar, JsonBody, Message, RequestContext, errors, message};
use tollgate_mail::Message as Mail;
use tollgate_store::NewPassword;
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
    let account = AccountKey::user(&user.id);
    let (counted, credentials) =
        tokio::join!(state.limiter.admit_account(&context, &account), state.store.credentials(&profile.email));
    counted?;
    let credentials = credentials?.filter(|found| found.user_id == user.id);
    let credentials = credentials.ok_or(ApiError::NoPassword)?;
    if state.hasher.verify(&body.old_password, Some(&credentials.hash)).await? == PasswordComparison::Wrong {
        return Err(ApiError::WrongPassword);
    }
    state
        .config
        .passwords
        .check(&body.new_password, &profile.email, &profile.username)
        .map_err(|weak| ApiError::WeakPassword("new_password", weak))?;
    let ends_at = *user.gate.sessions.get(&user.session_id).ok_or(ApiError::Unauthenticated)?;
    let notice = Mail::PasswordChanged {
        to: profile.email.as_str().to_owned(),
        username: profile.username.as_str().to_owned(),
        at: context.now,
    };
    let mut entry = context.entry(Action::PasswordChanged, Some(user.id), Some(user.id.to_string()));
    entry.after = Some(json!({"method": "change", "sessions_ended": user.gate.sessions.len() - 1}));
    let new = NewPassword {
        user_id: user.id,
        email: &profile.email,
        hash: state.hasher.hash(&body.new_password).await?,
        replaces_version: credentials.password_version,
        notice: mails::outbox_message(notice, profile.locale.clone(), context.now)?,
        audit: &[entry],
    };
    // A concurrent change, reset, or end of this session came first: the old password is not valid any more.
    if !state.store.change_password(&new, (&user.session_id, ends_at)).await? {
        return Err(ApiError::WrongPassword);
    }
    let mut response = message("The password is changed. You are signed out everywhere else.").into_response();
    let device = devices::remember(&state, &cookies, (user.id, new.replaces_version + 1), context.now).await?;
    response.headers_mut().append(header::SET_COOKIE, device);
    Ok(response)
}
