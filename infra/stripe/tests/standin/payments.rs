//! Checkouts paid, refused and left; money given back.

use crate::play::{ASKS_LATER, DAY, DECLINED, PAYS, Play, REFUSED_LATER, text};
use http::StatusCode;
use tollgate_stripe_standin::DeskError;

const MOMENT: &str = "2026-01-10T08:00:00Z";

#[tokio::test]
async fn a_declined_card_is_told_with_402_and_leaves_the_checkout_open() {
    let play = Play::at(MOMENT);
    let (_, session) = play.checkout(&[]).await;
    let page = format!("checkout/{session}");
    let told = play.told();
    for card in [DECLINED, "4242", "no card", ""] {
        assert_eq!(play.pay(&page, card).await, StatusCode::PAYMENT_REQUIRED, "{card}");
    }
    let open = play.get(&format!("checkout/sessions/{session}")).await.body;
    assert_eq!((open["status"].as_str(), open["subscription"].as_str()), (Some("open"), None));
    assert_eq!(play.told(), told);
    assert_eq!(play.pay(&page, PAYS).await, StatusCode::SEE_OTHER);
    assert_eq!(play.pay(&page, PAYS).await, StatusCode::CONFLICT);
    assert_eq!(play.get("subscriptions").await.ids().len(), 1);
}

#[tokio::test]
async fn a_checkout_that_is_paid_tells_the_subscription_its_invoice_and_itself() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    assert_eq!(
        play.told(),
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
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((text(&invoice["customer"]), &invoice["amount_paid"]), (customer, &1900.into()));
    let payments = play.get(&format!("invoice_payments?invoice={}", text(&invoice["id"]))).await;
    assert_eq!(payments.body["data"][0]["amount_paid"], 1900);
}

#[tokio::test]
async fn a_checkout_that_nobody_pays_closes_after_a_day_and_not_before() {
    let play = Play::at(MOMENT);
    let (_, session) = play.checkout(&[]).await;
    let path = format!("checkout/sessions/{session}");
    play.pass(DAY - 1);
    assert_eq!(play.get(&path).await.body["status"], "open");
    play.pass(1);
    assert_eq!(play.get(&path).await.body["status"], "expired");
    assert_eq!(play.pay(&format!("checkout/{session}"), PAYS).await, StatusCode::CONFLICT);
    assert_eq!(play.post(&format!("{path}/expire"), &[]).await.status, 400);
    assert_eq!(play.told().last().map(String::as_str), Some("checkout.session.expired"));
}

#[tokio::test]
async fn no_more_is_given_back_than_was_paid() {
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(PAYS, "").await;
    let invoice = text(&play.latest_invoice(&subscription).await["id"]);
    let payments = play.get(&format!("invoice_payments?invoice={invoice}")).await;
    let intent = text(&payments.body["data"][0]["payment"]["payment_intent"]);
    let refund = async |amount: &str| play.post("refunds", &[("payment_intent", &intent), ("amount", amount)]).await;
    assert_eq!(refund("900").await.body["amount"], 900);
    assert_eq!(refund("1001").await.code(), "amount_too_large");
    assert_eq!(play.stripe.refund(&invoice, None).unwrap()["amount"], 1000);
    assert_eq!(refund("1").await.code(), "charge_already_refunded");
    assert!(matches!(play.stripe.refund(&invoice, None), Err(DeskError::Refused(_))));
    let charge = play.get("charges").await.body["data"][0].clone();
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&true.into(), &1900.into()));
}

#[tokio::test]
async fn an_open_invoice_is_paid_on_its_page_and_the_subscription_is_active_again() {
    for (card, events) in [
        (REFUSED_LATER, &["invoice.payment_failed"][..]),
        (ASKS_LATER, &["invoice.payment_failed", "invoice.payment_action_required"]),
    ] {
        let play = Play::at(MOMENT);
        let (_, subscription) = play.subscriber(card, "").await;
        play.pass(31 * DAY);
        assert_eq!(play.subscription(&subscription).await["status"], "past_due");
        for event in events {
            assert!(play.told().iter().any(|told| told == event), "{event}");
        }
        let invoice = text(&play.latest_invoice(&subscription).await["id"]);
        assert_eq!(play.pay(&format!("invoice/{invoice}"), DECLINED).await, StatusCode::PAYMENT_REQUIRED);
        assert_eq!(play.pay(&format!("invoice/{invoice}"), PAYS).await, StatusCode::SEE_OTHER);
        assert_eq!(play.subscription(&subscription).await["status"], "active");
        // The card stays: the next renewal is paid, and nothing is asked for in between.
        play.pass(31 * DAY);
        assert_eq!(play.latest_invoice(&subscription).await["attempt_count"], 1);
        assert_eq!(play.subscription(&subscription).await["status"], "active");
    }
}
