//! The mails that this function causes: rows and messages, never the secrets themselves.

use crate::State;
use crate::config::{CODE_SECONDS, RESET_LINK_SECONDS};
use jiff::Timestamp;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::session::after;
use tollgate_domain::{Email, MessageId, UserId, Username};
use tollgate_http::ApiError;
use tollgate_mail::{Message, OneTime};
use tollgate_platform::{codes, random_bytes};
use tollgate_store::Outgoing;

/// The account that a secret is made for, as it stands.
pub struct Account<'a> {
    pub id: UserId,
    pub email: &'a Email,
    pub username: &'a Username,
    pub password_version: u64,
}

/// A new row for `purpose` and the mail that prints its secrets.
pub async fn onetime(
    state: &State,
    account: Account<'_>,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(OneTimeRow, Outgoing), ApiError> {
    let link_seconds = match purpose {
        Purpose::Verify => state.config.verify_link_seconds,
        Purpose::Reset => RESET_LINK_SECONDS,
    };
    let keys = state.keys.codes().await?;
    let row = OneTimeRow {
        id: codes::new_row_id(now),
        purpose,
        user_id: account.id,
        generation: keys.generation(now).to_owned(),
        email_key: account.email.key().to_owned(),
        password_version: account.password_version,
        expires_at: after(now, link_seconds),
        code_expires_at: after(now, CODE_SECONDS.min(link_seconds)),
        tries: 0,
        used_at: None,
    };
    let (to, username) = (account.email.as_str().to_owned(), account.username.as_str().to_owned());
    let otp = OneTime {
        user_id: account.id,
        id: row.id.clone(),
        generation: row.generation.clone(),
        expires_at: row.expires_at,
    };
    let message = match purpose {
        Purpose::Verify => Message::Verify { to, username, otp },
        Purpose::Reset => Message::Reset { to, username, otp },
    };
    Ok((row, outgoing(&message, now)?))
}

/// `message` as it goes into the outbox.
pub fn outgoing(message: &Message, now: Timestamp) -> Result<Outgoing, ApiError> {
    let body = serde_json::to_string(message).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Outgoing { id: new_id(now), kind: message.kind().to_owned(), body, created_at: now })
}

/// The id of a new message.
pub fn new_id(now: Timestamp) -> MessageId {
    MessageId::new(now, random_bytes())
}
