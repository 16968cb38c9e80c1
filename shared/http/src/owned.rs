//! Subscriptions and payments with their owner, as admins and exports show them.

use crate::{ApiError, Page};
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::billing::{
    Grace, Payment, PaymentView, Plan, PlanView, ShownSubscription, Subscription, SubscriptionView,
};
use tollgate_domain::{PlanId, SubscriptionId, UserId};
use tollgate_store::roles::ReadProfiles;
use tollgate_store::{Owned, Store};
use utoipa::ToSchema;

/// A subscription with its user.
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
    /// Its state at `now`.
    #[must_use]
    pub fn of(owned: Owned<Subscription>, plans: &[Plan], grace: Grace, now: Timestamp) -> Self {
        let Owned { user_id, stripe_customer_id, of } = owned;
        let plan_of = |id: Option<PlanId>| {
            let plan = plans.iter().find(|plan| Some(plan.id) == id)?;
            Some(PlanView::of(plan.clone(), true))
        };
        let shown = ShownSubscription::of(&of, grace);
        let (plan, scheduled_plan) = (plan_of(shown.plan_id), plan_of(shown.scheduled_plan_id));
        let subscription = SubscriptionView::of(shown, plan, scheduled_plan, now);
        Self { subscription, user_id, stripe_subscription_id: of.stripe_id, stripe_customer_id }
    }
}

/// A row of a list of all users' subscriptions or payments.
#[derive(Serialize, ToSchema)]
pub struct WithEmail<T: ToSchema> {
    #[serde(flatten)]
    row: T,
    /// The address of the user; `null` for a deleted one.
    #[schema(required = true)]
    email: Option<String>,
}

/// A row that belongs to a user.
pub trait OfUser {
    /// The user.
    fn user_id(&self) -> UserId;
}

impl OfUser for OwnedSubscription {
    fn user_id(&self) -> UserId {
        self.user_id
    }
}

impl OfUser for OwnedPayment {
    fn user_id(&self) -> UserId {
        self.user_id
    }
}

/// The same page with the address of each user, all of them read in one call.
///
/// # Errors
/// When the tables do not answer.
pub async fn with_emails<R: ReadProfiles, T: OfUser + ToSchema>(
    store: &Store<R>,
    page: Page<T>,
) -> Result<Page<WithEmail<T>>, ApiError> {
    let users = page.items.iter().map(OfUser::user_id).collect();
    let emails = store.emails_of(&users).await?;
    let email = |row: &T| emails.get(&row.user_id()).map(|email| email.as_str().to_owned());
    let items = page.items.into_iter().map(|row| WithEmail { email: email(&row), row }).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// A payment with its user.
#[derive(Serialize, ToSchema)]
pub struct OwnedPayment {
    #[serde(flatten)]
    payment: PaymentView,
    #[schema(value_type = String)]
    user_id: UserId,
    #[schema(value_type = Option<String>)]
    subscription_id: Option<SubscriptionId>,
    /// `null` for a price without a plan.
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
