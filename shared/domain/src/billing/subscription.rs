//! Subscriptions: Stripe's state as stored here.

use super::discount::{Discount, Gross, net};
use super::money::Currency;
use super::plan::{BillingPeriod, Plan, Terms};
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
    /// The first payment was never made.
    IncompleteExpired,
    /// In a trial.
    Trialing,
    /// Paid.
    Active,
    /// The last payment failed and is retried.
    PastDue,
    /// The last payment failed permanently, the subscription continues.
    Unpaid,
    /// The trial ended without a payment method.
    Paused,
    /// It has ended.
    Canceled,
}

impl Status {
    /// All statuses.
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

    /// Stripe's name of it.
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

    /// Whether it has ended: Stripe never changes these.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Whether the subscription has started and not ended. An `incomplete` one has not started.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue | Self::Unpaid | Self::Paused)
    }
}

/// Not one of Stripe's statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a subscription's status")]
pub struct UnknownStatusError;

impl FromStr for Status {
    type Err = UnknownStatusError;

    fn from_str(text: &str) -> Result<Self, UnknownStatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatusError)
    }
}

/// The progress of ending and refunding a duplicate subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateRefund {
    /// It must be cancelled and its payments refunded.
    #[serde(rename = "owed")]
    Pending,
    /// Both are done, or permanently refused by Stripe.
    #[serde(rename = "settled")]
    Done,
}

/// Stripe's units of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

impl Interval {
    /// How many of them a year has. A year counts as 52 weeks.
    #[must_use]
    pub const fn per_year(self) -> i64 {
        match self {
            Self::Day => 365,
            Self::Week => 52,
            Self::Month => 12,
            Self::Year => 1,
        }
    }

    /// The amount for a year of a price for `count` of these units.
    #[must_use]
    pub fn yearly_cents(self, price_cents: i64, count: u64) -> i64 {
        let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
        price_cents.saturating_mul(self.per_year()) / count
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl From<BillingPeriod> for Interval {
    fn from(period: BillingPeriod) -> Self {
        match period {
            BillingPeriod::Month => Self::Month,
            BillingPeriod::Year => Self::Year,
        }
    }
}

/// The price that a subscriber pays for the item of the plan, and its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionTerms {
    /// The amount of one period with the quantity and all discounts, before tax, in minor units.
    pub price_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// The unit of the period.
    pub billing_period: Interval,
    /// The number of these units in a period.
    #[serde(default = "one")]
    pub interval_count: u64,
    /// The list price: for one period of one unit, without discounts, in minor units.
    #[serde(default)]
    pub unit_price_cents: i64,
    /// The largest of the discounts.
    #[serde(default)]
    pub discount: Option<Discount>,
}

impl From<Terms> for SubscriptionTerms {
    /// One unit at the list price.
    fn from(terms: Terms) -> Self {
        Self {
            price_cents: terms.price_cents,
            currency: terms.currency,
            billing_period: terms.billing_period.into(),
            interval_count: 1,
            unit_price_cents: terms.price_cents,
            discount: None,
        }
    }
}

impl SubscriptionTerms {
    /// How long a period is, in days: a month counts as 30.
    const fn days(&self) -> u64 {
        let days = match self.billing_period {
            Interval::Day => 1,
            Interval::Week => 7,
            Interval::Month => 30,
            Interval::Year => 365,
        };
        self.interval_count.saturating_mul(days)
    }
}

/// The fields of a subscription that the audit trail records. A change of any of them writes an entry, so that an earlier
/// state can be computed from the current one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedSubscription {
    /// The plan.
    pub plan_id: Option<PlanId>,
    /// The plan from the next period on.
    pub scheduled_plan_id: Option<PlanId>,
    /// Stripe's status.
    pub status: Status,
    /// See [`SubscriptionTerms::price_cents`].
    pub price_cents: i64,
    /// See [`SubscriptionTerms::currency`].
    pub currency: Currency,
    /// See [`SubscriptionTerms::billing_period`].
    pub billing_period: Interval,
    /// See [`SubscriptionTerms::interval_count`].
    pub interval_count: u64,
    /// The quantity.
    pub quantity: u64,
    /// Whether collection is paused.
    pub collection_paused: bool,
    /// The end of the current period.
    pub current_period_end: Timestamp,
    /// Whether it ends then.
    pub cancel_at_period_end: bool,
    /// Whether it is a duplicate that is ended and refunded.
    #[serde(rename = "is_surplus")]
    pub is_duplicate: bool,
    /// Whether Stripe refuses to end it.
    pub is_end_refused: bool,
}

impl AuditedSubscription {
    /// Its monthly recurring revenue, in minor units of its currency: the price of a year divided by 12, rounded down,
    /// while it is paid or a payment is due.
    #[must_use]
    pub fn monthly_cents(&self) -> i64 {
        let is_charged = !self.is_duplicate && !self.collection_paused;
        if !is_charged || !matches!(self.status, Status::Active | Status::PastDue) {
            return 0;
        }
        self.billing_period.yearly_cents(self.price_cents, self.interval_count) / 12
    }

    /// Whether it runs: in a trial, active or past due.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.is_duplicate && matches!(self.status, Status::Trialing | Status::Active | Status::PastDue)
    }
}

impl From<&Subscription> for AuditedSubscription {
    fn from(subscription: &Subscription) -> Self {
        Self {
            plan_id: subscription.plan_id,
            scheduled_plan_id: subscription.next_plan_id(),
            status: subscription.status,
            price_cents: subscription.terms.price_cents,
            currency: subscription.terms.currency,
            billing_period: subscription.terms.billing_period,
            interval_count: subscription.terms.interval_count,
            quantity: subscription.quantity,
            collection_paused: subscription.collection_paused,
            current_period_end: subscription.current_period_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            is_duplicate: subscription.duplicate_refund.is_some(),
            is_end_refused: subscription.is_end_refused,
        }
    }
}

/// The schedule that manages a subscription at Stripe: it must be released before any other change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Stripe's id.
    pub stripe_id: String,
    /// The price after the current period, if it changes.
    #[serde(default)]
    pub next_price_id: Option<String>,
    /// The plan of that price.
    #[serde(default)]
    pub next_plan_id: Option<PlanId>,
}

/// A stored subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id: the same for the same subscription at Stripe, sorted by its time.
    pub id: SubscriptionId,
    /// Stripe's id.
    pub stripe_id: String,
    /// The plan of its price; `None` for a price without a plan, which gives no access.
    pub plan_id: Option<PlanId>,
    /// Stripe's id of the item with the price, which a change of the price names.
    #[serde(default)]
    pub stripe_item_id: String,
    /// Stripe's price.
    pub stripe_price_id: String,
    /// The quantity of the item.
    #[serde(default = "one")]
    pub quantity: u64,
    /// The price that this subscriber pays.
    #[serde(flatten)]
    pub terms: SubscriptionTerms,
    /// Its status.
    pub status: Status,
    /// When it started.
    pub started_at: Timestamp,
    /// The start of the current period.
    pub current_period_start: Timestamp,
    /// Its end.
    pub current_period_end: Timestamp,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When it was cancelled, or when the cancellation was requested.
    pub canceled_at: Option<Timestamp>,
    /// When it ends or has ended.
    pub ends_at: Option<Timestamp>,
    /// Whether it is or was in a trial.
    pub had_trial: bool,
    /// The first failed attempt at its oldest open invoice that was due after the last paid period.
    pub unpaid_since: Option<Timestamp>,
    /// Whether a bank debit for it is in progress.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub payment_processing: bool,
    /// Whether Stripe permanently refused its end: it is not requested again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_end_refused: bool,
    /// Whether collection is paused at Stripe.
    #[serde(default)]
    pub collection_paused: bool,
    /// The change that is scheduled for the end of the period, if any.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// Set for a duplicate.
    #[serde(default)]
    #[serde(rename = "surplus")]
    pub duplicate_refund: Option<DuplicateRefund>,
    /// Whether it is ended because the address or the card had a trial before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trial_refused: bool,
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
    /// The terms before all discounts. `price_cents` and `discount` are set by [`StripeSubscription::resolve`].
    pub terms: SubscriptionTerms,
    /// The discounts on this item only, in Stripe's order.
    pub discounts: Vec<Discount>,
    /// The start of the current period.
    pub current_period_start: Timestamp,
    /// Its end.
    pub current_period_end: Timestamp,
}

/// A subscription in Stripe's state. The plans, which Stripe does not know, determine which of its items counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeSubscription {
    /// The subscription with its first item. Values that only this service knows are not set: the plans,
    /// `unpaid_since`, `duplicate_refund`.
    pub subscription: Subscription,
    /// All its items, in Stripe's order.
    pub items: Vec<SubscriptionItem>,
    /// The discounts on all its items, in Stripe's order.
    pub discounts: Vec<Discount>,
    /// The prices of its schedule after the current phase, in Stripe's order.
    pub next_price_ids: Vec<String>,
    /// The time at which it ends, if Stripe has one.
    pub cancel_at: Option<Timestamp>,
    /// Stripe's fingerprint of the card or bank account that pays: equal for the same card of another customer.
    pub fingerprint: Option<String>,
    /// Whether this service knows Stripe's status. Otherwise the status in `subscription` is a substitute that is used
    /// only if none is stored.
    pub is_status_known: bool,
}

impl From<Subscription> for StripeSubscription {
    /// One with only this item.
    fn from(subscription: Subscription) -> Self {
        Self {
            items: vec![SubscriptionItem {
                stripe_id: subscription.stripe_item_id.clone(),
                stripe_price_id: subscription.stripe_price_id.clone(),
                quantity: subscription.quantity,
                terms: subscription.terms,
                discounts: Vec::new(),
                current_period_start: subscription.current_period_start,
                current_period_end: subscription.current_period_end,
            }],
            discounts: Vec::new(),
            next_price_ids: subscription
                .schedule
                .iter()
                .filter_map(|schedule| schedule.next_price_id.clone())
                .collect(),
            cancel_at: None,
            fingerprint: None,
            is_status_known: true,
            subscription,
        }
    }
}

impl StripeSubscription {
    /// The subscription with the item that counts: the first whose price belongs to a plan by `is_plans`, else the
    /// first. The same for the scheduled price.
    #[must_use]
    pub fn resolve(&self, is_plans: impl Fn(&str) -> bool) -> Subscription {
        let mut subscription = self.subscription.clone();
        let place = self.items.iter().position(|item| is_plans(&item.stripe_price_id)).unwrap_or_default();
        let Some(item) = self.items.get(place) else { return subscription };
        if let Some(schedule) = &mut subscription.schedule {
            let plans = self.next_price_ids.iter().find(|price| is_plans(price));
            let next = plans.or(self.next_price_ids.first()).cloned();
            // A phase that changes something else keeps the price.
            schedule.next_price_id = next.filter(|price| *price != item.stripe_price_id);
        }
        // Stripe's own portal sets only the time.
        subscription.cancel_at_period_end |= self.cancel_at.is_some_and(|end| end <= item.current_period_end);
        subscription.stripe_item_id.clone_from(&item.stripe_id);
        subscription.stripe_price_id.clone_from(&item.stripe_price_id);
        subscription.quantity = item.quantity;
        subscription.terms = self.charged_terms(place).unwrap_or(item.terms);
        subscription.current_period_start = item.current_period_start;
        subscription.current_period_end = item.current_period_end;
        subscription
    }

    /// The cost of the item at `place` with its quantity and all discounts.
    fn charged_terms(&self, place: usize) -> Option<SubscriptionTerms> {
        let gross = |item: &SubscriptionItem| {
            let quantity = i64::try_from(item.quantity).unwrap_or(i64::MAX);
            item.terms.unit_price_cents.saturating_mul(quantity)
        };
        let items: Vec<_> =
            self.items.iter().map(|item| Gross { amount_cents: gross(item), discounts: &item.discounts }).collect();
        let net = net(&items, &self.discounts).into_iter().nth(place)?;
        let terms = self.items.get(place)?.terms;
        Some(SubscriptionTerms { price_cents: net.amount_cents, discount: net.discount, ..terms })
    }
}

impl Subscription {
    /// The plan after the current period, if it changes.
    #[must_use]
    pub fn next_plan_id(&self) -> Option<PlanId> {
        self.schedule.as_ref()?.next_plan_id
    }

    /// The price after the current period, if it changes; the plan may stay the same.
    #[must_use]
    pub fn next_price_id(&self) -> Option<&str> {
        self.schedule.as_ref()?.next_price_id.as_deref()
    }

    /// When it ends, however far ahead: Stripe's `cancel_at`.
    #[must_use]
    pub fn cancel_at(&self) -> Option<Timestamp> {
        self.ends_at.filter(|_| !self.status.is_ended())
    }

    /// Whether a change from the current one of `plans` to `plan` is an upgrade: a higher tier, else a longer period,
    /// else no lower price. An upgrade applies at once, any other change at the end of the period.
    #[must_use]
    pub fn rises_to(&self, plan: &Plan, plans: &[Plan]) -> bool {
        let rank = |tier: u32, terms: &SubscriptionTerms| (tier, terms.days(), terms.unit_price_cents);
        let present = plans.iter().find(|plan| Some(plan.id) == self.plan_id);
        rank(plan.tier, &plan.terms.into()) >= rank(present.map_or(0, |plan| plan.tier), &self.terms)
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
        assert_eq!("ended".parse::<Status>(), Err(UnknownStatusError));
        assert!(Status::Canceled.is_ended() && Status::IncompleteExpired.is_ended());
    }
}
