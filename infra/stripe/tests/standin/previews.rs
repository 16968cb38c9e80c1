//! What a change would cost, and what comes next.

use crate::changes::lines;
use crate::play::{DAY, PAYS, Play, REFUSED_LATER, at, text};
use serde_json::{Value, json};
use tollgate_stripe_standin::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";

/// All of a line but its own ids.
fn told(invoice: &Value) -> Vec<Value> {
    let mut lines = invoice["lines"]["data"].as_array().unwrap().clone();
    for line in &mut lines {
        for name in ["id", "invoice"] {
            line[name] = Value::Null;
        }
        line["parent"]["subscription_item_details"]["invoice_item"] = Value::Null;
    }
    lines
}

#[tokio::test]
async fn a_preview_is_the_invoice_that_the_change_makes_at_that_moment() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let monthly = play.price("Team", "4900", "month").await;
    let yearly = play.price("Team", "49000", "year").await;
    let basic = play.price("Basic", "700", "month").await;
    for price in [monthly, basic, yearly] {
        play.pass(7 * DAY + 4321);
        let date = play.now().to_string();
        let (before, events) = (play.get("invoices").await.ids(), play.told().len());
        let details = [
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[proration_date]", date.as_str()),
        ];
        let preview = play.preview(&subscription, &price, &details).await.body;
        assert!(text(&preview["id"]).starts_with("upcoming_in_"));
        assert_eq!(preview["parent"]["subscription_details"]["subscription_proration_date"], play.now());
        assert_eq!((play.get("invoices").await.ids(), play.told().len()), (before, events));
        assert_ne!(play.price_of(&subscription).await, price);
        play.pass(50);
        play.change(&subscription, &price, &[("proration_behavior", "always_invoice"), ("proration_date", &date)])
            .await;
        let made = play.latest_invoice(&subscription).await;
        assert_eq!(told(&preview), told(&made));
        for name in ["total", "subtotal", "amount_due", "starting_balance", "ending_balance", "currency", "customer"] {
            assert_eq!(preview[name], made[name], "{name}");
        }
    }
    assert_eq!(play.get(&format!("customers/{customer}")).await.body["balance"], 0);
}

#[tokio::test]
async fn what_costs_nothing_now_is_previewed_as_the_next_invoice() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let details = [("subscription_details[proration_behavior]", "none")];
    let preview = play.preview(&subscription, &team, &details).await.body;
    assert_eq!(lines(&preview), [("1 × Team".to_owned(), 4900, false)]);
    let (start, end) = (at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z"));
    assert_eq!(preview["lines"]["data"][0]["period"], json!({"start": start, "end": end}));
    let form = [("customer", customer.as_str()), ("subscription", &subscription)];
    let next = play.post("invoices/create_preview", &form).await.body;
    assert_eq!((lines(&next), &next["amount_due"]), (vec![("1 × Pro".to_owned(), 1900, false)], &json!(1900)));
    play.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "true")]).await;
    let none = play.post("invoices/create_preview", &form).await;
    assert_eq!((none.status, none.code()), (404, "invoice_upcoming_none"));
    play.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "false")]).await;
    play.stripe.cancel(&subscription).unwrap();
    assert_eq!(play.post("invoices/create_preview", &form).await.code(), "invoice_upcoming_none");
}

#[tokio::test]
async fn a_preview_in_a_trial_asks_for_nothing() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "14").await;
    let team = play.price("Team", "4900", "month").await;
    let details = [("subscription_details[proration_behavior]", "always_invoice")];
    let preview = play.preview(&subscription, &team, &details).await.body;
    assert_eq!((&preview["total"], &preview["amount_due"]), (&json!(0), &json!(0)));
    assert_eq!(lines(&preview), [("Trial period for Team".to_owned(), 0, false)]);
}

#[tokio::test]
async fn a_period_that_begins_ahead_takes_dates_from_before_it() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let status = async |date: i64| {
        let date = date.to_string();
        let details = [
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[proration_date]", date.as_str()),
        ];
        play.preview(&subscription, &team, &details).await.status
    };
    let before = play.now() - 1;
    assert_eq!(status(before).await, 400, "before the subscription began");
    play.pass(DAY);
    play.stripe.renew(&subscription, Outcome::Paid).unwrap();
    // Whoever asks has looked at the clock some seconds before.
    assert_eq!(status(play.now() - 5).await, 200);
    assert_eq!(status(play.now() + 70 * DAY).await, 400, "after the period");
}

#[tokio::test]
async fn a_preview_is_refused_where_the_change_would_be() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(REFUSED_LATER, "").await;
    let (other, _) = play.subscriber(PAYS, "").await;
    let team = play.price("Team", "4900", "month").await;
    let always = ("subscription_details[proration_behavior]", "always_invoice");
    for more in [
        &[always, ("subscription_details[proration_date]", "1")][..],
        &[("subscription_details[proration_behavior]", "sometimes")],
        &[always, ("subscription_details[items][0][id]", "si_none")],
        &[always, ("proration_behavior", "always_invoice")],
    ] {
        assert_eq!(play.preview(&subscription, &team, more).await.status, 400, "{more:?}");
    }
    for (customer, subscription) in [(&other, subscription.as_str()), (&customer, "sub_none")] {
        let form = [("customer", customer.as_str()), ("subscription", subscription)];
        assert_eq!(play.post("invoices/create_preview", &form).await.status, 400);
    }
}
