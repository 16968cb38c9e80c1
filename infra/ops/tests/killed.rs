//! `redrive` and `reconcile` are killed three times and continued: each message and each customer is handled once.

#![allow(clippy::unwrap_used)] // a test that cannot go on fails there

mod support;

use jiff::Timestamp;
use serde_json::{Value, json};
use support::gate::Gate;
use support::{run, start_at};
use tollgate_domain::MessageId;
use tollgate_local::TABLE_PREFIX;
use tollgate_local::service::Service;
use tollgate_platform::random_bytes;
use tollgate_tests::app::{TestApp, options};
use tollgate_tests::population::Population;

/// As many as an outage leaves.
const MANY: usize = 10_000;

/// Puts a message into the outbox that `relay` does not send: it is inserted as a decoy, and `relay` only handles
/// inserts.
fn put_message(app: &TestApp, id: &MessageId, now: Timestamp) {
    let body = json!({"kind": "password_changed", "to": "ann@example.com", "username": "ann", "at": now});
    for kind in ["decoy", "password_changed"] {
        let item = json!({
            "pk": {"S": id}, "id": {"S": id}, "kind": {"S": kind}, "body": {"S": body.to_string()}, "v": {"N": "1"},
            "created_at": {"S": now}, "state": {"S": "pending"},
        });
        let request = json!({"TableName": format!("{TABLE_PREFIX}outbox"), "Item": item});
        app.stack.database().put_item(serde_json::from_value(request).unwrap()).unwrap();
    }
}

/// Waits until no message is under way. One request waits for 30 seconds at most.
async fn drain(app: &TestApp) {
    while app.post("/_local/drain", json!({})).await.status == 504 {}
}

async fn dead_letters(app: &TestApp) -> usize {
    let queues = app.get("/_local/queues").await.expect(200).body;
    let mail = queues["items"].as_array().unwrap().iter().find(|queue| queue["name"] == "mail").unwrap();
    usize::try_from(mail["dead"].as_u64().unwrap()).unwrap()
}

/// Runs the command until its call of `operation` after `answered` of them, and kills it there.
async fn kill(app: &TestApp, arguments: &[&str], operation: &'static str, answered: usize) {
    let gate = Gate::start(app, operation, answered).await;
    let mut child = start_at(gate.url(), arguments);
    tokio::select! {
        () = gate.reached() => {}
        ended = child.wait() => panic!("it ends before it is killed: {ended:?}"),
    }
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_killed_three_times_moves_each_message_once() {
    redrive_killed_three_times(1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a part of nightly.yml"]
async fn redrive_killed_three_times_moves_each_of_many_messages_once() {
    redrive_killed_three_times(MANY).await;
}

async fn redrive_killed_three_times(messages: usize) {
    let app = TestApp::start_patient(options()).await;
    let now = app.now();
    let filled = async {
        for _ in 0..messages {
            let id = MessageId::new(now, random_bytes());
            put_message(&app, &id, now);
            app.stack.put_dead_letter("mail", json!({"id": id, "v": 1}).to_string(), None).unwrap();
        }
    };
    app.stack.held(filled).await;
    let mut dead = dead_letters(&app).await;
    assert_eq!(dead, messages);
    for answered in [10, 25, 40].map(|of_1_000| of_1_000 * messages / 1_000) {
        kill(&app, &["redrive", "--queue", "mail"], "AmazonSQS.ListMessageMoveTasks", answered).await;
        let left = dead_letters(&app).await;
        assert!(0 < left && left < dead, "{left} of {dead} are left");
        dead = left;
    }
    let done = run(&app, &["redrive", "--queue", "mail"]).await.expect(0).json();
    assert_eq!(done["result"]["moved"], json!({"mail": messages}));
    run(&app, &["redrive", "--queue", "mail"]).await.expect(3);
    drain(&app).await;
    assert_eq!(dead_letters(&app).await, 0);
    let mails = app.calls().into_iter().filter(|call| call.service == Service::Ses).count();
    assert_eq!(mails, messages, "each is sent once");
    let unsent = app.table("outbox").await.into_iter().filter(|row| row["state"]["S"] != "sent").count();
    assert_eq!(unsent, 0);
}

async fn count(app: &TestApp, action: &str) -> usize {
    app.actions().await.iter().filter(|found| *found == action).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconcile_killed_three_times_repairs_each_customer_once() {
    reconcile_killed_three_times(250).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a part of nightly.yml"]
async fn reconcile_killed_three_times_repairs_each_of_many_customers_once() {
    reconcile_killed_three_times(MANY).await;
}

async fn reconcile_killed_three_times(people: usize) {
    let app = TestApp::start_patient(options()).await;
    Population::gather(&app.stack, people).await;
    let mut repaired = 0;
    for answered in [40, 80, 60].map(|of_250| of_250 * people / 250) {
        kill(&app, &["reconcile"], "DynamoDB_20120810.TransactWriteItems", answered).await;
        let now = count(&app, "subscription.repaired").await;
        assert!(repaired < now && now < people, "{now} are repaired, {repaired} before");
        repaired = now;
    }
    let done: Value = run(&app, &["reconcile"]).await.expect(0).json();
    assert!(done["result"]["resumed_after_pages"].as_u64().unwrap() > 0, "{done}");
    for action in ["subscription.repaired", "payment.repaired"] {
        assert_eq!(count(&app, action).await, people, "{action}");
    }
    assert_eq!(count(&app, "operator.command").await, 4);
    assert_eq!(run(&app, &["reconcile"]).await.expect(0).json()["result"]["repaired"], 0);
    drain(&app).await;
}
