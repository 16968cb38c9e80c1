//! Batches of Stripe's events: those of one customer lead to one synchronisation, each is recorded once, and failures
//! are reported for each message.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::TestApp;
use tollgate_tests::stripe::event;

/// The batch with these messages: group and body.
fn batch(messages: &[(&str, String)]) -> Value {
    let record = |(index, (group, body)): (usize, &(&str, String))| {
        json!({
            "messageId": index.to_string(), "receiptHandle": "r", "body": body,
            "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": group}, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:local:000000000000:stripe.fifo", "awsRegion": "local",
        })
    };
    json!({"Records": messages.iter().enumerate().map(record).collect::<Vec<_>>()})
}

/// Handles a batch and returns the positions of the messages that are reported as failed.
async fn handle(app: &TestApp, messages: &[(&str, String)]) -> Vec<usize> {
    let answer = app.stack.invoke("stripe-events", batch(messages)).await.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().clone();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().parse().unwrap()).collect()
}

/// The recorded outcome of each event of this test.
async fn recorded(app: &TestApp) -> BTreeMap<String, String> {
    let rows = app.table("billing").await.into_iter().filter(|row| row["sk"]["S"] == "EVENT");
    let text = |value: &Value| value["S"].as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["id"]), text(&row["outcome"]))).filter(|(id, _)| id.starts_with("evt_test_")).collect()
}

fn outcomes<const N: usize>(wanted: [(&str, &str); N]) -> BTreeMap<String, String> {
    wanted.map(|(id, outcome)| (format!("evt_test_{id}"), outcome.to_owned())).into()
}

/// The versions of the stored state of the customers, by Stripe's id.
async fn versions(app: &TestApp) -> BTreeMap<String, u64> {
    let rows = app.table("billing").await.into_iter().filter(|row| row["sk"]["S"] == "CUSTOMER");
    let own = rows.filter_map(|row| {
        let id = row["stripe_customer_id"]["S"].as_str()?.to_owned();
        Some((id, row["version"]["N"].as_str()?.parse().unwrap()))
    });
    own.collect()
}

/// The requests to Stripe since the last time, by operation.
fn requests(app: &TestApp) -> BTreeMap<String, usize> {
    let mut requests = BTreeMap::new();
    for call in app.calls().into_iter().filter(|call| call.service == Service::Stripe) {
        *requests.entry(call.operation).or_default() += 1;
    }
    requests
}

fn body(id: &str, kind: &str, object: &Value) -> String {
    event(&format!("evt_test_{id}"), kind, object).to_string()
}

/// Two subscribers, Ann first: for each the subscription, the invoice and the customer's id.
async fn ann_and_bob(app: &TestApp) -> [(Value, Value, String); 2] {
    let mut people = Vec::new();
    for name in ["ann", "bob"] {
        app.subscriber(name).await;
        let subscription = app.stripe("subscriptions").await[0].clone();
        let customer = subscription["customer"].as_str().unwrap().to_owned();
        people.push((subscription, app.stripe("invoices").await[0].clone(), customer));
    }
    app.at_stripe("delivery", json!({"mode": "drop"})).await.expect(200);
    let _before = requests(app);
    people.try_into().unwrap()
}

#[tokio::test]
async fn the_events_of_one_customer_lead_to_one_read_of_stripe() {
    let app = TestApp::start().await;
    let [(ann, ann_paid, a), (bob, bob_paid, b)] = ann_and_bob(&app).await;
    let before = versions(&app).await;
    let refund = json!({"id": "re_1", "object": "refund", "charge": app.stripe("charges").await[1]["id"]});
    app.calls();
    let messages = [
        (a.as_str(), body("1", "customer.subscription.updated", &ann)),
        (b.as_str(), body("2", "customer.subscription.updated", &bob)),
        (a.as_str(), body("3", "payment_intent.created", &json!({"id": "pi_1", "customer": a}))),
        (a.as_str(), body("4", "invoice.paid", &ann_paid)),
        (b.as_str(), body("5", "invoice.paid", &bob_paid)),
        // It has a group of its own: its charge names the customer.
        ("re_1", body("6", "charge.refund.updated", &refund)),
        (a.as_str(), body("7", "customer.subscription.updated", &ann)),
        (a.as_str(), body("7", "customer.subscription.updated", &ann)),
        ("prod_1", body("8", "product.updated", &json!({"id": "prod_1", "object": "product"}))),
        (a.as_str(), body("9", "customer.subscription.trial_will_end", &ann)),
    ];
    assert_eq!(handle(&app, &messages).await, Vec::<usize>::new());
    let lists = ["GET /v1/subscriptions", "GET /v1/invoices", "GET /v1/charges"].map(|list| (list.to_owned(), 2));
    let mut wanted = BTreeMap::from(lists);
    wanted.insert("GET /v1/charges/{id}".to_owned(), 1);
    assert_eq!(requests(&app), wanted);
    let after: BTreeMap<_, _> = before.into_iter().map(|(customer, version)| (customer, version + 1)).collect();
    assert_eq!(versions(&app).await, after, "each is written once");
    let mut rows = outcomes([("3", "no hint"), ("8", "as the plan has it")]);
    rows.extend(["1", "2", "4", "5", "6", "7", "9"].map(|id| (format!("evt_test_{id}"), "followed".to_owned())));
    assert_eq!(recorded(&app).await, rows);
    assert_eq!(handle(&app, &messages).await, Vec::<usize>::new());
    assert_eq!(requests(&app), BTreeMap::new(), "all of them are handled");
}

// R6
#[tokio::test]
async fn a_failed_read_fails_only_the_events_of_its_user() {
    let app = TestApp::start().await;
    let [(ann, ann_paid, a), (bob, _, b)] = ann_and_bob(&app).await;
    let other = json!({"id": "pi_1", "customer": a});
    let messages = [
        (a.as_str(), body("1", "customer.subscription.updated", &ann)),
        (b.as_str(), body("2", "customer.subscription.updated", &bob)),
        (a.as_str(), body("3", "payment_intent.created", &other)),
        ("another", body("4", "invoice.paid", &ann_paid)),
        ("another", body("5", "payment_intent.created", &other)),
        ("a third", body("6", "payment_intent.created", &other)),
    ];
    app.fail_operation(Service::Stripe, "GET /v1/subscriptions", Kind::Error, 1);
    assert_eq!(handle(&app, &messages).await, [0, 2, 3, 4], "Ann's, and the messages after them in their groups");
    assert_eq!(recorded(&app).await, outcomes([("2", "followed"), ("6", "no hint")]));
    assert_eq!(handle(&app, &messages).await, Vec::<usize>::new());
    let wanted =
        [("1", "followed"), ("2", "followed"), ("3", "no hint"), ("4", "followed"), ("5", "no hint"), ("6", "no hint")];
    assert_eq!(recorded(&app).await, outcomes(wanted));
}

// R6
#[tokio::test]
async fn a_failing_message_stops_only_later_messages_of_its_group() {
    let app = TestApp::start().await;
    let [(ann, ann_paid, a), (bob, _, b)] = ann_and_bob(&app).await;
    let messages = [
        (a.as_str(), body("1", "customer.subscription.updated", &ann)),
        (a.as_str(), "poison".to_owned()),
        (a.as_str(), body("2", "invoice.paid", &ann_paid)),
        (b.as_str(), body("3", "customer.subscription.updated", &bob)),
    ];
    assert_eq!(handle(&app, &messages).await, [1, 2]);
    assert_eq!(recorded(&app).await, outcomes([("1", "followed"), ("3", "followed")]));
}

// R3
#[tokio::test]
async fn within_a_group_users_are_handled_one_after_another() {
    let app = TestApp::start().await;
    let [(ann, _, _), (bob, _, _)] = ann_and_bob(&app).await;
    let messages = [
        ("shared", body("1", "customer.subscription.updated", &ann)),
        ("shared", body("2", "customer.subscription.updated", &bob)),
        ("shared", body("3", "customer.subscription.updated", &ann)),
    ];
    app.fail_operation(Service::Stripe, "GET /v1/subscriptions", Kind::Error, 1);
    assert_eq!(handle(&app, &messages).await, [0, 1, 2], "no message is handled before the first");
    assert_eq!(recorded(&app).await, BTreeMap::new());
    let _before = requests(&app);
    assert_eq!(handle(&app, &messages).await, Vec::<usize>::new());
    assert_eq!(requests(&app)["GET /v1/subscriptions"], 3);
}
