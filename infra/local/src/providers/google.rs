//! The fake Google: ID tokens signed with RS256, and the public keys.

use super::account::{Account, Flaw};
use super::authorization::{Exchange, Grant, Providers, TokenError, random};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::Json;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tollgate_domain::user::IdentityProvider;

/// The key of this process: it is the only published key, and tokens need not survive the process.
static KEY: LazyLock<Option<KeyPair>> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).ok());
const KID: &str = "local";

/// An answer of the token endpoint.
pub async fn token(State(providers): State<Providers>, Form(exchange): Form<Exchange>) -> Response {
    match providers.take(IdentityProvider::Google, &exchange) {
        Ok((grant, account)) => match id_token(&providers, &grant, &account) {
            Some(id_token) => Json(json!({
                "access_token": random(), "expires_in": 3599, "scope": grant.request.scope,
                "token_type": "Bearer", "id_token": id_token,
            }))
            .into_response(),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Err(TokenError::Client) => (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response(),
        Err(TokenError::Grant) => {
            (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant", "error_description": "Bad Request"})))
                .into_response()
        }
        Err(TokenError::Failed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn id_token(providers: &Providers, grant: &Grant, account: &Account) -> Option<String> {
    let (flaw, now) = (account.id_token, providers.clock.now().as_second());
    let or =
        |which: Flaw, wrong: &str, right: &str| if flaw == Some(which) { wrong.to_owned() } else { right.to_owned() };
    let header = match flaw {
        Some(Flaw::AlgNone) => json!({"alg": "none", "typ": "JWT"}),
        _ => json!({"alg": "RS256", "kid": KID, "typ": "JWT"}),
    };
    let mut claims = json!({
        "iss": or(Flaw::WrongIss, "https://evil.example", &format!("{}/_google", providers.base_url)),
        "aud": or(Flaw::WrongAud, "another-client", &grant.request.client_id),
        "azp": grant.request.client_id,
        "sub": account.subject,
        "email": account.email,
        "email_verified": account.email_verified,
        "nonce": or(Flaw::WrongNonce, "another-nonce", &grant.request.nonce),
        "iat": now,
        "exp": if flaw == Some(Flaw::Expired) { now - 3600 } else { now + 3600 },
    });
    if let Some(name) = &account.username {
        claims["name"] = json!(name);
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    if flaw == Some(Flaw::AlgNone) {
        return Some(format!("{message}."));
    }
    let key = KEY.as_ref()?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).ok()?;
    if flaw == Some(Flaw::WrongSignature) {
        signature.reverse();
    }
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The public key (RFC 7517).
pub async fn certs() -> Response {
    let Some(key) = KEY.as_ref() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let public = key.public_key();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Json(json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID,
        "n": part(public.modulus().big_endian_without_leading_zero()),
        "e": part(public.exponent().big_endian_without_leading_zero()),
    }]}))
    .into_response()
}
