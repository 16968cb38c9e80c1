//! How far sweeps came.

use crate::people::{at, at_ms};
use crate::tables::Tables;
use crate::wire::Meet;
use serde_json::json;
use tollgate_store::StoreError;

// R13
#[tokio::test]
async fn a_sweep_finds_its_own_place_again_and_none_before_its_first_end() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.sweep_place("accounts").await.unwrap(), None);
    tables.store.keep_sweep_place("accounts", at_ms(1)).await.unwrap();
    tables.store.keep_sweep_place("outbox", at(9)).await.unwrap();
    assert_eq!(tables.store.sweep_place("accounts").await.unwrap(), Some(at_ms(1)));
    tables.store.keep_sweep_place("accounts", at(5)).await.unwrap();
    assert_eq!(tables.store.sweep_place("accounts").await.unwrap(), Some(at(5)));
    assert_eq!(tables.store.sweep_place("outbox").await.unwrap(), Some(at(9)));
    let expected = json!({"pk": "SWEEP#accounts", "sk": "PLACE", "at": at(5), "v": 1});
    assert_eq!(tables.row("desk", "SWEEP#accounts/PLACE").await, expected);
}

#[tokio::test]
async fn a_place_of_another_shape_is_corrupt() {
    let tables = Tables::new().await;
    tables.store.keep_sweep_place("accounts", at(0)).await.unwrap();
    tables.edit("desk", "SWEEP#accounts/PLACE", |row| row["at"] = json!("far")).await;
    let error = tables.store.sweep_place("accounts").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "desk", .. }), "{error}");
}

// R8
#[tokio::test]
async fn a_place_is_kept_though_the_answer_was_lost_and_unavailable_without_one() {
    let tables = Tables::new().await;
    tables.wire.next("PutItem", [Meet::LostAnswer]);
    tables.store.keep_sweep_place("accounts", at(5)).await.unwrap();
    assert_eq!(tables.store.sweep_place("accounts").await.unwrap(), Some(at(5)));
    tables.wire.next("PutItem", (0..3).map(|_| Meet::Unreachable));
    let error = tables.untouched(tables.store.keep_sweep_place("accounts", at(6))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.wire.next("GetItem", (0..3).map(|_| Meet::Unreachable));
    let error = tables.store.sweep_place("accounts").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
