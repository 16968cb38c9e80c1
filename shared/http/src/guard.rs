//! Who may do what: extractors, so that a handler cannot get at a thing unchecked. They read the gate and nothing else.

use crate::openapi::{Describe, refuse};
use crate::{ApiError, RequestContext, TokenKeys};
use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use std::sync::Arc;
use tollgate_domain::gate::Gate;
use tollgate_domain::{SessionId, UserId};
use tollgate_store::Store;
use utoipa::openapi::path::Operation;

/// By what tokens are judged.
#[derive(Clone)]
pub struct Guard {
    /// The keys.
    pub keys: TokenKeys,
    /// The gate.
    pub store: Store,
    /// Who issues tokens: `APP_URL`.
    pub issuer: Arc<str>,
    /// Whom they are for.
    pub audience: Arc<str>,
}

/// An active user, in a session that lives.
#[derive(Debug, Clone)]
pub struct ActiveUser {
    /// Who it is.
    pub id: UserId,
    /// In which session.
    pub session_id: SessionId,
    /// What the gate says, as of this request.
    pub gate: Gate,
}

impl<S> FromRequestParts<S> for ActiveUser
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // What a middleware has found out already.
        if let Some(user) = parts.extensions.get::<Self>() {
            return Ok(user.clone());
        }
        let Ok(context) = RequestContext::from_request_parts(parts, state).await;
        let guard = Guard::from_ref(state);
        let token = bearer(parts).ok_or(ApiError::Unauthenticated)?;
        let claims = guard.keys.verify(token, &guard.issuer, &guard.audience, context.now).await?;
        let gate = guard.store.gate(&claims.sub).await?;
        let gate = gate.filter(|gate| gate.admits(&claims.sid, context.now)).ok_or(ApiError::Unauthenticated)?;
        Ok(Self { id: claims.sub, session_id: claims.sid, gate })
    }
}

impl Describe for ActiveUser {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::Unauthenticated]);
    }
}

/// The token of `authorization: Bearer …`; more than one such header is none.
fn bearer(parts: &Parts) -> Option<&str> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let only = headers.next().filter(|_| headers.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// An active user who is an admin now, whatever the token says.
#[derive(Debug, Clone)]
pub struct Admin(pub ActiveUser);

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let user = ActiveUser::from_request_parts(parts, state).await?;
        if user.gate.is_admin { Ok(Self(user)) } else { Err(ApiError::Forbidden) }
    }
}

impl Describe for Admin {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
        refuse(operation, [ApiError::Forbidden]);
    }
}

/// An active user whose access is of tier `N` or more now: for the endpoints of a team's own product.
#[derive(Debug, Clone)]
pub struct RequireTier<const N: u32>(pub ActiveUser);

impl<S, const N: u32> FromRequestParts<S> for RequireTier<N>
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(context) = RequestContext::from_request_parts(parts, state).await;
        let user = ActiveUser::from_request_parts(parts, state).await?;
        if user.gate.present_tier(context.now) >= N { Ok(Self(user)) } else { Err(ApiError::Forbidden) }
    }
}

impl<const N: u32> Describe for RequireTier<N> {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
        refuse(operation, [ApiError::Forbidden]);
    }
}

impl ActiveUser {
    /// What the user's plan gives under `name` at `now`, for a check that is no tier; `None` without access.
    #[must_use]
    pub fn feature(&self, name: &str, now: jiff::Timestamp) -> Option<&serde_json::Value> {
        let has_access = self.gate.access_until.is_some_and(|until| now < until);
        self.gate.features.get(name).filter(|_| has_access)
    }
}
