//! Events of Stripe's: known again for 35 days.

use crate::billing::{event, event_row, unavailable, unreachable};
use crate::people::at;
use crate::tables::Tables;
use crate::wire::Meet;
use tollgate_store::EventRow;

#[tokio::test]
async fn an_event_that_was_kept_is_known_again_for_35_days() {
    let tables = Tables::new().await;
    assert!(!tables.untouched(tables.store.is_event_handled("evt_1")).await.unwrap());
    tables.store.keep_event(&event(1)).await.unwrap();
    assert_eq!(tables.row("billing", "EVENT#evt_1/EVENT").await, event_row(1));
    assert!(tables.store.is_event_handled("evt_1").await.unwrap());
    assert!(!tables.store.is_event_handled("evt_2").await.unwrap(), "another one");
}

#[tokio::test]
async fn an_event_about_nothing_says_nothing_of_it_and_a_second_handling_takes_the_place_of_the_first() {
    let tables = Tables::new().await;
    tables.store.keep_event(&event(1)).await.unwrap();
    let again = EventRow { object_id: None, outcome: "ignored".into(), handled_at: at(90), ..event(1) };
    tables.store.keep_event(&again).await.unwrap();
    let row = tables.row("billing", "EVENT#evt_1/EVENT").await;
    assert_eq!((row.get("object_id"), &row["outcome"]), (None, &"ignored".into()));
    assert_eq!(tables.count("billing").await, 1);
}

// R8
#[tokio::test]
async fn an_event_whose_answer_was_lost_is_there_once() {
    let tables = Tables::new().await;
    tables.wire.next("PutItem", [Meet::LostAnswer]);
    tables.store.keep_event(&event(1)).await.unwrap();
    assert_eq!((tables.wire.count(), tables.count("billing").await), (2, 1));
}

#[tokio::test]
async fn an_event_that_gets_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.wire.next("PutItem", unreachable());
    tables.wire.next("GetItem", unreachable());
    unavailable(tables.untouched(tables.store.keep_event(&event(1))).await);
    unavailable(tables.store.is_event_handled("evt_1").await);
    tables.wire.take_calls();
}
