//! An outage of SES or Stripe for four hours: no message becomes a dead letter, and all waiting messages are handled
//! after it (D7).

use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::Duration;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_ops::{Progress, local_stack, redrive};
use tollgate_tests::app::TestApp;
use tollgate_tests::stripe::event;

const OUTAGE_MINUTES: usize = 4 * 60;

/// The numbers of a queue.
async fn queue(app: &TestApp, name: &str) -> Value {
    let queues = app.get("/_local/queues").await.expect(200).body;
    queues["items"].as_array().unwrap().iter().find(|queue| queue["name"] == name).unwrap().clone()
}

/// Moves the time minute by minute, so that each retry happens when it is due.
async fn pass(app: &TestApp, minutes: usize) {
    for _ in 0..minutes {
        app.advance(60);
        app.stack.run_due().await.unwrap();
    }
}

async fn dead(app: &TestApp) -> [Value; 2] {
    [queue(app, "mail").await["dead"].clone(), queue(app, "stripe.fifo").await["dead"].clone()]
}

// D7
#[tokio::test]
async fn an_outage_of_ses_of_four_hours_makes_no_dead_letter() {
    for kind in [Kind::Error, Kind::Throttle, Kind::Hang] {
        let app = TestApp::start().await;
        app.fail(Service::Ses, kind, 0, u32::MAX);
        app.register("ann").await.expect(202);
        pass(&app, OUTAGE_MINUTES / 2).await;
        app.register("bob").await.expect(202);
        pass(&app, OUTAGE_MINUTES / 2).await;
        assert_eq!(dead(&app).await, [0, 0], "{kind:?}");
        app.stack.fault_injector().clear();
        // At most a quarter of an hour after its end.
        pass(&app, 15).await;
        for name in ["ann", "bob"] {
            let mails = app.get(&format!("/_local/emails?to={name}@example.com")).await.expect(200).body;
            assert_eq!(mails["items"].as_array().unwrap().len(), 1, "{kind:?} {name}");
        }
        app.drain().await;
    }
}

// D7
#[tokio::test]
async fn a_four_hour_outage_of_stripe_makes_no_dead_letter_and_groups_converge() {
    for kind in [Kind::Error, Kind::Throttle, Kind::Hang] {
        let app = TestApp::start().await;
        let (email, _) = app.subscriber("ann").await;
        let (_, bob) = app.subscriber("bob").await;
        app.fail(Service::Stripe, kind, 0, u32::MAX);
        // Events of two customers, and the command to delete a user's customer.
        for subscription in app.stripe("subscriptions").await {
            let id = subscription["id"].as_str().unwrap().to_owned();
            for outcome in ["failed", "paid"] {
                app.at_stripe(&format!("subscriptions/{id}/renew"), json!({"outcome": outcome})).await.expect(200);
            }
        }
        app.post_as(&bob, "/deactivate", json!({})).await.expect(200);
        pass(&app, OUTAGE_MINUTES).await;
        assert_eq!(dead(&app).await, [0, 0], "{kind:?}");
        assert!(queue(&app, "stripe.fifo").await["in_flight"].as_u64() > Some(2), "{kind:?}");
        app.stack.fault_injector().clear();
        pass(&app, 15).await;
        assert_eq!(queue(&app, "stripe.fifo").await["in_flight"], 0, "{kind:?}");
        let ann = app.sign_in(&email).await;
        let payments = app.get_as(&ann, "/billing/payments/me").await.expect(200).body;
        assert_eq!(payments["items"].as_array().unwrap().len(), 2, "{kind:?}");
        let ending: Vec<_> = app
            .stripe("subscriptions")
            .await
            .iter()
            .map(|subscription| subscription["cancel_at_period_end"].clone())
            .collect();
        assert_eq!(ending, [true, false], "{kind:?}: Bob's is the newer one");
        app.drain().await;
    }
}

/// Puts messages on the queue of Stripe's events: group and body.
async fn send(app: &TestApp, messages: &[(&str, String)]) {
    let sqs = aws_sdk_sqs::Client::new(app.stack.sdk());
    let url = app.stack.environment().get("STRIPE_QUEUE_URL").unwrap().to_owned();
    let held = async {
        for (n, (group, body)) in messages.iter().enumerate() {
            let message = sqs.send_message().queue_url(&url).message_body(body).message_group_id(*group);
            message.message_deduplication_id(n.to_string()).send().await.unwrap();
        }
    };
    app.stack.held(held).await;
}

/// The recorded events of this test.
async fn recorded(app: &TestApp) -> Vec<String> {
    let rows = app.table("billing").await.into_iter().filter(|row| row["sk"]["S"] == "EVENT");
    let ids = rows.map(|row| row["id"]["S"].as_str().unwrap().to_owned());
    let mut ids: Vec<_> = ids.filter(|id| id.starts_with("evt_test_")).collect();
    ids.sort();
    ids
}

fn harmless(id: &str) -> String {
    event(id, "payment_intent.created", &json!({"id": "pi_1", "object": "payment_intent"})).to_string()
}

// D7, R6
#[tokio::test]
async fn only_a_poison_message_becomes_a_dead_letter_and_unblocks_its_group() {
    let mut app = TestApp::start().await;
    let messages = [
        ("a", "poison".to_owned()),
        ("a", harmless("evt_test_1")),
        ("b", harmless("evt_test_2")),
        ("a", harmless("evt_test_3")),
    ];
    send(&app, &messages).await;
    pass(&app, 5).await;
    assert_eq!(recorded(&app).await, ["evt_test_2"], "the group of the poison message stops, the other goes on");
    pass(&app, 25).await;
    assert_eq!(recorded(&app).await, ["evt_test_1", "evt_test_2", "evt_test_3"]);
    assert_eq!(dead(&app).await, [0, 1]);
    let queue = queue(&app, "stripe.fifo").await;
    assert_eq!((&queue["depth"], &queue["in_flight"]), (&json!(0), &json!(0)));
    app.dead_wanted = 1;
}

// D7, R6
#[tokio::test]
async fn a_drain_moves_only_a_poison_message_to_the_dead_letters() {
    let mut app = TestApp::start().await;
    let messages = [("a", "{}".to_owned()), ("a", harmless("evt_test_1")), ("b", harmless("evt_test_2"))];
    send(&app, &messages).await;
    app.drain().await;
    assert_eq!(recorded(&app).await, ["evt_test_1", "evt_test_2"]);
    assert_eq!(dead(&app).await, [0, 1]);
    app.dead_wanted = 1;
}

/// Adds this number of mails to the dead letters.
async fn dead_mails(app: &TestApp, count: usize) {
    app.fail(Service::Ses, Kind::Throttle, 0, u32::MAX);
    for n in 0..count {
        app.register(&format!("user-{n}")).await.expect(202);
    }
    app.drain().await;
    app.stack.fault_injector().clear();
    assert_eq!(dead(app).await, [json!(count), json!(0)]);
}

// D7, R6
#[tokio::test]
async fn redrive_moves_all_dead_letters_reports_progress_and_resumes() {
    let mut app = TestApp::start().await;
    dead_mails(&app, 25).await;
    let client = local_stack(&app.stack.base_url()).await.unwrap().queues();
    let shown = RefCell::new(Vec::new());
    let show = |Progress { moved, of }: Progress| shown.borrow_mut().push((moved, of));
    // Interrupted after its first request.
    let pause = Duration::from_secs(3600);
    let interrupted =
        tokio::time::timeout(Duration::from_millis(500), redrive(&client, "mail-dead", pause, show)).await;
    assert!(interrupted.is_err());
    assert_eq!(*shown.borrow(), [(10, 25)]);
    let done = redrive(&client, "mail-dead", Duration::ZERO, show).await.unwrap();
    assert_eq!((done, shown.borrow().last().copied()), (Some(25), Some((25, 25))));
    app.drain().await;
    let mails = app.get("/_local/emails").await.expect(200).body;
    assert_eq!(mails["items"].as_array().unwrap().len(), 25, "each is sent once");
    for queue in ["mail-dead", "stripe-dead.fifo"] {
        assert_eq!(redrive(&client, queue, Duration::ZERO, show).await.unwrap(), None, "{queue}");
    }
    // A poison message is a dead letter again, and can be moved again.
    send(&app, &[("a", "poison".to_owned())]).await;
    for _ in 0..2 {
        app.drain().await;
        assert_eq!(dead(&app).await, [0, 1]);
        assert_eq!(redrive(&client, "stripe-dead.fifo", Duration::ZERO, show).await.unwrap(), Some(1));
        app.advance(1);
    }
    let error = redrive(&client, "none-dead", Duration::ZERO, show).await.unwrap_err().to_string();
    assert!(error.starts_with("none-dead: ") && error.contains("QueueDoesNotExist"), "{error}");
    app.drain().await;
    app.dead_wanted = 1;
}
