//! The figures of the statistics, as they are stored and as a response has them.

use crate::PlanId;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The minimum, maximum and default number of days of a response.
pub const MIN_DAYS: i64 = 7;
/// See [`MIN_DAYS`].
pub const MAX_DAYS: i64 = 365;
/// See [`MIN_DAYS`].
pub const DEFAULT_DAYS: i64 = 30;
/// The days over which churn is counted.
const CHURN_DAYS: i64 = 30;

/// Amounts in minor units, by currency.
pub type ByCurrency = BTreeMap<String, i64>;

/// The statistics as a response has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Statistics {
    /// When they were counted.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    /// The users.
    pub users: UserCounts,
    /// The subscriptions in each of Stripe's statuses.
    #[schema(value_type = Object)]
    pub subscriptions: BTreeMap<String, u64>,
    /// Monthly recurring revenue: for each paid subscription, the price of a year divided by 12, rounded down.
    #[schema(value_type = Object)]
    pub mrr_cents: ByCurrency,
    /// How the days of this response changed the monthly recurring revenue, by currency.
    #[schema(value_type = Object)]
    pub mrr_movements: BTreeMap<String, Movements>,
    /// The plans that have paid subscriptions.
    pub by_plan: Vec<PlanFigures>,
    /// The losses of the last 30 days.
    pub churn: Churn,
    /// The registration funnel.
    pub funnel: Funnel,
    /// The days, the oldest first; the last one is not over.
    pub days: Vec<Day>,
}

/// The users, without deleted ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserCounts {
    /// All.
    pub total: u64,
    /// Those with a verified address.
    pub verified: u64,
    /// Those who may sign in.
    pub active: u64,
}

/// How monthly recurring revenue changed, in minor units. All are positive amounts: start + new + expansion + reactivation
/// - contraction - churn = end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movements {
    /// Of customers who pay for the first time.
    pub new: i64,
    /// Of customers who pay more.
    pub expansion: i64,
    /// Of customers who pay less.
    pub contraction: i64,
    /// Of customers who pay no longer.
    pub churn: i64,
    /// Of customers who pay again.
    pub reactivation: i64,
}

impl Movements {
    /// The change in sum.
    #[must_use]
    pub const fn net(&self) -> i64 {
        self.new + self.expansion + self.reactivation - self.contraction - self.churn
    }

    const fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.expansion += other.expansion;
        self.contraction += other.contraction;
        self.churn += other.churn;
        self.reactivation += other.reactivation;
    }
}

/// The paid subscriptions of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanFigures {
    /// The plan; `null` for a price created in Stripe's dashboard.
    #[schema(value_type = Option<String>)]
    pub plan_id: Option<PlanId>,
    /// The subscriptions that are paid.
    pub subscriptions: u64,
    /// Their monthly recurring revenue.
    #[schema(value_type = Object)]
    pub mrr_cents: ByCurrency,
}

/// The losses of 30 days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Churn {
    /// The customers who stopped paying.
    pub customers: u64,
    /// Their monthly recurring revenue.
    #[schema(value_type = Object)]
    pub revenue: ByCurrency,
}

/// The registration funnel: users, then the subscriptions of those who continued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Funnel {
    /// All users.
    pub registered: u64,
    /// Those with a verified address.
    pub verified: u64,
    /// The subscriptions that are in a trial.
    pub trialing: u64,
    /// The subscriptions that are paid.
    pub paying: u64,
}

/// One day, from midnight to midnight in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Day {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// The users who registered on this day. Those who were deleted within 125 days do not count.
    pub sign_ups: u64,
    /// The sign-ins.
    pub sign_ins: u64,
    /// The payments of this day that failed and are not paid yet.
    pub failed_payments: u64,
    /// The subscriptions in a trial, active or past due, at the end of the day.
    pub subscriptions: u64,
    /// What was paid of the invoices of this day, before refunds.
    #[schema(value_type = Object)]
    pub revenue_cents: ByCurrency,
    /// What was refunded on this day.
    #[schema(value_type = Object)]
    pub refunded_cents: ByCurrency,
    /// Monthly recurring revenue at the end of the day.
    #[schema(value_type = Object)]
    pub mrr_cents: ByCurrency,
}

/// The stored row of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRow {
    /// The part in a response.
    pub day: Day,
    /// How the day changed the monthly recurring revenue.
    pub movements: BTreeMap<String, Movements>,
    /// The customers who stopped paying.
    pub churned: u64,
}

impl DayRow {
    /// The row of a day without events.
    #[must_use]
    pub const fn empty(date: Date) -> Self {
        let day = Day {
            date,
            sign_ups: 0,
            sign_ins: 0,
            failed_payments: 0,
            subscriptions: 0,
            revenue_cents: BTreeMap::new(),
            refunded_cents: BTreeMap::new(),
            mrr_cents: BTreeMap::new(),
        };
        Self { day, movements: BTreeMap::new(), churned: 0 }
    }
}

/// The stored totals of the current state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// When they were counted.
    pub as_of: Timestamp,
    /// See [`Statistics::users`].
    pub users: UserCounts,
    /// See [`Statistics::subscriptions`].
    pub subscriptions: BTreeMap<String, u64>,
    /// See [`Statistics::mrr_cents`].
    pub mrr_cents: ByCurrency,
    /// See [`Statistics::by_plan`].
    pub by_plan: Vec<PlanFigures>,
    /// See [`Statistics::funnel`].
    pub funnel: Funnel,
    /// The first day that has a row: the days before it are empty.
    pub stored_since: Date,
}

/// The date in UTC.
#[must_use]
pub fn date_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

pub(super) fn days_before(date: Date, days: i64) -> Date {
    date.saturating_sub(Span::new().days(days))
}

impl Totals {
    /// The first day whose row a response of this number of days needs.
    #[must_use]
    pub fn first_day(&self, days: i64) -> Date {
        days_before(date_of(self.as_of), days.max(CHURN_DAYS) - 1)
    }

    /// A response of this number of days, from the rows since [`first_day`](Self::first_day).
    #[must_use]
    pub fn with_days(self, rows: Vec<DayRow>, days: i64) -> Statistics {
        let today = date_of(self.as_of);
        let mut rows: BTreeMap<Date, DayRow> = rows.into_iter().map(|row| (row.day.date, row)).collect();
        let mut churn = Churn::default();
        for row in rows.range(days_before(today, CHURN_DAYS - 1)..).map(|(_, row)| row) {
            churn.customers += row.churned;
            for (currency, movements) in row.movements.iter().filter(|(_, movements)| movements.churn > 0) {
                *churn.revenue.entry(currency.clone()).or_default() += movements.churn;
            }
        }
        let mut mrr_movements: BTreeMap<String, Movements> = BTreeMap::new();
        let mut shown = Vec::new();
        for date in (0..days).rev().map(|before| days_before(today, before)) {
            let row = rows.remove(&date).unwrap_or_else(|| DayRow::empty(date));
            for (currency, movements) in &row.movements {
                mrr_movements.entry(currency.clone()).or_default().add(movements);
            }
            shown.push(row.day);
        }
        Statistics {
            as_of: self.as_of,
            users: self.users,
            subscriptions: self.subscriptions,
            mrr_cents: self.mrr_cents,
            mrr_movements,
            by_plan: self.by_plan,
            churn,
            funnel: self.funnel,
            days: shown,
        }
    }
}
