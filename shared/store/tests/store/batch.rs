//! Reads of several items in one call.

use crate::faults::Fault;
use crate::people::{email, user};
use crate::tables::Tables;
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_store::roles::Operator;
use tollgate_store::{GateOf, ProfileOf, ReadableBy, StoreError};

/// An answer in which nothing of these tables was read.
fn unprocessed(tables: &Tables, remaining: &[(&str, String)]) -> Value {
    let of_table = |(table, key): &(&str, String)| {
        (tables.name(table), json!({"Keys": [{"pk": {"S": key}}], "ConsistentRead": true}))
    };
    let remaining: serde_json::Map<String, Value> = remaining.iter().map(of_table).collect();
    json!({"Responses": {}, "UnprocessedKeys": remaining})
}

/// The pauses of the store: the SDK's own waits are deadlines of many seconds.
fn pauses(tables: &Tables) -> Vec<Duration> {
    tables.faults.take_waits().into_iter().filter(|wait| *wait < Duration::from_secs(1)).collect()
}

fn key() -> String {
    format!("USER#{}", user(1))
}

#[tokio::test]
async fn items_of_two_tables_are_read_in_one_consistent_call() {
    let (tables, ann) = Tables::with_ann().await;
    tables.faults.take_calls();
    let (profile, gate) = tables.store.profile_and_gate(&user(1)).await.unwrap().unwrap();
    assert_eq!((profile.id, gate), (user(1), ann.gate));
    let [call] = tables.faults.take_calls().try_into().unwrap();
    assert_eq!(call.operation, "BatchGetItem");
    for table in ["identity", "gate"] {
        assert_eq!(call.body["RequestItems"][tables.name(table)]["ConsistentRead"], true, "{table}");
    }
    assert!(tables.store.profile_and_gate(&user(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_single_item_and_one_named_twice_are_read_as_one() {
    let (tables, _) = Tables::with_ann().await;
    tables.faults.take_calls();
    assert!(tables.store.look_up(&ProfileOf(user(1))).await.unwrap().is_some());
    let (one, same) = tables.store.look_up(&(ProfileOf(user(1)), ProfileOf(user(1)))).await.unwrap();
    assert_eq!(one.unwrap().id, same.unwrap().id);
    assert!(tables.faults.take_calls().iter().all(|call| call.operation == "GetItem"));
    tables.store.look_up(&()).await.unwrap();
    assert_eq!(tables.faults.count(), 0);
}

#[tokio::test]
async fn omitted_keys_are_requested_again() {
    let (tables, ann) = Tables::with_ann().await;
    tables.faults.take_calls();
    let all = unprocessed(&tables, &[("identity", key()), ("gate", key())]);
    tables.faults.next("BatchGetItem", [Fault::Answer(200, all)]);
    let (_, gate) = tables.store.profile_and_gate(&user(1)).await.unwrap().unwrap();
    assert_eq!((gate, tables.faults.count(), pauses(&tables).len()), (ann.gate, 2, 1));
    // Only the missing part of the answer is requested again.
    let part = unprocessed(&tables, &[("gate", key())]);
    tables.faults.next("BatchGetItem", [Fault::Answer(200, part)]);
    let (profile, gate) = tables.store.look_up(&(ProfileOf(user(2)), GateOf(user(1)))).await.unwrap();
    assert!(profile.is_none() && gate.is_some());
    let [_, again] = tables.faults.take_calls().try_into().unwrap();
    assert_eq!(again.body["RequestItems"].as_object().unwrap().keys().collect::<Vec<_>>(), [&tables.name("gate")]);
}

#[tokio::test]
async fn keys_that_are_omitted_repeatedly_are_unavailable() {
    let (tables, _) = Tables::with_ann().await;
    tables.faults.take_waits();
    let remaining = unprocessed(&tables, &[("identity", key())]);
    tables.faults.next("BatchGetItem", (0..5).map(|_| Fault::Answer(200, remaining.clone())));
    let error = tables.store.profile_and_gate(&user(1)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("identity")), "{error}");
    let pauses = pauses(&tables);
    assert!(pauses.len() == 4 && pauses.iter().sum::<Duration>() < Duration::from_secs(1), "{pauses:?}");
}

#[tokio::test]
async fn a_throttled_batch_and_a_missing_table_are_unavailable() {
    let (tables, _) = Tables::with_ann().await;
    for code in ["ProvisionedThroughputExceededException", "ResourceNotFoundException"] {
        tables.faults.next("BatchGetItem", (0..3).map(|_| Fault::error(code)));
        let error = tables.store.profile_and_gate(&user(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{code}: {error}");
        tables.faults.clear();
    }
}

#[tokio::test]
async fn no_item_is_decoded_where_the_gate_does_not_admit() {
    let (tables, ann) = Tables::with_ann().await;
    // A read of the profile would find that it is corrupt.
    tables.edit("identity", &key(), |row| row["email"] = json!(5)).await;
    let own = ProfileOf(user(1));
    assert!(tables.store.look_up_behind_gate(user(1), &own, |_| false).await.unwrap().is_none());
    let error = tables.store.look_up_behind_gate(user(1), &own, |gate| *gate == ann.gate).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
    assert!(tables.store.look_up_behind_gate(user(2), &own, |_| true).await.unwrap().is_none(), "no gate");
}

#[tokio::test]
async fn an_item_of_400_kilobytes_is_read_with_the_others() {
    let (tables, _) = Tables::with_ann().await;
    tables.edit("identity", &key(), |row| row["pad"] = json!("x".repeat(390_000))).await;
    let (profile, gate) = tables.store.look_up(&(ProfileOf(user(1)), GateOf(user(1)))).await.unwrap();
    assert_eq!((profile.unwrap().email, gate.is_some()), (email("Ann@Example.com"), true));
}

/// A lookup is a tuple of lookups, to any depth.
#[tokio::test]
async fn tuples_of_lookups_are_read_in_one_call() {
    let (tables, _) = Tables::with_ann().await;
    tables.faults.take_calls();
    let lookup = ((ProfileOf(user(1)), GateOf(user(1))), (ProfileOf(user(2)), GateOf(user(2))));
    let ((one, _), (none, no_gate)) = found(&tables, &lookup).await;
    assert!(one.is_some() && none.is_none() && no_gate.is_none());
    assert_eq!(tables.faults.count(), 1);
}

async fn found<L: ReadableBy<Operator>>(tables: &Tables, lookup: &L) -> L::Found {
    tables.store.look_up(lookup).await.unwrap()
}
