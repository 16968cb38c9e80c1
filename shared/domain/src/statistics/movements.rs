//! The changes of subscriptions, day by day: computed from the current state back to the first given entry of the audit
//! trail.

use super::figures::{ByCurrency, DayRow, date_of};
use crate::UserId;
use crate::audit::AuditEntry;
use crate::billing::{AuditedSubscription, Subscription};
use jiff::civil::Date;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A subscription before and after the changes of one day; `None` where it did not exist.
#[derive(Debug)]
struct Change {
    date: Date,
    before: Option<AuditedSubscription>,
    after: Option<AuditedSubscription>,
}

/// A customer's monthly payment before and after one day, in one currency.
#[derive(Debug, Default)]
struct Balance {
    before: i64,
    after: i64,
}

/// All changes of the days that are counted.
#[derive(Debug, Default)]
pub(super) struct MovementsOfDays {
    /// By currency.
    balances: BTreeMap<(Date, UserId), BTreeMap<String, Balance>>,
    /// The change of the number of running subscriptions on each day.
    running: BTreeMap<Date, i64>,
    /// The customers who had paid before the day on which they started to pay.
    returning: BTreeSet<(Date, UserId)>,
}

impl MovementsOfDays {
    /// Adds a subscription with its entries, in any order.
    pub(super) fn subscription(&mut self, user: UserId, subscription: &Subscription, entries: Vec<AuditEntry>) {
        for Change { date, before, after } in changes(subscription, entries) {
            let is_running = |state: &Option<AuditedSubscription>| {
                i64::from(state.as_ref().is_some_and(AuditedSubscription::is_running))
            };
            *self.running.entry(date).or_default() += is_running(&after) - is_running(&before);
            let paid = |state: Option<AuditedSubscription>| {
                state.map(|state| (state.currency.to_string(), state.monthly_cents())).filter(|(_, cents)| *cents > 0)
            };
            let (before, after) = (paid(before), paid(after));
            if before == after {
                continue;
            }
            let balances = self.balances.entry((date, user)).or_default();
            if let Some((currency, cents)) = before {
                balances.entry(currency).or_default().before += cents;
            }
            if let Some((currency, cents)) = after {
                balances.entry(currency).or_default().after += cents;
            }
        }
    }

    /// The customers who pay in a currency after a day and did not before it.
    pub(super) fn gained(&self) -> Vec<(Date, UserId)> {
        let is_gained = |balance: &Balance| balance.before == 0 && balance.after > 0;
        let gained = self.balances.iter().filter(|(_, balances)| balances.values().any(is_gained));
        gained.map(|(key, _)| *key).collect()
    }

    pub(super) fn returning(&mut self, date: Date, user: UserId) {
        self.returning.insert((date, user));
    }

    /// Writes the movements into the rows, and the figures at the end of each day, which are derived from the current
    /// ones.
    pub(super) fn write(self, rows: &mut BTreeMap<Date, DayRow>, mut mrr: ByCurrency, mut running: u64) {
        for ((date, user), balances) in self.balances {
            let Some(row) = rows.get_mut(&date) else { continue };
            let sum = |of: fn(&Balance) -> i64| balances.values().map(of).sum::<i64>();
            row.churned += u64::from(sum(|balance| balance.before) > 0 && sum(|balance| balance.after) == 0);
            for (currency, Balance { before, after }) in balances {
                let (is_returning, difference) = (self.returning.contains(&(date, user)), after - before);
                if difference == 0 {
                    continue;
                }
                let movements = row.movements.entry(currency).or_default();
                match (before, after) {
                    (0, _) if is_returning => movements.reactivation += difference,
                    (0, _) => movements.new += difference,
                    (_, 0) => movements.churn -= difference,
                    _ if difference > 0 => movements.expansion += difference,
                    _ => movements.contraction -= difference,
                }
            }
        }
        for (date, row) in rows.iter_mut().rev() {
            row.day.mrr_cents = mrr.iter().filter(|(_, cents)| **cents != 0).map(|(k, v)| (k.clone(), *v)).collect();
            row.day.subscriptions = running;
            for (currency, movements) in &row.movements {
                *mrr.entry(currency.clone()).or_default() -= movements.net();
            }
            running = running.saturating_add_signed(-self.running.get(date).copied().unwrap_or_default());
        }
    }
}

/// The subscription before and after each day that has entries, the newest first.
fn changes(subscription: &Subscription, mut entries: Vec<AuditEntry>) -> Vec<Change> {
    entries.sort_by_key(|entry| Reverse(entry.id));
    let Ok(Value::Object(current)) = serde_json::to_value(AuditedSubscription::from(subscription)) else {
        return Vec::new();
    };
    let mut state = Some(current);
    let mut changes: Vec<Change> = Vec::new();
    for entry in entries {
        let date = date_of(entry.created_at);
        let after = typed(state.as_ref());
        state = match entry.before {
            Some(Value::Object(before)) => state.map(|mut state| {
                state.extend(before);
                state
            }),
            _ => None,
        };
        match changes.last_mut().filter(|change| change.date == date) {
            Some(change) => change.before = typed(state.as_ref()),
            None => changes.push(Change { date, before: typed(state.as_ref()), after }),
        }
    }
    changes
}

fn typed(state: Option<&Map<String, Value>>) -> Option<AuditedSubscription> {
    serde_json::from_value(Value::Object(state?.clone())).ok()
}
