//! Previews: the cost of a change, and the next invoice.

use crate::changes::lines;
use crate::harness::{DAY, Harness, PAYS, REFUSED_LATER, at, text};
use serde_json::{Value, json};
use tollgate_fake_stripe::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";

/// All fields of a line except its ids.
fn comparable_lines(invoice: &Value) -> Vec<Value> {
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
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let monthly = harness.price("Team", "4900", "month").await;
    let yearly = harness.price("Team", "49000", "year").await;
    let basic = harness.price("Basic", "700", "month").await;
    for price in [monthly, basic, yearly] {
        harness.pass(7 * DAY + 4321);
        let date = harness.now().to_string();
        let (before, events) = (harness.get("invoices").await.ids(), harness.event_types().len());
        let details = [
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[proration_date]", date.as_str()),
        ];
        let preview = harness.preview(&subscription, &price, &details).await.body;
        assert!(text(&preview["id"]).starts_with("upcoming_in_"));
        assert_eq!(preview["parent"]["subscription_details"]["subscription_proration_date"], harness.now());
        assert_eq!((harness.get("invoices").await.ids(), harness.event_types().len()), (before, events));
        assert_ne!(harness.price_of(&subscription).await, price);
        harness.pass(50);
        harness
            .change(&subscription, &price, &[("proration_behavior", "always_invoice"), ("proration_date", &date)])
            .await;
        let made = harness.latest_invoice(&subscription).await;
        assert_eq!(comparable_lines(&preview), comparable_lines(&made));
        for name in ["total", "subtotal", "amount_due", "starting_balance", "ending_balance", "currency", "customer"] {
            assert_eq!(preview[name], made[name], "{name}");
        }
    }
    assert_eq!(harness.get(&format!("customers/{customer}")).await.body["balance"], 0);
}

#[tokio::test]
async fn a_change_that_costs_nothing_now_previews_the_next_invoice() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let details = [("subscription_details[proration_behavior]", "none")];
    let preview = harness.preview(&subscription, &team, &details).await.body;
    assert_eq!(lines(&preview), [("1 × Team".to_owned(), 4900, false)]);
    let (start, end) = (at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z"));
    assert_eq!(preview["lines"]["data"][0]["period"], json!({"start": start, "end": end}));
    let form = [("customer", customer.as_str()), ("subscription", &subscription)];
    let next = harness.post("invoices/create_preview", &form).await.body;
    assert_eq!((lines(&next), &next["amount_due"]), (vec![("1 × Pro".to_owned(), 1900, false)], &json!(1900)));
    harness.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "true")]).await;
    let none = harness.post("invoices/create_preview", &form).await;
    assert_eq!((none.status, none.code()), (404, "invoice_upcoming_none"));
    harness.post(&format!("subscriptions/{subscription}"), &[("cancel_at_period_end", "false")]).await;
    harness.stripe.cancel(&subscription).unwrap();
    assert_eq!(harness.post("invoices/create_preview", &form).await.code(), "invoice_upcoming_none");
}

#[tokio::test]
async fn a_preview_in_a_trial_has_nothing_to_pay() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "14").await;
    let team = harness.price("Team", "4900", "month").await;
    let details = [("subscription_details[proration_behavior]", "always_invoice")];
    let preview = harness.preview(&subscription, &team, &details).await.body;
    assert_eq!((&preview["total"], &preview["amount_due"]), (&json!(0), &json!(0)));
    assert_eq!(lines(&preview), [("Trial period for Team".to_owned(), 0, false)]);
}

#[tokio::test]
async fn a_period_that_starts_later_accepts_dates_before_it() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let status = async |date: i64| {
        let date = date.to_string();
        let details = [
            ("subscription_details[proration_behavior]", "always_invoice"),
            ("subscription_details[proration_date]", date.as_str()),
        ];
        harness.preview(&subscription, &team, &details).await.status
    };
    let before = harness.now() - 1;
    assert_eq!(status(before).await, 400, "before the subscription began");
    harness.pass(DAY);
    harness.stripe.renew(&subscription, Outcome::Paid).unwrap();
    // The caller read the clock some seconds earlier.
    assert_eq!(status(harness.now() - 5).await, 200);
    assert_eq!(status(harness.now() + 70 * DAY).await, 400, "after the period");
}

#[tokio::test]
async fn a_preview_is_refused_where_the_change_would_be() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(REFUSED_LATER, "").await;
    let (other, _) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let always = ("subscription_details[proration_behavior]", "always_invoice");
    for more in [
        &[always, ("subscription_details[proration_date]", "1")][..],
        &[("subscription_details[proration_behavior]", "sometimes")],
        &[always, ("subscription_details[items][0][id]", "si_none")],
        &[always, ("proration_behavior", "always_invoice")],
    ] {
        assert_eq!(harness.preview(&subscription, &team, more).await.status, 400, "{more:?}");
    }
    for (customer, subscription) in [(&other, subscription.as_str()), (&customer, "sub_none")] {
        let form = [("customer", customer.as_str()), ("subscription", subscription)];
        assert_eq!(harness.post("invoices/create_preview", &form).await.status, 400);
    }
}
