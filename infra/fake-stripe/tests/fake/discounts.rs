//! Coupons, discounts and tax rates.

use crate::changes::lines;
use crate::harness::{Harness, PAYS, text};
use serde_json::json;
use tollgate_fake_stripe::NewDiscount;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_discount_names_its_coupon_under_source_and_takes_its_part_off() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let given = NewDiscount { percent_off: Some(25.0), months: Some(2), ..NewDiscount::default() };
    let changed = harness.stripe.give_discount(&subscription, given).unwrap();
    let id = text(&changed["discounts"][0]);
    assert!(id.starts_with("di_"), "{id}");
    let path = format!("subscriptions/{subscription}?expand[]=discounts&expand[]=discounts.source.coupon");
    let discount = harness.get(&path).await.body["discounts"][0].clone();
    assert_eq!((&discount["source"]["type"], &discount["id"]), (&json!("coupon"), &json!(id)));
    let coupon = text(&discount["source"]["coupon"]["id"]);
    assert_eq!(harness.get(&format!("coupons/{coupon}")).await.body["percent_off"], 25.0);
    harness.stripe.renew(&subscription, tollgate_fake_stripe::Outcome::Paid).unwrap();
    let invoice = harness.latest_invoice(&subscription).await;
    let amounts = json!([{"amount": 475, "discount": id}]);
    assert_eq!((&invoice["subtotal"], &invoice["total"]), (&json!(1900), &json!(1425)));
    assert_eq!((&invoice["amount_paid"], &invoice["total_discount_amounts"]), (&json!(1425), &amounts));
    assert_eq!(invoice["lines"]["data"][0]["discount_amounts"], amounts);
    // After two months it has ended.
    harness.pass_to("2026-05-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 1900);
    assert_eq!(harness.subscription(&subscription).await["discounts"], json!([]));
    assert!(harness.event_types().iter().any(|event_types| event_types == "customer.discount.deleted"));
}

#[tokio::test]
async fn discounts_of_item_and_subscription_add_up_and_an_amount_is_shared_out() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let add_on = harness.price("Add-on", "500", "month").await;
    harness.stripe.change_items(&subscription, Some(&add_on), Some(2)).unwrap();
    let half = NewDiscount { percent_off: Some(50.0), on_item: true, ..NewDiscount::default() };
    let changed = harness.stripe.give_discount(&subscription, half).unwrap();
    assert_eq!(changed["items"]["data"][0]["discounts"].as_array().unwrap().len(), 1);
    let off = NewDiscount { amount_off: Some(240), ..NewDiscount::default() };
    harness.stripe.give_discount(&subscription, off).unwrap();
    harness.pass_to("2026-04-01T00:00:00Z");
    let invoice = harness.latest_invoice(&subscription).await;
    let cuts = |line: usize| {
        let amounts = invoice["lines"]["data"][line]["discount_amounts"].as_array().unwrap();
        amounts.iter().map(|cut| cut["amount"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    // 500 of the remaining 2400, then 1900.
    assert_eq!((cuts(0), cuts(1)), (vec![500, 50], vec![190]));
    // The add-on started with the period: its proration is a whole one.
    assert_eq!((&invoice["subtotal"], &invoice["total"]), (&json!(3900), &json!(3160)));
}

#[tokio::test]
async fn a_proration_is_net_of_discounts() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let half = NewDiscount { percent_off: Some(50.0), ..NewDiscount::default() };
    harness.stripe.give_discount(&subscription, half).unwrap();
    harness.pass_to("2026-03-16T12:00:00Z");
    harness.change(&subscription, &team, &[("proration_behavior", "always_invoice")]).await;
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!(lines(&invoice).iter().map(|line| line.1).collect::<Vec<_>>(), [-475, 1225]);
    assert_eq!((&invoice["total"], &invoice["total_discount_amounts"]), (&json!(750), &json!([])));
}

#[tokio::test]
async fn a_coupon_with_duration_once_expires_after_one_invoice() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let coupon =
        harness.post("coupons", &[("amount_off", "400"), ("currency", "usd"), ("duration", "once")]).await.id();
    let path = format!("subscriptions/{subscription}");
    let given = harness.post(&path, &[("discounts[0][coupon]", &coupon)]).await;
    assert_eq!(given.body["discounts"].as_array().unwrap().len(), 1);
    harness.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 1500);
    harness.pass_to("2026-05-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 1900);
    for form in [
        &[("percent_off", "101")][..],
        &[("amount_off", "100")],
        &[("percent_off", "10"), ("duration", "repeating")],
        &[("duration", "forever")],
    ] {
        assert_eq!(harness.post("coupons", form).await.status, 400, "{form:?}");
    }
    let euro = harness.post("coupons", &[("amount_off", "400"), ("currency", "eur")]).await.id();
    for coupon in [euro.as_str(), "co_none"] {
        assert_eq!(harness.post(&path, &[("discounts[0][coupon]", coupon)]).await.status, 400);
    }
}

#[tokio::test]
async fn an_empty_list_of_discounts_removes_them() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let half = NewDiscount { percent_off: Some(50.0), ..NewDiscount::default() };
    let id = harness.stripe.give_discount(&subscription, half).unwrap()["discounts"][0].clone();
    let path = format!("subscriptions/{subscription}");
    let stored = harness.post(&path, &[("discounts[0][discount]", &text(&id))]).await;
    assert_eq!(stored.body["discounts"], json!([id]));
    assert_eq!(harness.post(&path, &[("discounts", "")]).await.body["discounts"], json!([]));
}

#[tokio::test]
async fn a_tax_rate_is_added_to_prices_or_included_in_them() {
    for (is_inclusive, total, tax, behavior) in [(false, 2280, 380, "exclusive"), (true, 1900, 317, "inclusive")] {
        let harness = Harness::at(MOMENT);
        let (_, subscription) = harness.subscriber(PAYS, "").await;
        let changed = harness.stripe.give_tax_rate(&subscription, 20.0, is_inclusive).unwrap();
        assert_eq!(changed["default_tax_rates"][0]["percentage"], 20.0);
        harness.pass_to("2026-04-01T00:00:00Z");
        let invoice = harness.latest_invoice(&subscription).await;
        let taxed = &invoice["total_taxes"][0];
        assert_eq!((&invoice["subtotal"], &invoice["amount_paid"]), (&json!(1900), &json!(total)));
        assert_eq!((&taxed["amount"], &taxed["tax_behavior"]), (&json!(tax), &json!(behavior)));
        assert_eq!(invoice["total_excluding_tax"], total - tax);
    }
}

#[tokio::test]
async fn a_tax_rate_is_created_applied_and_removed_by_calls() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let rate =
        harness.post("tax_rates", &[("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")]).await;
    let path = format!("subscriptions/{subscription}");
    let taxed = harness.post(&path, &[("default_tax_rates[0]", &rate.id())]).await;
    assert_eq!(taxed.body["default_tax_rates"], json!([rate.body]));
    assert_eq!(harness.post(&path, &[("default_tax_rates", "")]).await.body["default_tax_rates"], json!([]));
    assert_eq!(harness.post(&path, &[("default_tax_rates[0]", "txr_none")]).await.status, 400);
    assert_eq!(harness.post("tax_rates", &[("display_name", "VAT"), ("percentage", "much")]).await.status, 400);
}
