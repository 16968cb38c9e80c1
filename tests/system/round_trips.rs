//! Reads that share a call, run concurrently, or are cached for a short time: their results do not change.

use crate::local_stack::Folder;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::faults::{Fault, Kind};
use tollgate_local::service::Service;
use tollgate_tests::app::{ADMIN, PASSWORD, Session, TestApp, options};
use tollgate_tests::request::Request;

// R1
#[tokio::test]
async fn a_gate_or_profile_that_is_not_read_is_asked_for_again_or_unavailable() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let fail = |times| app.fail_operation(Service::Dynamodb, "BatchGetItem", Kind::Unprocessed, times);
    fail(1);
    let _before = app.calls();
    let me = app.get_as(&ann, "/me").await.expect(200).body;
    assert_eq!((&me["email"], app.calls().len()), (&json!("ann@example.com"), 2));
    fail(u32::MAX);
    app.get_as(&ann, "/me").await.refused(503, "unavailable");
    app.post("/refresh-token", json!({"refresh_token": ann.refresh})).await.refused(503, "unavailable");
    app.stack.fault_injector().clear();
    app.get_as(&ann, "/me").await.expect(200);
    let (service, operation) = (Service::Dynamodb, Some("GetItem".to_owned()));
    let alone = Fault { service, operation, kind: Kind::Unprocessed, after: 0, times: 1 };
    assert!(!app.stack.fault_injector().add(alone), "no other operation returns this answer");
}

// R1
#[tokio::test]
async fn a_sign_in_of_which_a_part_is_not_written_is_completed_or_unavailable() {
    let app = TestApp::start().await;
    app.person("ann").await;
    let sign_ins = async || app.actions().await.into_iter().filter(|action| action == "user.signed_in").count();
    let before = sign_ins().await;
    let fail = |times| app.fail_operation(Service::Dynamodb, "BatchExecuteStatement", Kind::Unprocessed, times);
    fail(1);
    let _before = app.calls();
    app.login("ann@example.com", PASSWORD).await.expect(200);
    assert_eq!(app.calls().iter().filter(|call| call.operation == "BatchExecuteStatement").count(), 2);
    assert_eq!(sign_ins().await, before + 1);
    fail(u32::MAX);
    app.login("ann@example.com", PASSWORD).await.refused(503, "unavailable");
    app.stack.fault_injector().clear();
    app.login("ann@example.com", PASSWORD).await.expect(200);
    assert_eq!(sign_ins().await, before + 2);
}

// R18
#[tokio::test]
async fn a_gate_of_an_earlier_version_has_its_password_looked_up() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let update = json!({
        "TableName": "tollgate-gate", "Key": {"pk": {"S": format!("USER#{}", ann.user["id"].as_str().unwrap())}},
        "UpdateExpression": "REMOVE has_password",
    });
    app.stack.database().update_item(serde_json::from_value(update).unwrap()).unwrap();
    let _before = app.calls();
    assert_eq!(app.get_as(&ann, "/me").await.expect(200).body["has_password"], true);
    assert_eq!(app.calls().len(), 2);
}

// R1
#[tokio::test]
async fn a_start_with_published_keys_reads_them_with_the_free_plan_and_writes_nothing() {
    let app = TestApp::start_to_be_copied(options()).await;
    let (_, ann) = app.person("ann").await;
    let plans = app.get("/billing/plans").await.expect(200).body;
    let free = plans["items"].as_array().unwrap().iter().find(|plan| plan["price_cents"] == 0).unwrap();
    assert_ne!(free["features"], json!({}));
    let copy = TestApp::start_from(&app.snapshot().await, options()).await;
    let of_tables: Vec<_> = copy.starting.iter().filter(|call| call.service == Service::Dynamodb).collect();
    let operations: Vec<_> = of_tables.iter().map(|call| &*call.operation).collect();
    assert_eq!(operations, ["BatchGetItem"]);
    assert_eq!(of_tables[0].units, [("tollgate-gate".to_owned(), 2.0, 0.0)]);
    assert_eq!(copy.get_as(&ann, "/me").await.expect(200).body["features"], free["features"]);
    assert_eq!(copy.calls().len(), 1, "the gate with the profile");
    // Another stored set is replaced at the start.
    let row = json!({"pk": {"S": "KEYS"}, "jwks": {"S": "{}"}, "newest_ms": {"N": "0"}, "v": {"N": "1"}});
    let put = json!({"TableName": "tollgate-gate", "Item": row});
    app.stack.database().put_item(serde_json::from_value(put).unwrap()).unwrap();
    let copy = TestApp::start_from(&app.snapshot().await, options()).await;
    let row = copy.table("gate").await.into_iter().find(|row| row["pk"]["S"] == "KEYS").unwrap();
    let published: Value = serde_json::from_str(row["jwks"]["S"].as_str().unwrap()).unwrap();
    assert_eq!(published, copy.get("/.well-known/jwks.json").await.expect(200).body);
}

// The first plans are created after `auth` has started.
#[tokio::test]
async fn the_free_plan_of_a_new_deployment_applies_at_once() {
    let folder = Folder::new("new-deployment");
    let app = TestApp::start_with(folder.options()).await;
    let (_, ann) = app.person("ann").await;
    assert_ne!(app.get_as(&ann, "/me").await.expect(200).body["features"], json!({}));
}

/// The names of the plans, as a stranger sees them.
async fn names(app: &TestApp) -> Vec<Value> {
    let plans = app.get("/billing/plans").await.expect(200).body;
    plans["items"].as_array().unwrap().iter().map(|plan| plan["name"].clone()).collect()
}

#[tokio::test]
async fn plans_are_read_once_in_30_seconds() {
    let app = TestApp::start().await;
    names(&app).await;
    app.advance(29);
    let _before = app.calls();
    names(&app).await;
    assert_eq!(app.calls().len(), 0);
    app.advance(1);
    names(&app).await;
    assert_eq!(app.calls().len(), 1);
}

#[tokio::test]
async fn a_change_of_a_plan_is_shown_at_once() {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let path = format!("/billing/plans/{}", plans[1]["id"].as_str().unwrap());
    Request::patch_as(&admin, &path, json!({"name": "Renamed"})).send(&app).await.expect(200);
    assert!(names(&app).await.contains(&json!("Renamed")));
    app.delete_as(&admin, &path).await.expect(204);
    assert!(!names(&app).await.contains(&json!("Renamed")));
}

#[tokio::test]
async fn a_change_by_another_process_reaches_admins_at_once_others_in_30_s() {
    let app = TestApp::start_with_admin().await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    let plans = app.get("/billing/plans").await.expect(200).body["items"].clone();
    let id = plans[1]["id"].as_str().unwrap();
    let update = json!({
        "TableName": "tollgate-billing", "Key": {"pk": {"S": "PLANS"}, "sk": {"S": format!("PLAN#{id}")}},
        "UpdateExpression": "SET #name = :name", "ExpressionAttributeNames": {"#name": "name"},
        "ExpressionAttributeValues": {":name": {"S": "Renamed"}},
    });
    app.stack.database().update_item(serde_json::from_value(update).unwrap()).unwrap();
    assert!(!names(&app).await.contains(&json!("Renamed")), "held");
    let seen = app.get_as(&admin, "/billing/plans").await.expect(200).body["items"].to_string();
    assert!(seen.contains("Renamed"));
    app.advance(30);
    assert!(names(&app).await.contains(&json!("Renamed")));
}

const MINE: &str = "/billing/subscriptions/me";

#[tokio::test]
async fn a_subscription_is_read_with_the_gate_and_hidden_where_it_refuses() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    app.get_as(&ann, MINE).await.expect(200);
    let _before = app.calls();
    app.get_as(&ann, MINE).await.expect(200);
    assert_eq!(operations(&app), ["BatchGetItem"]);
    app.delete_as(&ann, "/sessions?all=true").await.expect(204);
    app.get_as(&ann, MINE).await.refused(401, "unauthenticated");
    // A corrupt item reveals nothing either.
    let mut row = customer(&app).await;
    row["shown"] = json!({"S": "x"});
    put(&app, &row);
    app.get_as(&ann, MINE).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn whoever_has_no_subscription_to_see_learns_it_from_one_call() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    app.get_as(&ann, MINE).await.refused(404, "no_subscription");
    let _before = app.calls();
    app.get_as(&ann, MINE).await.refused(404, "no_subscription");
    assert_eq!(operations(&app), ["BatchGetItem"], "no customer");
    app.subscribe(&ann, "pro").await.expect(201);
    let _before = app.calls();
    app.get_as(&ann, MINE).await.refused(404, "no_subscription");
    assert_eq!(operations(&app), ["BatchGetItem"], "a checkout");
}

// An earlier version of the service wrote the customer last, without a copy of the subscription or with an old one.
#[tokio::test]
async fn without_a_current_copy_the_subscription_itself_is_shown_until_the_next_write() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann").await;
    let shown = app.subscription(&ann).await;
    let row = customer(&app).await;
    let mut without = row.clone();
    assert!(without.as_object_mut().unwrap().remove("shown").is_some());
    let mut old = row.clone();
    old["version"] = json!({"N": (row["version"]["N"].as_str().unwrap().parse::<u64>().unwrap() + 1).to_string()});
    old["shown"]["M"]["subscription"]["M"]["status"] = json!({"S": "canceled"});
    for (case, row) in [("none", without), ("an old one", old)] {
        put(&app, &row);
        let _before = app.calls();
        assert_eq!(app.subscription(&ann).await, shown, "{case}");
        assert_eq!(operations(&app), ["BatchGetItem", "Query"], "{case}");
        // A sync that changes nothing writes the copy.
        app.event_about_nothing(&format!("evt_{case}"), &app.stripe("subscriptions").await[0]).await;
        let _before = app.calls();
        assert_eq!(app.subscription(&ann).await, shown, "{case}");
        assert_eq!(operations(&app), ["BatchGetItem"], "{case}");
    }
}

// R18: the version before reads the page of a checkout in the customer's item.
#[tokio::test]
async fn the_page_of_a_checkout_is_stored_until_the_next_write() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let checkout = app.subscribe(&ann, "pro").await.expect(201).body;
    let row = customer(&app).await;
    assert_eq!(row["checkout"]["M"]["url"]["S"], checkout["checkout_url"]);
    // Another page, as only the item has it: this version asks Stripe.
    let mut other = row.clone();
    other["checkout"]["M"]["url"] = json!({"S": "https://example.com/"});
    put(&app, &other);
    assert_eq!(app.subscribe(&ann, "pro").await.expect(201).body, checkout);
    let object = json!({"object": "subscription", "id": "sub_of_another", "customer": row["stripe_customer_id"]["S"]});
    for id in ["evt_1", "evt_2"] {
        app.event_about_nothing(id, &object).await;
        assert_eq!(customer(&app).await["checkout"]["M"].get("url"), None, "{id}");
        assert_eq!(app.subscribe(&ann, "pro").await.expect(201).body, checkout, "{id}");
    }
}

// A write of more than 1 KB costs another unit, at each event.
#[tokio::test]
async fn a_customers_item_with_its_copy_costs_one_write_unit() {
    let app = TestApp::start().await;
    let (_, ann) = app.subscriber("ann-with-the-longest-name-of-40-letters").await;
    let id = app.stripe("subscriptions").await[0]["id"].as_str().unwrap().to_owned();
    let discount = json!({"percent_off": 12.5, "months": 6});
    app.at_stripe(&format!("subscriptions/{id}/discount"), discount).await.expect(200);
    app.drain().await;
    for plan in ["team", "pro"] {
        app.post_as(&ann, "/billing/subscriptions/upgrade", json!({"plan_code": plan})).await.expect(200);
    }
    let scheduled = customer(&app).await;
    assert!(scheduled["shown"]["M"]["subscription"]["M"]["scheduled_plan_id"].is_object());
    app.post_as(&ann, "/billing/subscriptions/cancel", Value::Null).await.expect(200);
    let ending = customer(&app).await;
    assert!(ending["shown"]["M"]["subscription"]["M"]["canceled_at"].is_object());
    for mut row in [scheduled, ending] {
        let shown = &row["shown"]["M"]["subscription"]["M"];
        assert!(shown["discount"].is_object() && row["checkout"]["M"]["session_id"].is_object());
        (row["locale"], row["had_trial"]) = (json!({"S": "de"}), json!({"BOOL": true}));
        assert_eq!(put(&app, &row), 1.0);
    }
}

/// The operations of the calls since the last time, without those of Stripe.
fn operations(app: &TestApp) -> Vec<String> {
    let calls = app.calls().into_iter().filter(|call| call.service == Service::Dynamodb);
    calls.map(|call| call.operation.to_string()).collect()
}

/// The item of the only customer.
async fn customer(app: &TestApp) -> Value {
    let mut rows = app.table("billing").await;
    rows.retain(|row| row["sk"]["S"] == "CUSTOMER" && row["pk"]["S"].as_str().unwrap().starts_with("USER#"));
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// Replaces an item of the table `billing` and returns the write units.
fn put(app: &TestApp, item: &Value) -> f64 {
    let put = json!({"TableName": "tollgate-billing", "Item": item, "ReturnConsumedCapacity": "TOTAL"});
    let put = app.stack.database().put_item(serde_json::from_value(put).unwrap()).unwrap();
    put.consumed_capacity.unwrap().capacity_units
}

// S7
#[tokio::test]
async fn a_call_whose_body_cannot_be_read_is_counted() {
    let app = TestApp::start_limited().await;
    for _ in 0..5 {
        app.send(Method::POST, "/login", &[], Some("no JSON".to_owned())).await;
    }
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    app.post("/login", body).await.refused(429, "rate_limited");
}
