//! `GET` and `POST /new-password`.

use super::verify::{LinkQuery, find_link, refused};
use crate::pages::{self, Answer};
use crate::state::State;
use crate::{devices, mails};
use axum::extract::State as Shared;
use axum::response::Response;
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::json;
use tollgate_domain::audit::Action;
use tollgate_domain::onetime::Purpose;
use tollgate_domain::password::{Password, WeakPasswordError};
use tollgate_domain::{Email, Secret};
use tollgate_http::{AccountKey, ApiError, CookieJar, Form, Input, Message, RequestContext, errors, message};
use tollgate_mail::PasswordChanged;
use tollgate_store::NewPassword;
use utoipa::ToSchema;

errors! {
    /// Why there is no page.
    PageErrors = [ApiError::NotEnabled]
}

/// A page that asks for the new password; opening it does not use the link up (S13).
#[utoipa::path(
    get, path = "/new-password", operation_id = "new_password_page", tag = "Accounts", params(LinkQuery),
    responses((status = 200, description = "A page that asks for the password", content_type = "text/html", body = String), PageErrors)
)]
pub async fn page(Shared(state): Shared<State>, context: RequestContext, query: LinkQuery) -> Response {
    let email = account_of(&state, &context, &Secret::new(query.token().to_owned())).await;
    pages::new_password(&context.languages, query.token(), email.as_ref().map(Email::as_str), None)
}

/// The address of the account of a valid link.
async fn account_of(state: &State, context: &RequestContext, token: &Secret<String>) -> Option<Email> {
    let (token, row) = find_link(state, Purpose::Reset, token).await.ok()?;
    let (profile, gate) = state.store.profile_and_gate(&token.user_id).await.ok()??;
    row.check_link(profile.email.key(), gate.password_version, context.now).ok()?;
    Some(profile.email)
}

/// The link's token and the password to set.
#[derive(Deserialize, ToSchema)]
pub struct SetPassword {
    #[schema(value_type = String, min_length = 1)]
    token: Secret<String>,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Password,
}

errors! {
    /// Why a link sets no password.
    NewPasswordErrors = [
        ApiError::NotEnabled,
        ApiError::InvalidToken,
        ApiError::TokenExpired,
        ApiError::WeakPassword("password", WeakPasswordError::Common),
        ApiError::RATE_LIMITED,
    ]
}

/// Sets a password by the mailed link; every session of the user has ended before the answer. The page of the mailed
/// link sends the same fields as a form and gets a page.
#[utoipa::path(
    post, path = "/new-password", tag = "Accounts",
    request_body = SetPassword,
    responses((status = 200, body = Message), NewPasswordErrors)
)]
pub async fn new_password(
    Shared(state): Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    input: Input<SetPassword>,
) -> Response {
    let languages = &context.languages;
    match set(&state, &context, &cookies, &input.value).await {
        // The page again: a weak password does not use the link up.
        Err(ApiError::WeakPassword(_, reason)) if input.form == Form::Page => {
            let token = &input.value.token;
            let email = account_of(&state, &context, token).await;
            pages::new_password(languages, token.expose(), email.as_ref().map(Email::as_str), Some(reason))
        }
        Err(error) => pages::answer::<Message>(languages, input.form, Err(error), Answer::PasswordSet),
        Ok(device) => {
            let done = message("The password is set. Sign in with it.");
            let mut response = pages::answer(languages, input.form, Ok(done), Answer::PasswordSet);
            response.headers_mut().append(header::SET_COOKIE, device);
            response
        }
    }
}

/// Sets the password, and returns the `device` cookie of the client, which has shown that it reads the owner's mail.
async fn set(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    body: &SetPassword,
) -> Result<HeaderValue, ApiError> {
    let (token, row) = find_link(state, Purpose::Reset, &body.token).await?;
    let user = token.user_id;
    let account = AccountKey::user(&user);
    let (admitted, found) =
        tokio::join!(state.limiter.admit_account(context, &account), state.store.profile_and_gate(&user));
    admitted?;
    let (profile, gate) = found?.ok_or(ApiError::InvalidToken)?;
    row.check_link(profile.email.key(), gate.password_version, context.now).map_err(refused)?;
    if !gate.state().may_sign_in() {
        return Err(ApiError::InvalidToken);
    }
    state
        .config
        .passwords
        .check(&body.password, &profile.email, &profile.username)
        .map_err(|weak| ApiError::WeakPassword("password", weak))?;
    let hash = state.hasher.hash(&body.password).await?;
    let notice = PasswordChanged {
        to: profile.email.as_str().to_owned(),
        username: profile.username.as_str().to_owned(),
        at: context.now,
    };
    let mut changed = context.entry(Action::PasswordChanged, Some(user), Some(user.to_string()));
    changed.after = Some(json!({"method": "reset", "sessions_ended": gate.sessions.len()}));
    let mut audit = vec![changed];
    if !profile.email_verified {
        let mut verified = context.entry(Action::Verified, Some(user), Some(user.to_string()));
        verified.before = Some(json!({"email_verified": false}));
        verified.after = Some(json!({"email_verified": true}));
        audit.push(verified);
    }
    let new = NewPassword {
        user_id: user,
        email: &profile.email,
        hash,
        replaces_version: gate.password_version,
        notice: mails::outbox_message(notice, profile.locale.clone(), context.now)?,
        audit: &audit,
    };
    if !state.store.reset_password(&new, &row, !profile.email_verified, context.now).await? {
        return Err(ApiError::InvalidToken);
    }
    devices::remember(state, cookies, (user, new.replaces_version + 1), context.now).await
}
