//! Many subscriptions at once: the comparison with Stripe makes few calls, and the sweep of due subscriptions continues
//! after its function was killed on each page.

use crate::app::{TestApp, options};
use crate::population::{Population, fetches};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_fake_stripe::Listed;
use tollgate_local::service::Service;

const MONTH: i64 = 31 * 86_400;

/// Compares the subscriptions of this number of users with Stripe's and sweeps the due ones (R4, R12).
///
/// # Panics
/// When a subscription is not repaired, is handled twice, or too many calls are made.
pub async fn compare_and_sweep(people: usize) {
    let app = TestApp::start_patient(options()).await;
    let both = async {
        let population = Population::gather(&app.stack, people).await;
        are_compared_in_few_calls(&app, &population, people).await;
        are_each_swept_once(&app, &population, people).await;
    };
    app.stack.held(both).await;
}

async fn are_compared_in_few_calls(app: &TestApp, population: &Population<'_>, people: usize) {
    // The number of subscriptions whose stored state differs from Stripe's, in each of three ways.
    let tampered = people / 10;
    for invoice in population.stripe.list(Listed::Invoices).iter().step_by(4) {
        population.stripe.refund(invoice["id"].as_str().unwrap(), Some(100)).unwrap();
    }
    assert_eq!(compared(app, population).await, people as u64, "nothing of them was stored");
    let rows = kept(app).await;
    let persons: Vec<_> = rows.chunks(2).collect();
    assert_eq!(persons.len(), people, "a payment and a subscription of each");

    for person in &persons[..tampered] {
        delete(app, &person[1]);
    }
    for person in &persons[tampered..2 * tampered] {
        set_past_due(app, &person[1]);
    }
    for person in &persons[2 * tampered..3 * tampered] {
        delete(app, &person[0]);
    }
    assert_eq!(compared(app, population).await, 3 * tampered as u64);
    assert!(kept(app).await == rows, "all are unchanged");
    assert_eq!(compared(app, population).await, 0);
}

async fn are_each_swept_once(app: &TestApp, population: &Population<'_>, people: usize) {
    assert_eq!(population.sweep("expiry").await, 0, "nothing is due yet");
    app.advance(MONTH);
    population.stripe.tick();
    app.calls();
    let before = population.versions().await;

    let kills = population.sweep_killed_on_every_page().await;
    assert!(kills >= people / 100, "{kills} pages");
    assert_eq!(fetches(&app.calls()), people);
    let once: BTreeMap<_, _> = before.into_iter().map(|(user, version)| (user, version + 1)).collect();
    assert_eq!(population.versions().await, once);
    assert_eq!(population.sweep("expiry").await, 0);

    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    for subscription in kept(app).await.iter().filter(|row| text(&row["sk"]).starts_with("SUB#")) {
        *statuses.entry(text(&subscription["status"]).to_owned()).or_default() += 1;
    }
    // As in the population: of three neighbours one pays, one is declined, one ends.
    let third = |rest: usize| (0..people).filter(|n| n % 3 == rest).count();
    let wanted = [("active", third(0)), ("past_due", third(1)), ("canceled", third(2))];
    assert_eq!(statuses, wanted.map(|(status, count)| (status.to_owned(), count)).into());
}

/// Runs reconciliation, which reads each page of each list once, and returns how many customers it handled.
async fn compared(app: &TestApp, population: &Population<'_>) -> u64 {
    app.calls();
    let handled = population.sweep("reconcile").await;
    let calls = app.calls().iter().filter(|call| call.service == Service::Stripe).count();
    let listed = [Listed::Customers, Listed::Subscriptions, Listed::Invoices, Listed::Charges];
    let mut counts = listed.map(|what| population.stripe.list(what).len()).to_vec();
    let is_open = |invoice: &&Value| invoice["status"] == "open";
    counts.push(population.stripe.list(Listed::Invoices).iter().filter(is_open).count());
    counts.push(population.stripe.list(Listed::Charges).iter().filter(|charge| charge["amount_refunded"] != 0).count());
    // Disputes, products and prices.
    counts.extend([0, 1, 1]);
    let pages: usize = counts.iter().map(|count| count.div_ceil(100).max(1)).sum();
    assert_eq!(calls, pages, "{counts:?}");
    let objects: usize = counts[..4].iter().sum();
    assert!(calls <= objects / 100 + 10, "{calls} calls of Stripe's for {objects} objects");
    handled
}

/// The payments and subscriptions of all users, user by user.
async fn kept(app: &TestApp) -> Vec<Value> {
    let mut rows = app.table("billing").await;
    rows.retain(|row| text(&row["sk"]).starts_with("PAY#") || text(&row["sk"]).starts_with("SUB#"));
    rows.sort_by_key(|row| format!("{} {}", text(&row["pk"]), text(&row["sk"])));
    rows
}

/// The text of an attribute.
fn text(attribute: &Value) -> &str {
    attribute["S"].as_str().unwrap()
}

fn key(row: &Value) -> Value {
    json!({"pk": row["pk"], "sk": row["sk"]})
}

fn delete(app: &TestApp, row: &Value) {
    let delete = json!({"TableName": "tollgate-billing", "Key": key(row)});
    app.stack.database().delete_item(serde_json::from_value(delete).unwrap()).unwrap();
}

fn set_past_due(app: &TestApp, row: &Value) {
    let update = json!({
        "TableName": "tollgate-billing", "Key": key(row), "UpdateExpression": "SET #status = :status",
        "ExpressionAttributeNames": {"#status": "status"}, "ExpressionAttributeValues": {":status": {"S": "past_due"}},
    });
    app.stack.database().update_item(serde_json::from_value(update).unwrap()).unwrap();
}
