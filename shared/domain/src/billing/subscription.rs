//! Subscriptions: Stripe's state of one, as it is kept here.

use super::plan::{Plan, Terms};
use crate::{PlanId, SubscriptionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

/// Stripe's statuses of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first payment is not made yet.
    Incomplete,
    /// The first payment never came.
    IncompleteExpired,
    /// Before the first payment, by agreement.
    Trialing,
    /// Paid.
    Active,
    /// The last payment failed and is tried again.
    PastDue,
    /// The last payment failed for good, the subscription goes on.
    Unpaid,
    /// A trial ended without a way to pay.
    Paused,
    /// Over.
    Canceled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Unpaid,
        Self::Paused,
        Self::Canceled,
    ];

    /// Stripe's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
        }
    }

    /// Whether it is over: Stripe never leaves these.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Whether somebody has this subscription: it began and is not over. One that is `incomplete` has not begun.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue | Self::Unpaid | Self::Paused)
    }
}

/// Not one of Stripe's statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a subscription's status")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

/// How far the end of a subscription that must not stay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surplus {
    /// It is to be cancelled, and what was paid for it goes back.
    Owed,
    /// Both are done, or refused by Stripe for good.
    Settled,
}

/// What manages a subscription at Stripe: nothing else may change it before that is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Stripe's id.
    pub stripe_id: String,
    /// The price that the subscription will pay after the period, where it is another.
    #[serde(default)]
    pub next_price_id: Option<String>,
    /// Whose price that is.
    #[serde(default)]
    pub next_plan_id: Option<PlanId>,
}

/// A subscription as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id: the same for the same subscription at Stripe, sorted by its time.
    pub id: SubscriptionId,
    /// Stripe's id.
    pub stripe_id: String,
    /// The plan whose price it pays; `None` for a price that is no plan's, which gives nothing.
    pub plan_id: Option<PlanId>,
    /// Stripe's id of the item that holds the price: what a change of the price names.
    #[serde(default)]
    pub stripe_item_id: String,
    /// Stripe's price.
    pub stripe_price_id: String,
    /// The quantity of the item.
    #[serde(default = "one")]
    pub quantity: u64,
    /// What this subscriber pays.
    #[serde(flatten)]
    pub terms: Terms,
    /// Where it is.
    pub status: Status,
    /// When it began.
    pub started_at: Timestamp,
    /// The period that is paid, or to be paid: its start.
    pub current_period_start: Timestamp,
    /// Its end.
    pub current_period_end: Timestamp,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When it was cancelled, or told to.
    pub canceled_at: Option<Timestamp>,
    /// When it is to end, or ended.
    pub ends_at: Option<Timestamp>,
    /// Whether a trial is or was part of it.
    pub had_trial: bool,
    /// The first refused attempt at its oldest open invoice that fell due after the last paid period.
    pub unpaid_since: Option<Timestamp>,
    /// Whether a bank debit for it is in progress.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub payment_processing: bool,
    /// Whether Stripe refused its end for good: it is not requested again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_end_refused: bool,
    /// The change that waits for the end of the period, if any.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// Set where it must not stay.
    #[serde(default)]
    pub surplus: Option<Surplus>,
}

const fn one() -> u64 {
    1
}

/// One item of a subscription at Stripe: a price, a quantity, and its own period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionItem {
    /// Stripe's id.
    pub stripe_id: String,
    /// Stripe's price.
    pub stripe_price_id: String,
    /// The quantity.
    pub quantity: u64,
    /// The price itself.
    pub terms: Terms,
    /// The start of the period that is paid, or to be paid.
    pub current_period_start: Timestamp,
    /// Its end.
    pub current_period_end: Timestamp,
}

/// A subscription as Stripe has it. Which of its items counts depends on the plans, which Stripe does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeSubscription {
    /// The subscription with its first item. What only this side knows is not set: which plans it is of, `unpaid_since`,
    /// `surplus`.
    pub subscription: Subscription,
    /// All its items, in Stripe's order.
    pub items: Vec<SubscriptionItem>,
    /// The prices that its schedule puts in their place after the current phase, in Stripe's order.
    pub next_price_ids: Vec<String>,
    /// The moment at which it is to end, where Stripe names one.
    pub cancel_at: Option<Timestamp>,
    /// Whether Stripe's word for its status is one of ours. Else the status in `subscription` is a substitute for the case that
    /// nothing better is stored.
    pub is_status_known: bool,
}

impl From<Subscription> for StripeSubscription {
    /// One that has this item alone.
    fn from(subscription: Subscription) -> Self {
        Self {
            items: vec![SubscriptionItem {
                stripe_id: subscription.stripe_item_id.clone(),
                stripe_price_id: subscription.stripe_price_id.clone(),
                quantity: subscription.quantity,
                terms: subscription.terms,
                current_period_start: subscription.current_period_start,
                current_period_end: subscription.current_period_end,
            }],
            next_price_ids: subscription
                .schedule
                .iter()
                .filter_map(|schedule| schedule.next_price_id.clone())
                .collect(),
            cancel_at: None,
            is_status_known: true,
            subscription,
        }
    }
}

impl StripeSubscription {
    /// The subscription with the item that counts: the first whose price `is_plans` knows as a plan's, at any position, else
    /// the first. The same for the price that waits in its schedule.
    #[must_use]
    pub fn resolve(&self, is_plans: impl Fn(&str) -> bool) -> Subscription {
        let mut subscription = self.subscription.clone();
        let plans = self.items.iter().find(|item| is_plans(&item.stripe_price_id));
        let Some(item) = plans.or(self.items.first()) else { return subscription };
        if let Some(schedule) = &mut subscription.schedule {
            let plans = self.next_price_ids.iter().find(|price| is_plans(price));
            let next = plans.or(self.next_price_ids.first()).cloned();
            // A phase that changes something else keeps the price.
            schedule.next_price_id = next.filter(|price| *price != item.stripe_price_id);
        }
        // Stripe's own portal names the moment alone.
        subscription.cancel_at_period_end |= self.cancel_at.is_some_and(|end| end <= item.current_period_end);
        subscription.stripe_item_id.clone_from(&item.stripe_id);
        subscription.stripe_price_id.clone_from(&item.stripe_price_id);
        subscription.quantity = item.quantity;
        subscription.terms = item.terms;
        subscription.current_period_start = item.current_period_start;
        subscription.current_period_end = item.current_period_end;
        subscription
    }
}

impl Subscription {
    /// The plan that it is to be after its period, where it is another.
    #[must_use]
    pub fn next_plan_id(&self) -> Option<PlanId> {
        self.schedule.as_ref()?.next_plan_id
    }

    /// The price that it is to have after its period, where that is another: perhaps of the same plan.
    #[must_use]
    pub fn next_price_id(&self) -> Option<&str> {
        self.schedule.as_ref()?.next_price_id.as_deref()
    }

    /// When it is to end, however far ahead: Stripe's `cancel_at`.
    #[must_use]
    pub fn cancel_at(&self) -> Option<Timestamp> {
        self.ends_at.filter(|_| !self.status.is_ended())
    }

    /// Whether a change to `plan`, with what it was so far among `plans`, is one for more: a higher tier, else a longer
    /// period, else no lower price. Such a change happens at once, any other with the end of the period.
    #[must_use]
    pub fn rises_to(&self, plan: &Plan, plans: &[Plan]) -> bool {
        let rank = |tier: u32, terms: &Terms| (tier, terms.billing_period, terms.price_cents);
        let present = plans.iter().find(|plan| Some(plan.id) == self.plan_id);
        rank(plan.tier, &plan.terms) >= rank(present.map_or(0, |plan| plan.tier), &self.terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_stripes_word_and_is_live_ended_or_not_begun() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            let kinds = [status.is_live(), status.is_ended(), status == Status::Incomplete];
            assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "{status:?}");
        }
        assert_eq!("ended".parse::<Status>(), Err(UnknownStatus));
        assert!(Status::Canceled.is_ended() && Status::IncompleteExpired.is_ended());
    }
}
