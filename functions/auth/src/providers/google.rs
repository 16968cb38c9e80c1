//! Google: OpenID Connect. The ID token identifies the user; it is checked against Google's keys, for this client and
//! this flow (S24).

use super::answers::{Tokens, denied, get_json, unavailable};
use super::identity::{Identity, verified_email};
use crate::providers::config::Google;
use crate::state::State;
use jiff::SignedDuration;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use std::sync::PoisonError;
use tollgate_domain::user::IdentityProvider;
use tollgate_http::ApiError;
use tollgate_tokens::oauth::Flow;

/// The largest difference between Google's clock and ours, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// How long its keys are cached.
const KEYS_LIVE: SignedDuration = SignedDuration::from_hours(1);
/// The minimum interval between fetches for an unknown key.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(1);

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    nonce: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    #[serde(default)]
    name: Option<String>,
}

pub async fn identity(state: &State, tokens: &Tokens, flow: &Flow) -> Result<Identity, ApiError> {
    let google = state.config.providers.google.as_ref().ok_or(ApiError::ProviderNotConfigured)?;
    let token = tokens.extra_fields().id_token.as_deref().ok_or_else(|| unavailable("no ID token"))?;
    let header = jsonwebtoken::decode_header(token).map_err(|error| denied(&error))?;
    let key = key(state, google, header.kid.as_deref().unwrap_or_default()).await?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[&google.client_id]);
    // Google's own tokens name it with and without the scheme.
    validation.set_issuer(&[google.issuer.as_str(), google.issuer.trim_start_matches("https://")]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false; // by the service's clock, below
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|error| denied(&error))?.claims;
    let in_time = claims.exp.saturating_add(LEEWAY_SECONDS) > state.clock.now().as_second();
    if !in_time || claims.nonce != *flow.nonce.expose() || claims.sub.is_empty() {
        return Err(denied(&"exp, nonce or sub"));
    }
    let is_verified = claims.email_verified == Value::Bool(true) || claims.email_verified == "true";
    let email = verified_email(claims.email.as_deref().filter(|_| is_verified));
    let local_part = email.as_ref().ok().and_then(|email| email.as_str().split('@').next());
    let local_part = local_part.unwrap_or_default().to_owned();
    Ok(Identity {
        provider: IdentityProvider::Google,
        subject: claims.sub,
        name: claims.name.unwrap_or(local_part),
        email,
    })
}

/// The key that a token names: a cached one, or one that is read now.
async fn key(state: &State, google: &Google, kid: &str) -> Result<DecodingKey, ApiError> {
    let now = state.clock.now();
    {
        let held = state.providers.google_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, keys)) = &held.0 {
            let age = now.duration_since(*read_at).abs();
            match found(keys, kid) {
                Some(key) if age < KEYS_LIVE => return Ok(key),
                None if age < ASK_AGAIN => return Err(ApiError::OauthDenied),
                _ => {}
            }
        }
    }
    let keys: JwkSet = get_json(&state.providers.google, &google.jwks_url, None).await?;
    let key = found(&keys, kid).ok_or(ApiError::OauthDenied);
    state.providers.google_keys.lock().unwrap_or_else(PoisonError::into_inner).0 = Some((now, keys));
    key
}

fn found(keys: &JwkSet, kid: &str) -> Option<DecodingKey> {
    keys.find(kid).map(DecodingKey::from_jwk).and_then(Result::ok)
}
