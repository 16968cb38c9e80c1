//! The fake GitHub: an access token, and the two documents of its API that a sign-in reads. It reports errors with
//! status 200.

use super::account::Account;
use super::authorization::{Exchange, Providers, TokenError, random};
use axum::Json;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_domain::user::IdentityProvider;

const TOKENS: &str = "github-token";

/// An answer of the token endpoint.
pub async fn token(State(providers): State<Providers>, Form(exchange): Form<Exchange>) -> Response {
    let no = |error: &str| Json(json!({"error": error, "error_description": "see the documentation"})).into_response();
    match providers.take(IdentityProvider::Github, &exchange) {
        Ok((grant, account)) => {
            let token = format!("gho_{}", random());
            match providers.documents.put(TOKENS, &token, &account.subject) {
                Ok(()) => {
                    let scope = grant.request.scope.replace(' ', ",");
                    Json(json!({"access_token": token, "scope": scope, "token_type": "bearer"})).into_response()
                }
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
        Err(TokenError::Client) => no("incorrect_client_credentials"),
        Err(TokenError::Grant) => no("bad_verification_code"),
        Err(TokenError::Failed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /user`.
pub async fn user(State(providers): State<Providers>, headers: HeaderMap) -> Response {
    answer(&providers, &headers, |account| {
        let id: u64 = account.subject.parse().unwrap_or_default();
        let login =
            account.username.clone().unwrap_or_else(|| account.email.split('@').next().unwrap_or("x").to_owned());
        json!({"login": login, "id": id, "type": "User", "email": null})
    })
}

/// The requested page of a list, and its size.
#[derive(Deserialize)]
pub struct PageQuery {
    #[serde(default = "first_page")]
    page: usize,
    #[serde(default = "default_size")]
    per_page: usize,
}

const fn first_page() -> usize {
    1
}

const fn default_size() -> usize {
    30
}

/// The largest page of GitHub's API.
const MAX_PER_PAGE: usize = 100;

/// `GET /user/emails`: a page of at most 100 items, 30 by default; the header `link` leads to the next one.
pub async fn emails(
    State(providers): State<Providers>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let (page, size) = (query.page.max(1), query.per_page.clamp(1, MAX_PER_PAGE));
    let mut total = 0;
    let mut response = answer(&providers, &headers, |account| {
        let all = match &account.emails {
            Some(emails) => emails.iter().map(|email| json!(email)).collect(),
            None => vec![json!({
                "email": account.email, "verified": account.email_verified, "primary": true, "visibility": "private",
            })],
        };
        total = all.len();
        all.into_iter().skip((page - 1) * size).take(size).collect()
    });
    let address = format!("{}/_github/user/emails?per_page={size}", providers.base_url);
    if page * size < total {
        let last = total.div_ceil(size);
        let link = format!("<{address}&page={}>; rel=\"next\", <{address}&page={last}>; rel=\"last\"", page + 1);
        response.headers_mut().extend(HeaderValue::try_from(link).map(|link| (header::LINK, link)));
    }
    response
}

/// The document of the token's account; like the real API, it refuses requests without a `user-agent`.
fn answer(providers: &Providers, headers: &HeaderMap, document: impl FnOnce(&Account) -> Value) -> Response {
    if !headers.contains_key(header::USER_AGENT) {
        return (StatusCode::FORBIDDEN, "Request forbidden by administrative rules.").into_response();
    }
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let subject =
        token.strip_prefix("Bearer ").and_then(|token| providers.documents.get::<String>(TOKENS, token).ok()?);
    let account = subject.and_then(|subject| providers.account(IdentityProvider::Github, &subject));
    match account {
        Some(account) => Json(document(&account)).into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response(),
    }
}
