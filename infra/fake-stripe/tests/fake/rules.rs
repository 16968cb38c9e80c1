//! Stripe's checks: currencies, amounts, addresses, the depth of an expansion.

use crate::harness::{Harness, PAYS};
use serde_json::json;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_price_needs_a_currency_and_an_amount_that_stripe_accepts() {
    let harness = Harness::at(MOMENT);
    let product = harness.post("products", &[("name", "Pro")]).await.id();
    for (currency, cents, status) in [
        ("usd", "0", 200),
        ("usd", "1", 200),
        ("USD", "99999999", 200),
        ("usd", "100000000", 400),
        ("usd", "-1", 400),
        ("kwd", "19000", 200),
        ("kwd", "19001", 400),
        ("omr", "19005", 400),
        ("isk", "1900", 200),
        ("isk", "1950", 400),
        ("ugx", "150", 400),
        ("jpy", "1951", 200),
        ("hrk", "1900", 400),
        ("dollars", "1900", 400),
        ("", "1900", 400),
    ] {
        let form = [("product", product.as_str()), ("currency", currency), ("unit_amount", cents)];
        let answer = harness.post("prices", &form).await;
        assert_eq!(answer.status, status, "{currency} {cents}");
        let data = [
            ("name", "Pro"),
            ("default_price_data[currency]", currency),
            ("default_price_data[unit_amount]", cents),
            ("default_price_data[recurring][interval]", "month"),
        ];
        let event_types = harness.event_types().len();
        assert_eq!(harness.post("products", &data).await.status, status, "{currency} {cents}");
        assert_eq!(status == 200, harness.event_types().len() > event_types, "{currency} {cents}");
    }
}

#[tokio::test]
async fn a_checkout_below_the_minimum_is_refused() {
    let harness = Harness::at(MOMENT);
    let customer = harness.post("customers", &[("email", "ann@example.com")]).await.id();
    for (cents, status) in [("0", 200), ("49", 400), ("50", 200)] {
        let price = harness.price("Small", cents, "month").await;
        let form = [
            ("mode", "subscription"),
            ("customer", customer.as_str()),
            ("line_items[0][price]", &price),
            ("success_url", "https://app.example"),
        ];
        let answer = harness.post("checkout/sessions", &form).await;
        assert_eq!(answer.status, status, "{cents}");
        assert!(status == 200 || answer.code() == "amount_too_small");
    }
}

#[tokio::test]
async fn a_customer_needs_an_address_that_stripe_accepts() {
    let harness = Harness::at(MOMENT);
    let customer = harness.post("customers", &[("name", "Ann")]).await.id();
    for (email, status) in [
        ("ann@example.com", 200),
        ("a.b+c@mail.my--shop.example", 200),
        ("", 200),
        ("ann", 400),
        ("ann@localhost", 400),
        ("@example.com", 400),
        ("ann@@example.com", 400),
        ("ann b@example.com", 400),
        ("jörg@example.com", 400),
        (".ann@example.com", 400),
        ("a..b@example.com", 400),
        ("ann@-x.example", 400),
        ("ann@example..com", 400),
    ] {
        for path in ["customers".to_owned(), format!("customers/{customer}")] {
            let answer = harness.post(&path, &[("email", email)]).await;
            assert_eq!(answer.status, status, "{path} {email}");
            assert!(status == 200 || answer.code() == "email_invalid");
        }
    }
}

#[tokio::test]
async fn an_expansion_is_four_levels_deep_at_most() {
    let harness = Harness::at(MOMENT);
    harness.subscriber(PAYS, "").await;
    for (path, status) in [
        ("invoices?expand[]=data.payments.data.payment", 200),
        ("invoices?expand[]=data.payments.data.payment.payment_intent", 400),
        ("subscriptions?expand[]=data.items.data.discounts", 200),
        ("subscriptions?expand[]=data.items.data.discounts.source.coupon", 400),
    ] {
        assert_eq!(harness.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_list_that_repeats_its_brackets_keeps_each_entry() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let found =
        harness.get(&format!("subscriptions/{subscription}?expand[]=customer&expand[]=latest_invoice")).await.body;
    assert!(found["customer"].is_object() && found["latest_invoice"].is_object());
}

#[tokio::test]
async fn an_invoice_below_the_minimum_is_charged_with_the_next_one() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    let dearer = harness.price("Pro", "1949", "month").await;
    harness.change(&subscription, &dearer, &[("proration_behavior", "always_invoice")]).await;
    let small = harness.latest_invoice(&subscription).await;
    assert_eq!((&small["total"], &small["amount_due"], &small["ending_balance"]), (&json!(49), &json!(0), &json!(49)));
    assert_eq!(small["status"], "paid");
    assert_eq!(harness.get(&format!("charges?customer={customer}")).await.ids().len(), 1);
    assert_eq!(harness.get(&format!("customers/{customer}")).await.body["balance"], 49);
    harness.pass_to("2026-04-01T00:00:00Z");
    let next = harness.latest_invoice(&subscription).await;
    assert_eq!(
        (&next["total"], &next["amount_paid"], &next["ending_balance"]),
        (&json!(1949), &json!(1998), &json!(0))
    );
}
