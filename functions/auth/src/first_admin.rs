//! The first admin of a stack that has none: created from outside, never over HTTP.

use crate::passwords::Hasher;
use crate::state::State;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_domain::RequestId;
use tollgate_domain::audit::Action;
use tollgate_domain::gate::Gate;
use tollgate_domain::password::Password;
use tollgate_domain::user::Provider;
use tollgate_domain::{Email, Secret, UserId, Username};
use tollgate_http::{ApiError, RequestContext};
use tollgate_platform::random_bytes;
use tollgate_store::{Credentials, NewAccount, Profile, Registration};

/// Why the first admin was not created.
#[derive(Debug, thiserror::Error)]
pub enum FirstAdminError {
    /// Not a valid e-mail address.
    #[error("the admin's address is not an e-mail address")]
    InvalidEmail,
    /// The password is not accepted.
    #[error("{0}")]
    WeakPassword(#[from] tollgate_domain::password::WeakPasswordError),
    /// The tables or the hash failed.
    #[error("{}", .0.cause().unwrap_or(.0.code()))]
    Failed(ApiError),
}

impl From<ApiError> for FirstAdminError {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl State {
    /// Creates an active, verified admin if there has never been one; otherwise returns `false`.
    ///
    /// # Errors
    /// When the address or the password is not accepted, or the tables do not answer.
    pub async fn create_first_admin(&self, email: &str, password: &Secret<String>) -> Result<bool, FirstAdminError> {
        if self.store.has_admins().await.map_err(ApiError::from)? {
            return Ok(false);
        }
        let now = self.clock.now();
        let email = Email::parse(email).map_err(|_| FirstAdminError::InvalidEmail)?;
        let username = Username::parse("admin").map_err(|_| FirstAdminError::InvalidEmail)?;
        let password = Password::new(password.clone());
        self.config.passwords.check(&password, &email, &username)?;
        let id = UserId::new(now, random_bytes());
        // A hasher of its own: this happens once, and its working memory is freed afterwards.
        let hash = Hasher::new(self.config.password_cost).hash(&password).await?;
        let context = RequestContext {
            request_id: RequestId::new(now, random_bytes()),
            now,
            route: String::new(),
            ip: None,
            user_agent: None,
            languages: String::new(),
        };
        let mut audit = context.entry(Action::Registered, None, Some(id.to_string()));
        audit.after = Some(json!({"is_admin": true}));
        let account = NewAccount {
            profile: Profile {
                id,
                email,
                username,
                provider: Provider::Local,
                email_verified: true,
                is_active: true,
                is_admin: true,
                created_at: now,
                links: BTreeMap::new(),
                link_emails: BTreeMap::new(),
                locale: None,
            },
            credentials: Some(Credentials { user_id: id, hash, password_version: 1 }),
            gate: Gate { is_admin: true, ..Gate::new(id) },
            verification: None,
            audit,
            invited: None,
        };
        let made = self.store.register(&account).await.map_err(ApiError::from)?;
        Ok(made == Registration::Done)
    }

    /// Signs exactly this header and these claims with the current access key: for the dev console, to test refusals.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn sign_for_console(&self, header: Value, claims: Value) -> Result<Secret<String>, ApiError> {
        let keys = self.keys.auth().await?;
        keys.sign_raw(header, &claims, self.clock.now()).map_err(|_| ApiError::Internal("not signed".into()))
    }
}
