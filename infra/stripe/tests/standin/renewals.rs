//! What the clock brings: renewals, payments tried again, trials and ends.

use crate::play::{DAY, PAYS, Play, REFUSED_LATER, at, text};
use serde_json::Value;

async fn period(play: &Play, subscription: &str) -> (Value, Value) {
    let item = &play.subscription(subscription).await["items"]["data"][0];
    (item["current_period_start"].clone(), item["current_period_end"].clone())
}

#[tokio::test]
async fn a_month_begins_on_its_day_or_on_the_last_of_a_shorter_month() {
    let play = Play::at("2026-01-31T12:00:00Z");
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let days = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"];
    let days = days.map(|day| at(&format!("{day}T12:00:00Z")));
    for (number, days) in days.windows(2).enumerate() {
        assert_eq!(period(&play, &subscription).await, (days[0].into(), days[1].into()));
        let invoices = async || play.get(&format!("invoices?subscription={subscription}")).await.ids().len();
        play.pass(days[1] - 1 - play.now());
        assert_eq!(invoices().await, number + 1);
        play.pass(1);
        assert_eq!(invoices().await, number + 2);
    }
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_on_days_3_5_10_and_14_and_then_it_ends() {
    let play = Play::at("2026-01-10T08:00:00Z");
    let (_, subscription) = play.subscriber(REFUSED_LATER, "").await;
    play.pass_to("2026-02-10T08:00:00Z");
    let due = play.now();
    for (count, day) in [(1, 3), (2, 5), (3, 10), (4, 14)] {
        play.pass(due + day * DAY - 1 - play.now());
        let invoice = play.latest_invoice(&subscription).await;
        assert_eq!((invoice["attempt_count"].as_i64(), invoice["status"].as_str()), (Some(count), Some("open")));
        assert_eq!(invoice["next_payment_attempt"], due + day * DAY);
        assert_eq!(play.subscription(&subscription).await["status"], "past_due");
        play.pass(1);
    }
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((&invoice["attempt_count"], &invoice["next_payment_attempt"]), (&5.into(), &Value::Null));
    let ended = play.subscription(&subscription).await;
    assert_eq!((ended["status"].as_str(), ended["ended_at"].as_i64()), (Some("canceled"), Some(due + 14 * DAY)));
    assert_eq!(ended["cancellation_details"]["reason"], "payment_failed");
    let failures = play.told().iter().filter(|told| *told == "invoice.payment_failed").count();
    assert_eq!(failures, 5);
    play.pass(90 * DAY);
    assert_eq!(play.told().last().map(String::as_str), Some("customer.subscription.deleted"));
}

#[tokio::test]
async fn what_fell_due_while_nobody_looked_is_made_up_for_as_if_somebody_had() {
    let [slow, fast] = [(); 2].map(|()| Play::at("2026-01-10T08:00:00Z"));
    let mut ends = Vec::new();
    for (play, steps) in [(&slow, 100), (&fast, 1)] {
        let (_, subscription) = play.subscriber(REFUSED_LATER, "").await;
        let (_, other) = play.subscriber(PAYS, "7").await;
        for _ in 0..steps {
            play.pass(100 * DAY / steps);
        }
        let (start, end) = period(play, &other).await;
        ends.push((play.told(), play.subscription(&subscription).await["ended_at"].clone(), start, end));
    }
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn a_trial_costs_nothing_is_told_of_three_days_before_its_end_and_then_paid_for() {
    let play = Play::at("2026-01-10T08:00:00Z");
    let (_, subscription) = play.subscriber(PAYS, "14").await;
    let end = play.now() + 14 * DAY;
    assert_eq!(play.subscription(&subscription).await["status"], "trialing");
    assert_eq!(play.latest_invoice(&subscription).await["amount_due"], 0);
    let is_told = || play.told().iter().any(|told| told == "customer.subscription.trial_will_end");
    play.pass(11 * DAY - 1);
    assert!(!is_told());
    play.pass(1);
    assert!(is_told());
    play.pass(3 * DAY);
    let active = play.subscription(&subscription).await;
    assert_eq!((active["status"].as_str(), active["trial_end"].as_i64()), (Some("active"), Some(end)));
    assert_eq!(period(&play, &subscription).await, (end.into(), at("2026-02-24T08:00:00Z").into()));
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 1900);
}

#[tokio::test]
async fn a_subscription_that_is_to_end_with_its_period_does_unless_that_is_taken_back() {
    let play = Play::at("2026-01-10T08:00:00Z");
    let (_, ends) = play.subscriber(PAYS, "").await;
    let (_, stays) = play.subscriber(PAYS, "").await;
    let end = at("2026-02-10T08:00:00Z");
    for subscription in [&ends, &stays] {
        let form = [("cancel_at_period_end", "true")];
        let told = play.post(&format!("subscriptions/{subscription}"), &form).await.body;
        assert_eq!((told["cancel_at"].as_i64(), told["status"].as_str()), (Some(end), Some("active")));
    }
    let back = play.post(&format!("subscriptions/{stays}"), &[("cancel_at_period_end", "false")]).await.body;
    assert_eq!((&back["cancel_at"], &back["canceled_at"]), (&Value::Null, &Value::Null));
    play.pass_to("2026-02-10T08:00:00Z");
    let ended = play.subscription(&ends).await;
    assert_eq!((ended["status"].as_str(), ended["ended_at"].as_i64()), (Some("canceled"), Some(end)));
    assert_eq!(text(&play.latest_invoice(&ends).await["billing_reason"]), "subscription_create");
    assert_eq!(play.subscription(&stays).await["status"], "active");
    assert_eq!(text(&play.latest_invoice(&stays).await["billing_reason"]), "subscription_cycle");
    assert_eq!(play.post(&format!("subscriptions/{ends}"), &[("cancel_at_period_end", "false")]).await.status, 404);
}
