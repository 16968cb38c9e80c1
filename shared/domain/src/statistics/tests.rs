//! Customer histories with a known result, and invariants of the statistics.

use super::*;
use crate::audit::{Action, AuditEntry};
use crate::billing::{
    AuditedSubscription, BillingPeriod, DuplicateRefund, Payment, PaymentStatus, Status, Subscription, Terms,
};
use crate::{AuditId, PaymentId, PlanId, SubscriptionId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn user(number: u8) -> UserId {
    UserId::new(Timestamp::UNIX_EPOCH, [number; 10])
}

/// A subscription of 19.00 USD a month.
fn subscription(number: u8, status: Status) -> Subscription {
    Subscription {
        id: SubscriptionId::new(Timestamp::UNIX_EPOCH, [number; 10]),
        stripe_id: format!("sub_{number}"),
        plan_id: Some(PlanId::new(Timestamp::UNIX_EPOCH, [1; 10])),
        stripe_item_id: "si_1".into(),
        stripe_price_id: "price_1".into(),
        quantity: 1,
        terms: terms(1900, BillingPeriod::Month, "usd"),
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
        duplicate_refund: None,
        trial_refused: false,
    }
}

fn terms(price_cents: i64, billing_period: BillingPeriod, currency: &str) -> crate::billing::SubscriptionTerms {
    Terms { price_cents, currency: currency.parse().unwrap(), billing_period }.into()
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

fn entry(action: Action, target: &str, created_at: &str, before: Option<Value>, after: Option<Value>) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(at(created_at), [7; 10]),
        actor_id: None,
        action,
        target_id: Some(target.to_owned()),
        before,
        after,
        ip: None,
        request_id: None,
        created_at: at(created_at),
    }
}

/// An entry with the values before; the count reads nothing else of a subscription's entry.
fn changed(subscription: &Subscription, created_at: &str, before: Option<Value>) -> AuditEntry {
    entry(Action::SubscriptionChanged, &subscription.id.to_string(), created_at, before, None)
}

/// The first count, at the end of 28 March, of these customers with their entries. Customers who start to pay on the
/// days of `returning` had paid before.
fn first_count(customers: Vec<(u8, Subscription, Vec<AuditEntry>)>, returning: &[&str]) -> (Totals, Vec<DayRow>) {
    let mut counting = Counting::new(Window::new(at("2026-03-28T23:59:00Z"), None), Vec::new());
    for (_, _, entries) in &customers {
        entries.iter().cloned().for_each(|entry| counting.entry(entry));
    }
    customers.iter().for_each(|(number, subscription, _)| counting.subscription(user(*number), subscription));
    for (date, user) in counting.gained() {
        if returning.contains(&date.to_string().as_str()) {
            counting.returning(date, user);
        }
    }
    counting.end()
}

fn shown(counted: (Totals, Vec<DayRow>), days: i64) -> Statistics {
    let (totals, rows) = counted;
    let first = totals.first_day(days);
    totals.with_days(rows.into_iter().filter(|row| row.day.date >= first).collect(), days)
}

fn movements(new: i64, expansion: i64, contraction: i64, churn: i64, reactivation: i64) -> Movements {
    Movements { new, expansion, contraction, churn, reactivation }
}

#[test]
fn a_paid_price_is_counted_per_month() {
    let duplicate_refund =
        Subscription { duplicate_refund: Some(DuplicateRefund::Pending), ..subscription(6, Status::Active) };
    let paused = Subscription { collection_paused: true, ..subscription(7, Status::Active) };
    let yearly = |number, cents, currency| Subscription {
        terms: terms(cents, BillingPeriod::Year, currency),
        ..subscription(number, Status::PastDue)
    };
    let all = [
        subscription(1, Status::Active),
        yearly(2, 1200, "usd"),
        yearly(3, 500, "eur"),
        subscription(4, Status::Trialing),
        subscription(5, Status::Canceled),
        duplicate_refund,
        paused,
    ];
    let counted = first_count(all.into_iter().map(|held| (1, held, Vec::new())).collect(), &[]);
    let found = shown(counted, 7);
    assert_eq!(found.mrr_cents, [("eur".to_owned(), 41), ("usd".to_owned(), 2000)].into());
    let counts: Vec<_> = found.subscriptions.iter().map(|(status, count)| (status.as_str(), *count)).collect();
    let expected = [
        ("active", 3),
        ("canceled", 1),
        ("incomplete", 0),
        ("incomplete_expired", 0),
        ("past_due", 2),
        ("paused", 0),
        ("trialing", 1),
        ("unpaid", 0),
    ];
    assert_eq!(counts, expected);
    let [plan] = &found.by_plan[..] else { panic!("{:?}", found.by_plan) };
    assert_eq!((plan.subscriptions, &plan.mrr_cents), (3, &found.mrr_cents));
    assert_eq!((found.funnel.trialing, found.funnel.paying), (1, 3));
    assert_eq!(found.days.last().unwrap().subscriptions, 5);
}

#[test]
fn each_kind_of_movement_is_recognised() {
    let trial = || Some(json!({"status": "trialing"}));
    let priced = |cents: i64| Some(json!({"price_cents": cents}));
    let of = |held: Subscription, entries: &[(&str, Option<Value>)], returning: &[&str]| {
        let entries = entries.iter().map(|(at, before)| changed(&held, at, before.clone())).collect();
        let counted = shown(first_count(vec![(1, held, entries)], returning), 30);
        (counted.mrr_movements.get("usd").copied().unwrap_or_default(), counted.churn)
    };
    let active = || subscription(1, Status::Active);
    let canceled = || subscription(1, Status::Canceled);
    for (name, held, entries, expected, lost) in [
        ("created", active(), vec![("2026-03-10T10:00:00Z", None)], movements(1900, 0, 0, 0, 0), 0),
        ("a trial that is paid", active(), vec![("2026-03-10T10:00:00Z", trial())], movements(1900, 0, 0, 0, 0), 0),
        ("dearer", active(), vec![("2026-03-10T10:00:00Z", priced(900))], movements(0, 1000, 0, 0, 0), 0),
        ("cheaper", active(), vec![("2026-03-10T10:00:00Z", priced(4900))], movements(0, 0, 3000, 0, 0), 0),
        (
            "ended",
            canceled(),
            vec![("2026-03-10T10:00:00Z", Some(json!({"status": "active"})))],
            movements(0, 0, 0, 1900, 0),
            1,
        ),
        (
            "paused and resumed",
            active(),
            vec![("2026-03-10T10:00:00Z", Some(json!({"status": "paused"})))],
            movements(0, 0, 0, 0, 1900),
            0,
        ),
        (
            "past due counts as paid until it ends",
            canceled(),
            vec![
                ("2026-03-10T10:00:00Z", Some(json!({"status": "active"}))),
                ("2026-03-20T10:00:00Z", Some(json!({"status": "past_due"}))),
            ],
            movements(0, 0, 0, 1900, 0),
            1,
        ),
        (
            "there and back on one day",
            active(),
            vec![("2026-03-10T10:00:00Z", priced(1900)), ("2026-03-10T11:00:00Z", priced(4900))],
            movements(0, 0, 0, 0, 0),
            0,
        ),
        ("a trial that ends", canceled(), vec![("2026-03-10T10:00:00Z", trial())], movements(0, 0, 0, 0, 0), 0),
    ] {
        let returning: &[&str] = if expected.reactivation > 0 { &["2026-03-10"] } else { &[] };
        let (found, churn) = of(held, &entries, returning);
        assert_eq!((found, churn.customers), (expected, lost), "{name}");
        assert_eq!(churn.revenue.get("usd").copied().unwrap_or(0), expected.churn, "{name}");
    }
}

#[test]
fn a_second_subscription_of_a_customer_is_a_reactivation() {
    let first = subscription(1, Status::Canceled);
    let second = Subscription { started_at: at("2026-03-20T00:00:00Z"), ..subscription(2, Status::Active) };
    let ended = changed(&first, "2026-03-01T10:00:00Z", Some(json!({"status": "active"})));
    let created = changed(&second, "2026-03-20T10:00:00Z", None);
    // Subscriptions are listed newest first.
    let customers = vec![(1, second, vec![created]), (1, first, vec![ended])];
    let found = shown(first_count(customers.clone(), &["2026-03-20"]), 30);
    assert_eq!(found.mrr_movements["usd"], movements(0, 0, 0, 1900, 1900));
    assert_eq!(found.churn.customers, 1);
    // The first one was never paid, so this is the first payment.
    let found = shown(first_count(customers, &[]), 30);
    assert_eq!(found.mrr_movements["usd"], movements(1900, 0, 0, 1900, 0));
}

#[test]
fn a_customer_who_changes_currency_does_not_churn() {
    let first = subscription(1, Status::Canceled);
    let second = Subscription { terms: terms(3000, BillingPeriod::Month, "eur"), ..subscription(2, Status::Active) };
    let ended = changed(&first, "2026-03-20T09:00:00Z", Some(json!({"status": "active"})));
    let created = changed(&second, "2026-03-20T10:00:00Z", None);
    let found = shown(first_count(vec![(1, second, vec![created]), (1, first, vec![ended])], &["2026-03-20"]), 30);
    assert_eq!(found.mrr_movements["usd"], movements(0, 0, 0, 1900, 0));
    assert_eq!(found.mrr_movements["eur"], movements(0, 0, 0, 0, 3000));
    assert_eq!(found.churn.customers, 0);
}

/// Three customers over two months, counted first in one go, then once a day: the rows are the same, and on each day
/// the earlier values and the movements add up to the later values.
#[test]
fn daily_counts_and_one_count_of_all_days_give_the_same_rows() {
    let held = [
        Subscription { terms: terms(4900, BillingPeriod::Month, "usd"), ..subscription(1, Status::Active) },
        subscription(2, Status::Canceled),
        Subscription { terms: terms(19_000, BillingPeriod::Year, "eur"), ..subscription(3, Status::PastDue) },
    ];
    let changes = [
        (0, "2026-01-30T10:00:00Z", None),
        (1, "2026-02-01T10:00:00Z", None),
        (0, "2026-02-01T12:00:00Z", Some(json!({"status": "trialing"}))),
        (2, "2026-02-10T23:59:59Z", None),
        (0, "2026-02-11T00:00:00Z", Some(json!({"price_cents": 1900}))),
        (1, "2026-02-28T10:00:00Z", Some(json!({"status": "active"}))),
        (2, "2026-03-03T10:00:00Z", Some(json!({"status": "active"}))),
        (2, "2026-03-20T10:00:00Z", Some(json!({"price_cents": 22_800}))),
    ];
    let entries: Vec<_> =
        changes.iter().map(|(of, at, before)| (*of, changed(&held[*of], at, before.clone()))).collect();
    // The subscription at a time: its later entries are undone.
    let as_of = |of: usize, now: Timestamp| {
        let mut state = serde_json::to_value(AuditedSubscription::from(&held[of])).unwrap();
        for (_, entry) in entries.iter().rev().filter(|(number, entry)| *number == of && entry.created_at > now) {
            for (name, value) in entry.before.as_ref()?.as_object()? {
                state[name] = value.clone();
            }
        }
        let state: AuditedSubscription = serde_json::from_value(state).unwrap();
        let terms = crate::billing::SubscriptionTerms { price_cents: state.price_cents, ..held[of].terms };
        Some(Subscription { status: state.status, terms, ..held[of].clone() })
    };
    let count = |now: Timestamp, last: Option<&Totals>, stored: &BTreeMap<Date, DayRow>| {
        let window = Window::new(now, last);
        let rows = stored.range(window.first_day()..).map(|(_, row)| row.clone()).collect();
        let mut counting = Counting::new(window, rows);
        let is_read = |entry: &AuditEntry| entry.created_at >= window.entries_since() && entry.created_at <= now;
        entries.iter().filter(|(_, entry)| is_read(entry)).for_each(|(_, entry)| counting.entry(entry.clone()));
        for (number, of) in [(1, 0), (2, 1), (3, 2)] {
            if let Some(subscription) = as_of(of, now) {
                counting.subscription(user(number), &subscription);
            }
        }
        counting.end()
    };
    let (mut totals, mut stored) = (None, BTreeMap::new());
    for day in 0..60 {
        let now = at("2026-01-30T20:00:00Z") + jiff::SignedDuration::from_hours(24 * day);
        let (counted, rows) = count(now, totals.as_ref(), &stored);
        assert!(rows.len() <= 3, "a count writes the days that changed");
        totals = Some(counted);
        stored.extend(rows.into_iter().map(|row| (row.day.date, row)));
    }
    let last = totals.unwrap();
    let (at_once, rows) = count(last.as_of, None, &BTreeMap::new());
    assert_eq!(last, at_once);
    let at_once: BTreeMap<_, _> = rows.into_iter().map(|row| (row.day.date, row)).collect();
    assert_eq!(stored, at_once);
    let mut before = ByCurrency::new();
    for row in stored.values() {
        for (currency, movements) in &row.movements {
            *before.entry(currency.clone()).or_default() += movements.net();
        }
        before.retain(|_, cents| *cents != 0);
        assert_eq!(row.day.mrr_cents, before, "{}", row.day.date);
    }
    assert_eq!(before, [("eur".to_owned(), 1583), ("usd".to_owned(), 4900)].into());
}

#[test]
fn sign_ups_sign_ins_payments_and_refunds_are_counted_on_their_days() {
    let held = subscription(1, Status::Active);
    let mut counting = Counting::new(Window::new(at("2026-03-01T12:00:00Z"), None), Vec::new());
    let refund = |created_at: &str, before: i64, after: i64| {
        let cents = |cents: i64| Some(json!({"payment_id": "pay_1", "refunded_cents": cents}));
        entry(Action::PaymentRefunded, &held.id.to_string(), created_at, cents(before), cents(after))
    };
    for entry in [
        entry(Action::SignedIn, "usr_1", "2026-02-28T23:59:59Z", None, None),
        entry(Action::SignedIn, "usr_2", "2026-03-01T00:00:00Z", None, None),
        entry(Action::SignedIn, "usr_2", "2026-03-01T11:00:00Z", None, None),
        refund("2026-02-27T10:00:00Z", 0, 500),
        refund("2026-03-01T10:00:00Z", 500, 1900),
    ] {
        counting.entry(entry);
    }
    counting.user(at("2026-02-28T23:59:59Z"), true, true);
    counting.user(at("2026-02-28T00:00:00Z"), false, true);
    counting.user(at("2020-01-01T00:00:00Z"), true, false);
    counting.subscription(user(1), &held);
    for paid in [
        payment("2026-02-28T23:59:59Z", 1900, 0, PaymentStatus::Succeeded),
        payment("2026-02-28T01:00:00Z", 1900, 1900, PaymentStatus::Refunded),
        payment("2026-03-01T00:00:00Z", 1900, 0, PaymentStatus::Failed),
        payment("2026-03-01T01:00:00Z", 1900, 0, PaymentStatus::Disputed),
        payment("2026-03-01T02:00:00Z", 1900, 0, PaymentStatus::Processing),
    ] {
        counting.payment(&paid);
    }
    let found = shown(counting.end(), 7);
    assert_eq!(found.users, UserCounts { total: 3, verified: 2, active: 2 });
    assert_eq!(found.days.len(), 7);
    let usd = |amounts: &ByCurrency| amounts.get("usd").copied().unwrap_or(0);
    let numbers_of = |date: &str| {
        let day = found.days.iter().find(|day| day.date.to_string() == date).unwrap();
        (day.sign_ups, day.sign_ins, day.failed_payments, usd(&day.revenue_cents), usd(&day.refunded_cents))
    };
    assert_eq!(numbers_of("2026-02-27"), (0, 0, 0, 0, 500));
    assert_eq!(numbers_of("2026-02-28"), (2, 1, 0, 3800, 0));
    assert_eq!(numbers_of("2026-03-01"), (0, 2, 1, 0, 1400));
    assert_eq!(numbers_of("2026-02-23"), (0, 0, 0, 0, 0));
}

#[test]
fn a_count_keeps_rows_of_days_that_it_no_longer_reads() {
    let old = DayRow {
        churned: 2,
        movements: [("usd".to_owned(), movements(0, 0, 0, 3800, 0))].into(),
        ..DayRow::empty("2026-03-10".parse().unwrap())
    };
    let mut row = old.clone();
    (row.day.sign_ins, row.day.sign_ups) = (9, 4);
    let (totals, _) = Counting::new(Window::new(at("2026-03-27T23:00:00Z"), None), Vec::new()).end();
    let totals = Totals { stored_since: "2026-03-01".parse().unwrap(), ..totals };
    let window = Window::new(at("2026-03-28T23:00:00Z"), Some(&totals));
    assert_eq!(
        (window.entries_since(), window.payments_since()),
        (at("2026-03-26T00:00:00Z"), at("2025-11-24T00:00:00Z"))
    );
    let mut counting = Counting::new(window, vec![row.clone()]);
    counting.user(at("2026-03-10T10:00:00Z"), true, true);
    let (_, rows) = counting.end();
    let found = rows.iter().find(|found| found.day.date == row.day.date).unwrap();
    assert_eq!(
        (found.day.sign_ins, found.churned, &found.movements),
        (9, 2, &row.movements),
        "of the audit trail, the stored ones"
    );
    assert_eq!(found.day.sign_ups, 1, "of the users, the existing ones");
    assert!(rows.iter().all(|row| row.day.date >= totals.stored_since));
}
