//! A guard that counts uses in a month.

use crate::{ActiveUser, Feature, Guard, GuardError};
use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use jiff::Timestamp;
use std::marker::PhantomData;
use tollgate_domain::RequestId;
use tollgate_domain::features::{Month, monthly_limit};
use tollgate_platform::random_bytes;
use tollgate_store::Use;

/// One use of `F` by an active user, counted before the handler runs: a use whose work fails afterwards stays counted.
/// Put it after the other guards, because a use stays counted when a later argument refuses.
#[derive(Debug, Clone)]
pub struct Quota<F> {
    /// The user.
    pub user: ActiveUser,
    /// The uses that the plan allows in a calendar month (UTC).
    pub limit: u64,
    /// The uses counted in this month, this one included.
    pub used: u64,
    /// When counting starts again.
    pub resets_at: Timestamp,
    feature: PhantomData<F>,
}

impl<S, F: Feature> FromRequestParts<S> for Quota<F>
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        let guard = Guard::from_ref(state);
        let user = ActiveUser::from_request_parts(parts, state).await?;
        let now = guard.now(parts);
        let features = guard.features(&user, now).await?;
        let limit = monthly_limit(&features, F::NAME);
        let month = Month::of(now);
        let resets_at = month.ends_at();
        let refused = |used| {
            let upgrade_url = guard.upgrade_url();
            Err(GuardError::QuotaExceeded { limit, used, resets_at, upgrade_url })
        };
        if limit == 0 {
            return refused(0);
        }
        let id = RequestId::new(now, random_bytes());
        match guard.store.count_use(&user.id, F::NAME, month, limit, &id).await? {
            Use::Counted { used } => Ok(Self { user, limit, used, resets_at, feature: PhantomData }),
            Use::Refused { used } => refused(used),
        }
    }
}
