//! Bank debits, and payments in parts.

use crate::play::{DAY, DEBIT, DEBIT_THAT_FAILS, PAYS, Play, text};
use serde_json::json;
use tollgate_stripe_standin::Outcome;

const MOMENT: &str = "2026-03-01T00:00:00Z";

#[tokio::test]
async fn a_first_debit_is_in_progress_for_a_day_and_then_paid() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(DEBIT, "").await;
    assert_eq!(play.subscription(&subscription).await["status"], "incomplete");
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((&invoice["status"], &invoice["attempted"]), (&json!("open"), &json!(true)));
    assert!(invoice["next_payment_attempt"].is_null());
    let charges = play.get(&format!("charges?customer={customer}&expand[]=data.payment_intent")).await.body;
    let charge = &charges["data"][0];
    assert_eq!((&charge["status"], &charge["paid"]), (&json!("pending"), &json!(false)));
    assert_eq!(charge["payment_method_details"]["type"], "us_bank_account");
    assert_eq!(charge["payment_intent"]["status"], "processing");
    assert_eq!(play.post("refunds", &[("charge", &text(&charge["id"]))]).await.status, 400);
    let session = play.get(&format!("checkout/sessions?customer={customer}")).await.body["data"][0].clone();
    assert_eq!((&session["status"], &session["payment_status"]), (&json!("complete"), &json!("unpaid")));
    let told = play.told().len();
    play.pass(DAY);
    assert_eq!(play.subscription(&subscription).await["status"], "active");
    assert_eq!(play.latest_invoice(&subscription).await["amount_paid"], 1900);
    assert_eq!(
        play.told()[told..],
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
    let play = Play::at(MOMENT);
    let (_, subscription) = play.subscriber(DEBIT_THAT_FAILS, "").await;
    play.pass(8 * DAY - 1);
    assert_eq!(play.subscription(&subscription).await["status"], "incomplete");
    let told = play.told().len();
    play.pass(1);
    assert_eq!(play.subscription(&subscription).await["status"], "incomplete_expired");
    assert_eq!(play.latest_invoice(&subscription).await["status"], "void");
    assert_eq!(
        play.told()[told..],
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
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(DEBIT_THAT_FAILS, "7").await;
    play.pass(7 * DAY);
    let told = play.told();
    assert!(told.ends_with(&["charge.pending".to_owned(), "payment_intent.processing".to_owned()]), "{told:?}");
    assert_eq!(play.subscription(&subscription).await["status"], "active");
    play.pass(8 * DAY);
    let invoice = play.latest_invoice(&subscription).await;
    assert_eq!((&invoice["status"], &invoice["next_payment_attempt"]), (&json!("open"), &json!(play.now() + 3 * DAY)));
    assert_eq!(play.subscription(&subscription).await["status"], "past_due");
    let charge = play.get(&format!("charges?customer={customer}")).await.body["data"][0].clone();
    assert_eq!((&charge["status"], &charge["failure_code"]), (&json!("failed"), &json!("insufficient_funds")));
    // The next attempt takes as long again; the dev console can decide it at once.
    play.pass(3 * DAY);
    assert_eq!(play.told().last().unwrap(), "payment_intent.processing");
    play.stripe.renew(&subscription, Outcome::Paid).unwrap();
    assert_eq!(play.subscription(&subscription).await["status"], "active");
}

#[tokio::test]
async fn a_debit_in_euro_is_sepas_and_is_not_given_back_after_180_days() {
    let play = Play::at(MOMENT);
    let customer = play.stripe.create_customer("ann@example.com")["id"].as_str().unwrap().to_owned();
    let product = play.post("products", &[("name", "Pro")]).await.id();
    let form =
        [("product", product.as_str()), ("currency", "eur"), ("unit_amount", "900"), ("recurring[interval]", "year")];
    let price = play.post("prices", &form).await.id();
    play.stripe.subscribe(&customer, &price, DEBIT).unwrap();
    play.pass(DAY);
    let charge = play.get(&format!("charges?customer={customer}")).await.body["data"][0].clone();
    assert_eq!(charge["payment_method_details"]["type"], "sepa_debit");
    play.pass(179 * DAY);
    let id = text(&charge["id"]);
    assert_eq!(play.post("refunds", &[("charge", id.as_str()), ("amount", "100")]).await.status, 200);
    play.pass(1);
    assert_eq!(play.post("refunds", &[("charge", &id)]).await.status, 400);
}

#[tokio::test]
async fn an_invoice_is_paid_in_two_parts_by_two_charges() {
    let play = Play::at(MOMENT);
    let (customer, subscription) = play.subscriber(PAYS, "").await;
    play.stripe.renew(&subscription, Outcome::Failed).unwrap();
    let id = text(&play.latest_invoice(&subscription).await["id"]);
    for wrong in [0, 1901] {
        assert!(play.stripe.pay_part(&id, wrong).is_err());
    }
    let part = play.stripe.pay_part(&id, 500).unwrap();
    assert_eq!((&part["amount_paid"], &part["amount_remaining"]), (&json!(500), &json!(1400)));
    assert_eq!(part["status"], "open");
    play.post(&format!("invoices/{id}/pay"), &[]).await;
    let paid = play.latest_invoice(&subscription).await;
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(1900)));
    let payments = play.get(&format!("invoice_payments?invoice={id}&status=paid")).await.body;
    let amounts: Vec<_> = payments["data"].as_array().unwrap().iter().map(|it| it["amount_paid"].clone()).collect();
    assert_eq!(amounts, [500, 1400]);
    assert_eq!(play.get(&format!("charges?customer={customer}")).await.ids().len(), 3);
    for _ in 0..2 {
        play.stripe.refund(&id, None).unwrap();
    }
    assert!(play.stripe.refund(&id, None).is_err());
}

#[tokio::test]
async fn each_card_has_a_fingerprint_of_its_own() {
    let play = Play::at(MOMENT);
    let mut fingerprints = Vec::new();
    for card in [PAYS, PAYS, "4000056655665556"] {
        let (_, subscription) = play.subscriber(card, "").await;
        let path = format!("subscriptions/{subscription}?expand[]=default_payment_method");
        let method = play.get(&path).await.body["default_payment_method"].clone();
        assert_eq!((&method["type"], &method["card"]["last4"]), (&json!("card"), &json!(card[card.len() - 4..])));
        fingerprints.push(text(&method["card"]["fingerprint"]));
    }
    assert!(fingerprints[0] == fingerprints[1] && fingerprints[0] != fingerprints[2], "{fingerprints:?}");
}
