//! One file for each operation: its request, its answer, its handler.

pub mod admin_mail;
pub mod change_email;
pub mod change_password;
pub mod closing;
pub mod discovery;
pub mod export;
pub mod healthz;
pub mod introspect;
pub mod invitations;
pub mod jwks;
pub mod links;
pub mod login;
pub mod login_code;
pub mod logout;
pub mod me;
pub mod new_password;
pub mod oauth;
pub mod refresh_token;
pub mod register;
pub mod request_mail;
pub mod service_credentials;
pub mod sessions;
pub mod verify;

use tollgate_domain::{Email, UserId};
use tollgate_http::{AccountKey, ApiError, RequestContext};
use tollgate_platform::random_bytes;
use tollgate_tokens::device::Device;

/// The address in field `name`.
fn email(text: &str, name: &'static str) -> Result<Email, ApiError> {
    Email::parse(text).map_err(|_| ApiError::InvalidEmail(name))
}

/// A placeholder id. An unknown address is looked up with it, so that it costs the same reads (S6).
fn placeholder_id(context: &RequestContext) -> UserId {
    UserId::new(context.now, random_bytes())
}

/// The bucket of attempts at the account that `text` names: of its address, for a known device another, or of the text.
fn account_key(email: &Option<Email>, text: &str, device: Option<&Device>) -> AccountKey {
    match email {
        Some(email) => AccountKey::address(email, device),
        None => AccountKey::no_address(text),
    }
}

/// The address, or a placeholder that no account can have: a malformed address is looked up with it (S6).
fn email_or_placeholder(email: &Option<Email>) -> Result<Email, ApiError> {
    match email {
        Some(email) => Ok(email.clone()),
        None => Email::parse("nobody@invalid.invalid").map_err(|error| ApiError::Internal(error.to_string())),
    }
}
