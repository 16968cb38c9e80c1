//! How subscriptions changed, day by day: computed from the current state back to the first entry of the audit trail that is
//! given.

use super::{ByCurrency, DayRow, Movements, date_of};
use crate::UserId;
use crate::audit::AuditEntry;
use crate::billing::{AuditedSubscription, Status, Subscription};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// A subscription before and after the changes of one day; `None` where it did not exist.
#[derive(Debug)]
struct Change {
    date: Date,
    before: Option<AuditedSubscription>,
    after: Option<AuditedSubscription>,
}

/// What one customer paid a month before and after one day.
#[derive(Debug, Default)]
struct Balance {
    before: i64,
    after: i64,
    /// Whether the customer had paid on an earlier day.
    has_paid: bool,
    /// When the subscription started that is paid after the day.
    started_at: Option<Timestamp>,
}

/// All changes of the days that are counted.
#[derive(Debug, Default)]
pub(super) struct MovementsOfDays {
    balances: HashMap<(Date, UserId, String), Balance>,
    /// How many more subscriptions run after a day than before it.
    running: BTreeMap<Date, i64>,
    /// When the first subscription of each user started.
    first_started: HashMap<UserId, Timestamp>,
}

impl MovementsOfDays {
    /// Adds a subscription with its entries, in any order.
    pub(super) fn subscription(&mut self, user: UserId, subscription: &Subscription, entries: Vec<AuditEntry>) {
        let started_at = subscription.started_at;
        let first = self.first_started.entry(user).or_insert(started_at);
        *first = started_at.min(*first);
        for Change { date, before, after } in changes(subscription, entries) {
            let is_running =
                |state: &Option<AuditedSubscription>| state.as_ref().is_some_and(|state| state.is_running());
            *self.running.entry(date).or_default() += i64::from(is_running(&after)) - i64::from(is_running(&before));
            let paid = |state: &AuditedSubscription| (state.currency.to_string(), state.monthly_cents());
            if let Some((currency, cents)) = before.as_ref().map(paid).filter(|(_, cents)| *cents > 0) {
                self.balances.entry((date, user, currency)).or_default().before += cents;
            }
            if let Some((currency, cents)) = after.as_ref().map(paid).filter(|(_, cents)| *cents > 0) {
                let balance = self.balances.entry((date, user, currency)).or_default();
                balance.after += cents;
                balance.started_at = Some(balance.started_at.map_or(started_at, |other| other.min(started_at)));
                // From a trial or from nothing, it is the first payment; from any other status there was one.
                balance.has_paid |= before
                    .is_some_and(|before| matches!(before.status, Status::Unpaid | Status::Paused | Status::Canceled));
            }
        }
    }

    /// Writes the movements into the rows, and the figures at the end of each day, which follow from the current ones.
    pub(super) fn write(self, rows: &mut BTreeMap<Date, DayRow>, mut mrr: ByCurrency, mut running: u64) {
        for ((date, user, currency), balance) in self.balances {
            let Some(row) = rows.get_mut(&date) else { continue };
            let is_first = self.first_started.get(&user).copied() == balance.started_at;
            let movements = row.movements.entry(currency).or_default();
            let difference = balance.after - balance.before;
            match (balance.before, balance.after) {
                (0, 0) => {}
                (0, _) if is_first && !balance.has_paid => movements.new += difference,
                (0, _) => movements.reactivation += difference,
                (_, 0) => {
                    movements.churn -= difference;
                    row.churned += 1;
                }
                _ if difference > 0 => movements.expansion += difference,
                _ => movements.contraction -= difference,
            }
            row.movements.retain(|_, movements| *movements != Movements::default());
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
