//! A request that the billing tables alone can refuse is refused before Stripe is called: a user cannot use up the
//! merchant's budget of calls with requests that fail (B19).

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::service::Service;
use tollgate_tests::app::{ADMIN, Session, TestApp};

const PREVIEW: &str = "/billing/subscriptions/preview";
const UPGRADE: &str = "/billing/subscriptions/upgrade";
const SUBSCRIBE: &str = "/billing/subscriptions/subscribe";
const CANCEL: &str = "/billing/subscriptions/cancel";
const RESUME: &str = "/billing/subscriptions/resume";

fn calls_to_stripe(app: &TestApp) -> Vec<String> {
    let calls = app.calls().into_iter().filter(|call| call.service == Service::Stripe);
    calls.map(|call| call.operation).collect()
}

/// Sends a request that must be refused with this code, without a call to Stripe.
async fn refused(app: &TestApp, session: &Session, request: (Method, &str, Value), wanted: (u16, &str)) {
    app.drain().await;
    let _before = app.calls();
    let (method, path, body) = request;
    let what = format!("{method} {path} {body}");
    let bearer = format!("Bearer {}", session.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = app.send(method, path, &headers, Some(body.to_string())).await;
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (wanted.0, Some(wanted.1)), "{what}");
    assert_eq!(calls_to_stripe(app), Vec::<String>::new(), "{what}");
}

async fn post_refused(app: &TestApp, session: &Session, path: &str, body: Value, wanted: (u16, &str)) {
    refused(app, session, (Method::POST, path, body), wanted).await;
}

fn plan(code: &str) -> Value {
    json!({"plan_code": code})
}

async fn admin(app: &TestApp) -> Session {
    Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200))
}

fn new_plan(code: &str, currency: &str) -> Value {
    json!({
        "code": code, "name": code, "price_cents": 2900, "currency": currency, "billing_period": "month", "tier": 3,
    })
}

/// The id of a plan.
async fn plan_id(app: &TestApp, code: &str) -> String {
    let plans = app.get("/billing/plans").await.expect(200).body;
    let plan = plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == code).unwrap().clone();
    plan["id"].as_str().unwrap().to_owned()
}

// B19
#[tokio::test]
async fn an_unavailable_plan_costs_no_call_for_any_user() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    app.post_as(&admin, "/billing/plans", new_plan("old", "usd")).await.expect(201);
    app.delete_as(&admin, &format!("/billing/plans/{}", plan_id(&app, "old").await)).await.expect(204);
    let (_, newcomer) = app.person("newcomer").await;
    let (_, subscriber) = app.subscriber("subscriber").await;
    for session in [&newcomer, &subscriber] {
        for path in [SUBSCRIBE, PREVIEW, UPGRADE] {
            for code in ["none", "old", "", "PRO"] {
                post_refused(&app, session, path, plan(code), (404, "plan_not_found")).await;
            }
            post_refused(&app, session, path, plan("free"), (422, "plan_is_free")).await;
            post_refused(&app, session, path, json!({}), (422, "validation_failed")).await;
        }
    }
}

// B19
#[tokio::test]
async fn a_user_without_a_subscription_costs_no_call() {
    let app = TestApp::start().await;
    let (_, newcomer) = app.person("newcomer").await;
    post_refused(&app, &newcomer, "/billing/portal", json!({}), (404, "no_customer")).await;
    let (_, ended) = app.subscriber("ended").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
    app.drain().await;
    for session in [&newcomer, &ended] {
        for path in [PREVIEW, UPGRADE] {
            post_refused(&app, session, path, plan("team"), (404, "no_subscription")).await;
        }
        for path in [CANCEL, RESUME] {
            post_refused(&app, session, path, json!({}), (404, "no_subscription")).await;
        }
    }
    let unknown = "/billing/payments/pay_019ca945f4607c7b9c59379e3f571f07/invoice";
    refused(&app, &newcomer, (Method::GET, unknown, json!({})), (404, "not_found")).await;
    let payments = app.get_as(&ended, "/billing/payments/me").await.expect(200).body;
    let of_another = format!("/billing/payments/{}/invoice", payments["items"][0]["id"].as_str().unwrap());
    refused(&app, &newcomer, (Method::GET, &of_another, json!({})), (404, "not_found")).await;
}

// B19
#[tokio::test]
async fn a_change_that_the_subscription_does_not_allow_costs_no_call() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    app.post_as(&admin, "/billing/plans", new_plan("euros", "eur")).await.expect(201);
    let (_, ann) = app.subscriber("ann").await;
    for code in ["pro", "team"] {
        post_refused(&app, &ann, SUBSCRIBE, plan(code), (409, "already_subscribed")).await;
    }
    for path in [PREVIEW, UPGRADE] {
        post_refused(&app, &ann, path, plan("pro"), (409, "same_plan")).await;
        post_refused(&app, &ann, path, plan("euros"), (409, "currency_mismatch")).await;
    }
    for date in ["yesterday", "", "2026-03-01T10:59:59Z", "2026-03-01T12:00:01Z", "2027-01-01T00:00:00Z"] {
        let body = json!({"plan_code": "team", "proration_date": date});
        post_refused(&app, &ann, UPGRADE, body, (422, "invalid_proration_date")).await;
    }
    post_refused(&app, &ann, RESUME, json!({}), (409, "not_canceling")).await;
    app.post_as(&ann, CANCEL, json!({})).await.expect(200);
    post_refused(&app, &ann, CANCEL, json!({}), (409, "already_canceling")).await;
    app.post_as(&ann, RESUME, json!({})).await.expect(200);
    // A lower plan is scheduled for the end of the period.
    app.post_as(&ann, UPGRADE, plan("team")).await.expect(200);
    app.post_as(&ann, UPGRADE, plan("pro")).await.expect(200);
    for path in [PREVIEW, UPGRADE] {
        for code in ["pro", "team"] {
            post_refused(&app, &ann, path, plan(code), (409, "same_plan")).await;
        }
    }
    app.post_as(&ann, CANCEL, json!({})).await.expect(200);
    for path in [PREVIEW, UPGRADE] {
        post_refused(&app, &ann, path, plan("pro"), (409, "already_canceling")).await;
    }
}

// B19
#[tokio::test]
async fn a_change_of_the_catalogue_that_cannot_be_made_costs_no_call() {
    let app = TestApp::start_with_admin().await;
    let admin = admin(&app).await;
    let (_, user) = app.person("user").await;
    let pro = format!("/billing/plans/{}", plan_id(&app, "pro").await);
    let stale = json!({"name": "Another", "updated_at": "2026-01-01T00:00:00Z"});
    for (method, path, body, wanted) in [
        (Method::POST, "/billing/plans", new_plan("pro", "usd"), (409, "plan_code_taken")),
        (Method::POST, "/billing/plans", new_plan("new", "USD"), (422, "validation_failed")),
        (Method::POST, "/billing/plans", json!({"code": "new"}), (422, "validation_failed")),
        (Method::PATCH, &pro, stale, (409, "plan_changed")),
        (Method::PATCH, &pro, json!({"price_cents": -1}), (422, "validation_failed")),
        (Method::PATCH, "/billing/plans/plan_none", json!({"price_cents": 100}), (404, "not_found")),
        (Method::DELETE, "/billing/plans/plan_none", json!({}), (404, "not_found")),
    ] {
        refused(&app, &user, (method.clone(), path, body.clone()), (403, "forbidden")).await;
        refused(&app, &admin, (method, path, body), wanted).await;
    }
    app.delete_as(&admin, &pro).await.expect(204);
    refused(&app, &admin, (Method::DELETE, &pro, json!({})), (404, "not_found")).await;
}

// B19
#[tokio::test]
async fn a_checkout_that_may_be_paid_is_fetched_on_each_request() {
    let app = TestApp::start().await;
    let ann = app.paid_in_silence().await;
    app.post_as(&ann, CANCEL, json!({})).await.expect(200);
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("subscriptions/{id}/cancel"), json!({})).await.expect(200);
    app.post_as(&ann, RESUME, json!({})).await.refused(404, "no_subscription");
    post_refused(&app, &ann, CANCEL, json!({}), (404, "no_subscription")).await;
    app.advance(60);
    let checkout = app.subscribe(&ann, "pro").await.expect(201).body;
    app.post_as(&ann, CANCEL, json!({})).await.refused(404, "no_subscription");
    app.pay(&checkout).await.expect(303);
    app.post_as(&ann, UPGRADE, plan("team")).await.expect(200);
}
