//! The mails and commands that this function causes: rows and messages, never the secrets themselves.

use crate::config::{CODE_SECONDS, RESET_LINK_SECONDS};
use crate::state::State;
use jiff::Timestamp;
use tollgate_domain::billing::{Command, UserCommand};
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::session::after;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{Email, MessageId, SessionId, UserId, Username};
use tollgate_http::{ApiError, FieldError, RequestContext};
use tollgate_mail::{Addressed, LoginCode, Message, OneTime, Reset, Verify, language_of};
use tollgate_platform::random_bytes;
use tollgate_store::outbox::DECOY;
use tollgate_store::{OutboxMessage, Profile};
use tollgate_tokens::codes;

/// The account of a secret, in its current state.
pub struct Account<'a> {
    pub id: UserId,
    pub email: &'a Email,
    pub username: &'a Username,
    pub password_version: u64,
    /// The language of its mails.
    pub locale: Option<&'a str>,
}

impl<'a> Account<'a> {
    /// The account of this profile and gate.
    pub fn of(profile: &'a Profile, gate: &Gate) -> Self {
        Self {
            id: profile.id,
            email: &profile.email,
            username: &profile.username,
            password_version: gate.password_version,
            locale: profile.locale.as_deref(),
        }
    }
}

/// The kind of the mail with a secret of `purpose`.
pub const fn kind(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Verify | Purpose::ChangeEmail => "verify",
        Purpose::Reset => "reset",
        Purpose::LoginCode => "login_code",
    }
}

/// A new row for `purpose` and the mail with its secrets, to the address of the account.
pub async fn onetime(
    state: &State,
    account: Account<'_>,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(OneTimeRow, OutboxMessage), ApiError> {
    secret(state, account, purpose, None, now).await
}

/// A requested new address of an account.
pub struct NewAddress {
    /// The address.
    pub email: Email,
    /// The session of the request.
    pub session: SessionId,
    /// The providers that are unlinked by the change.
    pub unlinks: Vec<IdentityProvider>,
}

/// The same for a new address, to which the mail is sent.
pub async fn change_of_address(
    state: &State,
    account: Account<'_>,
    new: NewAddress,
    now: Timestamp,
) -> Result<(OneTimeRow, OutboxMessage), ApiError> {
    secret(state, account, Purpose::ChangeEmail, Some(new), now).await
}

async fn secret(
    state: &State,
    account: Account<'_>,
    purpose: Purpose,
    new: Option<NewAddress>,
    now: Timestamp,
) -> Result<(OneTimeRow, OutboxMessage), ApiError> {
    let session_id = new.as_ref().map(|new| new.session);
    let unlinks = new.iter().flat_map(|new| &new.unlinks).map(|provider| provider.title().to_owned()).collect();
    let new_email = new.map(|new| new.email);
    let link_seconds = match purpose {
        Purpose::Verify | Purpose::ChangeEmail => state.config.verify_link_seconds,
        Purpose::Reset => RESET_LINK_SECONDS,
        Purpose::LoginCode => CODE_SECONDS,
    };
    let keys = state.keys.codes().await?;
    let row = OneTimeRow {
        id: codes::new_row_id(now),
        purpose,
        user_id: account.id,
        generation: keys.generation(now).to_owned(),
        email_key: account.email.key().to_owned(),
        new_email,
        session_id,
        password_version: account.password_version,
        expires_at: after(now, link_seconds),
        code_expires_at: after(now, CODE_SECONDS.min(link_seconds)),
        tries: 0,
        used_at: None,
    };
    let to = row.new_email.as_ref().unwrap_or(account.email).as_str().to_owned();
    let username = account.username.as_str().to_owned();
    let otp = OneTime {
        user_id: account.id,
        id: row.id.clone(),
        generation: row.generation.clone(),
        expires_at: row.expires_at,
    };
    let message: Message = match purpose {
        Purpose::Verify => Verify { to, username, otp, is_change: false, unlinks }.into(),
        Purpose::ChangeEmail => Verify { to, username, otp, is_change: true, unlinks }.into(),
        Purpose::Reset => Reset { to, username, otp }.into(),
        Purpose::LoginCode => LoginCode { to, username, otp }.into(),
    };
    Ok((row, outbox_message(message, account.locale.map(str::to_owned), now)?))
}

/// The decoy of a mail: the keys are fetched nevertheless, as that may be a call (S6).
pub async fn decoy(state: &State, now: Timestamp) -> Result<OutboxMessage, ApiError> {
    state.keys.codes().await?;
    Ok(OutboxMessage { id: new_id(now), kind: DECOY.to_owned(), body: "-".repeat(200), created_at: now })
}

/// `command` as a message of the outbox.
pub fn command(command: UserCommand, now: Timestamp) -> Result<OutboxMessage, ApiError> {
    Ok(OutboxMessage::of_command(&Command::User(command), new_id(now), now)?)
}

/// The language of the mails to a person who sends this request: the first one asked for that mails have.
pub fn locale_of(context: &RequestContext) -> Option<String> {
    language_of(&context.languages).map(str::to_owned)
}

/// The language of pages and mails that `tag` names (RFC 5646), the field `locale` of a body.
///
/// # Errors
/// When it is not one tag, or the service does not have the language.
pub fn language_named(tag: &str) -> Result<&'static str, ApiError> {
    let is_tag = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let unknown = || ApiError::Validation(FieldError::new("locale", "locale must be a language of the service."));
    language_of(tag).filter(|_| is_tag).ok_or_else(unknown)
}

/// `mail` in the language of its reader, as it goes into the outbox.
pub fn outbox_message(
    mail: impl Into<Message>,
    locale: Option<String>,
    now: Timestamp,
) -> Result<OutboxMessage, ApiError> {
    let message = mail.into();
    Ok(OutboxMessage::of(message.kind(), &Addressed { locale, message }, new_id(now), now)?)
}

fn new_id(now: Timestamp) -> MessageId {
    MessageId::new(now, random_bytes())
}
