//! `POST /register`.

use super::email;
use crate::mails::{self, Account};
use crate::registered::{self, FIRST_PASSWORD};
use crate::sign_in::{Client, TokenDelivery, TokenResponse};
use crate::state::State;
use crate::{devices, invited};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_domain::audit::Action;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::Purpose;
use tollgate_domain::password::{Password, WeakPasswordError};
use tollgate_domain::user::Provider;
use tollgate_domain::{Email, Secret, SessionId, UserId, Username};
use tollgate_http::{
    AccountKey, ApiError, ClientCount, CookieJar, FieldError, JsonBody, Limiter, Message, RequestContext, errors,
    message,
};
use tollgate_mail::AlreadyRegistered;
use tollgate_platform::{SignUp, random_bytes};
use tollgate_store::{Credentials, NameAndAddress, NewAccount, Profile, Registration};
use utoipa::ToSchema;

/// The new account.
#[derive(Deserialize, ToSchema)]
pub struct Register {
    /// Required without an invitation. With one, the address is that of the invitation.
    #[serde(default)]
    #[schema(format = Email)]
    email: Option<String>,
    #[schema(min_length = 3, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", examples("ann"))]
    username: String,
    /// Required, unless the service has no passwords: then it has no effect.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 1024)]
    password: Option<Password>,
    /// The token in the link of an invitation.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    invitation: Option<Secret<String>>,
    /// Only with an invitation, which signs in.
    #[serde(default)]
    #[schema(value_type = Option<TokenDelivery>)]
    token_delivery: Option<TokenDelivery>,
}

/// The kind of the mail to the owner of an address that is registered again.
pub(super) const ALREADY_REGISTERED: &str = "already_registered";

errors! {
    /// Why no account is created.
    RegisterErrors = [
        ApiError::NotEnabled,
        ApiError::InvitationRequired,
        ApiError::InvalidToken,
        ApiError::TokenExpired,
        ApiError::UsernameTaken,
        ApiError::InvalidEmail("email"),
        ApiError::InvalidUsername,
        ApiError::WeakPassword("password", WeakPasswordError::Common),
    ]
}

/// Creates an account, or notifies the owner of the address by mail that one exists. The answer is the same, and so is
/// the cookie `registered` (HttpOnly, a day): a verification of the address in the same browser signs in. The link of an
/// invitation verifies the address: then the account is signed in at once. With `SIGN_UP=invite` it is required.
#[utoipa::path(
    post, path = "/register", tag = "Accounts", request_body = Register,
    responses(
        (status = 200, description = "With an invitation", body = TokenResponse),
        (status = 202, body = Message), RegisterErrors,
    )
)]
pub async fn register(
    Shared(state): Shared<State>,
    context: RequestContext,
    count: ClientCount,
    cookies: CookieJar,
    JsonBody(body): JsonBody<Register>,
) -> Result<Response, ApiError> {
    if let Some(token) = &body.invitation {
        return accept(&state, &context, (&count, &cookies), &body, token).await;
    }
    refuse_uninvited(&state, &count).await?;
    let (email, username, password) = checked(&state, address_of(&body), &body)?;
    let account = AccountKey::address(&email, None);
    let (taken, may_be_sent) = admit(&state, &context, &count, (&email, &username), &account).await?;
    // Hashed also if it is not stored: both cases take the same time (S6).
    let hash = hash_of(&state, password).await?;
    let new = new_account(&state, &context, (&email, &username), hash).await?;
    let cookie = registered::remember(&state, &new.profile.id, context.now).await?;
    match taken {
        Some(known) => notify_owner(&state, &context, &username, &known, may_be_sent).await?,
        None => create(&state, &context, &account, &new).await?,
    }
    let answer = message("Look into your mail: we have sent you what to do next.");
    Ok((StatusCode::ACCEPTED, [(header::SET_COOKIE, cookie)], answer).into_response())
}

/// Refuses a registration where each needs an invitation. Nothing is read before: the answer tells nothing about an
/// address (S6).
async fn refuse_uninvited(state: &State, count: &ClientCount) -> Result<(), ApiError> {
    if state.config.offer.sign_up != SignUp::Invite {
        return Ok(());
    }
    count.admitted().await?;
    Err(ApiError::InvitationRequired)
}

fn address_of(body: &Register) -> Result<Email, ApiError> {
    match &body.email {
        Some(address) => email(address, "email"),
        None => Err(ApiError::Validation(FieldError::new("email", "email is missing."))),
    }
}

/// Counts the registration; returns the address as its account has it, if it is taken, and whether its mail may be sent.
async fn admit(
    state: &State,
    context: &RequestContext,
    count: &ClientCount,
    (email, username): (&Email, &Username),
    account: &AccountKey,
) -> Result<(Option<Email>, bool), ApiError> {
    let wanted = NameAndAddress { username, email, now: context.now };
    let lookup = (wanted, Limiter::mails_to(account));
    let (admitted, found) = tokio::join!(count.admitted(), state.store.look_up(&lookup));
    admitted?;
    // Nothing is counted against an account for a client that is refused (S9).
    let (admitted, of_account) =
        tokio::join!(state.limiter.admit_registration(context), state.limiter.admit_account(context, account));
    admitted.and(of_account)?;
    let (taken, mails) = found?;
    if taken.username {
        return Err(ApiError::UsernameTaken);
    }
    let kind = if taken.email.is_some() { ALREADY_REGISTERED } else { mails::kind(Purpose::Verify) };
    Ok((taken.email, state.limiter.admit_mail_beyond(context, mails, kind).await?))
}

/// The hash of the password, if there is one.
async fn hash_of(state: &State, password: Option<&Password>) -> Result<Option<String>, ApiError> {
    match password {
        Some(password) => Ok(Some(state.hasher.hash(password).await?)),
        None => Ok(None),
    }
}

/// Stores the account, or notifies the owner of an address that a concurrent registration took.
async fn create(
    state: &State,
    context: &RequestContext,
    account: &AccountKey,
    new: &NewAccount,
) -> Result<(), ApiError> {
    let (email, username) = (&new.profile.email, &new.profile.username);
    match state.store.register(new).await? {
        Registration::Done => Ok(()),
        Registration::UsernameTaken => Err(ApiError::UsernameTaken),
        // A concurrent registration came first: its spelling of the address is read now.
        Registration::EmailTaken | Registration::IdentityTaken | Registration::InvitationEnded => {
            let known = state.store.find_taken(username, email, context.now).await?.email;
            let may_be_sent = state.limiter.admit_mail(context, account, ALREADY_REGISTERED).await?;
            notify_owner(state, context, username, known.as_ref().unwrap_or(email), may_be_sent).await
        }
    }
}

/// Creates the account of an invited address, and signs it in. The limits of registrations and of attempts do not count
/// it: the admin's invitation is the permission, and a token cannot be guessed.
async fn accept(
    state: &State,
    context: &RequestContext,
    (count, cookies): (&ClientCount, &CookieJar),
    body: &Register,
    token: &Secret<String>,
) -> Result<Response, ApiError> {
    let (admitted, found) = tokio::join!(count.admitted(), invited::find(state, token, context.now));
    admitted?;
    let invitation = found?;
    if let Some(address) = &body.email
        && email(address, "email")?.key() != invitation.email.key()
    {
        return Err(ApiError::InvalidToken);
    }
    let (email, username, password) = checked(state, Ok(invitation.email.clone()), body)?;
    let taken = state.store.find_taken(&username, &email, context.now).await?;
    if taken.email.is_some() {
        return Err(ApiError::InvalidToken); // its owner has registered without the invitation
    }
    if taken.username {
        return Err(ApiError::UsernameTaken);
    }
    let hash = hash_of(state, password).await?;
    let client = Client {
        context,
        shown: devices::Shown::in_cookies(cookies),
        delivery: body.token_delivery.unwrap_or_default(),
        session: SessionId::new(context.now, random_bytes()),
    };
    invited::register(state, &client, invitation, username, hash).await
}

/// Address, name and password of a new account; otherwise all errors of the fields at once. The password is `None` where sign-in
/// by password is off.
fn checked<'a>(
    state: &State,
    email: Result<Email, ApiError>,
    body: &'a Register,
) -> Result<(Email, Username, Option<&'a Password>), ApiError> {
    let username = Username::parse(&body.username).map_err(|_| ApiError::InvalidUsername);
    let (own_email, own_name) = (email.as_ref().ok(), username.as_ref().ok());
    let password = match &body.password {
        _ if !state.config.offer.passwords => Ok(None),
        None => Err(ApiError::Validation(FieldError::new("password", "password is missing."))),
        Some(password) => {
            let checked = state.config.passwords.check_beside(password, own_email, own_name);
            checked.map(|()| Some(password)).map_err(|weak| ApiError::WeakPassword("password", weak))
        }
    };
    match (email, username, password) {
        (Ok(email), Ok(username), Ok(password)) => Ok((email, username, password)),
        (email, username, password) => {
            let wrong = [email.err(), username.err(), password.err()];
            Err(ApiError::Several(wrong.into_iter().flatten().collect()))
        }
    }
}

/// The new account, with the mail that verifies its address. That mail is always sent: it can happen once for an
/// address, and strangers must not be able to prevent a person's registration.
async fn new_account(
    state: &State,
    context: &RequestContext,
    (email, username): (&Email, &Username),
    hash: Option<String>,
) -> Result<NewAccount, ApiError> {
    let id = UserId::new(context.now, random_bytes());
    let locale = mails::locale_of(context);
    let account = Account { id, email, username, password_version: FIRST_PASSWORD, locale: locale.as_deref() };
    let verification = mails::onetime(state, account, Purpose::Verify, context.now).await?;
    let mut audit = context.entry(Action::Registered, Some(id), Some(id.to_string()));
    audit.after = Some(json!({"provider": Provider::Local}));
    Ok(NewAccount {
        profile: Profile {
            id,
            email: email.clone(),
            username: username.clone(),
            provider: Provider::Local,
            email_verified: false,
            is_active: true,
            is_admin: false,
            created_at: context.now,
            links: BTreeMap::new(),
            link_emails: BTreeMap::new(),
            locale,
        },
        credentials: hash.map(|hash| Credentials { user_id: id, hash, password_version: FIRST_PASSWORD }),
        gate: Gate::new(id),
        verification: Some(verification),
        audit,
        invited: None,
    })
}

/// The address has an account: notifies its owner, reserves the name, and does the rest of the work on decoys (S6).
async fn notify_owner(
    state: &State,
    context: &RequestContext,
    username: &Username,
    known: &Email,
    may_be_sent: bool,
) -> Result<(), ApiError> {
    let mail = match may_be_sent {
        true => {
            let mail = AlreadyRegistered { to: known.as_str().to_owned() };
            mails::outbox_message(mail, mails::locale_of(context), context.now)?
        }
        false => mails::decoy(state, context.now).await?,
    };
    let is_held = state.store.register_known(username, &mail, context.now).await?;
    if is_held { Ok(()) } else { Err(ApiError::UsernameTaken) }
}
