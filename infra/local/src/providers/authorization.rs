//! The authorization of a client, as the real providers check it: the client, the redirect address, PKCE, and that a code
//! is used once.

use super::account::{Account, NewAccount};
use crate::clock::LocalClock;
use crate::console::error::ConsoleError;
use crate::documents::{DatabaseError, Documents};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_domain::user::IdentityProvider;
use tollgate_http::{ApiError, FieldError};
use tollgate_platform::{Env, random_bytes};

/// Both fakes.
#[derive(Clone)]
pub struct Providers {
    pub(super) documents: Documents,
    pub(super) clock: LocalClock,
    pub(super) base_url: String,
    pub(super) env: Env,
    /// Held while a code is used, so that it is valid once.
    pub(super) taking: Arc<Mutex<()>>,
}

/// The authorization request of RFC 6749, with the parameters of RFC 7636 and OpenID Connect.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) response_type: String,
    #[serde(default)]
    pub(super) client_id: String,
    #[serde(default)]
    pub(super) redirect_uri: String,
    #[serde(default)]
    pub(super) scope: String,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) code_challenge: String,
    #[serde(default)]
    pub(super) code_challenge_method: String,
    #[serde(default)]
    pub(super) nonce: String,
}

/// The stored data of a code.
#[derive(Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) subject: String,
    pub(super) request: Request,
    pub(super) expires_at: Timestamp,
}

/// The token request's form.
#[derive(Deserialize)]
pub(super) struct Exchange {
    #[serde(default)]
    pub(super) grant_type: String,
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) redirect_uri: String,
    #[serde(default)]
    pub(super) client_id: String,
    #[serde(default)]
    pub(super) client_secret: String,
    #[serde(default)]
    pub(super) code_verifier: String,
}

/// Why no token is issued.
pub(super) enum TokenError {
    Client,
    Grant,
    Failed,
}

impl Providers {
    /// Both fakes, on the document store; `env` is the environment of the functions.
    #[must_use]
    pub fn new(documents: Documents, clock: LocalClock, base_url: &str, env: Env) -> Self {
        Self { documents, clock, base_url: base_url.to_owned(), env, taking: Arc::default() }
    }

    /// Creates an account, or replaces the one with the same subject.
    pub fn put_account(&self, provider: IdentityProvider, new: NewAccount) -> Result<Account, ConsoleError> {
        let digits = || u64::from_be_bytes(random_bytes()) % 1_000_000_000_000_000;
        let subject = new.subject.unwrap_or_else(|| digits().to_string());
        if subject.is_empty() || subject.len() > 15 || !subject.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::Validation(FieldError::new("subject", "subject is one to fifteen digits.")).into());
        }
        let account = Account {
            subject,
            email: new.email,
            email_verified: new.email_verified,
            username: new.username,
            emails: new.emails,
            id_token: new.id_token,
        };
        self.documents.put(kind(provider), &account.subject, &account)?;
        Ok(account)
    }

    /// All accounts at a provider, by their subjects.
    pub fn accounts(&self, provider: IdentityProvider) -> Result<Vec<Account>, DatabaseError> {
        self.documents.list(kind(provider))
    }

    pub(super) fn setting(&self, provider: IdentityProvider, name: &str) -> String {
        let prefix = provider.as_str().to_uppercase();
        self.env.get(&format!("{prefix}_{name}")).unwrap_or_default().to_owned()
    }

    pub(super) fn account(&self, provider: IdentityProvider, subject: &str) -> Option<Account> {
        self.documents.get(kind(provider), subject).ok().flatten()
    }

    /// The checks of a real provider before it shows its page: it never redirects to a wrong client or address.
    pub(super) fn check(&self, provider: IdentityProvider, request: &Request) -> Result<(), &'static str> {
        let app_url = self.env.get("APP_URL").unwrap_or_default().trim_end_matches('/').to_owned();
        let callback = format!("{app_url}/auth/social/callback/{}", provider.as_str());
        let challenge = URL_SAFE_NO_PAD.decode(&request.code_challenge).unwrap_or_default();
        let openid = provider == IdentityProvider::Google;
        let rules = [
            (request.client_id == self.setting(provider, "CLIENT_ID"), "no such client"),
            (request.redirect_uri == callback, "redirect_uri is not registered"),
            (request.response_type == "code", "response_type must be code"),
            (!request.state.is_empty(), "state is missing"),
            (request.code_challenge_method == "S256" && challenge.len() == 32, "PKCE with S256 is wanted"),
            (!openid || request.scope.split(' ').any(|scope| scope == "openid"), "scope lacks openid"),
            (!openid || !request.nonce.is_empty(), "nonce is missing"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(*why))
    }

    /// Uses a code: once, by its client, from its address, with its verifier.
    pub(super) fn take(&self, provider: IdentityProvider, exchange: &Exchange) -> Result<(Grant, Account), TokenError> {
        let secret: Option<String> = self.documents.get("secret", provider.as_str()).map_err(|_| TokenError::Failed)?;
        if exchange.client_id != self.setting(provider, "CLIENT_ID") || secret != Some(exchange.client_secret.clone()) {
            return Err(TokenError::Client);
        }
        let grant: Grant = {
            let _taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
            let grant = self.documents.get(codes(provider), &exchange.code).map_err(|_| TokenError::Failed)?;
            self.documents.delete(codes(provider), &exchange.code).map_err(|_| TokenError::Failed)?;
            grant.ok_or(TokenError::Grant)?
        };
        let verifier = digest::digest(&digest::SHA256, exchange.code_verifier.as_bytes());
        let good = exchange.grant_type == "authorization_code"
            && self.clock.now() < grant.expires_at
            && exchange.redirect_uri == grant.request.redirect_uri
            && URL_SAFE_NO_PAD.encode(verifier) == grant.request.code_challenge;
        let account = self.account(provider, &grant.subject).filter(|_| good).ok_or(TokenError::Grant)?;
        Ok((grant, account))
    }
}

const fn kind(provider: IdentityProvider) -> &'static str {
    match provider {
        IdentityProvider::Google => "google-account",
        IdentityProvider::Github => "github-account",
    }
}

pub(super) const fn codes(provider: IdentityProvider) -> &'static str {
    match provider {
        IdentityProvider::Google => "google-code",
        IdentityProvider::Github => "github-code",
    }
}

pub(super) fn random() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<24>())
}
