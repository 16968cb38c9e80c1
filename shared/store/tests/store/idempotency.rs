//! Answers under an idempotency key: the first call starts, all others within 24 hours get its outcome.

use crate::billing::{unavailable, unreachable};
use crate::faults::Fault;
use crate::people::{START, at, at_ms, request};
use crate::tables::Tables;
use serde_json::json;
use tollgate_store::{IdempotentCall, StoreError, StoredAnswer};

const KEY: &str = "IDEMPOTENT#ann#subscribe#1";
const DAY_MS: i64 = 24 * 3600 * 1000;
const LAPSES_MS: i64 = 30_000;

/// Request `n` with the body `digest`, this number of milliseconds after the start.
async fn begin(tables: &Tables, digest: &str, n: u8, ms: i64) -> IdempotentCall {
    tables.store.begin_once("ann#subscribe#1", digest, &request(n), at_ms(ms)).await.unwrap()
}

fn answer(body: &str) -> StoredAnswer {
    StoredAnswer { status: 201, content_type: "application/json".into(), body: body.into() }
}

async fn keep(tables: &Tables, n: u8, body: &str) -> Result<(), StoreError> {
    tables.store.store_answer("ann#subscribe#1", &request(n), &answer(body)).await
}

async fn forget(tables: &Tables, n: u8) -> Result<(), StoreError> {
    tables.store.forget_call("ann#subscribe#1", &request(n)).await
}

/// Request 1, which started at the start.
async fn begun() -> Tables {
    let tables = Tables::new().await;
    assert_eq!(begin(&tables, "d1", 1, 0).await, IdempotentCall::Begun);
    tables
}

/// The same, with its answer.
async fn answered() -> Tables {
    let tables = begun().await;
    keep(&tables, 1, "{}").await.unwrap();
    tables
}

#[tokio::test]
async fn the_first_call_starts_and_is_stored_for_a_day() {
    let tables = Tables::new().await;
    assert_eq!(begin(&tables, "d1", 1, 5).await, IdempotentCall::Begun);
    let expected = json!({"pk": KEY, "digest": "d1", "begun_ms": START * 1000 + 5, "by": request(1).bare(),
        "ttl": START + 86_400 + 60, "v": 1});
    assert_eq!(tables.row("limits", KEY).await, expected);
    let other = tables.store.begin_once("ann#subscribe#2", "d2", &request(2), at(0)).await.unwrap();
    assert_eq!(other, IdempotentCall::Begun, "under another key");
}

#[tokio::test]
async fn a_running_call_is_not_made_twice() {
    let tables = begun().await;
    assert_eq!(tables.untouched(begin(&tables, "d1", 2, 0)).await, IdempotentCall::UnderWay);
    assert_eq!(tables.untouched(begin(&tables, "d1", 2, LAPSES_MS - 1)).await, IdempotentCall::UnderWay);
}

#[tokio::test]
async fn a_key_belongs_to_one_body() {
    let tables = begun().await;
    assert_eq!(tables.untouched(begin(&tables, "d2", 2, 0)).await, IdempotentCall::OtherBody, "under way");
    keep(&tables, 1, "{}").await.unwrap();
    assert_eq!(tables.untouched(begin(&tables, "d2", 2, 0)).await, IdempotentCall::OtherBody, "answered");
    assert_eq!(tables.untouched(begin(&tables, "d2", 1, 0)).await, IdempotentCall::OtherBody, "for any request");
}

#[tokio::test]
async fn the_answer_is_returned_again_for_a_day() {
    let tables = answered().await;
    let expected = json!({"pk": KEY, "digest": "d1", "begun_ms": START * 1000, "by": request(1).bare(),
        "status": 201, "content_type": "application/json", "body": "{}", "ttl": START + 86_400 + 60, "v": 1});
    assert_eq!(tables.row("limits", KEY).await, expected);
    for ms in [0, LAPSES_MS, DAY_MS - 1] {
        let kept = tables.untouched(begin(&tables, "d1", 2, ms)).await;
        assert_eq!(kept, IdempotentCall::Answer(answer("{}")), "{ms}");
    }
    assert_eq!(
        tables.untouched(begin(&tables, "d1", 1, 0)).await,
        IdempotentCall::Answer(answer("{}")),
        "for any request"
    );
}

#[tokio::test]
async fn a_call_without_an_answer_expires_after_half_a_minute() {
    let tables = begun().await;
    assert_eq!(begin(&tables, "d2", 2, LAPSES_MS).await, IdempotentCall::Begun);
    let expected = json!({"pk": KEY, "digest": "d2", "begun_ms": START * 1000 + LAPSES_MS, "by": request(2).bare(),
        "ttl": START + 30 + 86_400 + 60, "v": 1});
    assert_eq!(tables.row("limits", KEY).await, expected);
    assert_eq!(
        tables.untouched(begin(&tables, "d2", 3, 2 * LAPSES_MS - 1)).await,
        IdempotentCall::UnderWay,
        "from then on"
    );
    tables.untouched(keep(&tables, 1, "too late")).await.unwrap();
    tables.untouched(forget(&tables, 1)).await.unwrap();
}

#[tokio::test]
async fn an_answer_expires_after_a_day() {
    let tables = answered().await;
    assert_eq!(begin(&tables, "d2", 2, DAY_MS).await, IdempotentCall::Begun);
    let expected = json!({"pk": KEY, "digest": "d2", "begun_ms": START * 1000 + DAY_MS, "by": request(2).bare(),
        "ttl": START + 2 * 86_400 + 60, "v": 1});
    assert_eq!(tables.row("limits", KEY).await, expected, "nothing is left of it");
}

#[tokio::test]
async fn only_the_owner_stores_an_answer() {
    let tables = begun().await;
    tables.untouched(keep(&tables, 2, "{}")).await.unwrap();
    keep(&tables, 1, "{}").await.unwrap();
    tables.untouched(keep(&tables, 2, "another")).await.unwrap();
    let tables = Tables::new().await;
    tables.untouched(keep(&tables, 1, "{}")).await.unwrap();
}

#[tokio::test]
async fn only_the_owner_can_forget_a_call_which_can_then_start_at_once() {
    let tables = begun().await;
    tables.untouched(forget(&tables, 2)).await.unwrap();
    forget(&tables, 1).await.unwrap();
    assert_eq!(tables.count("limits").await, 0);
    tables.untouched(forget(&tables, 1)).await.unwrap();
    assert_eq!(begin(&tables, "d2", 2, 1).await, IdempotentCall::Begun);
}

#[tokio::test]
async fn only_one_of_two_simultaneous_calls_starts() {
    let tables = Tables::new().await;
    let rival = tables.rival.clone();
    let other = Fault::rival(async move {
        assert_eq!(rival.begin_once("ann#subscribe#1", "d1", &request(2), at(0)).await.unwrap(), IdempotentCall::Begun);
    });
    tables.faults.next("UpdateItem", [other]);
    assert_eq!(begin(&tables, "d1", 1, 0).await, IdempotentCall::UnderWay);
    assert_eq!(tables.row("limits", KEY).await["by"], request(2).bare());
}

// R8
#[tokio::test]
async fn a_call_whose_answer_was_lost_has_started() {
    for (before, ms) in [(Tables::new().await, 0), (begun().await, LAPSES_MS), (answered().await, DAY_MS)] {
        before.faults.take_calls();
        before.faults.next("UpdateItem", [Fault::LostAnswer]);
        assert_eq!(begin(&before, "d3", 3, ms).await, IdempotentCall::Begun);
        assert_eq!(before.faults.count(), 2);
        assert_eq!(before.row("limits", KEY).await["by"], request(3).bare());
    }
}

// R8
#[tokio::test]
async fn an_answer_is_stored_and_a_call_forgotten_if_the_answer_was_lost() {
    let tables = begun().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    keep(&tables, 1, "{}").await.unwrap();
    assert_eq!(begin(&tables, "d1", 2, 0).await, IdempotentCall::Answer(answer("{}")));
    tables.faults.next("DeleteItem", [Fault::LostAnswer]);
    forget(&tables, 1).await.unwrap();
    assert_eq!((tables.faults.count(), tables.count("limits").await), (6, 0));
}

#[tokio::test]
async fn no_answer_is_unavailable_and_a_malformed_call_is_corrupt() {
    let tables = begun().await;
    tables.faults.next("UpdateItem", (0..2).flat_map(|_| unreachable()));
    tables.faults.next("DeleteItem", unreachable());
    unavailable(tables.untouched(tables.store.begin_once("ann#subscribe#1", "d1", &request(1), at_ms(DAY_MS))).await);
    unavailable(tables.untouched(keep(&tables, 1, "{}")).await);
    unavailable(tables.untouched(forget(&tables, 1)).await);
    tables.faults.next("DeleteItem", [Fault::error("ResourceNotFoundException")]);
    unavailable(tables.untouched(forget(&tables, 1)).await);
    tables.edit("limits", KEY, |row| row["digest"] = json!(5)).await;
    let error = tables.store.begin_once("ann#subscribe#1", "d1", &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "limits", .. }), "{error}");
}
