//! Deliveries of events.

use crate::harness::{Harness, text};
use serde_json::Value;
use tollgate_fake_stripe::{Delivery, Mode};

const MOMENT: &str = "2026-01-10T08:00:00Z";

/// Makes three events.
async fn three(harness: &Harness) {
    for name in ["a", "b", "c"] {
        harness.post("customers", &[("name", name)]).await;
    }
}

/// The names of the customers in the due deliveries, which are then marked as delivered.
fn taken(harness: &Harness) -> Vec<String> {
    let due = harness.stripe.deliveries_due(false);
    due.iter().for_each(|delivery| harness.stripe.delivered(delivery, true));
    due.iter().map(name).collect()
}

fn name(delivery: &Delivery) -> String {
    let event: Value = serde_json::from_str(&delivery.body).unwrap();
    assert_eq!(text(&event["id"]), delivery.event_id);
    text(&event["data"]["object"]["name"])
}

#[tokio::test]
async fn events_are_delivered_once_in_sequence() {
    let harness = Harness::at(MOMENT);
    three(&harness).await;
    assert_eq!(harness.stripe.pending(), 3);
    assert_eq!(taken(&harness), ["a", "b", "c"]);
    assert_eq!((taken(&harness).len(), harness.stripe.pending()), (0, 0));
}

#[tokio::test]
async fn held_events_are_delivered_when_the_mode_returns_to_normal() {
    let harness = Harness::at(MOMENT);
    harness.stripe.set_delivery(Mode::Hold);
    three(&harness).await;
    assert_eq!((taken(&harness).len(), harness.stripe.pending()), (0, 0));
    let harness = harness.again();
    harness.stripe.set_delivery(Mode::Normal);
    harness.post("customers", &[("name", "d")]).await;
    assert_eq!(taken(&harness), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn reverse_mode_delivers_the_newest_event_first() {
    let harness = Harness::at(MOMENT);
    harness.stripe.set_delivery(Mode::Reverse);
    three(&harness).await;
    assert_eq!(taken(&harness).len(), 0);
    harness.stripe.set_delivery(Mode::Normal);
    assert_eq!(taken(&harness), ["c", "b", "a"]);
}

#[tokio::test]
async fn duplicate_mode_delivers_the_same_event_twice() {
    let harness = Harness::at(MOMENT);
    harness.stripe.set_delivery(Mode::Duplicate);
    harness.post("customers", &[("name", "a")]).await;
    let due = harness.stripe.deliveries_due(false);
    assert_eq!(due.len(), 2);
    assert_eq!(due[0].body, due[1].body);
    assert_ne!(due[0].id, due[1].id);
}

#[tokio::test]
async fn dropped_events_are_delivered_only_when_resent() {
    let harness = Harness::at(MOMENT);
    harness.stripe.set_delivery(Mode::Drop);
    three(&harness).await;
    harness.stripe.set_delivery(Mode::Normal);
    assert_eq!(taken(&harness).len(), 0);
    let newest = harness.get("events?limit=1").await.ids().remove(0);
    assert!(harness.stripe.resend(&newest) && !harness.stripe.resend("evt_none"));
    assert_eq!(taken(&harness), ["c"]);
}

#[tokio::test]
async fn a_failed_delivery_is_retried_after_10_s_1_min_10_min_and_then_hourly() {
    let harness = Harness::at(MOMENT);
    harness.post("customers", &[("name", "a")]).await;
    let first = harness.stripe.deliveries_due(false).remove(0);
    harness.stripe.delivered(&first, false);
    for wait in [10, 60, 600, 3600, 3600] {
        harness.pass(wait - 1);
        assert!(harness.stripe.deliveries_due(false).is_empty(), "{wait}");
        harness.pass(1);
        let due = harness.stripe.deliveries_due(false);
        assert_eq!(due.len(), 1, "{wait}");
        assert_eq!((&due[0].id, &due[0].body), (&first.id, &first.body));
        harness.stripe.delivered(&due[0], false);
    }
    assert_eq!(harness.stripe.pending(), 1);
    let at_once = harness.stripe.deliveries_due(true).remove(0);
    harness.stripe.delivered(&at_once, true);
    assert_eq!((harness.stripe.deliveries_due(true).len(), harness.stripe.pending()), (0, 0));
}

#[tokio::test]
async fn each_delivery_attempt_has_a_new_signature_over_the_same_bytes() {
    let harness = Harness::at(MOMENT);
    harness.post("customers", &[("name", "a")]).await;
    let first = harness.stripe.deliveries_due(false).remove(0);
    harness.stripe.delivered(&first, false);
    harness.pass(10);
    let second = harness.stripe.deliveries_due(false).remove(0);
    assert_eq!(first.body, second.body);
    assert_ne!(first.signature, second.signature);
    assert!(second.signature.starts_with(&format!("t={},v1=", harness.now())), "{}", second.signature);
    assert!(Harness::is_signed(&first) && Harness::is_signed(&second));
    assert!(!Harness::is_signed(&Delivery { body: format!("{} ", first.body), ..first }));
}

#[tokio::test]
async fn a_restart_resends_unfinished_deliveries_and_no_finished_ones() {
    let harness = Harness::at(MOMENT);
    three(&harness).await;
    let due = harness.stripe.deliveries_due(false);
    assert!(harness.stripe.deliveries_due(true).is_empty(), "a delivery in progress is not sent twice");
    harness.stripe.delivered(&due[0], true);
    harness.stripe.delivered(&due[1], false);
    let harness = harness.again();
    assert_eq!(harness.stripe.pending(), 2);
    assert_eq!(taken(&harness), ["c"]);
    harness.pass(10);
    assert_eq!(taken(&harness), ["b"]);
}

#[tokio::test]
async fn in_the_silent_mode_no_event_is_created() {
    let harness = Harness::at(MOMENT);
    harness.stripe.set_delivery(Mode::Silent);
    three(&harness).await;
    harness.stripe.set_delivery(Mode::Normal);
    assert!(taken(&harness).is_empty() && harness.event_types().is_empty());
    assert_eq!(harness.get("customers").await.ids().len(), 3);
}

// E16
#[tokio::test]
async fn a_successful_delivery_is_removed_and_a_failed_one_is_retained() {
    let harness = Harness::at(MOMENT);
    three(&harness).await;
    let due = harness.stripe.deliveries_due(false);
    assert_eq!(harness.stored("delivery"), 3);
    harness.stripe.delivered(&due[0], true);
    harness.stripe.delivered(&due[1], false);
    assert_eq!(harness.stored("delivery"), 2);
    let harness = harness.again();
    assert_eq!((taken(&harness), harness.stored("delivery")), (vec!["c".to_owned()], 1));
}

// E16
#[tokio::test]
async fn at_most_5000_events_are_stored() {
    let harness = Harness::at(MOMENT);
    for _ in 0..5010 {
        harness.stripe.create_customer("ann@example.com");
    }
    assert_eq!(harness.event_types().len(), 5010, "all are to be delivered");
    assert_eq!(taken(&harness).len(), 5010);
    harness.stripe.create_customer("ann@example.com");
    assert_eq!((harness.event_types().len(), harness.stored("event")), (5000, 5000));
}
