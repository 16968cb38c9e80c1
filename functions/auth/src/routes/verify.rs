//! `GET` and `POST /verify`.

use super::{email, placeholder_id};
use crate::devices::Shown;
use crate::pages::{self, Answer};
use crate::sign_in::{Client, SignInMethod, TokenDelivery, TokenResponse, sign_in};
use crate::state::State;
use crate::{devices, mailed_codes, mails, registered};
use axum::Json;
use axum::extract::{FromRequestParts, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::convert::Infallible;
use tollgate_domain::audit::Action;
use tollgate_domain::billing::UserCommand;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::{OneTimeError, OneTimeRow, Purpose};
use tollgate_domain::{Email, Secret, SessionId, Username};
use tollgate_http::openapi::Describe;
use tollgate_http::{AccountKey, ApiError, CookieJar, FieldError, Input, Message, RequestContext, errors, message};
use tollgate_mail::EmailChanged;
use tollgate_platform::random_bytes;
use tollgate_store::{AddressChange, ChangedAddress, Profile};
use tollgate_tokens::codes::LinkToken;
use utoipa::{IntoParams, ToSchema};

/// The query of a mailed link. One that cannot be parsed counts as one without a token: the page is the same.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// The parameters of the mailed link.
    #[serde(default)]
    token: String,
}

impl<S: Sync> FromRequestParts<S> for LinkQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default())
    }
}

impl Describe for LinkQuery {}

impl LinkQuery {
    /// The token in the address, valid or not.
    pub fn token(&self) -> &str {
        &self.token
    }
}

errors! {
    /// Why there is no page: JSON was requested.
    VerifyPageErrors = [ApiError::MethodNotAllowed]
}

errors! {
    /// Why an address is not verified.
    VerifyErrors =
        [ApiError::InvalidToken, ApiError::TokenExpired, ApiError::InvalidEmail("email"), ApiError::RATE_LIMITED]
}

/// A page with one button, for any token: opening a link never uses it up (S13). It names the account if the link is
/// valid (S23).
#[utoipa::path(
    get, path = "/verify", operation_id = "verify_page", tag = "Accounts", params(LinkQuery),
    responses((status = 200, description = "A page with one button", content_type = "text/html", body = String), VerifyPageErrors)
)]
pub async fn page(
    Shared(state): Shared<State>,
    context: RequestContext,
    headers: HeaderMap,
    query: LinkQuery,
) -> Response {
    if pages::wants_json(&headers) {
        let mut response = ApiError::MethodNotAllowed.into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let asked = asked_for(&state, query.token()).await.ok();
    let asked = asked.as_ref().map(|(username, is_change)| (username, *is_change));
    pages::verify(&context.languages, query.token(), asked)
}

/// The user name of a valid link's account, and whether the address is a new one.
async fn asked_for(state: &State, token: &str) -> Result<(Username, bool), ApiError> {
    let (token, row) = find_verification(state, &Secret::new(token.to_owned())).await?;
    let profile = state.store.profile(&token.user_id).await?.ok_or(ApiError::InvalidToken)?;
    Ok((profile.username, row.new_email.is_some()))
}

/// The secret that verifies an address.
#[derive(Deserialize, ToSchema)]
pub struct Verify {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    token: Option<Secret<String>>,
    #[serde(default)]
    #[schema(format = Email)]
    email: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{6}$")]
    code: Option<Secret<String>>,
}

/// The answer to a verification.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Verification)]
#[expect(dead_code, reason = "only documented: a sign-in makes its own answer")]
pub enum Verification<'a> {
    /// In the browser of the registration: it is signed in.
    SignedIn(TokenResponse<'a>),
    /// In any other browser.
    Verified(Message),
}

/// Verifies an address by the mailed link or code: that of the account, or its new one. In the browser that registered
/// the account less than a day ago (its cookie `registered`) this signs in, once. The page of the mailed link sends its
/// token as a form and gets a page.
#[utoipa::path(
    post, path = "/verify", tag = "Accounts",
    request_body = Verify,
    responses((status = 200, body = Verification), VerifyErrors)
)]
pub async fn verify(
    Shared(state): Shared<State>,
    context: RequestContext,
    cookies: CookieJar,
    input: Input<Verify>,
) -> Response {
    let Verify { token, email, code } = input.value;
    let outcome = match (token, email, code) {
        (Some(token), _, _) => by_link(&state, &context, &cookies, &token).await,
        (None, Some(email), Some(code)) => by_code(&state, &context, &cookies, &email, &code).await,
        (None, Some(_), None) => Err(ApiError::Validation(FieldError::new("code", "code is missing."))),
        (None, None, _) => Err(ApiError::Validation(FieldError::new("token", "token is missing."))),
    };
    let languages = &context.languages;
    match outcome {
        Ok(Verified::SignedIn(response)) => pages::signed_in(languages, input.form, response),
        Ok(Verified::Confirmed(message)) => pages::answer(languages, input.form, Ok(message), Answer::Verified),
        Err(error) => pages::answer(languages, input.form, Err::<Json<Message>, _>(error), Answer::Verified),
    }
}

/// The result of a verification.
enum Verified {
    Confirmed(Json<Message>),
    SignedIn(Response),
}

type Done = Result<Verified, ApiError>;

const VERIFIED: Json<Message> = message("Your e-mail address is verified. You can sign in now.");
const CHANGED: Json<Message> = message("Your account has this address now.");

async fn by_link(state: &State, context: &RequestContext, cookies: &CookieJar, token: &Secret<String>) -> Done {
    let (token, row) = find_verification(state, token).await?;
    let account = AccountKey::user(&token.user_id);
    let (admitted, owner) =
        tokio::join!(state.limiter.admit_account(context, &account), state.store.profile_and_gate(&row.user_id));
    admitted?;
    verify_registration(state, context, cookies, owner?, row, false).await
}

/// The row of a link that verifies an address.
async fn find_verification(state: &State, token: &Secret<String>) -> Result<(LinkToken, OneTimeRow), ApiError> {
    match find_link(state, Purpose::Verify, token).await {
        Err(ApiError::InvalidToken) => find_link(state, Purpose::ChangeEmail, token).await,
        found => found,
    }
}

/// The row of a link with a valid token; whether it is still usable is not checked yet.
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

/// The error for a link that is not usable any more.
pub fn refused(reason: OneTimeError) -> ApiError {
    match reason {
        OneTimeError::Invalid => ApiError::InvalidToken,
        OneTimeError::Expired => ApiError::TokenExpired,
    }
}

async fn by_code(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    address: &str,
    code: &Secret<String>,
) -> Done {
    let email = email(address, "email")?;
    if !mailed_codes::is_code(code.expose()) {
        return Err(ApiError::InvalidToken); // it costs no attempt
    }
    let (owner, pending) = tokio::join!(state.store.user_of_email(&email), state.store.pending_change(&email));
    let (owner, pending) = (owner?, pending?);
    let user = owner.unwrap_or_else(|| placeholder_id(context));
    let gate = state.store.gate(&user).await?;
    let version = gate.map(|gate| (user, gate.password_version));
    let device = devices::find_device(state, Shown::in_cookies(cookies), version).await?;
    state.limiter.admit_account(context, &AccountKey::address(&email, device.as_ref())).await?;
    // The address of an account is verified for that account; a new one for the account that requested it.
    let row = match pending.filter(|_| owner.is_none()) {
        None => state.store.newest_onetime(&user, Purpose::Verify).await?,
        Some(change) => state.store.onetime(&change.user_id, Purpose::ChangeEmail, &change.row_id).await?,
    };
    let row = mailed_codes::try_code(state, context, &AccountKey::address(&email, None), row, code).await?;
    let row = row.ok_or(ApiError::InvalidToken)?;
    let owner = state.store.profile_and_gate(&row.user_id).await?;
    verify_registration(state, context, cookies, owner, row, true).await
}

async fn verify_registration(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    owner: Option<(Profile, Gate)>,
    row: OneTimeRow,
    by_code: bool,
) -> Done {
    let (profile, gate) = owner.ok_or(ApiError::InvalidToken)?;
    if !gate.state().exists() {
        return Err(ApiError::InvalidToken);
    }
    if let Some(to) = &row.new_email {
        return change_address(state, context, &profile, &gate, &row, to).await.map(Verified::Confirmed);
    }
    let account = (&profile.id, gate.password_version);
    let signs_in =
        gate.state().may_sign_in() && registered::is_this_browser(state, cookies, account, context.now).await?;
    // If the session uses the code up, it is not used up before: a call that failed in between is repeated.
    let text = verify_own_address(state, context, &profile, &gate, &row, by_code && !signs_in).await?;
    if !signs_in {
        return Ok(Verified::Confirmed(text));
    }
    match sign_in_here(state, context, cookies, profile, gate, &row).await {
        Ok(response) => Ok(Verified::SignedIn(response)),
        // A link stays valid while its row exists, and signs in once.
        Err(ApiError::InvalidToken) if !by_code => Ok(Verified::Confirmed(text)),
        Err(ApiError::AccountDisabled) => Ok(Verified::Confirmed(text)),
        Err(error) => Err(error),
    }
}

/// Signs in the browser of the registration, once for each mail.
async fn sign_in_here(
    state: &State,
    context: &RequestContext,
    cookies: &CookieJar,
    profile: Profile,
    gate: Gate,
    row: &OneTimeRow,
) -> Result<Response, ApiError> {
    let profile = Profile { email_verified: true, ..profile };
    let session = SessionId::new(context.now, random_bytes());
    let shown = Shown::in_cookies(cookies);
    let client = Client { context, shown, delivery: TokenDelivery::Cookie, session };
    let mut response = sign_in(state, &client, profile, gate, SignInMethod::Registration(row)).await?;
    response.headers_mut().append(header::SET_COOKIE, registered::forget(state)?);
    Ok(response)
}

async fn verify_own_address(
    state: &State,
    context: &RequestContext,
    profile: &Profile,
    gate: &Gate,
    row: &OneTimeRow,
    by_code: bool,
) -> Result<Json<Message>, ApiError> {
    row.check_link(profile.email.key(), gate.password_version, context.now).map_err(refused)?;
    if !profile.email_verified {
        let mut entry = context.entry(Action::Verified, Some(profile.id), Some(profile.id.to_string()));
        entry.before = Some(json!({"email_verified": false}));
        entry.after = Some(json!({"email_verified": true}));
        let done = state.store.verify_email(row, by_code, &entry, context.now).await?;
        // A link is idempotent: another request may have verified the address first. A code is valid once. If the
        // address is still not verified, the account was deleted or removed meanwhile.
        if !done {
            let current = state.store.profile(&profile.id).await?;
            if by_code || !current.is_some_and(|profile| profile.email_verified) {
                return Err(ApiError::InvalidToken);
            }
        }
    }
    Ok(VERIFIED)
}

/// The new address is verified: the account moves to it, and the old one is notified (S5).
async fn change_address(
    state: &State,
    context: &RequestContext,
    profile: &Profile,
    gate: &Gate,
    row: &OneTimeRow,
    to: &Email,
) -> Result<Json<Message>, ApiError> {
    if row.used_at.is_some() && profile.email.key() == to.key() && context.now < row.expires_at {
        return Ok(CHANGED);
    }
    row.check_link(profile.email.key(), gate.password_version, context.now).map_err(refused)?;
    // The change is pending only while the session of the request is live.
    let session = row.session_id.filter(|session| gate.admits(session, context.now)).ok_or(ApiError::InvalidToken)?;
    let credentials = state.store.credentials(&profile.email).await?.filter(|found| found.user_id == profile.id);
    let notice = EmailChanged {
        to: profile.email.as_str().to_owned(),
        username: profile.username.as_str().to_owned(),
        at: context.now,
    };
    let mut entry = context.entry(Action::EmailChanged, Some(profile.id), Some(profile.id.to_string()));
    entry.before = Some(json!({"email": profile.email, "email_verified": profile.email_verified}));
    entry.after = Some(json!({"email": to, "email_verified": true}));
    let mut entries = vec![entry];
    for provider in profile.links_to_end(to) {
        let mut unlinked = context.entry(Action::Unlinked, Some(profile.id), Some(profile.id.to_string()));
        unlinked.before = Some(json!({"provider": provider}));
        entries.push(unlinked);
    }
    let command = UserCommand { user_id: profile.id, email: Some(to.clone()), ends_checkouts: false };
    let change = AddressChange {
        profile,
        credentials: credentials.as_ref(),
        password_version: gate.password_version,
        session: &session,
        to,
        row,
        notice: &mails::outbox_message(notice, profile.locale.clone(), context.now)?,
        command: &mails::command(command, context.now)?,
        audit: &entries,
    };
    match state.store.change_address(&change, context.now).await? {
        ChangedAddress::Done => Ok(CHANGED),
        ChangedAddress::Taken | ChangedAddress::Changed => Err(ApiError::InvalidToken),
    }
}
