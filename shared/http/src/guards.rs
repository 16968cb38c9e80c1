//! The refusals of `tollgate-guard`'s guards, for the OpenAPI document.

use crate::ApiError;
use crate::openapi::{Describe, refuse};
use jiff::Timestamp;
use std::sync::Arc;
use tollgate_guard::{ActiveUser, ActiveUserWith, Admin, Feature, GuardError, Quota, RequireFeature, RequireTier};
use tollgate_store::OwnLookup;
use utoipa::openapi::path::Operation;

impl Describe for ActiveUser {
    fn describe(operation: &mut Operation) {
        refuse(operation, [ApiError::Unauthenticated]);
    }
}

impl<L: OwnLookup> Describe for ActiveUserWith<L> {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
    }
}

impl Describe for Admin {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
        refuse(operation, [ApiError::Forbidden]);
    }
}

impl<const N: u32> Describe for RequireTier<N> {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
        let error = GuardError::TierRequired { required_tier: N, tier: 0, upgrade_url: Arc::default() };
        refuse(operation, [error.into()]);
    }
}

impl<F: Feature> Describe for RequireFeature<F> {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
        let error = GuardError::FeatureRequired { feature: F::NAME, upgrade_url: Arc::default() };
        refuse(operation, [error.into()]);
    }
}

impl<F: Feature> Describe for Quota<F> {
    fn describe(operation: &mut Operation) {
        ActiveUser::describe(operation);
        let (resets_at, upgrade_url) = (Timestamp::UNIX_EPOCH, Arc::default());
        refuse(operation, [GuardError::QuotaExceeded { limit: 1, used: 1, resets_at, upgrade_url }.into()]);
    }
}
