//! Bank debits, and payments in parts.

use crate::harness::{DAY, DEBIT, DEBIT_THAT_FAILS, Harness, PAYS, text};
use serde_json::json;
use tollgate_fake_stripe::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_first_debit_is_in_progress_for_a_day_and_then_paid() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(DEBIT, "").await;
    assert_eq!(harness.subscription(&subscription).await["status"], "incomplete");
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!((&invoice["status"], &invoice["attempted"]), (&json!("open"), &json!(true)));
    assert!(invoice["next_payment_attempt"].is_null());
    let charges = harness.get(&format!("charges?customer={customer}&expand[]=data.payment_intent")).await.body;
    let charge = &charges["data"][0];
    assert_eq!((&charge["status"], &charge["paid"]), (&json!("pending"), &json!(false)));
    assert_eq!(charge["payment_method_details"]["type"], "us_bank_account");
    assert_eq!(charge["payment_intent"]["status"], "processing");
    assert_eq!(harness.post("refunds", &[("charge", &text(&charge["id"]))]).await.status, 400);
    let session = harness.get(&format!("checkout/sessions?customer={customer}")).await.body["data"][0].clone();
    assert_eq!((&session["status"], &session["payment_status"]), (&json!("complete"), &json!("unpaid")));
    let event_types = harness.event_types().len();
    harness.pass(DAY);
    assert_eq!(harness.subscription(&subscription).await["status"], "active");
    assert_eq!(harness.latest_invoice(&subscription).await["amount_paid"], 1900);
    assert_eq!(
        harness.event_types()[event_types..],
        [
            "payment_intent.succeeded",
            "charge.succeeded",
            "invoice.paid",
            "invoice.payment_succeeded",
            "checkout.session.async_payment_succeeded",
            "customer.subscription.updated",
        ]
    );
}

#[tokio::test]
async fn a_first_debit_that_fails_expires_the_subscription_after_eight_days() {
    let harness = Harness::at(MOMENT);
    let (_, subscription) = harness.subscriber(DEBIT_THAT_FAILS, "").await;
    harness.pass(8 * DAY - 1);
    assert_eq!(harness.subscription(&subscription).await["status"], "incomplete");
    let event_types = harness.event_types().len();
    harness.pass(1);
    assert_eq!(harness.subscription(&subscription).await["status"], "incomplete_expired");
    assert_eq!(harness.latest_invoice(&subscription).await["status"], "void");
    assert_eq!(
        harness.event_types()[event_types..],
        [
            "charge.failed",
            "payment_intent.payment_failed",
            "invoice.payment_failed",
            "customer.subscription.updated",
            "invoice.voided",
            "checkout.session.async_payment_failed",
        ]
    );
}

#[tokio::test]
async fn a_renewal_by_debit_is_active_until_it_fails() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(DEBIT_THAT_FAILS, "7").await;
    harness.pass(7 * DAY);
    let event_types = harness.event_types();
    assert!(
        event_types.ends_with(&["charge.pending".to_owned(), "payment_intent.processing".to_owned()]),
        "{event_types:?}"
    );
    assert_eq!(harness.subscription(&subscription).await["status"], "active");
    harness.pass(8 * DAY);
    let invoice = harness.latest_invoice(&subscription).await;
    assert_eq!(
        (&invoice["status"], &invoice["next_payment_attempt"]),
        (&json!("open"), &json!(harness.now() + 3 * DAY))
    );
    assert_eq!(harness.subscription(&subscription).await["status"], "past_due");
    let charge = harness.get(&format!("charges?customer={customer}")).await.body["data"][0].clone();
    assert_eq!((&charge["status"], &charge["failure_code"]), (&json!("failed"), &json!("insufficient_funds")));
    // The next attempt takes as long again; the dev console can decide it at once.
    harness.pass(3 * DAY);
    assert_eq!(harness.event_types().last().unwrap(), "payment_intent.processing");
    harness.stripe.renew(&subscription, Outcome::Paid).unwrap();
    assert_eq!(harness.subscription(&subscription).await["status"], "active");
}

#[tokio::test]
async fn a_debit_in_euro_is_a_sepa_debit_without_refunds_after_180_days() {
    let harness = Harness::at(MOMENT);
    let customer = harness.stripe.create_customer("ann@example.com")["id"].as_str().unwrap().to_owned();
    let product = harness.post("products", &[("name", "Pro")]).await.id();
    let form =
        [("product", product.as_str()), ("currency", "eur"), ("unit_amount", "900"), ("recurring[interval]", "year")];
    let price = harness.post("prices", &form).await.id();
    harness.stripe.subscribe(&customer, &price, DEBIT).unwrap();
    harness.pass(DAY);
    let charge = harness.get(&format!("charges?customer={customer}")).await.body["data"][0].clone();
    assert_eq!(charge["payment_method_details"]["type"], "sepa_debit");
    harness.pass(179 * DAY);
    let id = text(&charge["id"]);
    assert_eq!(harness.post("refunds", &[("charge", id.as_str()), ("amount", "100")]).await.status, 200);
    harness.pass(1);
    assert_eq!(harness.post("refunds", &[("charge", &id)]).await.status, 400);
}

#[tokio::test]
async fn an_invoice_is_paid_in_two_parts_by_two_charges() {
    let harness = Harness::at(MOMENT);
    let (customer, subscription) = harness.subscriber(PAYS, "").await;
    harness.stripe.renew(&subscription, Outcome::Failed).unwrap();
    let id = text(&harness.latest_invoice(&subscription).await["id"]);
    for wrong in [0, 1901] {
        assert!(harness.stripe.pay_part(&id, wrong).is_err());
    }
    let part = harness.stripe.pay_part(&id, 500).unwrap();
    assert_eq!((&part["amount_paid"], &part["amount_remaining"]), (&json!(500), &json!(1400)));
    assert_eq!(part["status"], "open");
    harness.post(&format!("invoices/{id}/pay"), &[]).await;
    let paid = harness.latest_invoice(&subscription).await;
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(1900)));
    let payments = harness.get(&format!("invoice_payments?invoice={id}&status=paid")).await.body;
    let amounts: Vec<_> = payments["data"].as_array().unwrap().iter().map(|it| it["amount_paid"].clone()).collect();
    assert_eq!(amounts, [500, 1400]);
    assert_eq!(harness.get(&format!("charges?customer={customer}")).await.ids().len(), 3);
    for _ in 0..2 {
        harness.stripe.refund(&id, None).unwrap();
    }
    assert!(harness.stripe.refund(&id, None).is_err());
}

#[tokio::test]
async fn each_card_has_a_fingerprint_of_its_own() {
    let harness = Harness::at(MOMENT);
    let mut fingerprints = Vec::new();
    for card in [PAYS, PAYS, "4000056655665556"] {
        let (_, subscription) = harness.subscriber(card, "").await;
        let path = format!("subscriptions/{subscription}?expand[]=default_payment_method");
        let method = harness.get(&path).await.body["default_payment_method"].clone();
        assert_eq!((&method["type"], &method["card"]["last4"]), (&json!("card"), &json!(card[card.len() - 4..])));
        fingerprints.push(text(&method["card"]["fingerprint"]));
    }
    assert!(fingerprints[0] == fingerprints[1] && fingerprints[0] != fingerprints[2], "{fingerprints:?}");
}
