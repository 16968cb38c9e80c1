//! The daily comparison with Stripe finds changes without events, in few calls.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_fake_stripe::Listed;
use tollgate_local::TABLE_PREFIX;
use tollgate_local::faults::{Call, Fault, Kind};
use tollgate_local::service::Service;
use tollgate_tests::app::{Session, TestApp, options};
use tollgate_tests::logs;
use tollgate_tests::population::Population;

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
async fn many_silent_payments_are_found_with_as_many_calls_as_one() {
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
async fn refunds_and_disputes_of_older_invoices_are_found_without_events() {
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
async fn an_older_invoice_that_is_paid_without_an_event_is_found() {
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
async fn a_customer_without_objects_that_was_deleted_silently_can_start_again() {
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
async fn a_silently_deleted_customer_has_no_access_after_reconciliation() {
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
async fn a_stripe_account_without_our_customers_and_payments_is_refused() {
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

/// Runs reconciliation, and stops its process when it has put this many items.
async fn killed(app: &TestApp, puts: u32) {
    let operation = Some("PutItem".to_owned());
    let fault = Fault { service: Service::Dynamodb, operation, kind: Kind::StopAfter, after: puts - 1, times: 1 };
    assert!(app.stack.fault_injector().add(fault));
    app.stack.invoke("sweeper", json!({"schedule": "reconcile"})).await.unwrap_err();
}

fn requests(calls: &[Call], operation: &str) -> usize {
    calls.iter().filter(|call| call.operation == operation).count()
}

async fn rows_of_the_run(app: &TestApp) -> usize {
    app.table("system").await.iter().filter(|row| row["pk"]["S"] == "RECONCILIATION").count()
}

// A18
#[tokio::test]
async fn a_run_that_is_killed_after_each_page_continues_with_the_next() {
    const PEOPLE: usize = 250;
    let app = TestApp::start_patient(options()).await;
    let killed = async {
        let population = Population::gather(&app.stack, PEOPLE).await;
        app.calls();
        // The run, the pages of subscriptions, invoices, charges, refunds, customers, products and prices, and again
        // those pages that name customers for the first time, once these are repaired.
        for _ in 0..1 + (3 + 3 + 3 + 1 + 3 + 1 + 1) + 3 {
            killed(&app, 1).await;
        }
        assert_eq!(population.sweep("reconcile").await, 0, "all are repaired");
        let calls = app.calls();
        for (list, pages) in [("customers", 3), ("refunds", 1), ("products", 1), ("prices", 1)] {
            assert_eq!(requests(&calls, &format!("GET /v1/{list}")), pages, "{list}");
        }
        assert_eq!(requests(&calls, "GET /v1/subscriptions"), 3 + PEOPLE, "three pages, and then each that differs");
        let versions = population.versions().await;
        assert!(versions.len() == PEOPLE && versions.values().all(|version| *version == 1), "each is written once");
        assert_eq!(rows_of_the_run(&app).await, 0);
        assert_eq!(population.sweep("reconcile").await, 0);
    };
    app.stack.held(killed).await;
}

// A18
#[tokio::test]
async fn a_customer_made_after_its_page_was_read_is_not_missing() {
    let app = TestApp::start_patient(options()).await;
    let resumed = async {
        let population = Population::gather(&app.stack, 101).await;
        // The run, two pages of each of subscriptions, invoices and charges, one of refunds, the first of customers.
        killed(&app, 1 + 2 + 2 + 2 + 1 + 1).await;
        let customer = population.customer(101).await;
        app.calls();
        assert_eq!(population.sweep("reconcile").await, 101);
        let calls = app.calls();
        assert_eq!((requests(&calls, "GET /v1/customers"), requests(&calls, "GET /v1/customers/{id}")), (1, 1));
        assert_eq!(population.versions().await.len(), 102, "{customer} stays");
    };
    app.stack.held(resumed).await;
}

// A18
#[tokio::test]
async fn a_list_whose_position_was_deleted_is_read_again() {
    let app = TestApp::start_patient(options()).await;
    let resumed = async {
        let population = Population::gather(&app.stack, 101).await;
        killed(&app, 1 + 2 + 2 + 2 + 1 + 1).await;
        let customers = population.stripe.list(Listed::Customers);
        population.stripe.delete_customer(customers[99]["id"].as_str().unwrap()).unwrap();
        assert_eq!(population.sweep("reconcile").await, 101);
        assert_eq!(population.versions().await.len(), 100, "the deleted one is gone");
        assert_eq!(population.sweep("reconcile").await, 0);
    };
    app.stack.held(resumed).await;
}

/// Sets an attribute of a row of `billing`.
fn set(app: &TestApp, row: &Value, name: &str, value: &Value) {
    let update = json!({
        "TableName": format!("{TABLE_PREFIX}billing"), "Key": {"pk": row["pk"], "sk": row["sk"]},
        "UpdateExpression": "SET #name = :value", "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": {":value": value},
    });
    app.stack.database().update_item(serde_json::from_value(update).unwrap()).unwrap();
}

// A18
#[tokio::test]
async fn a_customer_that_fails_is_reported_and_found_at_the_next_run() {
    let app = TestApp::start().await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "cem"] {
        people.push(app.subscriber(name).await);
    }
    assert_eq!(handled(&app).await, 0);
    app.advance(5 * 86_400);
    silence(&app).await;
    for subscription in app.stripe("subscriptions").await {
        let renew = format!("subscriptions/{}/renew", subscription["id"].as_str().unwrap());
        app.at_stripe(&renew, json!({"outcome": "paid"})).await.expect(200);
    }
    let subscriptions =
        app.table("billing").await.into_iter().filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("SUB#"));
    let row = subscriptions.min_by_key(|row| row["pk"]["S"].as_str().unwrap().to_owned()).unwrap();
    set(&app, &row, "status", &json!({"S": "of tomorrow"}));
    app.sweep("reconcile").await.expect(500);
    let customer = row["stripe_customer_id"]["S"].as_str().unwrap();
    let reports =
        logs::text().lines().filter(|line| line.contains("reconcile_failed") && line.contains(customer)).count();
    assert_eq!(reports, 1);
    assert_eq!(count(&app, "payment.repaired").await, 2, "the others are repaired");
    assert_eq!(rows_of_the_run(&app).await, 1, "the record of the customer that failed");

    // A later run does not list the renewal's invoice any more.
    app.advance(5 * 86_400);
    app.sweep("reconcile").await.expect(500);
    set(&app, &row, "status", &row["status"]);
    app.advance(5 * 86_400);
    assert_eq!(handled(&app).await, 1);
    assert_eq!((count(&app, "payment.repaired").await, rows_of_the_run(&app).await), (3, 0));
    assert_eq!(handled(&app).await, 0);
}

// A5
#[tokio::test]
async fn foreign_and_unreadable_objects_are_counted_and_stop_nothing() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    silence(&app).await;
    let checkout = app.subscribe(&session, "pro").await.expect(201);
    app.pay(&checkout.body).await.expect(303);
    for kind in ["customer", "subscription", "invoice", "charge", "refund", "product", "price"] {
        app.at_stripe("foreign", json!({"kind": kind, "fields": {}})).await.expect(201);
    }
    // A number that no other test uses.
    let mut ids = Vec::new();
    for _ in 0..7 {
        let unreadable = json!({"kind": "invoice", "fields": {"status": "open", "currency": 7}});
        ids.push(app.at_stripe("foreign", unreadable).await.expect(201).body["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(handled(&app).await, 1);
    assert_eq!(app.get_as(&session, "/me").await.body["tier"], 1);
    let text = logs::text();
    for id in ids {
        let lines = text.lines().filter(|line| line.contains(&id) && line.contains("cannot be read")).count();
        assert_eq!(lines, 1, "two lists have it, and it is logged once");
    }
    // The customers of eight others, seven objects of their own, two subscriptions of invoices, two charges.
    let is_count = |line: &&str| line.contains("compared with Stripe") && line.contains(r#""unreadable":14"#);
    assert!(text.lines().any(|line| is_count(&line)), "they are counted in both lists");
}
