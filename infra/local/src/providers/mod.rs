//! A fake Google and a fake GitHub with pages to click through. They check what the real ones check: the client, the
//! redirect address, PKCE, and that a code is used once.

mod github;
mod google;

use crate::clock::LocalClock;
use crate::console::error::ConsoleError;
use crate::documents::{DatabaseError, Documents};
use askama::Template;
use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_domain::user::IdentityProvider;
use tollgate_http::{ApiError, FieldError};
use tollgate_platform::{Env, random_bytes};

/// How long a code is valid.
const CODE_LIVES: SignedDuration = SignedDuration::from_mins(10);

/// Both fakes.
#[derive(Clone)]
pub struct Providers {
    documents: Documents,
    clock: LocalClock,
    base_url: String,
    env: Env,
    /// Held while a code is used, so that it is valid once.
    taking: Arc<Mutex<()>>,
}

/// An account at a fake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Digits.
    pub subject: String,
    /// Its address.
    pub email: String,
    /// Whether the provider has verified it.
    pub email_verified: bool,
    /// The name at the provider.
    #[serde(default)]
    pub username: Option<String>,
    /// GitHub: all its addresses; then the other address is ignored.
    #[serde(default)]
    pub emails: Option<Vec<github::Address>>,
    /// Google: the flaw of its ID tokens.
    #[serde(default)]
    pub id_token: Option<google::Flaw>,
}

/// An account in the dev console's answers.
#[derive(Deserialize)]
pub struct NewAccount {
    email: String,
    #[serde(default = "yes")]
    email_verified: bool,
    subject: Option<String>,
    username: Option<String>,
    emails: Option<Vec<github::Address>>,
    id_token: Option<google::Flaw>,
}

const fn yes() -> bool {
    true
}

/// The authorization request of RFC 6749, with the parameters of RFC 7636 and OpenID Connect.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Request {
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
    #[serde(default)]
    nonce: String,
}

/// The consent page's form.
#[derive(Deserialize)]
struct Consent {
    #[serde(default)]
    account: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    deny: String,
    #[serde(flatten)]
    request: Request,
}

/// The stored data of a code.
#[derive(Serialize, Deserialize)]
struct Grant {
    subject: String,
    request: Request,
    expires_at: Timestamp,
}

/// The token request's form.
#[derive(Deserialize)]
struct Exchange {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(default)]
    code_verifier: String,
}

/// Why no token is issued.
enum TokenError {
    Client,
    Grant,
    Failed,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    title: &'static str,
    action: String,
    accounts: Vec<Account>,
    fields: Vec<(&'static str, &'a str)>,
}

impl Providers {
    /// Both fakes, on the document store; `env` is the environment of the functions.
    #[must_use]
    pub fn new(documents: Documents, clock: LocalClock, base_url: &str, env: Env) -> Self {
        Self { documents, clock, base_url: base_url.to_owned(), env, taking: Arc::default() }
    }

    /// Their pages and endpoints.
    pub fn router(self) -> Router {
        Router::new()
            .route("/_google/authorize", get(async |s: State<Self>, q| page(&s, IdentityProvider::Google, q)))
            .route("/_google/consent", post(async |s: State<Self>, f| consent(&s, IdentityProvider::Google, f)))
            .route("/_google/token", post(google::token))
            .route("/_google/certs", get(google::certs))
            .route(
                "/_github/login/oauth/authorize",
                get(async |s: State<Self>, q| page(&s, IdentityProvider::Github, q)),
            )
            .route("/_github/consent", post(async |s: State<Self>, f| consent(&s, IdentityProvider::Github, f)))
            .route("/_github/login/oauth/access_token", post(github::token))
            .route("/_github/user", get(github::user))
            .route("/_github/user/emails", get(github::emails))
            .with_state(self)
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

    fn setting(&self, provider: IdentityProvider, name: &str) -> String {
        let prefix = provider.as_str().to_uppercase();
        self.env.get(&format!("{prefix}_{name}")).unwrap_or_default().to_owned()
    }

    fn account(&self, provider: IdentityProvider, subject: &str) -> Option<Account> {
        self.documents.get(kind(provider), subject).ok().flatten()
    }

    /// The checks of a real provider before it shows its page: it never redirects to a wrong client or address.
    fn check(&self, provider: IdentityProvider, request: &Request) -> Result<(), &'static str> {
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
    fn take(&self, provider: IdentityProvider, exchange: &Exchange) -> Result<(Grant, Account), TokenError> {
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

const fn codes(provider: IdentityProvider) -> &'static str {
    match provider {
        IdentityProvider::Google => "google-code",
        IdentityProvider::Github => "github-code",
    }
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<24>())
}

fn page(providers: &Providers, provider: IdentityProvider, Query(request): Query<Request>) -> Response {
    if let Err(why) = providers.check(provider, &request) {
        return (StatusCode::BAD_REQUEST, format!("invalid_request: {why}")).into_response();
    }
    let accounts = providers.accounts(provider).unwrap_or_default();
    let fields = vec![
        ("response_type", request.response_type.as_str()),
        ("client_id", &request.client_id),
        ("redirect_uri", &request.redirect_uri),
        ("scope", &request.scope),
        ("state", &request.state),
        ("code_challenge", &request.code_challenge),
        ("code_challenge_method", &request.code_challenge_method),
        ("nonce", &request.nonce),
    ];
    let action = format!("/_{}/consent", provider.as_str());
    match (ConsentPage { title: provider.title(), action, accounts, fields }).render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn consent(providers: &Providers, provider: IdentityProvider, Form(consent): Form<Consent>) -> Response {
    let request = consent.request;
    if let Err(why) = providers.check(provider, &request) {
        return (StatusCode::BAD_REQUEST, format!("invalid_request: {why}")).into_response();
    }
    let back = |name: &str, value: &str| {
        let query = serde_urlencoded::to_string([(name, value), ("state", request.state.as_str())]).unwrap_or_default();
        let location = HeaderValue::try_from(format!("{}?{query}", request.redirect_uri));
        (StatusCode::FOUND, [(header::LOCATION, location.unwrap_or(HeaderValue::from_static("/")))]).into_response()
    };
    if !consent.deny.is_empty() {
        return back("error", "access_denied");
    }
    let account = if consent.account.is_empty() && consent.email.contains('@') {
        let new = NewAccount {
            email: consent.email,
            email_verified: true,
            subject: None,
            username: None,
            emails: None,
            id_token: None,
        };
        providers.put_account(provider, new).ok()
    } else {
        providers.account(provider, &consent.account)
    };
    let Some(account) = account else {
        return (StatusCode::BAD_REQUEST, "no such account").into_response();
    };
    let (code, expires_at) = (random(), providers.clock.now() + CODE_LIVES);
    let grant = Grant { subject: account.subject, request: request.clone(), expires_at };
    match providers.documents.put(codes(provider), &code, &grant) {
        Ok(()) => back("code", &code),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
