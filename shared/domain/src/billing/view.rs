//! Plans, subscriptions and payments in the form of the contract.

use super::{
    BillingPeriod, Discount, Features, Interval, Payment, PaymentStatus, Percent, Plan, ShownSubscription, Status,
};
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
    discount: Option<DiscountView>,
    /// Stripe does not collect payments for now.
    collection_paused: bool,
}

impl SubscriptionView {
    /// `shown` at `now`, with its `plan`, and `scheduled_plan` after its period if that differs.
    #[must_use]
    pub fn of(
        shown: ShownSubscription,
        plan: Option<PlanView>,
        scheduled_plan: Option<PlanView>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: shown.id,
            plan,
            scheduled_plan,
            price_cents: shown.price_cents,
            currency: shown.currency.to_string(),
            billing_period: shown.billing_period,
            interval_count: shown.interval_count,
            status: shown.status,
            started_at: shown.started_at,
            current_period_start: shown.current_period_start,
            current_period_end: shown.current_period_end,
            cancel_at_period_end: shown.cancel_at_period_end,
            cancel_at: shown.cancel_at,
            canceled_at: shown.canceled_at,
            access_until: shown.access_until,
            has_access: shown.access_until.is_some_and(|until| now < until),
            payment_processing: shown.payment_processing,
            quantity: shown.quantity,
            discount: shown.discount.map(DiscountView::from),
            collection_paused: shown.collection_paused,
        }
    }
}

/// A discount on a subscription or on one of its items: a percentage or an amount, until a time or for ever.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Discount)]
pub struct DiscountView {
    /// The reduction of the price, in percent.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100)]
    percent_off: Option<Percent>,
    /// The reduction, in minor units.
    amount_off_cents: Option<i64>,
    /// When it ends; `null` for one that does not.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
}

impl From<Discount> for DiscountView {
    fn from(Discount { percent_off, amount_off_cents, ends_at }: Discount) -> Self {
        Self { percent_off, amount_off_cents, ends_at }
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
