//! Plans, subscriptions and payments in the form of the contract.

use super::{BillingPeriod, Discount, Features, Grace, Interval, Payment, PaymentStatus, Plan, Status, Subscription};
use crate::{PaymentId, PlanId, SubscriptionId};
use jiff::Timestamp;
use serde::Serialize;
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
    /// Only for admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_product_id: Option<Option<String>>,
    /// Only for admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_price_id: Option<Option<String>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl PlanView {
    /// The view of a plan; some fields only if `for_admin`.
    #[must_use]
    pub fn of(plan: Plan, for_admin: bool) -> Self {
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

/// The `Subscription` of the contract.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscription)]
pub struct SubscriptionView {
    #[schema(value_type = String)]
    id: SubscriptionId,
    /// The current plan; `null`, only in an admin's lists, for a price without a plan.
    plan: Option<PlanView>,
    /// The plan after the current period, if it changes.
    scheduled_plan: Option<PlanView>,
    /// The cost of the plan's item for this subscriber per period, in minor units: with its quantity and all discounts,
    /// before tax.
    price_cents: i64,
    currency: String,
    /// The unit of the period.
    billing_period: Interval,
    /// The number of these units in a period.
    interval_count: u64,
    /// Stripe's status.
    status: Status,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    current_period_start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    current_period_end: Timestamp,
    /// Whether it ends with the current period.
    cancel_at_period_end: bool,
    /// When it ends, however far ahead.
    #[schema(value_type = Option<String>, format = DateTime)]
    cancel_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    canceled_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    access_until: Option<Timestamp>,
    has_access: bool,
    /// A bank debit is in progress: nothing is overdue and nothing has failed.
    payment_processing: bool,
    /// The quantity of the plan.
    quantity: u64,
    /// The discount; of several, the one that reduces the price most.
    discount: Option<Discount>,
    /// Stripe does not collect payments for now.
    collection_paused: bool,
}

impl SubscriptionView {
    /// `subscription` at `now`, with its `plan`, and `scheduled_plan` after its period if that differs.
    #[must_use]
    pub fn of(
        subscription: Subscription,
        plan: Option<PlanView>,
        scheduled_plan: Option<PlanView>,
        grace: Grace,
        now: Timestamp,
    ) -> Self {
        Self {
            access_until: subscription.access_until(grace),
            has_access: subscription.has_access(grace, now),
            payment_processing: subscription.payment_processing,
            cancel_at: subscription.cancel_at(),
            quantity: subscription.quantity,
            discount: subscription.terms.discount,
            collection_paused: subscription.collection_paused,
            id: subscription.id,
            plan,
            scheduled_plan,
            price_cents: subscription.terms.price_cents,
            currency: subscription.terms.currency.to_string(),
            billing_period: subscription.terms.billing_period,
            interval_count: subscription.terms.interval_count,
            status: subscription.status,
            started_at: subscription.started_at,
            current_period_start: subscription.current_period_start,
            current_period_end: subscription.current_period_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            canceled_at: subscription.canceled_at,
        }
    }
}

/// The `Payment` of the contract.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentView {
    #[schema(value_type = String)]
    id: PaymentId,
    /// In minor units.
    amount_cents: i64,
    /// The refunded amount, in minor units.
    refunded_cents: i64,
    currency: String,
    status: PaymentStatus,
    invoice_url: Option<String>,
    description: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            amount_cents: payment.amount_cents,
            refunded_cents: payment.refunded_cents,
            currency: payment.currency.to_string(),
            status: payment.status,
            invoice_url: payment.invoice_url,
            description: payment.description,
            created_at: payment.created_at,
        }
    }
}
