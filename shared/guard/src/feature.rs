//! A guard for features that only some plans have.

use crate::{ActiveUser, Guard, GuardError};
use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use std::marker::PhantomData;
use tollgate_domain::features::grants;

/// A name among the features of a plan, or among its `limits`.
pub trait Feature: Send + Sync + 'static {
    /// The name in the plan.
    const NAME: &'static str;
}

/// An active user for whom the feature `F` is on now: its value is `true`, and no other value grants it.
#[derive(Debug, Clone)]
pub struct RequireFeature<F>(pub ActiveUser, pub PhantomData<F>);

impl<S, F: Feature> FromRequestParts<S> for RequireFeature<F>
where
    S: Send + Sync,
    Guard: FromRef<S>,
{
    type Rejection = GuardError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GuardError> {
        let guard = Guard::from_ref(state);
        let user = ActiveUser::from_request_parts(parts, state).await?;
        let features = guard.features(&user, guard.now(parts)).await?;
        if grants(&features, F::NAME) {
            return Ok(Self(user, PhantomData));
        }
        Err(GuardError::FeatureRequired { feature: F::NAME, upgrade_url: guard.upgrade_url() })
    }
}
