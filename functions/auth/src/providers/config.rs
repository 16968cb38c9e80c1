//! The settings of both providers. Every address can be set, so that any fake can be used.

use tollgate_domain::user::IdentityProvider;
use tollgate_platform::{ConfigError, Env};
use tollgate_tokens::keys::SecretIds;

/// The configured providers.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    pub(super) google: Option<Google>,
    pub(super) github: Option<Github>,
}

#[derive(Debug, Clone)]
pub(super) struct Google {
    pub client_id: String,
    authorize_url: String,
    token_url: String,
    pub issuer: String,
    pub jwks_url: String,
}

#[derive(Debug, Clone)]
pub(super) struct Github {
    client_id: String,
    authorize_url: String,
    token_url: String,
    pub user_url: String,
    pub emails_url: String,
}

impl Providers {
    /// The providers, and the names of their client secrets.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or wrong: a client id needs a secret.
    pub fn from_env(env: &Env, secrets: &mut SecretIds) -> Result<Self, ConfigError> {
        let address = |name: &str, default: &str| env.address(name, || default.to_owned());
        let configured = |id: &str, secret: &str| -> Result<Option<(String, String)>, ConfigError> {
            let Some(client_id) = env.client_id(id) else { return Ok(None) };
            let expects = format!("the name of the client secret, as {id} is set");
            Ok(Some((client_id.to_owned(), env.required(secret, &expects)?.to_owned())))
        };
        let mut providers = Self::default();
        if let Some((client_id, secret)) = configured("GOOGLE_CLIENT_ID", "GOOGLE_SECRET_ID")? {
            secrets.google = Some(secret);
            providers.google = Some(Google {
                client_id,
                authorize_url: address("GOOGLE_AUTH_URL", "https://accounts.google.com/o/oauth2/v2/auth")?,
                token_url: address("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")?,
                issuer: address("GOOGLE_ISSUER", "https://accounts.google.com")?,
                jwks_url: address("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs")?,
            });
        }
        if let Some((client_id, secret)) = configured("GITHUB_CLIENT_ID", "GITHUB_SECRET_ID")? {
            secrets.github = Some(secret);
            providers.github = Some(Github {
                client_id,
                authorize_url: address("GITHUB_AUTHORIZE_URL", "https://github.com/login/oauth/authorize")?,
                token_url: address("GITHUB_TOKEN_URL", "https://github.com/login/oauth/access_token")?,
                user_url: address("GITHUB_USER_API", "https://api.github.com/user")?,
                emails_url: address("GITHUB_EMAILS", "https://api.github.com/user/emails")?,
            });
        }
        Ok(providers)
    }

    pub(super) fn endpoints(&self, provider: IdentityProvider) -> Option<Endpoints<'_>> {
        match provider {
            IdentityProvider::Google => self.google.as_ref().map(|google| Endpoints {
                client_id: &google.client_id,
                authorize_url: &google.authorize_url,
                token_url: &google.token_url,
                scopes: &["openid", "email", "profile"],
                email_scopes: &["email", "https://www.googleapis.com/auth/userinfo.email"],
            }),
            IdentityProvider::Github => self.github.as_ref().map(|github| Endpoints {
                client_id: &github.client_id,
                authorize_url: &github.authorize_url,
                token_url: &github.token_url,
                scopes: &["read:user", "user:email"],
                email_scopes: &["user:email", "user"],
            }),
        }
    }
}

/// The address at which a sign-in at a provider begins.
pub(super) struct Endpoints<'a> {
    pub(super) client_id: &'a str,
    pub(super) authorize_url: &'a str,
    pub(super) token_url: &'a str,
    pub(super) scopes: &'static [&'static str],
    /// The scopes of which one must be granted for the address.
    pub(super) email_scopes: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_without_a_secret_is_an_error_that_names_the_variable() {
        let of = |pairs: &[(&str, &str)]| {
            Providers::from_env(&Env::from_pairs(pairs.iter().copied()), &mut SecretIds::default())
        };
        for (id, secret) in [("GOOGLE_CLIENT_ID", "GOOGLE_SECRET_ID"), ("GITHUB_CLIENT_ID", "GITHUB_SECRET_ID")] {
            assert_eq!(of(&[(id, "x")]).unwrap_err().variable, secret);
        }
        let none = of(&[("GOOGLE_CLIENT_ID", "unset"), ("GITHUB_CLIENT_ID", "")]).unwrap();
        assert!(none.google.is_none() && none.github.is_none());
    }
}
