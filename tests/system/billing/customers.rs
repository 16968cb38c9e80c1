//! A trial, a closed account, the portal, another address, and the end of access.

use super::*;

/// Ann, who can subscribe to `trial`.
async fn at_a_plan_with_a_trial(app: &TestApp) -> Session {
    let admin = admin(app).await;
    let plan = json!({
        "code": "trial", "name": "Trial", "price_cents": 500, "currency": "usd", "billing_period": "month", "tier": 4,
        "trial_days": 14,
    });
    app.post_as(&admin, "/billing/plans", plan).await.expect(201);
    app.person("ann").await.1
}

#[tokio::test]
async fn a_trial_is_given_once() {
    let app = TestApp::start_with_admin().await;
    let session = at_a_plan_with_a_trial(&app).await;
    for status in ["trialing", "active"] {
        let checkout = app.subscribe(&session, "trial").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        app.drain().await;
        let found = app.subscription(&session).await;
        assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some(status), Some(true)));
        let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
        app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
        app.drain().await;
        app.advance(1);
    }
}

#[tokio::test]
async fn a_trial_counts_before_its_event_arrives() {
    let app = TestApp::start_with_admin().await;
    let session = at_a_plan_with_a_trial(&app).await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    for status in ["trialing", "active"] {
        let checkout = app.subscribe(&session, "trial").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        let newest = app.stripe("subscriptions").await[0].clone();
        assert_eq!(newest["status"], status);
        let id = newest["id"].as_str().unwrap();
        app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
        app.advance(1);
    }
}

#[tokio::test]
async fn closing_the_account_ends_renewals_and_open_checkouts() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let (_, bob) = app.person("bob").await;
    let checkout = app.subscribe(&bob, "pro").await.expect(201);
    for session in [&ann, &bob] {
        app.post_as(session, "/deactivate", json!({})).await.expect(200);
    }
    app.drain().await;
    let subscription = app.stripe("subscriptions").await[0].clone();
    assert_eq!(
        (subscription["cancel_at_period_end"].as_bool(), subscription["status"].as_str()),
        (Some(true), Some("active"))
    );
    app.pay(&checkout.body).await.expect(409);
}

#[tokio::test]
async fn a_canceled_subscription_has_access_to_the_period_end_and_can_resume() {
    const CANCEL: &str = "/billing/subscriptions/cancel";
    const RESUME: &str = "/billing/subscriptions/resume";
    let app = TestApp::start().await;
    let (_, bob) = app.person("bob").await;
    for path in [CANCEL, RESUME] {
        app.post_as(&bob, path, json!({})).await.refused(404, "no_subscription");
    }
    let (email, ann) = app.subscriber("ann").await;
    app.post_as(&ann, RESUME, json!({})).await.refused(409, "not_canceling");
    let canceled = app.post_as(&ann, CANCEL, json!({})).await.expect(200).body;
    assert_eq!(
        (canceled["cancel_at_period_end"].as_bool(), canceled["has_access"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(canceled["access_until"], canceled["current_period_end"]);
    app.mail(&email, "subscription_canceled").await;
    app.post_as(&ann, CANCEL, json!({})).await.refused(409, "already_canceling");
    let resumed = app.post_as(&ann, RESUME, json!({})).await.expect(200).body;
    assert_eq!(resumed["cancel_at_period_end"], false);
    app.mail(&email, "subscription_resumed").await;
    app.post_as(&ann, CANCEL, json!({})).await.expect(200);
    let body = json!({"advance_seconds": 32 * 86_400});
    app.post("/_local/clock", body).await.expect(200);
    app.drain().await;
    let ann = app.sign_in(&email).await;
    assert_eq!(app.subscription(&ann).await["status"], "canceled");
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 0);
    app.mail(&email, "subscription_ended").await;
    app.post_as(&ann, RESUME, json!({})).await.refused(404, "no_subscription");
}

#[tokio::test]
async fn changes_in_the_portal_are_applied_without_an_event() {
    let app = TestApp::start().await;
    let (_, bob) = app.person("bob").await;
    app.post_as(&bob, "/billing/portal", json!({})).await.refused(404, "no_customer");
    let (_, ann) = app.subscriber("ann").await;
    let url = app.post_as(&ann, "/billing/portal", json!({})).await.expect(201).body["url"].clone();
    let page = url.as_str().unwrap().replace(&app.stack.base_url(), "");
    assert!(app.get(&page).await.expect(200).text.contains("/account"));
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    let press = async |action: &str| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        app.send(Method::POST, &page, &form, Some(format!("action={action}&subscription={id}"))).await.expect(303);
    };
    press("cancel").await;
    app.drain().await;
    // Stripe's portal sets only the time.
    assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], false);
    assert_eq!(app.subscription(&ann).await["cancel_at_period_end"], true);
    let resumed = app.post_as(&ann, "/billing/subscriptions/resume", json!({})).await.expect(200).body;
    assert_eq!(resumed["cancel_at_period_end"], false);
    assert!(app.stripe("subscriptions").await[0]["cancel_at"].is_null());
    press("cancel").await;
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    press("resume").await;
    // The stored state says that it ends already, so Stripe is not called (B19). Reconciliation finds the change
    // without an event.
    app.post_as(&ann, "/billing/subscriptions/cancel", json!({})).await.refused(409, "already_canceling");
    app.sweep("reconcile").await.expect(200);
    let canceled = app.post_as(&ann, "/billing/subscriptions/cancel", json!({})).await.expect(200).body;
    assert_eq!(canceled["cancel_at_period_end"], true);
    assert_eq!(app.stripe("subscriptions").await[0]["cancel_at_period_end"], true);
    app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
    app.post_as(&ann, "/billing/subscriptions/resume", json!({})).await.refused(404, "no_subscription");
}

#[tokio::test]
async fn stripe_gets_a_new_address_once_it_is_verified() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let token = app.verification_of_address(&ann, "new@example.com").await;
    app.post("/verify", token).await.expect(200);
    app.drain().await;
    assert_eq!(app.stripe("customers").await[0]["email"], "new@example.com");
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "failed"})).await.expect(200);
    app.mail("new@example.com", "payment_failed").await;
}

#[tokio::test]
async fn a_late_command_does_not_restore_an_old_address() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let first = app.verification_of_address(&ann, "new@example.com").await;
    app.missed_by_relay(app.post("/verify", first)).await.expect(200);
    let ann = app.sign_in("new@example.com").await;
    let second = app.verification_of_address(&ann, "newer@example.com").await;
    app.post("/verify", second).await.expect(200);
    app.drain().await;
    app.advance(600);
    assert!(app.sweep("outbox").await.expect(200).body["handled"].as_u64() > Some(0), "the first one's command");
    app.drain().await;
    assert_eq!(app.stripe("customers").await[0]["email"], "newer@example.com");
    let kept = rows(&app, "CUSTOMER").await;
    assert_eq!(kept.iter().find_map(|row| row["email"]["S"].as_str()), Some("newer@example.com"));
}

/// Creates a customer at Stripe, loses the answer, and then changes the address.
async fn half_made_and_renamed(app: &TestApp) {
    let (_, ann) = app.person("ann").await;
    app.fail_operation(Service::Stripe, "POST /v1/customers", Kind::LostResponse, 1);
    app.subscribe(&ann, "pro").await.refused(502, "stripe_unavailable");
    let token = app.verification_of_address(&ann, "new@example.com").await;
    app.post("/verify", token).await.expect(200);
    app.drain().await;
}

// R16
#[tokio::test]
async fn an_address_change_during_creation_reaches_the_one_customer() {
    for (case, hours, kind) in [
        ("the idempotency key identifies the customer", 0, None),
        ("Stripe fails the second time", 0, Some(Kind::Error)),
        ("the idempotency key has expired", 30, None),
    ] {
        let app = TestApp::start().await;
        half_made_and_renamed(&app).await;
        app.advance(hours * 3_600);
        let ann = app.sign_in("new@example.com").await;
        if let Some(kind) = kind {
            app.fail_operation(Service::Stripe, "POST /v1/customers", kind, 1);
        }
        let checkout = app.subscribe(&ann, "pro").await.expect(201).body;
        app.drain().await;
        let customers = app.stripe("customers").await;
        assert_eq!((customers.len(), &customers[0]["email"]), (1, &json!("new@example.com")), "{case}");
        app.pay(&checkout).await.expect(303);
        app.mail("new@example.com", "subscription_confirmed").await;
        assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1, "{case}");
    }
}

#[tokio::test]
async fn a_customer_deleted_at_stripe_loses_access_and_can_subscribe_again() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("customers/{customer}/delete"), json!({})).await.expect(200);
    app.drain().await;
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 0);
    let checkout = app.subscribe(&ann, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    app.drain().await;
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    // R5: an event of a deleted customer is recorded.
    let again = event("evt_late", "customer.deleted", &json!({"id": customer, "object": "customer"}));
    app.stack.invoke("stripe-events", queued(&[&again])).await.unwrap();
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1, "another customer was deleted");
}

#[tokio::test]
async fn access_ends_with_the_grace_without_an_event() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let checkout = app.subscribe(&session, "pro").await.expect(201);
    app.pay_with(&checkout.body, "4000000000000341").await.expect(303);
    app.drain().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let tier_in = async |days: i64| {
        app.post("/_local/clock", json!({"advance_seconds": days * 86_400})).await.expect(200);
        let session = app.sign_in(&email).await;
        let status = app.subscription(&session).await["status"].clone();
        (app.get_as(&session, "/me").await.body["tier"].clone(), status)
    };
    // The renewal of 1 April fails; the sweep at that time fetches the state from Stripe.
    assert_eq!(tier_in(31).await, (json!(1), json!("past_due")));
    assert_eq!(tier_in(6).await, (json!(1), json!("past_due")));
    assert_eq!(tier_in(1).await, (json!(0), json!("past_due")));
    // R12: the state now depends on Stripe.
    assert_eq!(app.sweep("expiry").await.expect(200).body["handled"], 0);
    // After its last attempt Stripe gives up; then the due index does not contain it any more.
    assert_eq!(tier_in(7).await, (json!(0), json!("canceled")));
    assert!(rows(&app, "SUB#").await.iter().all(|row| row.get("due_at").is_none()));
}
