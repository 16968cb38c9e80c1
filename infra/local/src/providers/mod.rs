//! A fake Google and a fake GitHub with pages to click through. They check what the real ones check: the client, the
//! redirect address, PKCE, and that a code is used once.

mod account;
mod authorization;
mod github;
mod google;

pub use account::{Account, NewAccount};
pub use authorization::Providers;

use askama::Template;
use authorization::{Grant, Request, codes, random};
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use serde::Deserialize;
use tollgate_domain::user::IdentityProvider;

/// How long a code is valid.
const CODE_LIVES: SignedDuration = SignedDuration::from_mins(10);

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

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    title: &'static str,
    action: String,
    accounts: Vec<Account>,
    fields: Vec<(&'static str, &'a str)>,
}

impl Providers {
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
