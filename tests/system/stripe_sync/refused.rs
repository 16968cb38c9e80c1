//! A refund, an end or an address that Stripe refuses.

use super::*;

async fn second_subscription(app: &TestApp) {
    let customer = newest(app, "customers").await;
    let price = app.stripe("subscriptions").await[0]["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    app.advance(60);
    app.second_checkout(&customer, &price).await;
    app.drain().await;
}

/// Checks that the user can cancel, resume and upgrade.
async fn changes_work(app: &TestApp, session: &Session) {
    for act in ["cancel", "resume"] {
        app.post_as(session, &format!("/billing/subscriptions/{act}"), json!({})).await.expect(200);
    }
    let team = json!({"plan_code": "team"});
    app.post_as(session, "/billing/subscriptions/upgrade", team).await.expect(200);
    app.drain().await;
}

// A3, A22
#[tokio::test]
async fn a_refused_refund_of_a_duplicate_is_recorded_once_and_blocks_nothing() {
    let app = TestApp::start().await;
    let (email, ann) = app.subscriber("ann").await;
    refuse(&app, "POST /v1/refunds", 400, "charge_not_refundable").await;
    second_subscription(&app).await;
    let mut found: Vec<_> = app.stripe("subscriptions").await.iter().map(|s| s["status"].clone()).collect();
    found.sort_by_key(ToString::to_string);
    assert_eq!(found, ["active", "canceled"]);
    changes_work(&app, &ann).await;
    assert_eq!(recorded(&app, "payment.refund_refused").await, 1);
    assert_eq!(mail_count(&app, &email, "refunded").await, 0, "there was no refund");
    app.calls();
    event_about_nothing(&app, "evt_later").await;
    assert_eq!(count(&app, "POST /v1/refunds"), 0, "it is not requested again");
    assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0);
}

// A3
#[tokio::test]
async fn a_refused_end_of_a_duplicate_is_recorded_once_and_blocks_nothing() {
    for status in [400, 403] {
        let app = TestApp::start().await;
        let (_, ann) = app.subscriber("ann").await;
        refuse(&app, "DELETE /v1/subscriptions/{id}", status, "").await;
        second_subscription(&app).await;
        changes_work(&app, &ann).await;
        assert_eq!(recorded(&app, "subscription.end_refused").await, 1);
        assert_eq!(recorded(&app, "payment.refunded").await, 1, "the refund does not depend on it");
    }
}

// A3
#[tokio::test]
async fn a_refused_refund_does_not_stop_an_erasure_nor_another_user() {
    let refunds = ("REFUND_ON_DELETION".to_owned(), "unused".to_owned());
    let app =
        TestApp::start_with(Options { env: no_limits().into_iter().chain([refunds]).collect(), ..options() }).await;
    let (_, ann) = app.subscriber("ann").await;
    let (bob_email, _) = app.subscriber("bob").await;
    refuse(&app, "POST /v1/refunds", 400, "").await;
    app.post_as(&ann, "/me/delete", json!({"password": PASSWORD})).await.expect(202);
    app.drain().await;
    app.advance(DAY);
    assert_eq!(app.sweep("accounts").await.expect(200).body["handled"], 1);
    assert_eq!(recorded(&app, "payment.refund_refused").await, 1);
    assert!(!Value::from(app.table("identity").await).to_string().contains("ann@example.com"));
    let bob = app.sign_in(&bob_email).await;
    changes_work(&app, &bob).await;
}

// A3
#[tokio::test]
async fn a_refused_end_at_period_end_of_a_closed_account_is_recorded_once() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let subscription = app.stripe("subscriptions").await[0].clone();
    refuse(&app, "POST /v1/subscriptions/{id}", 400, "").await;
    app.post_as(&ann, "/deactivate", json!({"password": PASSWORD})).await.expect(200);
    app.drain().await;
    assert_eq!(recorded(&app, "subscription.end_refused").await, 1);
    app.event_about_nothing("evt_later", &subscription).await;
    assert_eq!(recorded(&app, "subscription.end_refused").await, 1);
}

// A10
#[tokio::test]
async fn a_refused_address_ends_its_command_which_stores_the_reason() {
    for (status, code) in [(400, "email_invalid"), (403, "")] {
        let app = TestApp::start().await;
        let (_, ann) = app.subscriber("ann").await;
        refuse(&app, "POST /v1/customers/{id}", status, code).await;
        let body = app.verification_of_address(&ann, "new@example.com").await;
        app.post("/verify", body).await.expect(200);
        app.drain().await;
        let closed: Vec<_> =
            app.table("outbox").await.into_iter().filter(|row| row["state"]["S"] == "parked").collect();
        assert_eq!(closed.len(), 1);
        let reason = closed[0]["reason"]["S"].as_str().unwrap();
        assert!(reason.contains(&status.to_string()) && !reason.contains("new@example.com"), "{reason}");
        let ann = app.sign_in("new@example.com").await;
        changes_work(&app, &ann).await;
    }
}
