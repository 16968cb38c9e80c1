//! Services that authenticate with a credential: HTTP Basic with id and secret (RFC 6749, 2.3.1), or the secret as a
//! bearer token.

use crate::state::State;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use http::request::Parts;
use tollgate_http::openapi::{Describe, refuse};
use tollgate_http::{ApiError, RequestContext};
use tollgate_store::StoredService;
use tollgate_tokens::ServiceSecret;
use utoipa::openapi::path::Operation;

/// An authenticated service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceClient;

impl FromRequestParts<State> for ServiceClient {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let Ok(context) = RequestContext::from_request_parts(parts, state).await;
        let secret = presented(parts);
        let matching = |services: &[StoredService]| {
            let secret = secret.as_ref()?;
            let found = services.iter().find(|service| service.credential.id == secret.id)?;
            secret.matches(&found.hash).then(|| found.credential.clone())
        };
        let held = state.services.held(context.now);
        let known = match (&secret, &held) {
            (Some(_), None) => matching(&state.services.read(&state.store, context.now).await?),
            (Some(_), Some(held)) => matching(held),
            (None, _) => None,
        };
        let known = match known {
            Some(known) => known,
            // A failed attempt is counted before any further read. That read finds a credential that was created within
            // the last minute.
            None => {
                state.limiter.admit_failed_service(&context).await?;
                let is_stale = secret.is_some() && held.is_some();
                let read = if is_stale { Some(state.services.read(&state.store, context.now).await?) } else { None };
                read.and_then(|services| matching(&services)).ok_or(ApiError::InvalidClient)?
            }
        };
        state.services.record_use(&state.store, &known, context.now).await;
        Ok(Self)
    }
}

impl Describe for ServiceClient {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::InvalidClient, ApiError::RATE_LIMITED]);
    }
}

/// The secret of the one `authorization` header; with HTTP Basic the id must be that of the secret.
fn presented(parts: &Parts) -> Option<ServiceSecret> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let only = headers.next().filter(|_| headers.next().is_none())?;
    let (scheme, value) = only.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return ServiceSecret::read(value.trim());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    ServiceSecret::read(secret).filter(|secret| id.parse() == Ok(secret.id))
}
