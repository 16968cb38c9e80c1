//! The positions of sweeps.

use crate::faults::Fault;
use crate::people::{at, at_ms};
use crate::tables::Tables;
use serde_json::json;
use tollgate_store::StoreError;

// R13
#[tokio::test]
async fn each_sweep_has_its_own_position_and_none_before_its_first_run() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.sweep_position("accounts").await.unwrap(), None);
    tables.store.store_sweep_position("accounts", at_ms(1)).await.unwrap();
    tables.store.store_sweep_position("outbox", at(9)).await.unwrap();
    assert_eq!(tables.store.sweep_position("accounts").await.unwrap(), Some(at_ms(1)));
    tables.store.store_sweep_position("accounts", at(5)).await.unwrap();
    assert_eq!(tables.store.sweep_position("accounts").await.unwrap(), Some(at(5)));
    assert_eq!(tables.store.sweep_position("outbox").await.unwrap(), Some(at(9)));
    let expected = json!({"pk": "SWEEP#accounts", "sk": "PLACE", "at": at(5), "v": 1});
    assert_eq!(tables.row("system", "SWEEP#accounts/PLACE").await, expected);
}

#[tokio::test]
async fn a_malformed_position_is_corrupt() {
    let tables = Tables::new().await;
    tables.store.store_sweep_position("accounts", at(0)).await.unwrap();
    tables.edit("system", "SWEEP#accounts/PLACE", |row| row["at"] = json!("far")).await;
    let error = tables.store.sweep_position("accounts").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "system", .. }), "{error}");
}

// R8
#[tokio::test]
async fn a_position_is_stored_if_the_answer_was_lost_else_unavailable() {
    let tables = Tables::new().await;
    tables.faults.next("PutItem", [Fault::LostAnswer]);
    tables.store.store_sweep_position("accounts", at(5)).await.unwrap();
    assert_eq!(tables.store.sweep_position("accounts").await.unwrap(), Some(at(5)));
    tables.faults.next("PutItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.untouched(tables.store.store_sweep_position("accounts", at(6))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.faults.next("GetItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.sweep_position("accounts").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
