//! Checkouts: paid, declined and abandoned; refunds.

use crate::harness::{ASKS_LATER, DAY, DECLINED, Harness, PAYS, REFUSED_LATER, text};
use http::StatusCode;
use tollgate_fake_stripe::ControlError;

const MOMENT: &str = "2026-01-10T08:00:00Z";

#[tokio::test]
async fn a_declined_card_gets_402_and_the_checkout_stays_open() {
    let harness = Harness::at(MOMENT);
    let (_, session) = harness.checkout(&[]).await;
    let page = format!("checkout/{session}");
    let event_types = harness.event_types();
    for card in [DECLINED, "4242", "no card", ""] {
        assert_eq!(harness.pay(&page, card).await, StatusCode::PAYMENT_REQUIRED, "{card}");
    }
    let open = harness.get(&format!("checkout/sessions/{session}")).await.body;
    assert_eq!((open["status"].as_str(), open["subscription"].as_str()), (Some("open"), None));
    assert_eq!(harness.event_types(), event_types);
    assert_eq!(harness.pay(&page, PAYS).await, StatusCode::SEE_OTHER);
    assert_eq!(harness.pay(&page, PAYS).await, StatusCode::CONFLICT);
    assert_eq!(harness.get("subscriptions").await.ids().len(), 1);
}

#[tokio::test]
async fn a_paid_checkout_sends_events_for_subscription_invoice_and_session() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    assert_eq!(
        harness.event_types(),
        [
            "price.created",
            "product.created",
            "customer.created",
            "customer.subscription.created",
            "invoice.created",
            "invoice.finalized",
            "payment_intent.succeeded",
            "charge.succeeded",
            "invoice.paid",
            "invoice.payment_succeeded",
            "checkout.session.completed",
        ]
    );
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!((text(&invoice["customer"]), &invoice["amount_paid"]), (customer, &1900.into()));
    let payments = harness.get(&format!("invoice_payments?invoice={}", text(&invoice["id"]))).await;
    assert_eq!(payments.body["data"][0]["amount_paid"], 1900);
}

#[tokio::test]
async fn an_unpaid_checkout_expires_after_a_day() {
    let harness = Harness::at(MOMENT);
    let (_, session) = harness.checkout(&[]).await;
    let path = format!("checkout/sessions/{session}");
    harness.pass(DAY - 1);
    assert_eq!(harness.get(&path).await.body["status"], "open");
    harness.pass(1);
    assert_eq!(harness.get(&path).await.body["status"], "expired");
    assert_eq!(harness.pay(&format!("checkout/{session}"), PAYS).await, StatusCode::CONFLICT);
    assert_eq!(harness.post(&format!("{path}/expire"), &[]).await.status, 400);
    assert_eq!(harness.event_types().last().map(String::as_str), Some("checkout.session.expired"));
}

#[tokio::test]
async fn a_refund_is_never_larger_than_the_payment() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(PAYS, "").await;
    let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
    let payments = harness.get(&format!("invoice_payments?invoice={invoice}")).await;
    let intent = text(&payments.body["data"][0]["payment"]["payment_intent"]);
    let refund = async |amount: &str| harness.post("refunds", &[("payment_intent", &intent), ("amount", amount)]).await;
    assert_eq!(refund("900").await.body["amount"], 900);
    assert_eq!(refund("1001").await.code(), "amount_too_large");
    assert_eq!(harness.stripe.refund(&invoice, None).unwrap()["amount"], 1000);
    assert_eq!(refund("1").await.code(), "charge_already_refunded");
    assert!(matches!(harness.stripe.refund(&invoice, None), Err(ControlError::Refused(_))));
    let charge = harness.get("charges").await.body["data"][0].clone();
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&true.into(), &1900.into()));
}

#[tokio::test]
async fn paying_an_open_invoice_on_its_page_reactivates_the_subscription() {
    for (card, events) in [
        (REFUSED_LATER, &["invoice.payment_failed"][..]),
        (ASKS_LATER, &["invoice.payment_failed", "invoice.payment_action_required"]),
    ] {
        let harness = Harness::at(MOMENT);
        let (_, subscription) = harness.subscriber(card, "").await;
        harness.pass(31 * DAY);
        assert_eq!(harness.subscription(&subscription).await["status"], "past_due");
        for event in events {
            assert!(harness.event_types().iter().any(|event_types| event_types == event), "{event}");
        }
        let invoice = text(&harness.latest_invoice(&subscription).await["id"]);
        assert_eq!(harness.pay(&format!("invoice/{invoice}"), DECLINED).await, StatusCode::PAYMENT_REQUIRED);
        assert_eq!(harness.pay(&format!("invoice/{invoice}"), PAYS).await, StatusCode::SEE_OTHER);
        assert_eq!(harness.subscription(&subscription).await["status"], "active");
        // The card stays: the next renewal is paid, and nothing is charged before.
        harness.pass(31 * DAY);
        assert_eq!(harness.latest_invoice(&subscription).await["attempt_count"], 1);
        assert_eq!(harness.subscription(&subscription).await["status"], "active");
    }
}
