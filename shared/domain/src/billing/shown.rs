//! A subscription as its user sees it, and which one that is.

use super::money::Currency;
use super::subscription::{Interval, Status, Subscription};
use super::{Discount, Grace};
use crate::{PlanId, SubscriptionId};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::{millisecond, second};
use serde::{Deserialize, Serialize};

/// A subscription without what only Stripe and the convergence need. The customer's item holds one, which must not cost
/// a second write unit: attributes without a value are left out, and times are numbers. Stripe's are whole seconds; the end
/// of the access may follow a time of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSubscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The current plan; `None`, only in an admin's lists, for a price without a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<PlanId>,
    /// The plan after the current period, if it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_plan_id: Option<PlanId>,
    /// The amount of one period with the quantity and all discounts, before tax, in minor units.
    pub price_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// The unit of the period.
    pub billing_period: Interval,
    /// The number of these units in a period.
    pub interval_count: u64,
    /// The quantity of the plan.
    pub quantity: u64,
    /// The largest of the discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// Stripe's status.
    pub status: Status,
    /// When it started.
    #[serde(with = "second::required")]
    pub started_at: Timestamp,
    /// The start of the current period.
    #[serde(with = "second::required")]
    pub current_period_start: Timestamp,
    /// Its end.
    #[serde(with = "second::required")]
    pub current_period_end: Timestamp,
    /// Whether it ends with the period.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_at_period_end: bool,
    /// When it ends, however far ahead; `None` for one that has ended.
    #[serde(default, with = "second::optional", skip_serializing_if = "Option::is_none")]
    pub cancel_at: Option<Timestamp>,
    /// When it was cancelled, or when the cancellation was requested.
    #[serde(default, with = "second::optional", skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<Timestamp>,
    /// When its access ends; `None` where it gives none.
    #[serde(default, with = "millisecond::optional", skip_serializing_if = "Option::is_none")]
    pub access_until: Option<Timestamp>,
    /// Whether a bank debit for it is in progress.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub payment_processing: bool,
    /// Whether collection is paused at Stripe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collection_paused: bool,
}

impl ShownSubscription {
    /// `subscription`, with the end of its access by this grace.
    #[must_use]
    pub fn of(subscription: &Subscription, grace: Grace) -> Self {
        Self {
            id: subscription.id,
            plan_id: subscription.plan_id,
            scheduled_plan_id: subscription.next_plan_id(),
            price_cents: subscription.terms.price_cents,
            currency: subscription.terms.currency,
            billing_period: subscription.terms.billing_period,
            interval_count: subscription.terms.interval_count,
            quantity: subscription.quantity,
            discount: subscription.terms.discount,
            status: subscription.status,
            started_at: subscription.started_at,
            current_period_start: subscription.current_period_start,
            current_period_end: subscription.current_period_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            cancel_at: subscription.cancel_at(),
            canceled_at: subscription.canceled_at,
            access_until: subscription.access_until(grace),
            payment_processing: subscription.payment_processing,
            collection_paused: subscription.collection_paused,
        }
    }

    /// The one of `all` that their user sees: the live one, else the last that ended. A subscription that must end is
    /// shown only if there is no other, and one without a plan or that never started is not shown.
    #[must_use]
    pub fn among<'a>(all: impl IntoIterator<Item = &'a Subscription>, grace: Grace) -> Option<Self> {
        let begun = all.into_iter().filter(|s| s.plan_id.is_some() && began(s));
        let shown = begun.max_by_key(|s| (s.duplicate_refund.is_none(), s.status.is_live(), s.started_at, s.id));
        shown.map(|shown| Self::of(shown, grace))
    }
}

/// Whether it ever started: one whose first payment never arrived did not, one whose payment is in progress did.
fn began(subscription: &Subscription) -> bool {
    subscription.payment_processing || !matches!(subscription.status, Status::Incomplete | Status::IncompleteExpired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::Percent;
    use proptest::prelude::*;

    fn id<T>(make: impl Fn(Timestamp, [u8; 10]) -> T, n: u8) -> T {
        make(Timestamp::UNIX_EPOCH, [n; 10])
    }

    prop_compose! {
        fn subscriptions()(
            status in proptest::sample::select(Status::ALL.to_vec()),
            interval in proptest::sample::select(vec![Interval::Day, Interval::Week, Interval::Month, Interval::Year]),
            (plan_id, scheduled_plan_id) in any::<(Option<u8>, Option<u8>)>(),
            (price_cents, interval_count, quantity) in (0..i64::MAX, 1..100_u64, 1..100_u64),
            discount in any::<Option<(Option<u8>, Option<i32>, Option<u32>)>>(),
            times in any::<[u32; 3]>(),
            ends in any::<[Option<u32>; 3]>(),
            flags in any::<[bool; 3]>(),
        ) -> ShownSubscription {
            let at = |seconds: u32| Timestamp::from_second(seconds.into()).unwrap();
            ShownSubscription {
                id: id(SubscriptionId::new, 1),
                plan_id: plan_id.map(|n| id(PlanId::new, n)),
                scheduled_plan_id: scheduled_plan_id.map(|n| id(PlanId::new, n)),
                price_cents,
                currency: "usd".parse().unwrap(),
                billing_period: interval,
                interval_count,
                quantity,
                discount: discount.map(|(percent, amount, ends)| Discount {
                    percent_off: percent.and_then(|percent| Percent::new(percent.into())),
                    amount_off_cents: amount.map(i64::from),
                    ends_at: ends.map(at),
                }),
                status,
                started_at: at(times[0]),
                current_period_start: at(times[1]),
                current_period_end: at(times[2]),
                cancel_at_period_end: flags[0],
                cancel_at: ends[0].map(at),
                canceled_at: ends[1].map(at),
                access_until: ends[2].map(|ms| Timestamp::from_millisecond(ms.into()).unwrap()),
                payment_processing: flags[1],
                collection_paused: flags[2],
            }
        }
    }

    proptest! {
        #[test]
        fn a_stored_copy_is_read_as_it_was(shown in subscriptions()) {
            let stored = serde_json::to_string(&shown).unwrap();
            prop_assert_eq!(serde_json::from_str::<ShownSubscription>(&stored).unwrap(), shown);
        }
    }
}
