//! The statistics of the admin's desk: counted over everything by a schedule, read as one item.

use crate::billing::{Payment, PaymentStatus, Status, Subscription};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// So many days are told one by one, the present one among them.
pub const DAYS: i64 = 30;

/// The statistics as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// When they were counted.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    /// How many users there are.
    pub users: UserCounts,
    /// How many subscriptions are in each of Stripe's statuses.
    #[schema(value_type = Object)]
    pub subscriptions: BTreeMap<String, u64>,
    /// What the subscriptions that are paid come to in a month, in each currency's minor units; of a yearly price a twelfth.
    #[schema(value_type = Object)]
    pub mrr_cents: BTreeMap<String, i64>,
    /// The last 30 days, the oldest first, the present one, which goes on, last.
    pub days: Vec<Day>,
}

/// How many users there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserCounts {
    /// All whose account is not deleted.
    pub total: u64,
    /// Those whose address is proved.
    pub verified: u64,
    /// Those who may sign in.
    pub active: u64,
}

/// One day, from midnight to midnight in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Day {
    /// Which.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// How many of the present users were registered.
    pub sign_ups: u64,
    /// What was paid for the invoices of the day and did not go back, in each currency's minor units.
    #[schema(value_type = Object)]
    pub revenue_cents: BTreeMap<String, i64>,
}

/// The counting under way.
#[derive(Debug)]
pub struct Counting {
    as_of: Timestamp,
    users: UserCounts,
    subscriptions: BTreeMap<String, u64>,
    /// In each currency, what a year of all of them comes to.
    yearly_cents: BTreeMap<String, i64>,
    days: BTreeMap<Date, Day>,
}

fn date_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

impl Counting {
    /// Nothing counted yet, at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let today = date_of(now);
        let dates = (0..DAYS).map(|days| today.saturating_sub(Span::new().days(days)));
        let day = |date| (date, Day { date, sign_ups: 0, revenue_cents: BTreeMap::new() });
        Self {
            as_of: now,
            users: UserCounts::default(),
            subscriptions: Status::ALL.iter().map(|status| (status.as_str().to_owned(), 0)).collect(),
            yearly_cents: BTreeMap::new(),
            days: dates.map(day).collect(),
        }
    }

    /// When the first of the days begins.
    #[must_use]
    pub fn first_day(&self) -> Timestamp {
        let first = self.days.keys().next().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        first.map_or(Timestamp::MIN, |midnight| midnight.timestamp())
    }

    /// Counts a user who was registered then.
    pub fn user(&mut self, registered_at: Timestamp, is_verified: bool, is_active: bool) {
        self.users.total += 1;
        self.users.verified += u64::from(is_verified);
        self.users.active += u64::from(is_active);
        if let Some(day) = self.days.get_mut(&date_of(registered_at)) {
            day.sign_ups += 1;
        }
    }

    /// Counts a subscription. Only one that is paid, or that is to be, brings something each month.
    pub fn subscription(&mut self, subscription: &Subscription) {
        *self.subscriptions.entry(subscription.status.as_str().to_owned()).or_default() += 1;
        let is_charged = subscription.surplus.is_none() && !subscription.collection_paused;
        if is_charged && matches!(subscription.status, Status::Active | Status::PastDue) {
            let currency = subscription.terms.currency.to_string();
            *self.yearly_cents.entry(currency).or_default() += subscription.terms.yearly_cents();
        }
    }

    /// Counts a payment.
    pub fn payment(&mut self, payment: &Payment) {
        let came = matches!(payment.status, PaymentStatus::Succeeded | PaymentStatus::Refunded);
        if let Some(day) = self.days.get_mut(&date_of(payment.created_at)).filter(|_| came) {
            let revenue = day.revenue_cents.entry(payment.currency.to_string()).or_default();
            *revenue += payment.amount_cents - payment.refunded_cents;
        }
    }

    /// What it comes to.
    #[must_use]
    pub fn end(self) -> Statistics {
        Statistics {
            as_of: self.as_of,
            users: self.users,
            subscriptions: self.subscriptions,
            mrr_cents: self.yearly_cents.into_iter().map(|(currency, cents)| (currency, cents / 12)).collect(),
            days: self.days.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::{BillingPeriod, Surplus, Terms};
    use crate::{PaymentId, SubscriptionId};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn subscription(status: Status, cents: i64, billing_period: BillingPeriod, currency: &str) -> Subscription {
        Subscription {
            id: SubscriptionId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            stripe_id: "sub_1".into(),
            plan_id: None,
            stripe_item_id: "si_1".into(),
            stripe_price_id: "price_1".into(),
            quantity: 1,
            terms: Terms { price_cents: cents, currency: currency.parse().unwrap(), billing_period }.into(),
            status,
            started_at: Timestamp::UNIX_EPOCH,
            current_period_start: Timestamp::UNIX_EPOCH,
            current_period_end: Timestamp::UNIX_EPOCH,
            cancel_at_period_end: false,
            canceled_at: None,
            ends_at: None,
            had_trial: false,
            unpaid_since: None,
            payment_processing: false,
            is_end_refused: false,
            collection_paused: false,
            schedule: None,
            surplus: None,
            trial_refused: false,
        }
    }

    fn payment(created_at: &str, amount_cents: i64, refunded_cents: i64, status: PaymentStatus) -> Payment {
        Payment {
            id: PaymentId::new(at(created_at), [1; 10]),
            stripe_invoice_id: "in_1".into(),
            subscription_id: None,
            plan_id: None,
            amount_cents,
            refunded_cents,
            currency: "usd".parse().unwrap(),
            status,
            invoice_url: None,
            description: None,
            is_renewal: false,
            is_disputed: false,
            is_dispute_lost: false,
            failed_at: None,
            is_late: false,
            is_refund_refused: false,
            payment_intents: Vec::new(),
            created_at: at(created_at),
        }
    }

    #[test]
    fn what_is_paid_counts_by_the_month_and_a_yearly_price_is_a_twelfth_of_it() {
        let mut counting = Counting::new(at("2026-03-01T12:00:00Z"));
        let surplus = Subscription {
            surplus: Some(Surplus::Owed),
            ..subscription(Status::Active, 1_000_000, BillingPeriod::Month, "usd")
        };
        for counted in [
            subscription(Status::Active, 1900, BillingPeriod::Month, "usd"),
            subscription(Status::PastDue, 1200, BillingPeriod::Year, "usd"),
            subscription(Status::Active, 500, BillingPeriod::Year, "eur"),
            subscription(Status::Trialing, 1_000_000, BillingPeriod::Month, "usd"),
            subscription(Status::Canceled, 1_000_000, BillingPeriod::Month, "usd"),
            surplus,
        ] {
            counting.subscription(&counted);
        }
        let found = counting.end();
        assert_eq!(found.mrr_cents, [("eur".to_owned(), 41), ("usd".to_owned(), 2000)].into());
        let counts: Vec<_> = found.subscriptions.iter().map(|(status, count)| (status.as_str(), *count)).collect();
        let wanted = [
            ("active", 3),
            ("canceled", 1),
            ("incomplete", 0),
            ("incomplete_expired", 0),
            ("past_due", 1),
            ("paused", 0),
            ("trialing", 1),
            ("unpaid", 0),
        ];
        assert_eq!(counts, wanted);
    }

    #[test]
    fn sign_ups_and_what_was_paid_and_did_not_go_back_stand_by_their_day_for_thirty_days() {
        let mut counting = Counting::new(at("2026-03-01T00:00:00Z"));
        assert_eq!(counting.first_day(), at("2026-01-31T00:00:00Z"));
        for (registered_at, is_verified, is_active) in [
            ("2026-01-30T23:59:59Z", true, true),
            ("2026-01-31T00:00:00Z", true, false),
            ("2026-02-28T23:59:59Z", false, true),
        ] {
            counting.user(at(registered_at), is_verified, is_active);
        }
        for paid in [
            payment("2026-02-28T23:59:59Z", 1900, 0, PaymentStatus::Succeeded),
            payment("2026-02-28T01:00:00Z", 1900, 500, PaymentStatus::Succeeded),
            payment("2026-03-01T00:00:00Z", 1900, 1900, PaymentStatus::Refunded),
            payment("2026-03-01T00:00:00Z", 1900, 0, PaymentStatus::Failed),
            payment("2026-01-30T23:59:59Z", 1900, 0, PaymentStatus::Succeeded),
        ] {
            counting.payment(&paid);
        }
        let found = counting.end();
        assert_eq!(found.users, UserCounts { total: 3, verified: 2, active: 2 });
        assert_eq!(found.days.len(), 30);
        let told: Vec<_> = found
            .days
            .iter()
            .filter(|day| day.sign_ups > 0 || !day.revenue_cents.is_empty())
            .map(|day| (day.date.to_string(), day.sign_ups, day.revenue_cents.get("usd").copied()))
            .collect();
        let wanted = [
            ("2026-01-31".to_owned(), 1, None),
            ("2026-02-28".to_owned(), 1, Some(3300)),
            ("2026-03-01".to_owned(), 0, Some(0)),
        ];
        assert_eq!(told, wanted);
    }
}
