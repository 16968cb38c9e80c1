//! Authorisation: extractors, so that a handler cannot access data without a check. They read only the gate.

use crate::{FreePlan, GuardError, TokenKeys};
use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use jiff::Timestamp;
use std::sync::Arc;
use tollgate_domain::gate::Gate;
use tollgate_domain::{SessionId, UserId};
use tollgate_platform::Clock;
use tollgate_store::roles::{Guarding, ReadGate, Role};
use tollgate_store::{OwnLookup, ReadableBy, Store};
use tollgate_tokens::claims::AccessClaims;

/// The settings and keys that verify tokens.
#[derive(Clone)]
pub struct Guard {
    /// The keys.
    pub keys: TokenKeys,
    /// The gate.
    pub store: Store<Guarding>,
    /// The issuer of tokens: `APP_URL`.
    pub issuer: Arc<str>,
    /// The audience of tokens.
    pub audience: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) upgrade_url: Arc<str>,
    /// The features of users without access.
    pub free_plan: FreePlan,
}

/// An active user, in a live session.
#[derive(Debug, Clone)]
pub struct ActiveUser {
    /// The user's id.
    pub id: UserId,
    /// The session of the token.
    pub session_id: SessionId,
    /// The gate, read in this request.
    pub gate: Gate,
    /// How the session was opened (`amr`), as its token says.
    pub amr: Vec<String>,
}

impl<S> FromRequestParts<S> for ActiveUser
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        // A middleware has found the user already.
        if let Some(user) = parts.extensions.get::<Self>() {
            return Ok(user.clone());
        }
        let store = Guard::from_ref(state).store;
        let (user, ()) = admit(&verify(parts, state).await?, &store, ()).await?;
        // A second guard of the same request reads nothing.
        parts.extensions.insert(user.clone());
        Ok(user)
    }
}

/// An active user, in a live session, with the user's own items, which are read in the same call as the gate. They are
/// decoded only after the gate admits the session.
#[derive(Debug, Clone)]
pub struct ActiveUserWith<L: OwnLookup> {
    /// The user.
    pub user: ActiveUser,
    /// The items.
    pub own: L::Found,
}

/// A state with a store of its own role: [`ActiveUserWith`] reads what that role may read.
pub trait OwnStore {
    /// The role.
    type Role: Role;
    /// The store.
    fn store(&self) -> &Store<Self::Role>;
}

impl<S, L> FromRequestParts<S> for ActiveUserWith<L>
where
    S: Send + Sync,
    Guard: FromRef<S>,
    S: OwnStore<Role: ReadGate>,
    L: OwnLookup<Found: Send> + ReadableBy<S::Role> + Send + Sync,
{
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        if let Some(user) = parts.extensions.get::<ActiveUser>().cloned() {
            let own = state.store().look_up(&L::of(user.id)).await?;
            return Ok(Self { user, own });
        }
        let verified = verify(parts, state).await?;
        let (user, own) = admit(&verified, state.store(), L::of(verified.id)).await?;
        Ok(Self { user, own })
    }
}

/// The user and the session of a verified token. The session may have ended.
struct Verified {
    id: UserId,
    session_id: SessionId,
    amr: Vec<String>,
    now: Timestamp,
}

async fn verify<S>(parts: &mut Parts, state: &S) -> Result<Verified, GuardError>
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    let guard = Guard::from_ref(state);
    let now = guard.now(parts);
    let token = bearer(parts).ok_or(GuardError::Unauthenticated)?;
    let AccessClaims { sub: id, sid: session_id, amr, .. } =
        guard.keys.verify(token, &guard.issuer, &guard.audience, now).await?;
    Ok(Verified { id, session_id, amr, now })
}

/// Reads the gate and the items of `own` in one call. The only place that admits a session.
async fn admit<R, L>(verified: &Verified, store: &Store<R>, own: L) -> Result<(ActiveUser, L::Found), GuardError>
where
    R: ReadGate,
    L: ReadableBy<R, Found: Send> + Send + Sync,
{
    let Verified { id, session_id, now, .. } = *verified;
    let admits = |gate: &Gate| gate.admits(&session_id, now);
    let found = store.look_up_behind_gate(id, &own, admits).await?;
    let (gate, own) = found.ok_or(GuardError::Unauthenticated)?;
    Ok((ActiveUser { id, session_id, gate, amr: verified.amr.clone() }, own))
}

/// The token of `authorization: Bearer …`; more than one such header is refused.
fn bearer(parts: &Parts) -> Option<&str> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let only = headers.next().filter(|_| headers.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// An active user who is an admin now, whatever the token's claim is.
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

/// An active user whose access is of tier `N` or more now: for the endpoints of an adopter's own product.
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
