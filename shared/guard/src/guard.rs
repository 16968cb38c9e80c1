//! Who may do what: extractors, so that a handler cannot get at a thing unchecked. They read the gate and nothing else.

use crate::{FreePlan, GuardError, PublishedKeys, TokenKeys};
use aws_types::SdkConfig;
use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;
use tollgate_domain::gate::Gate;
use tollgate_domain::{SessionId, UserId};
use tollgate_platform::{Clock, ConfigError, Env};
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
    clock: Clock,
    upgrade_url: Arc<str>,
    free_plan: FreePlan,
}

/// The time of a request, for a server that gives all parts of a request the same one. Without it the guards ask their clock.
#[derive(Debug, Clone, Copy)]
pub struct RequestTime(pub Timestamp);

impl Guard {
    /// Tokens of `issuer` for `audience`, verified by `keys`; gates and quotas of `store`.
    #[must_use]
    pub fn new(keys: TokenKeys, store: Store, issuer: Arc<str>, audience: Arc<str>, clock: Clock) -> Self {
        let upgrade_url = format!("{issuer}/account/billing").into();
        let free_plan = FreePlan::new(store.clone());
        Self { keys, store, issuer, audience, clock, upgrade_url, free_plan }
    }

    /// The guard of a function of your own: it verifies tokens by the keys that Tollgate publishes, and has no secret. Make it
    /// once and clone it, because it holds what it has read.
    ///
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env, sdk: &SdkConfig, clock: Clock) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of Tollgate")?;
        let issuer = env.address("APP_URL", String::new)?;
        let audience = env.get("TOKEN_AUDIENCE").unwrap_or(&issuer).into();
        let upgrade_url = env.address("UPGRADE_URL", || format!("{issuer}/account/billing"))?.into();
        let store = Store::new(sdk, env.required("TABLE_PREFIX", "what the names of the tables start with")?);
        let keys = TokenKeys::Published(PublishedKeys::new(store.clone()));
        Ok(Self { upgrade_url, ..Self::new(keys, store, issuer.into(), audience, clock) })
    }

    /// The time of this request.
    pub(crate) fn now(&self, parts: &Parts) -> Timestamp {
        parts.extensions.get::<RequestTime>().map_or_else(|| self.clock.now(), |time| time.0)
    }

    /// Where a user gets another plan.
    pub(crate) fn upgrade_url(&self) -> Arc<str> {
        Arc::clone(&self.upgrade_url)
    }

    /// The features that apply to a user at `now`: those of the user's plan, without access those of the plan of price 0.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn features(&self, user: &ActiveUser, now: Timestamp) -> Result<Map<String, Value>, GuardError> {
        self.free_plan.features_of(&user.gate, now).await
    }
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
