//! `GET` and `POST /verify`.

use super::{Message, email, message, nobody};
use crate::State;
use crate::pages::{self, Answer};
use axum::extract::{FromRequestParts, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use tollgate_domain::audit::Action;
use tollgate_domain::onetime::{OneTimeRow, Purpose, Refused};
use tollgate_domain::{Secret, UserId};
use tollgate_http::{ApiError, FieldError, Input, RequestContext};
use tollgate_platform::codes::LinkToken;
use tollgate_store::CodeTry;

/// The query of a mailed link. One that cannot be read has no token: the page is the same for any.
#[derive(Default, Deserialize)]
pub struct LinkQuery {
    #[serde(default)]
    token: String,
}

impl<S: Sync> FromRequestParts<S> for LinkQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default())
    }
}

impl LinkQuery {
    /// The token as it stands in the address, true or not.
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// A page with one button, for any token: opening a link never uses it up (S13).
pub async fn page(headers: HeaderMap, query: LinkQuery) -> Response {
    if pages::wants_json(&headers) {
        let mut response = ApiError::MethodNotAllowed.into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    pages::verify(query.token())
}

/// By which secret an address is proved.
#[derive(Deserialize)]
pub struct Verify {
    #[serde(default)]
    token: Option<Secret<String>>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    code: Option<Secret<String>>,
}

/// Proves an address by the mailed link or code.
pub async fn verify(Shared(state): Shared<State>, context: RequestContext, input: Input<Verify>) -> Response {
    let Verify { token, email, code } = input.value;
    let outcome = match (token, email, code) {
        (Some(token), _, _) => by_link(&state, &context, &token).await,
        (None, Some(email), Some(code)) => by_code(&state, &context, &email, &code).await,
        (None, Some(_), None) => Err(ApiError::Validation(FieldError::new("code", "code is missing."))),
        (None, None, _) => Err(ApiError::Validation(FieldError::new("token", "token is missing."))),
    };
    pages::answer(input.form, outcome, Answer::Verified)
}

const DONE: axum::Json<Message> = message("Your address is proved. You can sign in now.");

async fn by_link(
    state: &State,
    context: &RequestContext,
    token: &Secret<String>,
) -> Result<axum::Json<Message>, ApiError> {
    let (token, row) = find_link(state, Purpose::Verify, token).await?;
    prove(state, context, &token.user_id, &row, false).await
}

/// The row behind a link, whose token is a true one; whether it still stands is not judged yet.
pub async fn find_link(
    state: &State,
    purpose: Purpose,
    token: &Secret<String>,
) -> Result<(LinkToken, OneTimeRow), ApiError> {
    let token = LinkToken::parse(token.expose()).ok_or(ApiError::InvalidToken)?;
    let row = state.store.onetime(&token.user_id, purpose, &token.row_id).await?.ok_or(ApiError::InvalidToken)?;
    let codes = state.keys.codes().await?;
    if codes.is_link_of(&token, &row) { Ok((token, row)) } else { Err(ApiError::InvalidToken) }
}

/// What is said of a link that stands no more.
pub fn refused(reason: Refused) -> ApiError {
    match reason {
        Refused::Invalid => ApiError::InvalidToken,
        Refused::Expired => ApiError::TokenExpired,
    }
}

async fn by_code(
    state: &State,
    context: &RequestContext,
    address: &str,
    code: &Secret<String>,
) -> Result<axum::Json<Message>, ApiError> {
    let email = email(address, "email")?;
    let user = state.store.user_of_email(&email).await?.unwrap_or_else(|| nobody(context));
    let CodeTry::Counted(row) = state.store.try_code(&user, Purpose::Verify, context.now).await? else {
        return Err(ApiError::InvalidToken);
    };
    let codes = state.keys.codes().await?;
    if !codes.is_code_of(code.expose(), &row) {
        return Err(ApiError::InvalidToken);
    }
    prove(state, context, &user, &row, true).await
}

async fn prove(
    state: &State,
    context: &RequestContext,
    user: &UserId,
    row: &OneTimeRow,
    by_code: bool,
) -> Result<axum::Json<Message>, ApiError> {
    let (profile, gate) = tokio::join!(state.store.profile(user), state.store.gate(user));
    let (Some(profile), Some(gate)) = (profile?, gate?) else { return Err(ApiError::InvalidToken) };
    row.check_link(profile.email.key(), gate.password_version, context.now).map_err(refused)?;
    if !profile.email_verified {
        let mut entry = context.entry(Action::Verified, Some(*user), Some(user.to_string()));
        entry.before = Some(json!({"email_verified": false}));
        entry.after = Some(json!({"email_verified": true}));
        let done = state.store.verify_email(row, by_code, &entry, context.now).await?;
        // By a link it is the same whoever came first; a code is good once.
        if !done && by_code {
            return Err(ApiError::InvalidToken);
        }
    }
    Ok(DONE)
}
