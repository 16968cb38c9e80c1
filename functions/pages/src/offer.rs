//! What this deployment offers.

use serde::Serialize;
use tollgate_platform::{ConfigError, Env, SignUp};

/// What this deployment offers. The pages hide what it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Plans, checkouts and invoices.
    pub billing: bool,
    /// New accounts for anyone.
    sign_up: bool,
    /// New accounts by invitation.
    invitations: bool,
    /// Passwords.
    passwords: bool,
    /// Sign-in by Google.
    google: bool,
    /// Sign-in by GitHub.
    github: bool,
}

impl Offer {
    /// # Errors
    /// With the name of the variable that is wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let sign_up = env.sign_up()?;
        Ok(Self {
            billing: env.has_billing()?,
            sign_up: sign_up == SignUp::Open,
            invitations: sign_up != SignUp::Closed,
            passwords: env.has_passwords()?,
            google: env.client_id("GOOGLE_CLIENT_ID").is_some(),
            github: env.client_id("GITHUB_CLIENT_ID").is_some(),
        })
    }
}
