//! What a deployment can leave out: sign-up and passwords. A route that is left out refuses each request before anything is
//! read, so that a known address and an unknown one get the same answer (S6).

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tollgate_http::ApiError;
use tollgate_platform::{ConfigError, Env, SignUp};

/// What this deployment offers.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// Who can create an account.
    pub sign_up: SignUp,
    /// Whether accounts have passwords.
    pub passwords: bool,
}

/// The paths that need sign-up.
const OF_SIGN_UP: [&str; 2] = ["/register", "/admin/invitations"];
/// The beginning of further paths that need sign-up.
const BELOW_INVITATIONS: &str = "/admin/invitations/";
/// The paths that need passwords.
const OF_PASSWORDS: [&str; 4] = ["/login", "/forget-password", "/new-password", "/change-password"];

impl Offer {
    /// # Errors
    /// With the name of the variable that is wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { sign_up: env.sign_up()?, passwords: env.has_passwords()? })
    }

    /// Whether this deployment answers `path`.
    fn has(self, path: &str) -> bool {
        let is_of_sign_up = OF_SIGN_UP.contains(&path) || path.starts_with(BELOW_INVITATIONS);
        (self.sign_up != SignUp::Closed || !is_of_sign_up) && (self.passwords || !OF_PASSWORDS.contains(&path))
    }
}

/// Refuses the routes that this deployment leaves out.
pub async fn refuse_left_out(Shared(offer): Shared<Offer>, request: Request, next: Next) -> Response {
    if offer.has(request.uri().path()) { next.run(request).await } else { ApiError::NotEnabled.into_response() }
}
