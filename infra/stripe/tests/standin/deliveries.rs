//! Events on their way.

use crate::play::{Play, text};
use serde_json::Value;
use tollgate_stripe_standin::{Delivery, Mode};

const MOMENT: &str = "2026-01-10T08:00:00Z";

/// Three things happen.
async fn three(play: &Play) {
    for name in ["a", "b", "c"] {
        play.post("customers", &[("name", name)]).await;
    }
}

/// The names of the customers that the deliveries tell of, which are taken.
fn taken(play: &Play) -> Vec<String> {
    let due = play.stripe.deliveries_due(false);
    due.iter().for_each(|delivery| play.stripe.delivered(delivery, true));
    due.iter().map(name).collect()
}

fn name(delivery: &Delivery) -> String {
    let event: Value = serde_json::from_str(&delivery.body).unwrap();
    assert_eq!(text(&event["id"]), delivery.event_id);
    text(&event["data"]["object"]["name"])
}

#[tokio::test]
async fn events_are_sent_once_in_their_order() {
    let play = Play::at(MOMENT);
    three(&play).await;
    assert_eq!(play.stripe.pending(), 3);
    assert_eq!(taken(&play), ["a", "b", "c"]);
    assert_eq!((taken(&play).len(), play.stripe.pending()), (0, 0));
}

#[tokio::test]
async fn what_is_held_is_kept_until_things_are_normal_again() {
    let play = Play::at(MOMENT);
    play.stripe.set_delivery(Mode::Hold);
    three(&play).await;
    assert_eq!((taken(&play).len(), play.stripe.pending()), (0, 0));
    let play = play.again();
    play.stripe.set_delivery(Mode::Normal);
    play.post("customers", &[("name", "d")]).await;
    assert_eq!(taken(&play), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn what_is_reversed_is_released_newest_first() {
    let play = Play::at(MOMENT);
    play.stripe.set_delivery(Mode::Reverse);
    three(&play).await;
    assert_eq!(taken(&play).len(), 0);
    play.stripe.set_delivery(Mode::Normal);
    assert_eq!(taken(&play), ["c", "b", "a"]);
}

#[tokio::test]
async fn what_is_duplicated_is_the_same_event_twice() {
    let play = Play::at(MOMENT);
    play.stripe.set_delivery(Mode::Duplicate);
    play.post("customers", &[("name", "a")]).await;
    let due = play.stripe.deliveries_due(false);
    assert_eq!(due.len(), 2);
    assert_eq!(due[0].body, due[1].body);
    assert_ne!(due[0].id, due[1].id);
}

#[tokio::test]
async fn what_is_dropped_never_comes_unless_it_is_sent_again_by_hand() {
    let play = Play::at(MOMENT);
    play.stripe.set_delivery(Mode::Drop);
    three(&play).await;
    play.stripe.set_delivery(Mode::Normal);
    assert_eq!(taken(&play).len(), 0);
    let newest = play.get("events?limit=1").await.ids().remove(0);
    assert!(play.stripe.resend(&newest) && !play.stripe.resend("evt_none"));
    assert_eq!(taken(&play), ["c"]);
}

#[tokio::test]
async fn a_delivery_that_is_not_taken_is_tried_again_after_10_s_1_min_10_min_and_every_hour() {
    let play = Play::at(MOMENT);
    play.post("customers", &[("name", "a")]).await;
    let first = play.stripe.deliveries_due(false).remove(0);
    play.stripe.delivered(&first, false);
    for wait in [10, 60, 600, 3600, 3600] {
        play.pass(wait - 1);
        assert!(play.stripe.deliveries_due(false).is_empty(), "{wait}");
        play.pass(1);
        let due = play.stripe.deliveries_due(false);
        assert_eq!(due.len(), 1, "{wait}");
        assert_eq!((&due[0].id, &due[0].body), (&first.id, &first.body));
        play.stripe.delivered(&due[0], false);
    }
    assert_eq!(play.stripe.pending(), 1);
    let at_once = play.stripe.deliveries_due(true).remove(0);
    play.stripe.delivered(&at_once, true);
    assert_eq!((play.stripe.deliveries_due(true).len(), play.stripe.pending()), (0, 0));
}

#[tokio::test]
async fn each_try_is_signed_anew_over_the_same_bytes() {
    let play = Play::at(MOMENT);
    play.post("customers", &[("name", "a")]).await;
    let first = play.stripe.deliveries_due(false).remove(0);
    play.stripe.delivered(&first, false);
    play.pass(10);
    let second = play.stripe.deliveries_due(false).remove(0);
    assert_eq!(first.body, second.body);
    assert_ne!(first.signature, second.signature);
    assert!(second.signature.starts_with(&format!("t={},v1=", play.now())), "{}", second.signature);
    assert!(Play::is_signed(&first) && Play::is_signed(&second));
    assert!(!Play::is_signed(&Delivery { body: format!("{} ", first.body), ..first }));
}

#[tokio::test]
async fn what_was_under_way_when_the_process_ended_is_sent_again_and_what_was_taken_is_not() {
    let play = Play::at(MOMENT);
    three(&play).await;
    let due = play.stripe.deliveries_due(false);
    assert!(play.stripe.deliveries_due(true).is_empty(), "what is under way is not sent beside itself");
    play.stripe.delivered(&due[0], true);
    play.stripe.delivered(&due[1], false);
    let play = play.again();
    assert_eq!(play.stripe.pending(), 2);
    assert_eq!(taken(&play), ["c"]);
    play.pass(10);
    assert_eq!(taken(&play), ["b"]);
}

#[tokio::test]
async fn in_silence_no_event_is_made() {
    let play = Play::at(MOMENT);
    play.stripe.set_delivery(Mode::Silent);
    three(&play).await;
    play.stripe.set_delivery(Mode::Normal);
    assert!(taken(&play).is_empty() && play.told().is_empty());
    assert_eq!(play.get("customers").await.ids().len(), 3);
}

// E16
#[tokio::test]
async fn a_delivery_that_is_taken_leaves_nothing_and_one_that_is_not_stays() {
    let play = Play::at(MOMENT);
    three(&play).await;
    let due = play.stripe.deliveries_due(false);
    assert_eq!(play.kept("delivery"), 3);
    play.stripe.delivered(&due[0], true);
    play.stripe.delivered(&due[1], false);
    assert_eq!(play.kept("delivery"), 2);
    let play = play.again();
    assert_eq!((taken(&play), play.kept("delivery")), (vec!["c".to_owned()], 1));
}

// E16
#[tokio::test]
async fn no_more_than_5000_events_are_kept() {
    let play = Play::at(MOMENT);
    for _ in 0..5010 {
        play.stripe.create_customer("ann@example.com");
    }
    assert_eq!(play.told().len(), 5010, "all are to be delivered");
    assert_eq!(taken(&play).len(), 5010);
    play.stripe.create_customer("ann@example.com");
    assert_eq!((play.told().len(), play.kept("event")), (5000, 5000));
}
