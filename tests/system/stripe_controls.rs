//! The dev console's controls of the fake Stripe.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_tests::app::TestApp;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_controls_change_the_objects_of_the_fake() {
    let app = TestApp::start().await;
    app.paid_in_silence().await;
    let subscription = app.stripe("subscriptions").await[0].clone();
    let id = text(&subscription["id"]);
    let act = async |name: &str, body: Value| app.at_stripe(&format!("subscriptions/{id}/{name}"), body).await;
    let changed = act("items", json!({"quantity": 3})).await.expect(200).body;
    assert_eq!(changed["items"]["data"][0]["quantity"], 3);
    let changed = act("discount", json!({"percent_off": 10, "months": 3})).await.expect(200).body;
    assert_eq!(changed["discounts"].as_array().unwrap().len(), 1);
    let changed = act("tax_rate", json!({"percentage": 19})).await.expect(200).body;
    assert_eq!(changed["default_tax_rates"][0]["inclusive"], false);
    let changed = act("pause", json!({"behavior": "void"})).await.expect(200).body;
    assert_eq!(changed["pause_collection"]["behavior"], "void");
    assert!(act("pause", json!({})).await.expect(200).body["pause_collection"].is_null());
    let changed = act("cancel_at", json!({"time": "2099-01-01T00:00:00Z"})).await.expect(200).body;
    assert_eq!(changed["cancel_at"], 4_070_908_800_i64);
    let year = json!([{"duration": {"interval": "year"}}]);
    let schedule = act("schedule", json!({"phases": year})).await.expect(200).body;
    assert_eq!(app.stripe("schedules").await[0]["id"], schedule["id"]);
    assert!(act("remove_card", json!({})).await.expect(200).body["default_payment_method"].is_null());
    for (name, body) in [
        ("discount", json!({})),
        ("tax_rate", json!({"percentage": 101})),
        ("pause", json!({"behavior": "sometimes"})),
        ("cancel_at", json!({"time": "soon"})),
        ("schedule", json!({"phases": [1]})),
    ] {
        act(name, body).await.expect(422);
    }
    app.at_stripe("subscriptions/sub_none/items", json!({})).await.expect(404);
}

#[tokio::test]
async fn invoices_and_disputes_are_paid_in_part_credited_and_closed() {
    let app = TestApp::start().await;
    app.paid_in_silence().await;
    let invoice = text(&app.stripe("invoices").await[0]["id"]);
    app.at_stripe(&format!("invoices/{invoice}/pay"), json!({"amount_cents": 1})).await.expect(422);
    let note = app.at_stripe(&format!("invoices/{invoice}/credit_note"), json!({"amount_cents": 100})).await;
    assert_eq!(note.expect(200).body["amount"], 100);
    let dispute = app.at_stripe(&format!("invoices/{invoice}/dispute"), json!({})).await.expect(200).body;
    let close = format!("disputes/{}/close", text(&dispute["id"]));
    app.at_stripe(&close, json!({"status": "drawn"})).await.expect(422);
    assert_eq!(app.at_stripe(&close, json!({"status": "won"})).await.expect(200).body["status"], "won");
    assert_eq!(app.stripe("charges").await[0]["disputed"], true);
    let subscription = text(&app.stripe("subscriptions").await[0]["id"]);
    app.at_stripe(&format!("subscriptions/{subscription}/renew"), json!({"outcome": "failed"})).await.expect(200);
    let open = text(&app.stripe("invoices").await[0]["id"]);
    let part = app.at_stripe(&format!("invoices/{open}/pay"), json!({"amount_cents": 900})).await.expect(200).body;
    assert_eq!(part["amount_remaining"], 1000);
}

#[tokio::test]
async fn refusals_foreign_objects_and_the_portal_are_set_and_shown() {
    let app = TestApp::start().await;
    app.paid_in_silence().await;
    let refusal = json!({"operation": "POST /v1/refunds", "status": 400, "code": "a", "message": "No.", "times": 2});
    assert_eq!(app.at_stripe("refusals", refusal.clone()).await.expect(200).body, refusal);
    assert_eq!(app.get("/_local/stripe/refusals").await.expect(200).body["items"], json!([refusal]));
    app.at_stripe("refusals", json!({"operation": "refunds"})).await.expect(422);
    app.send(Method::DELETE, "/_local/stripe/refusals", &[], None).await.expect(204);
    assert_eq!(app.get("/_local/stripe/refusals").await.expect(200).body["items"], json!([]));
    let foreign = json!({"kind": "invoice", "fields": {"currency": "hrk", "status": null}});
    let made = app.at_stripe("foreign", foreign).await.expect(201).body;
    assert_eq!((&made["currency"], &made["status"]), (&json!("hrk"), &Value::Null));
    assert_eq!(app.stripe("invoices").await[0]["id"], made["id"]);
    app.at_stripe("foreign", json!({"kind": "cat"})).await.expect(422);
    assert_eq!(app.at_stripe("portal", json!({"configured": false})).await.expect(200).body["configured"], false);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let page = app.send(Method::POST, "/_local/stripe/portal", &form, Some("configured=true".into())).await;
    assert_eq!(page.expect(303).headers["location"], "/_local");
    let event = text(&app.stripe("events").await[0]["id"]);
    let delivery = app.get(&format!("/_local/stripe/events/{event}/delivery")).await.expect(200).body;
    assert!(text(&delivery["signature"]).starts_with("t=") && text(&delivery["body"]).contains(&event));
    app.get("/_local/stripe/events/evt_none/delivery").await.expect(404);
}
