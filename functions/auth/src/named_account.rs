//! The account that a request names by its address.

use tollgate_domain::{Email, UserId};
use tollgate_http::{AccountKey, ApiError, RequestContext};
use tollgate_platform::random_bytes;
use tollgate_tokens::device::Device;

/// The address in field `name`.
pub(crate) fn email(text: &str, name: &'static str) -> Result<Email, ApiError> {
    Email::parse(text).map_err(|_| ApiError::InvalidEmail(name))
}

/// A placeholder id. An unknown address is looked up with it, so that it costs the same reads (S6).
pub(crate) fn placeholder_id(context: &RequestContext) -> UserId {
    UserId::new(context.now, random_bytes())
}

/// The bucket of attempts at the account that `text` names: of its address, for a known device another, or of the text.
pub(crate) fn account_key(email: &Option<Email>, text: &str, device: Option<&Device>) -> AccountKey {
    match email {
        Some(email) => AccountKey::address(email, device),
        None => AccountKey::no_address(text),
    }
}

/// The address, or a placeholder that no account can have: a malformed address is looked up with it (S6).
pub(crate) fn email_or_placeholder(email: &Option<Email>) -> Result<Email, ApiError> {
    match email {
        Some(email) => Ok(email.clone()),
        None => Email::parse("nobody@invalid.invalid").map_err(|error| ApiError::Internal(error.to_string())),
    }
}
