//! Plans, checkouts, Stripe's events and their effects.

mod customers;
mod events;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{ADMIN, Answer, Session, TestApp};
use tollgate_tests::events::{Paid, Twice, orders, same_as_stripe};
use tollgate_tests::stripe::{event, queued, signature};

const SUBSCRIBE: &str = "/billing/subscriptions/subscribe";

async fn admin(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

async fn patch(app: &TestApp, session: &Session, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {}", session.access);
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    app.send(Method::PATCH, path, &headers, Some(body.to_string())).await
}

async fn webhook(app: &TestApp, body: &str, signature: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("stripe-signature", signature)];
    app.send(Method::POST, "/billing/stripe/webhook", &headers, Some(body.to_owned())).await
}

async fn secret(app: &TestApp) -> String {
    app.get("/_local/stripe").await.expect(200).body["webhook_secret"].as_str().unwrap().to_owned()
}

/// Rows of the billing table whose sort key has this prefix.
async fn rows(app: &TestApp, prefix: &str) -> Vec<Value> {
    let starts = |row: &Value| row["sk"]["S"].as_str().unwrap().starts_with(prefix);
    app.table("billing").await.into_iter().filter(starts).collect()
}

#[tokio::test]
async fn a_user_subscribes_fails_to_pay_and_pays_again() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.get_as(&session, "/billing/subscriptions/me").await.refused(404, "no_subscription");
    app.subscribe(&session, "nothing").await.refused(404, "plan_not_found");
    app.subscribe(&session, "free").await.refused(422, "plan_is_free");
    let checkout = app.subscribe(&session, "pro").await.expect(201).body;
    app.pay_with(&checkout, "4000000000000002").await.expect(402);
    app.drain().await;
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 0, "a declined card gives nothing");
    let paid = app.pay(&checkout).await.expect(303);
    assert!(paid.headers["location"].to_str().unwrap().ends_with("/account?checkout=success"));
    app.drain().await;
    let found = app.subscription(&session).await;
    assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some("active"), Some(true)));
    assert_eq!((found["plan"]["code"].as_str(), found["price_cents"].as_i64()), (Some("pro"), Some(1900)));
    assert!(found["plan"].get("stripe_price_id").is_none());
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    app.subscribe(&session, "team").await.refused(409, "already_subscribed");
    app.mail(&email, "subscription_confirmed").await;

    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.advance(1);
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "failed"})).await.expect(200);
    app.mail(&email, "payment_failed").await;
    let found = app.subscription(&session).await;
    assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some("past_due"), Some(true)));
    app.subscribe(&session, "pro").await.refused(409, "already_subscribed");
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    assert_eq!(payments["items"][0]["status"], "failed");
    let page = payments["items"][0]["invoice_url"].as_str().unwrap().replace(&app.stack.base_url(), "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    app.send(Method::POST, &page, &form, Some("card=4242424242424242".into())).await.expect(303);
    app.drain().await;
    assert_eq!(app.subscription(&session).await["status"], "active");
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    let statuses: Vec<_> =
        payments["items"].as_array().unwrap().iter().map(|p| p["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["succeeded", "succeeded"]);
    same_as_stripe(&app, &session).await.unwrap();

    app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
    app.mail(&email, "subscription_ended").await;
    let found = app.subscription(&session).await;
    assert_eq!((found["status"].as_str(), found["has_access"].as_bool()), (Some("canceled"), Some(false)));
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 0);
    app.subscribe(&session, "pro").await.expect(201);
}

#[tokio::test]
async fn payments_come_in_pages_newest_first() {
    let app = TestApp::start().await;
    let (_, session) = app.subscriber("ann").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        app.advance(1);
        app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
    }
    app.drain().await;
    let (mut seen, mut query) = (Vec::new(), String::from("?limit=3"));
    loop {
        let page = app.get_as(&session, &format!("/billing/payments/me{query}")).await.expect(200).body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|p| p["created_at"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=3&cursor={cursor}");
    }
    let mut sorted = seen.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!((seen.len(), &seen), (4, &sorted));
    app.get_as(&session, "/billing/payments/me?cursor=x").await.refused(400, "invalid_cursor");
}

// R11
#[tokio::test]
async fn twenty_clicks_at_once_make_one_customer_and_one_open_checkout() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let clicks = join_all((0..20).map(|_| app.subscribe(&session, "pro"))).await;
    let urls: BTreeSet<_> = clicks
        .iter()
        .filter(|c| c.status == 201)
        .map(|c| c.body["checkout_url"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(urls.len(), 1);
    assert!(clicks.iter().all(|click| matches!(click.status.as_u16(), 201 | 503)), "{clicks:?}");
    assert_eq!(app.stripe("customers").await.len(), 1);
    let other = app.subscribe(&session, "team").await.expect(201).body;
    let old = clicks.iter().find(|click| click.status == 201).unwrap();
    app.pay(&old.body).await.expect(409);
    app.pay(&other).await.expect(303);
    app.subscribe(&session, "pro").await.refused(409, "already_subscribed");
}

// R11
#[tokio::test]
async fn an_open_checkout_of_a_subscriber_is_closed_with_the_next_one() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let left_open = app.subscribe(&session, "pro").await.expect(201).body;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe_list("prices?active=true").await[0]["id"].as_str().unwrap().to_owned();
    app.second_checkout(&customer, &price).await;
    app.drain().await;
    let paid = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{paid}/cancel"), json!({})).await.expect(200);
    app.drain().await;
    assert_eq!(app.subscribe(&session, "pro").await.expect(201).body, left_open, "it is still valid");
    app.subscribe(&session, "team").await.expect(201);
    assert_eq!(app.stripe_list("checkout/sessions?status=open").await.len(), 1);
    app.pay(&left_open).await.expect(409);
}

// R11
#[tokio::test]
async fn a_second_paid_subscription_is_canceled_and_refunded_at_once() {
    let app = TestApp::start().await;
    let (email, session) = app.subscriber("ann").await;
    // A second one, created by hand at Stripe with the same customer.
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    let price = app.stripe("subscriptions").await[0]["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    app.advance(60);
    app.second_checkout(&customer, &price).await;
    app.drain().await;
    let statuses: Vec<_> = app.stripe("subscriptions").await.iter().map(|s| s["status"].clone()).collect();
    assert_eq!(statuses, ["canceled", "active"], "the first one stays");
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    let found: Vec<_> = payments["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["status"].clone(), p["refunded_cents"].clone()))
        .collect();
    assert_eq!(found, [(json!("refunded"), json!(1900)), (json!("succeeded"), json!(0))]);
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    assert_eq!(app.subscription(&session).await["status"], "active");
    app.mail(&email, "refunded").await;
    assert!(app.actions().await.contains(&"payment.refunded".to_owned()));
}

// R14
#[tokio::test]
async fn acknowledged_events_survive_a_failure_of_the_queue() {
    let app = TestApp::start().await;
    let secret = secret(&app).await;
    app.fail(Service::Sqs, Kind::Error, 30, 90);
    let bodies: Vec<_> = (0..100)
        .map(|n| {
            event(&format!("evt_{n}"), "customer.updated", &json!({"id": format!("cus_{n}"), "object": "customer"}))
                .to_string()
        })
        .collect();
    let at = app.now().as_second();
    let signatures: Vec<_> = bodies.iter().map(|body| signature(&secret, at, body)).collect();
    let answers =
        join_all(bodies.iter().zip(&signatures).map(|(body, signature)| webhook(&app, body, signature))).await;
    app.stack.fault_injector().clear();
    app.drain().await;
    let kept = rows(&app, "EVENT").await;
    for (n, answer) in answers.iter().enumerate() {
        let is_kept = kept.iter().any(|row| row["id"]["S"] == format!("evt_{n}"));
        assert!(answer.status.is_server_error() || (answer.status == 200 && is_kept), "{n}: {}", answer.status);
    }
    assert!(answers.iter().any(|a| a.status == 200) && answers.iter().any(|a| a.status.is_server_error()));
}

// R16
#[tokio::test]
async fn a_failing_stripe_gives_502_without_partial_objects() {
    for kind in [Kind::Error, Kind::Throttle, Kind::LostResponse, Kind::Hang] {
        for after in 0..2 {
            let app = TestApp::start_with_admin().await;
            let (_, session) = app.person("ann").await;
            app.fail(Service::Stripe, kind, after, 20);
            app.subscribe(&session, "pro").await.refused(502, "stripe_unavailable");
            app.stack.fault_injector().clear();
            let checkout = app.subscribe(&session, "pro").await.expect(201).body;
            assert_eq!(app.stripe("customers").await.len(), 1, "{kind:?} {after}");
            app.pay(&checkout).await.expect(303);
            app.drain().await;
            assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
        }
        let app = TestApp::start_with_admin().await;
        let admin = admin(&app).await;
        let plan = json!({
            "code": "gold", "name": "Gold", "price_cents": 9900, "currency": "eur", "billing_period": "year", "tier": 9,
        });
        app.fail(Service::Stripe, kind, 0, 20);
        app.post_as(&admin, "/billing/plans", plan.clone()).await.refused(502, "stripe_unavailable");
        app.stack.fault_injector().clear();
        let codes =
            |plans: &Value| plans["items"].as_array().unwrap().iter().map(|p| p["code"].clone()).collect::<Vec<_>>();
        assert_eq!(codes(&app.get("/billing/plans").await.body), ["free", "pro", "team"], "{kind:?}");
        app.post_as(&admin, "/billing/plans", plan).await.expect(201);
        assert_eq!(codes(&app.get("/billing/plans").await.body), ["free", "pro", "team", "gold"]);
    }
}

#[tokio::test]
async fn an_admin_creates_changes_and_archives_a_plan_and_prices_stay() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    let (_, ann) = app.subscriber("ann").await;
    let plans = app.get_as(&admin, "/billing/plans").await.expect(200).body;
    let pro = plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap().clone();
    assert!(pro["stripe_price_id"].as_str().unwrap().starts_with("price_"));
    let path = format!("/billing/plans/{}", pro["id"].as_str().unwrap());
    let change = json!({"price_cents": 2900, "name": "Pro 2", "is_admin": true, "updated_at": pro["updated_at"]});
    let changed = patch(&app, &admin, &path, change.clone()).await.expect(200).body;
    assert_eq!((changed["price_cents"].as_i64(), changed["name"].as_str()), (Some(2900), Some("Pro 2")));
    assert_ne!(changed["stripe_price_id"], pro["stripe_price_id"]);
    patch(&app, &admin, &path, change).await.refused(409, "plan_changed");
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": "paid"})).await.expect(200);
    app.drain().await;
    let found = app.subscription(&ann).await;
    assert_eq!((found["price_cents"].as_i64(), found["plan"]["price_cents"].as_i64()), (Some(1900), Some(2900)));
    assert_eq!(found["has_access"], true);

    app.delete_as(&admin, &path).await.expect(204);
    app.delete_as(&admin, &path).await.expect(404);
    let (_, bob) = app.person("bob").await;
    app.subscribe(&bob, "pro").await.refused(404, "plan_not_found");
    assert_eq!(app.get(&path).await.expect(200).body["is_active"], false);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    let again = json!({"code": "pro", "name": "Pro", "price_cents": 1, "currency": "usd", "billing_period": "month", "tier": 1});
    app.post_as(&admin, "/billing/plans", again).await.refused(409, "plan_code_taken");
    app.drain().await;
    assert!(
        app.actions().await.iter().filter(|action| action.starts_with("plan.")).eq(["plan.archived", "plan.changed"])
    );
}

#[tokio::test]
async fn each_wrong_field_of_a_plan_is_named() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    let good = json!({
        "code": "x", "name": "X", "price_cents": 1, "currency": "usd", "billing_period": "month", "tier": 1,
    });
    let long = "x".repeat(201);
    for (field, value) in [
        ("code", json!("X")),
        ("code", json!("")),
        ("name", json!("")),
        ("name", json!(long)),
        ("price_cents", json!(-1)),
        ("price_cents", json!(100_000_000)),
        ("price_cents", json!("1")),
        ("currency", json!("USD")),
        ("currency", json!("xxx")),
        ("billing_period", json!("week")),
        ("tier", json!(-1)),
        ("tier", json!(1001)),
        ("trial_days", json!(731)),
        ("features", json!([])),
        ("features", json!({"a": "x".repeat(1024)})),
    ] {
        let mut wrong = good.clone();
        wrong[field] = value.clone();
        let answer = app.post_as(&admin, "/billing/plans", wrong).await.refused(422, "validation_failed");
        assert_eq!(answer.body["errors"][0]["field"], field, "{value}");
    }
    for field in ["code", "name", "price_cents", "currency", "billing_period", "tier"] {
        let mut missing = good.clone();
        missing.as_object_mut().unwrap().remove(field);
        let answer = app.post_as(&admin, "/billing/plans", missing).await.refused(422, "validation_failed");
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn the_same_idempotency_key_and_body_get_the_same_answer_for_a_day() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let bearer = format!("Bearer {}", session.access);
    let send = async |key: &str, body: Value| {
        let headers =
            [("content-type", "application/json"), ("authorization", bearer.as_str()), ("idempotency-key", key)];
        app.send(Method::POST, SUBSCRIBE, &headers, Some(body.to_string())).await
    };
    let pro = || json!({"plan_code": "pro"});
    let first = send("one", pro()).await.expect(201);
    assert_eq!(send("one", pro()).await.expect(201).body, first.body);
    send("one", json!({"plan_code": "team"})).await.refused(422, "idempotency_key_reused");
    let missing = send("two", json!({"plan_code": "none"})).await.expect(404);
    assert_eq!(send("two", json!({"plan_code": "none"})).await.expect(404).body, missing.body, "a refusal is kept too");
    app.fail(Service::Stripe, Kind::Error, 0, 20);
    send("three", pro()).await.refused(502, "stripe_unavailable");
    app.stack.fault_injector().clear();
    send("three", pro()).await.expect(201);
    send(&"x".repeat(256), pro()).await.refused(422, "validation_failed");
    let asked = app.send(Method::GET, "/billing/plans", &[("idempotency-key", "one")], None).await;
    asked.expect(200); // a GET is not stored
    let (_, other) = app.person("bob").await;
    app.post_as(&other, SUBSCRIBE, pro()).await.expect(201);
}
