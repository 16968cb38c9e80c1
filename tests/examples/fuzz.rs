//! Reads objects that Stripe could send, one JSON object a line (`tests/stripe/fuzz.py`), and puts them into the lists
//! and the events of a stack with one paying user. It ends with an error if a function panics, if an object blocks an
//! event or the comparison with Stripe, or if an object that cannot be read is not logged once, with its type and id.
//! comparison with Stripe, or if an object that cannot be read is not logged once, with its type and id.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)] // it ends at the first unexpected result

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use tollgate_local::Options;
use tollgate_tests::app::{TestApp, options};
use tollgate_tests::logs;
use tollgate_tests::stripe::{event, signature};

const WEBHOOK_SECRET: &str = "whsec_fuzz";
/// The number of events that are delivered before they are handled.
const DELIVERED: usize = 200;
/// The number of objects of each kind for our own customer.
const OWN: usize = 60;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (mut listed, mut events, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let object = line["object"].clone();
        if line["unreadable"] == true {
            unreadable.push((text(&line["list"]), object));
        } else if line.get("list").is_some() {
            listed.push((text(&line["list"]), object));
        } else {
            events.push((text(&line["event"]), object));
        }
    }
    let is_complete = !listed.is_empty() && !events.is_empty() && !unreadable.is_empty();
    assert!(is_complete, "nothing was generated");
    let unread = lists(&listed, &unreadable).await;
    own_lists(&listed).await;
    let types = deliver(&events).await;
    println!(
        "{} objects in lists, {unread} of them unreadable; {} events of {types} types",
        listed.len() + unreadable.len(),
        events.len()
    );
}

async fn start() -> (TestApp, tollgate_tests::app::Session) {
    let mut options = options();
    options.env.push(("STRIPE_WEBHOOK_SECRET".to_owned(), WEBHOOK_SECRET.to_owned()));
    let app = TestApp::start_patient(Options { ..options }).await;
    let (_, session) = app.subscriber("ann").await;
    (app, session)
}

async fn make(app: &TestApp, kind: &str, fields: &Value) -> String {
    let made = app.at_stripe("foreign", json!({"kind": kind, "fields": fields})).await.expect(201);
    text(&made.body["id"])
}

async fn renew(app: &TestApp) {
    let is_own = |subscription: &&Value| subscription["status"] == "active" && subscription["schedule"].is_null();
    let row = app.table("billing").await.into_iter().find(|row| text(&row["sk"]["S"]).starts_with("SUB#")).unwrap();
    let id = text(&row["stripe_id"]["S"]);
    let all = app.stripe("subscriptions").await;
    let own = all.iter().filter(is_own).find(|subscription| subscription["id"] == *id).unwrap();
    app.at_stripe(&format!("subscriptions/{}/renew", text(&own["id"])), json!({"outcome": "paid"})).await.expect(200);
}

/// Each object in its list, beside a renewal without an event, which reconciliation finds. Objects that cannot be read at all
/// are logged once, with their type and id. Returns how many objects cannot be read.
async fn lists(objects: &[(String, Value)], unreadable: &[(String, Value)]) -> usize {
    let (app, session) = start().await;
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let mut ids = BTreeSet::new();
    for (kind, fields) in objects {
        ids.insert(make(&app, kind, fields).await);
    }
    let mut unread = Vec::new();
    for (kind, fields) in unreadable {
        let id = make(&app, kind, fields).await;
        ids.insert(id.clone());
        unread.push((kind.clone(), id));
    }
    renew(&app).await;
    let swept = app.sweep("reconcile").await.expect(200);
    assert!(swept.body["handled"].as_u64() >= Some(1), "the renewal is found: {}", swept.text);
    let payments = app.get_as(&session, "/billing/payments/me").await.expect(200).body;
    assert_eq!(payments["items"].as_array().map(Vec::len), Some(2), "beside all that, the renewal is stored");
    let mut logged = BTreeMap::<(String, String), usize>::new();
    for line in logs::text().lines().filter(|line| line.contains("cannot be read")) {
        let fields = serde_json::from_str::<Value>(line).unwrap()["fields"].clone();
        *logged.entry((text(&fields["object"]), text(&fields["id"]))).or_default() += 1;
    }
    assert!(logged.keys().all(|(kind, id)| !kind.is_empty() && ids.contains(id)), "each with its type and id");
    assert!(logged.values().all(|times| *times == 1), "each once, also where two lists have it: {logged:?}");
    let silent: Vec<_> = unread.iter().filter(|object| !logged.contains_key(*object)).collect();
    assert!(silent.is_empty(), "not logged: {silent:?}");
    assert_eq!(app.sweep("reconcile").await.expect(200).body["handled"], 0, "nothing is repaired twice");
    logged.len()
}

/// Objects of our own customer: with any values, it keeps its access, and later events are handled.
async fn own_lists(objects: &[(String, Value)]) {
    let (app, session) = start().await;
    let customer = app.stripe("customers").await[0]["id"].clone();
    let mut made = BTreeMap::<&str, usize>::new();
    for (kind, fields) in objects.iter().filter(|(kind, _)| !matches!(kind.as_str(), "customer" | "product" | "price"))
    {
        let made = made.entry(kind).or_default();
        *made += 1;
        // Every fourth, so that all kinds of generated objects are used.
        if made.is_multiple_of(4) && *made / 4 <= OWN {
            let mut fields = fields.clone();
            fields["customer"] = customer.clone();
            make(&app, kind, &fields).await;
        }
        if made.is_multiple_of(40) {
            app.drain().await;
        }
    }
    app.drain().await;
    app.sweep("reconcile").await.expect(200);
    app.sweep("expiry").await.expect(200);
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 1, "the access stays");
}

/// Delivers the events; the objects of every second one name our customer. Returns the number of types.
async fn deliver(events: &[(String, Value)]) -> usize {
    let (app, session) = start().await;
    let customer = app.stripe("customers").await[0]["id"].clone();
    let mut ids = BTreeSet::new();
    for (number, (kind, object)) in events.iter().enumerate() {
        let mut object = object.clone();
        if number % 2 == 0 && object["customer"].is_string() {
            object["customer"] = customer.clone();
        }
        let id = format!("evt_fuzz_{number}");
        let body = event(&id, kind, &object).to_string();
        ids.insert(id);
        let signature = signature(WEBHOOK_SECRET, app.now().as_second(), &body);
        let headers = [("stripe-signature", signature.as_str()), ("content-type", "application/json")];
        app.send(reqwest::Method::POST, "/billing/stripe/webhook", &headers, Some(body)).await.expect(200);
        if number % DELIVERED == 0 {
            app.drain().await;
        }
    }
    app.drain().await;
    let recorded = app.table("billing").await.into_iter().filter(|row| row["sk"]["S"] == "EVENT");
    let recorded: BTreeSet<_> = recorded.map(|row| text(&row["id"]["S"])).collect();
    let missing: Vec<_> = ids.difference(&recorded).collect();
    assert!(missing.is_empty(), "not handled: {missing:?}");
    assert_eq!(app.get_as(&session, "/me").await.expect(200).body["tier"], 1, "the access stays");
    events.iter().map(|(kind, _)| kind).collect::<BTreeSet<_>>().len()
}
