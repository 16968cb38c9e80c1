//! A payment for a subscription that has ended.

use super::*;

/// Ann, whose first period is paid and second one is not, and whose subscription has ended: her address, and the open
/// invoice.
async fn ended_with_an_open_invoice(app: &TestApp) -> (String, String) {
    let (email, _) = app.subscriber("ann").await;
    renew(app, "failed").await;
    app.drain().await;
    let open = newest(app, "invoices").await;
    let subscription = newest(app, "subscriptions").await;
    app.advance(60);
    app.at_stripe(&format!("subscriptions/{subscription}/cancel"), json!({})).await.expect(200);
    app.drain().await;
    app.advance(60);
    (email, open)
}

async fn pay_page(app: &TestApp, invoice: &str) {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = format!("/_stripe/invoice/{invoice}");
    app.send(reqwest::Method::POST, &page, &form, Some("card=4242424242424242".to_owned())).await.expect(303);
    app.drain().await;
}

// A12, A21, A22
#[tokio::test]
async fn only_the_invoice_paid_after_the_end_is_refunded_with_a_mail() {
    let app = TestApp::start().await;
    let (email, open) = ended_with_an_open_invoice(&app).await;
    pay_page(&app, &open).await;
    let ann = app.sign_in(&email).await;
    assert_eq!(statuses(&app, &ann).await, ["refunded", "succeeded"], "the period that was used stays paid");
    let mail = app.mail(&email, "refunded").await;
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("19.00") && text.contains("after the subscription had ended"), "{text}");
    assert_eq!((mail_count(&app, &email, "refunded").await, mail_count(&app, &email, "renewed").await), (1, 0));
    let found = app.subscription(&ann).await;
    assert_eq!((&found["status"], &found["has_access"]), (&json!("canceled"), &json!(false)));
    assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0);
}

// A12, A21, A22
#[tokio::test]
async fn a_late_payment_without_an_event_is_refunded_by_reconciliation() {
    let app = TestApp::start().await;
    let (email, open) = ended_with_an_open_invoice(&app).await;
    app.sweep("reconcile").await.expect(200);
    app.advance(5 * DAY);
    app.sweep("reconcile").await.expect(200);
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    pay_page(&app, &open).await;
    assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 1);
    app.drain().await;
    let ann = app.sign_in(&email).await;
    assert_eq!(statuses(&app, &ann).await, ["refunded", "succeeded"]);
    assert_eq!(mail_count(&app, &email, "refunded").await, 1);
    assert_eq!(app.subscription(&ann).await["status"], "canceled", "the last one is shown");
}

// A12, A3, A21, A22
#[tokio::test]
async fn a_late_payment_with_a_refused_refund_is_recorded_and_not_mailed() {
    let app = TestApp::start().await;
    let (email, open) = ended_with_an_open_invoice(&app).await;
    refuse(&app, "POST /v1/refunds", 400, "").await;
    pay_page(&app, &open).await;
    let ann = app.sign_in(&email).await;
    assert_eq!(statuses(&app, &ann).await, ["succeeded", "succeeded"]);
    assert_eq!((recorded(&app, "payment.refund_refused").await, mail_count(&app, &email, "refunded").await), (1, 0));
    assert_eq!(app.subscription(&ann).await["status"], "canceled", "the last one is shown");
    app.subscribe(&ann, "pro").await.expect(201);
}

// A17, A21, A22
#[tokio::test]
async fn of_a_late_payment_in_two_parts_exactly_the_rest_is_refunded() {
    for refunded_before in [0, 400, 900] {
        let app = TestApp::start().await;
        let (email, open) = ended_with_an_open_invoice(&app).await;
        let pay = format!("invoices/{open}/pay");
        app.at_stripe("delivery", json!({"mode": "hold"})).await.expect(200);
        app.at_stripe(&pay, json!({"amount_cents": 900})).await.expect(200);
        if refunded_before > 0 {
            let refund = json!({"amount_cents": refunded_before});
            app.at_stripe(&format!("invoices/{open}/refund"), refund).await.expect(200);
        }
        app.at_stripe(&pay, json!({"amount_cents": 1000})).await.expect(200);
        app.at_stripe("delivery", json!({"mode": "normal"})).await.expect(200);
        app.drain().await;
        let refunds: i64 = app.stripe_list("refunds").await.iter().map(|r| r["amount"].as_i64().unwrap()).sum();
        assert_eq!(refunds, 1900, "{refunded_before}");
        let ann = app.sign_in(&email).await;
        let payment = payments(&app, &ann).await[0].clone();
        assert_eq!((&payment["status"], &payment["refunded_cents"]), (&json!("refunded"), &json!(1900)));
        assert_eq!(app.subscription(&ann).await["status"], "canceled");
        let mailed = mail_count(&app, &email, "refunded").await;
        assert!(mailed >= 1, "what was refunded is mailed");
    }
}
