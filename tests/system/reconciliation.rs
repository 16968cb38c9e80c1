//! The daily comparison with Stripe: what no event told of is found, in few calls.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::TABLE_PREFIX;
use tollgate_local::faults::Service;
use tollgate_tests::app::{Session, TestApp};

async fn handled(app: &TestApp) -> u64 {
    let swept = app.sweep("reconcile").await.expect(200).body["handled"].as_u64().unwrap();
    app.drain().await;
    swept
}

async fn count(app: &TestApp, action: &str) -> usize {
    app.actions().await.iter().filter(|kept| *kept == action).count()
}

async fn silence(app: &TestApp) {
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
}

async fn payment(app: &TestApp, session: &Session) -> Value {
    app.get_as(session, "/billing/payments/me").await.expect(200).body["items"][0].clone()
}

// R4
#[tokio::test]
async fn many_who_paid_in_silence_are_found_with_no_more_calls_than_one() {
    const PEOPLE: usize = 12;
    let app = TestApp::start().await;
    silence(&app).await;
    let mut sessions = Vec::new();
    for n in 0..PEOPLE {
        let (_, session) = app.person(&format!("person-{n}")).await;
        let checkout = app.subscribe(&session, "pro").await.expect(201);
        app.pay(&checkout.body).await.expect(303);
        sessions.push(session);
    }
    app.drain().await;
    app.calls();
    assert_eq!(handled(&app).await, PEOPLE as u64);
    let calls = app.calls().iter().filter(|call| call.service == Service::Stripe).count();
    assert!(calls <= 10, "{calls} calls of Stripe's");
    for session in &sessions {
        assert_eq!(app.get_as(session, "/me").await.body["tier"], 1);
        assert_eq!(payment(&app, session).await["status"], "succeeded");
    }
    assert_eq!((count(&app, "subscription.repaired").await, count(&app, "payment.repaired").await), (PEOPLE, PEOPLE));
    assert_eq!(handled(&app).await, 0, "nothing is left to repair");
    assert_eq!(count(&app, "subscription.repaired").await, PEOPLE);
}

// R4
#[tokio::test]
async fn what_went_back_or_is_disputed_in_silence_is_found_though_its_invoice_is_older_than_the_last_run() {
    let app = TestApp::start().await;
    let (email, _) = app.subscriber("ann").await;
    assert_eq!(handled(&app).await, 0);
    app.advance(5 * 86_400);
    assert_eq!(handled(&app).await, 0);
    silence(&app).await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("invoices/{invoice}/refund"), json!({"amount_cents": 700})).await.expect(200);
    assert_eq!(handled(&app).await, 1);
    let session = app.sign_in(&email).await;
    assert_eq!(payment(&app, &session).await["refunded_cents"], 700);
    app.mail(&email, "refunded").await;
    app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200);
    assert_eq!(handled(&app).await, 1);
    assert_eq!((count(&app, "payment.repaired").await, handled(&app).await), (2, 0));
}

// R4
#[tokio::test]
async fn an_older_invoice_that_is_paid_in_silence_is_found() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let checkout = app.subscribe(&session, "pro").await.expect(201);
    app.pay_with(&checkout.body, "4000000000000341").await.expect(303);
    app.drain().await;
    app.advance(31 * 86_400);
    app.at_stripe("delivery", json!({"mode": "normal"})).await.expect(200);
    app.drain().await;
    app.advance(2 * 86_400);
    handled(&app).await;
    let session = app.sign_in(&email).await;
    assert_eq!(payment(&app, &session).await["status"], "failed");
    silence(&app).await;
    let invoice = app.stripe("invoices").await[0]["id"].as_str().unwrap().to_owned();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = format!("/_stripe/invoice/{invoice}");
    app.send(Method::POST, &page, &form, Some("card=4242424242424242".to_owned())).await.expect(303);
    assert_eq!(handled(&app).await, 1);
    assert_eq!(payment(&app, &session).await["status"], "succeeded");
    app.mail(&email, "renewed").await;
    assert_eq!(handled(&app).await, 0);
}

// R4
#[tokio::test]
async fn a_customer_of_whom_there_is_nothing_else_may_go_in_silence_and_begin_anew() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    app.subscribe(&ann, "pro").await.expect(201);
    silence(&app).await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("customers/{customer}/delete"), json!({})).await.expect(200);
    assert_eq!((handled(&app).await, handled(&app).await), (1, 0));
    app.post_as(&ann, "/billing/portal", json!({})).await.refused(404, "no_customer");
    app.subscribe(&ann, "pro").await.expect(201);
}

// R4
#[tokio::test]
async fn a_customer_who_went_in_silence_has_no_access_after_it() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    silence(&app).await;
    let customer = app.stripe("customers").await[0]["id"].as_str().unwrap().to_owned();
    app.at_stripe(&format!("customers/{customer}/delete"), json!({})).await.expect(200);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    assert_eq!(handled(&app).await, 1);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 0);
    assert_eq!(handled(&app).await, 0);
}

// R4
#[tokio::test]
async fn where_stripe_knows_neither_a_payer_nor_what_was_paid_it_is_another_account() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let row =
        app.table("billing").await.into_iter().find(|row| row["sk"]["S"] == "CUSTOMER" && row.get("email").is_some());
    let row = row.unwrap();
    let update = json!({
        "TableName": format!("{TABLE_PREFIX}billing"), "Key": {"pk": row["pk"], "sk": row["sk"]},
        "UpdateExpression": "SET stripe_customer_id = :elsewhere",
        "ExpressionAttributeValues": {":elsewhere": {"S": "cus_elsewhere"}},
    });
    app.stack.database().update_item(serde_json::from_value(update).unwrap()).unwrap();
    assert_eq!(handled(&app).await, 0);
    assert_eq!(app.get_as(&ann, "/me").await.body["tier"], 1);
    assert_eq!(app.subscription(&ann).await["status"], "active");
}

#[tokio::test]
async fn a_plan_that_was_archived_at_stripe_is_shown_there_again() {
    let app = TestApp::start().await;
    silence(&app).await;
    let product = app.stripe_list("products").await[0].clone();
    let path = format!("/_stripe/v1/products/{}", product["id"].as_str().unwrap());
    let bearer = format!("Bearer {}", app.stack.stripe_key());
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", bearer.as_str())];
    app.send(Method::POST, &path, &headers, Some("active=false".to_owned())).await.expect(200);
    assert_eq!(handled(&app).await, 1);
    let active = app.stripe_list("products").await.iter().all(|product| product["active"] == true);
    assert!(active);
    assert_eq!(handled(&app).await, 0);
}
