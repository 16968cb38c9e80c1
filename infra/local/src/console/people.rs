//! Accounts at the fake providers, and tokens with any content.

use super::body::body;
use super::error::Answer;
use super::state::Console;
use crate::providers::Account;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_domain::user::IdentityProvider;

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/tokens", post(token))
        .route("/_local/google/accounts", get(google_accounts).post(google_account))
        .route("/_local/github/accounts", get(github_accounts).post(github_account))
}

async fn google_accounts(console: State<Console>) -> Answer {
    accounts(&console, IdentityProvider::Google)
}

async fn github_accounts(console: State<Console>) -> Answer {
    accounts(&console, IdentityProvider::Github)
}

fn accounts(console: &Console, provider: IdentityProvider) -> Answer {
    Ok(Json(json!({"items": console.providers.accounts(provider)?})))
}

async fn google_account(
    console: State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Account>)> {
    let account = console.providers.put_account(IdentityProvider::Google, body(&headers, &bytes)?)?;
    Ok((StatusCode::CREATED, Json(account)))
}

async fn github_account(
    console: State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Account>)> {
    let account = console.providers.put_account(IdentityProvider::Github, body(&headers, &bytes)?)?;
    Ok((StatusCode::CREATED, Json(account)))
}

#[derive(Deserialize)]
struct Token {
    header: Value,
    claims: Value,
}

async fn token(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let Token { header, claims } = body(&headers, &bytes)?;
    let token = console.auth.sign_for_console(header, claims).await?;
    Ok(Json(json!({"token": token.expose()})))
}
