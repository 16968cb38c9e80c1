//! The count itself: all current values are counted anew; of the days, those that can still change.

use super::figures::{
    ByCurrency, Day, DayRow, Funnel, MAX_DAYS, PlanFigures, Totals, UserCounts, date_of, days_before,
};
use super::movements::MovementsOfDays;
use crate::audit::{Action, AuditEntry};
use crate::billing::{AuditedSubscription, Payment, PaymentStatus, Status, Subscription};
use crate::{PlanId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, HashMap};

/// How long the payments of a day can change: Stripe retries an invoice for three weeks, a debit takes two, and a
/// card's owner can dispute a charge for 120 days.
const PAYMENT_DAYS: i64 = 125;

/// The days that a count computes anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    now: Timestamp,
    /// The first day that has a row, once that is known.
    stored_since: Option<Date>,
    /// Sign-ins, refunds and movements are counted again from this day on: the day before the last count, as the last
    /// entries of a day may have been written after it.
    events_from: Date,
    /// Sign-ups and payments are counted again from this day on.
    payments_from: Date,
}

/// The beginning of a day in UTC.
pub(super) fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |midnight| midnight.timestamp())
}

impl Window {
    /// The days to count at `now`, after the count of `last`. The first count goes back a year.
    #[must_use]
    pub fn new(now: Timestamp, last: Option<&Totals>) -> Self {
        let today = date_of(now);
        let year = days_before(today, MAX_DAYS - 1);
        let (events_from, payments_from) = match last {
            None => (year, year),
            Some(last) => {
                let yesterday = days_before(date_of(last.as_of), 1).max(year).min(today);
                (yesterday, yesterday.min(days_before(today, PAYMENT_DAYS - 1)).max(year))
            }
        };
        Self { now, stored_since: last.map(|last| last.stored_since), events_from, payments_from }
    }

    /// The first day whose stored row is needed.
    #[must_use]
    pub const fn first_day(&self) -> Date {
        self.payments_from
    }

    /// Entries of [`Counting::ACTIONS`] are needed since then.
    #[must_use]
    pub fn entries_since(&self) -> Timestamp {
        midnight(self.events_from)
    }

    /// Payments are needed since then.
    #[must_use]
    pub fn payments_since(&self) -> Timestamp {
        midnight(self.payments_from)
    }
}

/// A count in progress.
#[derive(Debug)]
pub struct Counting {
    window: Window,
    users: UserCounts,
    subscriptions: BTreeMap<String, u64>,
    by_plan: BTreeMap<Option<PlanId>, (u64, ByCurrency)>,
    running: u64,
    /// The stored rows.
    stored: BTreeMap<Date, DayRow>,
    rows: BTreeMap<Date, DayRow>,
    /// The entries about each subscription.
    entries: HashMap<String, Vec<AuditEntry>>,
    /// The entries about each subscription.
    refunds: HashMap<String, Vec<(Date, i64)>>,
    movements: MovementsOfDays,
}

impl Counting {
    /// The actions whose entries are counted.
    pub const ACTIONS: [Action; 10] = [
        Action::SignedIn,
        Action::SubscriptionCreated,
        Action::SubscriptionChanged,
        Action::SubscriptionEnded,
        Action::SubscriptionRepaired,
        Action::SubscriptionEndRefused,
        Action::PaymentRefunded,
        Action::PaymentRepaired,
        Action::PaymentRefundRefused,
        Action::PaymentDisputed,
    ];

    /// Begins with the stored rows since [`Window::first_day`]. Entries come before subscriptions.
    #[must_use]
    pub fn new(window: Window, stored: Vec<DayRow>) -> Self {
        let stored: BTreeMap<_, _> = stored.into_iter().map(|row| (row.day.date, row)).collect();
        let today = date_of(window.now);
        let dates = (0..MAX_DAYS).map(|before| days_before(today, before));
        let row = |date: Date| {
            let mut row = stored.get(&date).cloned().unwrap_or_else(|| DayRow::empty(date));
            row.day.sign_ups = 0;
            row.day.failed_payments = 0;
            row.day.revenue_cents.clear();
            if date >= window.events_from {
                DayRow {
                    day: Day { sign_ins: 0, refunded_cents: ByCurrency::new(), ..row.day },
                    movements: BTreeMap::new(),
                    churned: 0,
                }
            } else {
                row
            }
        };
        let rows = dates.take_while(|date| *date >= window.payments_from).map(|date| (date, row(date))).collect();
        Self {
            window,
            users: UserCounts::default(),
            subscriptions: Status::ALL.iter().map(|status| (status.as_str().to_owned(), 0)).collect(),
            by_plan: BTreeMap::new(),
            running: 0,
            stored,
            rows,
            entries: HashMap::new(),
            refunds: HashMap::new(),
            movements: MovementsOfDays::default(),
        }
    }

    /// Counts a user.
    pub fn user(&mut self, registered_at: Timestamp, is_verified: bool, is_active: bool) {
        self.users.total += 1;
        self.users.verified += u64::from(is_verified);
        self.users.active += u64::from(is_active);
        if let Some(row) = self.rows.get_mut(&date_of(registered_at)) {
            row.day.sign_ups += 1;
        }
    }

    /// Counts an entry of the audit trail.
    pub fn entry(&mut self, entry: AuditEntry) {
        let date = date_of(entry.created_at);
        let Some(row) = self.rows.get_mut(&date) else { return };
        if entry.action == Action::SignedIn {
            row.day.sign_ins += 1;
            return;
        }
        let Some(subscription) = entry.target_id.clone() else { return };
        match entry.action {
            Action::PaymentRefunded
            | Action::PaymentRepaired
            | Action::PaymentRefundRefused
            | Action::PaymentDisputed => {
                let refunded = |state: &Option<serde_json::Value>| state.as_ref()?.get("refunded_cents")?.as_i64();
                let cents = refunded(&entry.after).unwrap_or(0) - refunded(&entry.before).unwrap_or(0);
                self.refunds.entry(subscription).or_default().push((date, cents));
            }
            _ => self.entries.entry(subscription).or_default().push(entry),
        }
    }

    /// Counts a subscription of `user`.
    pub fn subscription(&mut self, user: UserId, subscription: &Subscription) {
        *self.subscriptions.entry(subscription.status.as_str().to_owned()).or_default() += 1;
        let state = AuditedSubscription::from(subscription);
        self.running += u64::from(state.is_running());
        let (cents, currency) = (state.monthly_cents(), state.currency.to_string());
        if cents > 0 {
            let (count, mrr) = self.by_plan.entry(subscription.plan_id).or_default();
            *count += 1;
            *mrr.entry(currency.clone()).or_default() += cents;
        }
        let id = subscription.id.to_string();
        for (date, cents) in self.refunds.remove(&id).unwrap_or_default() {
            if let Some(row) = self.rows.get_mut(&date).filter(|_| cents != 0) {
                *row.day.refunded_cents.entry(currency.clone()).or_default() += cents;
            }
        }
        self.movements.subscription(user, subscription, self.entries.remove(&id).unwrap_or_default());
    }

    /// The customers who started to pay on a day, after all subscriptions are counted: the caller searches for an
    /// earlier payment of each.
    #[must_use]
    pub fn gained(&self) -> Vec<(Date, UserId)> {
        self.movements.gained()
    }

    /// Marks one of [`gained`](Self::gained) as a customer who had paid before.
    pub fn returning(&mut self, date: Date, user: UserId) {
        self.movements.returning(date, user);
    }

    /// Counts a payment.
    pub fn payment(&mut self, payment: &Payment) {
        let Some(row) = self.rows.get_mut(&date_of(payment.created_at)) else { return };
        match payment.status {
            PaymentStatus::Succeeded | PaymentStatus::Refunded => {
                *row.day.revenue_cents.entry(payment.currency.to_string()).or_default() += payment.amount_cents;
            }
            PaymentStatus::Failed => row.day.failed_payments += 1,
            _ => {}
        }
    }

    /// The totals, and the new or changed rows.
    #[must_use]
    pub fn end(self) -> (Totals, Vec<DayRow>) {
        let Self { window, mut rows, stored, .. } = self;
        let mut mrr = ByCurrency::new();
        for (currency, cents) in self.by_plan.values().flat_map(|(_, mrr)| mrr) {
            *mrr.entry(currency.clone()).or_default() += cents;
        }
        let mut recent = rows.split_off(&window.events_from);
        self.movements.write(&mut recent, mrr.clone(), self.running);
        rows.append(&mut recent);
        let first = rows.iter().find(|(date, row)| **row != DayRow::empty(**date)).map(|(date, _)| *date);
        let stored_since = window.stored_since.or(first).unwrap_or_else(|| date_of(window.now));
        let paying = self.by_plan.values().map(|(count, _)| count).sum();
        let trialing = self.subscriptions.get(Status::Trialing.as_str()).copied().unwrap_or_default();
        let totals = Totals {
            as_of: window.now,
            users: self.users,
            subscriptions: self.subscriptions,
            mrr_cents: mrr,
            by_plan: (self.by_plan.into_iter())
                .map(|(plan_id, (subscriptions, mrr_cents))| PlanFigures { plan_id, subscriptions, mrr_cents })
                .collect(),
            funnel: Funnel { registered: self.users.total, verified: self.users.verified, trialing, paying },
            stored_since,
        };
        let is_new = |row: &DayRow| row.day.date >= stored_since && stored.get(&row.day.date) != Some(row);
        (totals, rows.into_values().filter(is_new).collect())
    }
}
