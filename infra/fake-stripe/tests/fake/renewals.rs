//! Work that is due by the clock: renewals, payment retries, trials and ends.

use crate::harness::{DAY, Harness, PAYS, REFUSED_LATER, at, text};
use serde_json::Value;

async fn period(harness: &Harness, subscription: &str) -> (Value, Value) {
    let item = &harness.subscription(subscription).await["items"]["data"][0];
    (item["current_period_start"].clone(), item["current_period_end"].clone())
}

#[tokio::test]
async fn a_monthly_period_starts_on_its_day_or_the_last_of_a_short_month() {
    let harness = Harness::at("2026-01-31T12:00:00Z");
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let days = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"];
    let days = days.map(|day| at(&format!("{day}T12:00:00Z")));
    for (number, days) in days.windows(2).enumerate() {
        assert_eq!(period(&harness, &subscription).await, (days[0].into(), days[1].into()));
        let invoices = async || harness.get(&format!("invoices?subscription={subscription}")).await.ids().len();
        harness.pass(days[1] - 1 - harness.now());
        assert_eq!(invoices().await, number + 1);
        harness.pass(1);
        assert_eq!(invoices().await, number + 2);
    }
}

#[tokio::test]
async fn a_failed_renewal_is_retried_on_days_3_5_10_and_14_then_canceled() {
    let harness = Harness::at("2026-01-10T08:00:00Z");
    let (_, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    harness.pass_to("2026-02-10T08:00:00Z");
    let due = harness.now();
    for (count, day) in [(1, 3), (2, 5), (3, 10), (4, 14)] {
        harness.pass(due + day * DAY - 1 - harness.now());
        let invoice = harness.latest_invoice(&subscription).await;
        assert_eq!((invoice["attempt_count"].as_i64(), invoice["status"].as_str()), (Some(count), Some("open")));
        assert_eq!(invoice["next_payment_attempt"], due + day * DAY);
        assert_eq!(harness.subscription(&subscription).await["status"], "past_due");
        harness.pass(1);
    }
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!((&invoice["attempt_count"], &invoice["next_payment_attempt"]), (&5.into(), &Value::Null));
    let ended = harness.subscription(&subscription).await;
    assert_eq!((ended["status"].as_str(), ended["ended_at"].as_i64()), (Some("canceled"), Some(due + 14 * DAY)));
    assert_eq!(ended["cancellation_details"]["reason"], "payment_failed");
    let failures = harness.event_types().iter().filter(|event_types| *event_types == "invoice.payment_failed").count();
    assert_eq!(failures, 5);
    harness.pass(90 * DAY);
    assert_eq!(harness.event_types().last().map(String::as_str), Some("customer.subscription.deleted"));
}

#[tokio::test]
async fn renewals_that_fell_due_while_the_process_was_down_are_run_at_start() {
    let [slow, fast] = [(); 2].map(|()| Harness::at("2026-01-10T08:00:00Z"));
    let mut ends = Vec::new();
    for (harness, steps) in [(&slow, 100), (&fast, 1)] {
        let (_, subscription) = harness.subscriber(REFUSED_LATER, "").await;
        let (_, other) = harness.subscriber(PAYS, "7").await;
        for _ in 0..steps {
            harness.pass(100 * DAY / steps);
        }
        let (start, end) = period(harness, &other).await;
        ends.push((harness.event_types(), harness.subscription(&subscription).await["ended_at"].clone(), start, end));
    }
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn a_trial_is_free_announced_three_days_before_its_end_and_then_charged() {
    let harness = Harness::at("2026-01-10T08:00:00Z");
    let (_, subscription) = harness.subscriber(PAYS, "14").await;
    let end = harness.now() + 14 * DAY;
    assert_eq!(harness.subscription(&subscription).await["status"], "trialing");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_due"], 0);
    let is_announced =
        || harness.event_types().iter().any(|event_types| event_types == "customer.subscription.trial_will_end");
    harness.pass(11 * DAY - 1);
    assert!(!is_announced());
    harness.pass(1);
    assert!(is_announced());
    harness.pass(3 * DAY);
    let active = harness.subscription(&subscription).await;
    assert_eq!((active["status"].as_str(), active["trial_end"].as_i64()), (Some("active"), Some(end)));
    assert_eq!(period(&harness, &subscription).await, (end.into(), at("2026-02-24T08:00:00Z").into()));
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 1900);
}

#[tokio::test]
async fn cancel_at_period_end_ends_the_subscription_unless_it_is_revoked() {
    let harness = Harness::at("2026-01-10T08:00:00Z");
    let (_, ends) = harness.subscriber(PAYS, "").await;
    let (_, stays) = harness.subscriber(PAYS, "").await;
    let end = at("2026-02-10T08:00:00Z");
    for subscription in [&ends, &stays] {
        let form = [("cancel_at_period_end", "true")];
        let event_types = harness.post(&format!("subscriptions/{subscription}"), &form).await.body;
        assert_eq!((event_types["cancel_at"].as_i64(), event_types["status"].as_str()), (Some(end), Some("active")));
    }
    let back = harness.post(&format!("subscriptions/{stays}"), &[("cancel_at_period_end", "false")]).await.body;
    assert_eq!((&back["cancel_at"], &back["canceled_at"]), (&Value::Null, &Value::Null));
    harness.pass_to("2026-02-10T08:00:00Z");
    let ended = harness.subscription(&ends).await;
    assert_eq!((ended["status"].as_str(), ended["ended_at"].as_i64()), (Some("canceled"), Some(end)));
    assert_eq!(text(&harness.latest_invoice(&ends).await["billing_reason"]), "subscription_create");
    assert_eq!(harness.subscription(&stays).await["status"], "active");
    assert_eq!(text(&harness.latest_invoice(&stays).await["billing_reason"]), "subscription_cycle");
    assert_eq!(harness.post(&format!("subscriptions/{ends}"), &[("cancel_at_period_end", "false")]).await.status, 404);
}
