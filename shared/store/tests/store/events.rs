//! Stripe's events: recognised for 35 days.

use crate::billing::{event, event_row, unavailable, unreachable};
use crate::faults::Fault;
use crate::people::at;
use crate::tables::Tables;
use tollgate_store::EventRow;

#[tokio::test]
async fn a_stored_event_is_remembered_for_35_days() {
    let tables = Tables::new().await;
    assert!(!tables.untouched(tables.store.is_event_handled("evt_1")).await.unwrap());
    tables.store.store_event(&event(1)).await.unwrap();
    assert_eq!(tables.row("billing", "EVENT#evt_1/EVENT").await, event_row(1));
    assert!(tables.store.is_event_handled("evt_1").await.unwrap());
    assert!(!tables.store.is_event_handled("evt_2").await.unwrap(), "another one");
}

#[tokio::test]
async fn an_event_without_effect_is_stored_without_result_and_replaced_later() {
    let tables = Tables::new().await;
    tables.store.store_event(&event(1)).await.unwrap();
    let again = EventRow { object_id: None, outcome: "ignored".into(), handled_at: at(90), ..event(1) };
    tables.store.store_event(&again).await.unwrap();
    let row = tables.row("billing", "EVENT#evt_1/EVENT").await;
    assert_eq!((row.get("object_id"), &row["outcome"]), (None, &"ignored".into()));
    assert_eq!(tables.count("billing").await, 1);
}

// R8
#[tokio::test]
async fn an_event_whose_answer_was_lost_is_stored_once() {
    let tables = Tables::new().await;
    tables.faults.next("PutItem", [Fault::LostAnswer]);
    tables.store.store_event(&event(1)).await.unwrap();
    assert_eq!((tables.faults.count(), tables.count("billing").await), (2, 1));
}

#[tokio::test]
async fn an_event_without_an_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.faults.next("PutItem", unreachable());
    tables.faults.next("GetItem", unreachable());
    unavailable(tables.untouched(tables.store.store_event(&event(1))).await);
    unavailable(tables.store.is_event_handled("evt_1").await);
    tables.faults.take_calls();
}
