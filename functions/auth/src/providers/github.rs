//! GitHub: the account by its API, the address only as a verified primary one of `/user/emails` (S22).

use super::{Identity, Tokens, get_json};
use crate::State;
use oauth2::TokenResponse;
use serde::Deserialize;
use tollgate_domain::Email;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::ApiError;

#[derive(Deserialize)]
struct Account {
    id: u64,
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

pub async fn identity(state: &State, tokens: &Tokens) -> Result<Identity, ApiError> {
    let github = state.config.providers.github.as_ref().ok_or(ApiError::ProviderNotConfigured)?;
    let token = Some(tokens.access_token().secret().as_str());
    let client = &state.providers.github;
    let (account, addresses) = tokio::join!(
        get_json::<Account>(client, &github.user_url, token),
        get_json::<Vec<Address>>(client, &github.emails_url, token),
    );
    let (account, addresses) = (account?, addresses?);
    let primary = addresses.iter().find(|address| address.primary && address.verified);
    Ok(Identity {
        provider: IdentityProvider::Github,
        subject: account.id.to_string(),
        name: account.login,
        email: primary.and_then(|address| Email::parse(&address.email).ok()),
    })
}
