//! Who may do what: extractors, so that a handler cannot get at a thing unchecked. They read the gate and nothing else.

use crate::{FreePlan, GuardError, TokenKeys};
use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use std::sync::Arc;
use tollgate_domain::gate::Gate;
use tollgate_domain::{SessionId, UserId};
use tollgate_platform::Clock;
use tollgate_store::Store;

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
    pub(crate) clock: Clock,
    pub(crate) upgrade_url: Arc<str>,
    pub(crate) free_plan: FreePlan,
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
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        // What a middleware has found out already.
        if let Some(user) = parts.extensions.get::<Self>() {
            return Ok(user.clone());
        }
        let guard = Guard::from_ref(state);
        let now = guard.now(parts);
        let token = bearer(parts).ok_or(GuardError::Unauthenticated)?;
        let claims = guard.keys.verify(token, &guard.issuer, &guard.audience, now).await?;
        let gate = guard.store.gate(&claims.sub).await?;
        let gate = gate.filter(|gate| gate.admits(&claims.sid, now)).ok_or(GuardError::Unauthenticated)?;
        let user = Self { id: claims.sub, session_id: claims.sid, gate };
        // A second guard of the same request reads nothing.
        parts.extensions.insert(user.clone());
        Ok(user)
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
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        let user = ActiveUser::from_request_parts(parts, state).await?;
        if user.gate.is_admin { Ok(Self(user)) } else { Err(GuardError::Forbidden) }
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
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        let guard = Guard::from_ref(state);
        let user = ActiveUser::from_request_parts(parts, state).await?;
        let tier = user.gate.present_tier(guard.now(parts));
        if tier >= N {
            return Ok(Self(user));
        }
        Err(GuardError::TierRequired { required_tier: N, tier, upgrade_url: guard.upgrade_url() })
    }
}
