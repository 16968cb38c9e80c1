//! Subscriptions and payments with their owner, as admins and exports show them.

use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::billing::{Grace, Payment, PaymentView, Plan, PlanView, Subscription, SubscriptionView};
use tollgate_domain::{PlanId, SubscriptionId, UserId};
use tollgate_store::Owned;
use utoipa::ToSchema;

/// A subscription, and whose it is.
#[derive(Serialize, ToSchema)]
pub struct OwnedSubscription {
    #[serde(flatten)]
    subscription: SubscriptionView,
    #[schema(value_type = String)]
    user_id: UserId,
    stripe_subscription_id: String,
    stripe_customer_id: Option<String>,
}

impl OwnedSubscription {
    /// As it is at `now`.
    #[must_use]
    pub fn of(owned: Owned<Subscription>, plans: &[Plan], grace: Grace, now: Timestamp) -> Self {
        let Owned { user_id, stripe_customer_id, of } = owned;
        let plan_of = |id: Option<PlanId>| {
            let plan = plans.iter().find(|plan| Some(plan.id) == id)?;
            Some(PlanView::of(plan.clone(), true))
        };
        let (plan, scheduled) = (plan_of(of.plan_id), plan_of(of.next_plan_id()));
        let stripe_subscription_id = of.stripe_id.clone();
        let subscription = SubscriptionView::of(of, plan, scheduled, grace, now);
        Self { subscription, user_id, stripe_subscription_id, stripe_customer_id }
    }
}

/// A payment, and whose it is.
#[derive(Serialize, ToSchema)]
pub struct OwnedPayment {
    #[serde(flatten)]
    payment: PaymentView,
    #[schema(value_type = String)]
    user_id: UserId,
    #[schema(value_type = Option<String>)]
    subscription_id: Option<SubscriptionId>,
    /// `null` for a price that is no plan's.
    #[schema(value_type = Option<String>)]
    plan_id: Option<PlanId>,
    /// Whether a dispute of it is open, or was lost.
    is_disputed: bool,
    stripe_invoice_id: String,
    stripe_customer_id: Option<String>,
}

impl From<Owned<Payment>> for OwnedPayment {
    fn from(owned: Owned<Payment>) -> Self {
        Self {
            user_id: owned.user_id,
            subscription_id: owned.of.subscription_id,
            plan_id: owned.of.plan_id,
            is_disputed: owned.of.is_disputed,
            stripe_invoice_id: owned.of.stripe_invoice_id.clone(),
            stripe_customer_id: owned.stripe_customer_id,
            payment: owned.of.into(),
        }
    }
}
