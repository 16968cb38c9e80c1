//! Who a user is at a provider.

use tollgate_domain::Email;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::ApiError;

/// An identity at a provider: provider and subject, never the address (S22).
pub struct Identity {
    pub provider: IdentityProvider,
    pub subject: String,
    /// The provider's name for the user.
    pub name: String,
    /// The address that the provider has verified, or why there is none.
    pub email: Result<Email, ApiError>,
}

/// The address of an identity that the provider has verified.
pub fn verified_email(address: Option<&str>) -> Result<Email, ApiError> {
    let address = address.ok_or(ApiError::EmailNotVerifiedByProvider)?;
    Email::parse(address).map_err(|_| ApiError::EmailNotSupported)
}
