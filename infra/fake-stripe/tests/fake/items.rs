//! Several items and quantities.

use crate::changes::lines;
use crate::harness::{Harness, PAYS, at, text};
use serde_json::{Value, json};

const MOMENT: &str = "2026-03-01T00:00:00Z";
const INVOICED: (&str, &str) = ("proration_behavior", "always_invoice");

fn costs(invoice: &Value) -> Vec<i64> {
    lines(invoice).into_iter().map(|line| line.1).collect()
}

#[tokio::test]
async fn an_added_item_is_first_in_the_list_and_prorated_on_the_next_invoice() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let add_on = harness.price("Add-on", "500", "month").await;
    harness.pass_to("2026-03-16T12:00:00Z");
    let changed = harness.stripe.change_items(&subscription, Some(&add_on), Some(2)).unwrap();
    let items = changed["items"]["data"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["price"]["id"], &items[0]["quantity"]), (2, &json!(add_on), &json!(2)));
    assert_eq!(items[0]["current_period_end"], items[1]["current_period_end"]);
    // Nothing is charged yet.
    assert_eq!(harness.latest_invoice(&subscription).await["billing_reason"], "subscription_create");
    let upcoming = harness.post("invoices/create_preview", &[("subscription", &subscription)]).await.body;
    assert_eq!(costs(&upcoming), [1000, 1900, 500]);
    harness.pass_to("2026-04-01T00:00:00Z");
    let renewed = harness.latest_invoice(&subscription).await;
    assert_eq!(
        lines(&renewed),
        [
            ("2 × Add-on".to_owned(), 1000, false),
            ("1 × Pro".to_owned(), 1900, false),
            ("Remaining time on 2 × Add-on after 16 Mar 2026".to_owned(), 500, true),
        ]
    );
    assert_eq!((&renewed["amount_paid"], &renewed["lines"]["data"][0]["quantity"]), (&json!(3400), &json!(2)));
    harness.pass_to("2026-05-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 2900);
}

#[tokio::test]
async fn a_quantity_multiplies_the_price_in_each_amount() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let team = harness.price("Team", "4900", "month").await;
    let item = text(&harness.subscription(&subscription).await["items"]["data"][0]["id"]);
    let path = format!("subscriptions/{subscription}");
    harness.pass_to("2026-03-16T12:00:00Z");
    harness.post(&path, &[("items[0][id]", &item), ("items[0][quantity]", "3"), INVOICED]).await;
    assert_eq!(costs(&harness.latest_invoice(&subscription).await), [-950, 2850]);
    let details = [("subscription_details[proration_behavior]", "always_invoice")];
    let preview = harness.preview(&subscription, &team, &details).await.body;
    harness.change(&subscription, &team, &[INVOICED]).await;
    let charged = harness.latest_invoice(&subscription).await;
    assert_eq!((costs(&charged), &charged["total"]), (costs(&preview), &preview["total"]));
    assert_eq!(costs(&charged), [-2850, 7350]);
    harness.pass_to("2026-04-01T00:00:00Z");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 14700);
}

#[tokio::test]
async fn a_call_adds_and_removes_items_and_keeps_the_others() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let add_on = harness.price("Add-on", "500", "month").await;
    let yearly = harness.price("Yearly", "500", "year").await;
    let path = format!("subscriptions/{subscription}");
    let pro = text(&harness.subscription(&subscription).await["items"]["data"][0]["id"]);
    let added = harness.post(&path, &[("items[0][price]", add_on.as_str()), INVOICED]).await;
    let items = added.body["items"]["data"].as_array().unwrap().clone();
    assert_eq!((items.len(), &items[0]["id"], &items[1]["price"]["id"]), (2, &json!(pro), &json!(add_on)));
    assert_eq!(costs(&harness.latest_invoice(&subscription).await), [500]);
    let found = harness.get(&format!("subscriptions?price={add_on}")).await.ids();
    assert_eq!(found, [subscription.as_str()]);
    for form in [
        &[("items[0][price]", add_on.as_str())][..],
        &[("items[0][price]", &yearly)],
        &[("items[0][quantity]", "2")],
        &[("items[0][id]", &pro), ("items[0][deleted]", "true"), ("items[1][id]", &pro)],
    ] {
        assert_eq!(harness.post(&path, form).await.status, 400, "{form:?}");
    }
    let removed = harness.post(&path, &[("items[0][id]", &pro), ("items[0][deleted]", "true"), INVOICED]).await;
    assert_eq!(removed.body["items"]["data"].as_array().unwrap().len(), 1);
    assert_eq!(costs(&harness.latest_invoice(&subscription).await), [-1900]);
}

#[tokio::test]
async fn a_checkout_sells_several_items() {
    let harness = Harness::at(MOMENT);
    let seat = harness.price("Seat", "300", "month").await;
    let more = [("line_items[1][price]", seat.as_str()), ("line_items[1][quantity]", "4")];
    let (_, session) = harness.checkout(&more).await;
    assert_eq!(harness.get(&format!("checkout/sessions/{session}")).await.body["amount_total"], 3100);
    harness.pay(&format!("checkout/{session}"), PAYS).await;
    let session = harness.get(&format!("checkout/sessions/{session}")).await;
    let invoice = harness.latest_invoice(&text(&session.body["subscription"])).await;
    assert_eq!((costs(&invoice), &invoice["amount_paid"]), (vec![1900, 1200], &json!(3100)));
}

#[tokio::test]
async fn a_period_has_the_length_that_the_price_says() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let product = harness.post("products", &[("name", "Fortnight")]).await.id();
    let form = [
        ("product", product.as_str()),
        ("currency", "usd"),
        ("unit_amount", "700"),
        ("recurring[interval]", "week"),
        ("recurring[interval_count]", "2"),
    ];
    let price = harness.post("prices", &form).await;
    assert_eq!(price.body["recurring"]["interval_count"], 2);
    let changed = harness.change(&subscription, &price.id(), &[INVOICED]).await.body;
    assert_eq!(changed["items"]["data"][0]["plan"]["interval_count"], 2);
    let end = async || harness.subscription(&subscription).await["items"]["data"][0]["current_period_end"].clone();
    assert_eq!(end().await, at("2026-03-15T00:00:00Z"));
    harness.pass_to("2026-03-15T00:00:00Z");
    assert_eq!(end().await, at("2026-03-29T00:00:00Z"));
}
