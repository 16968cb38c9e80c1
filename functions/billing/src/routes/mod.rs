//! One file for each path: its requests, its answers, its handlers.

pub mod change;
pub mod payments;
pub mod plan;
pub mod plans;
pub mod portal;
pub mod renewal;
pub mod subscribe;
pub mod subscription;

use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::PlanId;
use tollgate_domain::billing::{BillingPeriod, Features, Plan};
use utoipa::ToSchema;

/// The `Plan` of the contract.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanView {
    #[schema(value_type = String, examples("plan_019ca945f4607c7b9c59379e3f571f07"))]
    id: PlanId,
    code: String,
    name: String,
    description: Option<String>,
    /// For one period, in minor units.
    price_cents: i64,
    /// ISO 4217, lower case.
    currency: String,
    billing_period: BillingPeriod,
    tier: u32,
    trial_days: u32,
    #[schema(value_type = Object)]
    features: Features,
    is_active: bool,
    /// For admins alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_product_id: Option<Option<String>>,
    /// For admins alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_price_id: Option<Option<String>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl PlanView {
    /// As `for_admin` may see it.
    fn of(plan: Plan, for_admin: bool) -> Self {
        Self {
            id: plan.id,
            code: plan.code.to_string(),
            name: plan.name,
            description: plan.description,
            price_cents: plan.terms.price_cents,
            currency: plan.terms.currency.to_string(),
            billing_period: plan.terms.billing_period,
            tier: plan.tier,
            trial_days: plan.trial_days,
            features: plan.features,
            is_active: plan.is_active,
            stripe_product_id: for_admin.then_some(plan.stripe_product_id),
            stripe_price_id: for_admin.then_some(plan.stripe_price_id),
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}
