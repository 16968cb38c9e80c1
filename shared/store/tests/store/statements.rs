//! Several writes in one call, of which each succeeds or fails alone: the start of a session.

use crate::faults::Fault;
use crate::people::{at, entry, new_session, newcomer, session, user};
use crate::tables::Tables;
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_domain::gate::Gate;
use tollgate_store::{Admission, StoreError};

const OPERATION: &str = "BatchExecuteStatement";
/// The tables that the start of a session writes.
const WRITTEN: [&str; 3] = ["gate", "sessions", "audit"];
/// The codes of statements that DynamoDB may execute later (API reference, `BatchStatementError`).
const LATER: [&str; 5] = [
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "TransactionConflict",
];
/// The codes that no retry can fix, and whether they are a bug of ours.
const NEVER: [(&str, bool); 5] = [
    ("ValidationError", true),
    ("AccessDenied", false),
    ("ResourceNotFound", false),
    ("ItemCollectionSizeLimitExceeded", false),
    ("ACodeOfTomorrow", false),
];

/// Ann, who has no session.
async fn ann() -> Tables {
    let tables = Tables::new().await;
    tables.registered(newcomer("Ann", 1)).await;
    tables
}

fn gate_key() -> String {
    format!("USER#{}", user(1))
}

fn row_key() -> String {
    format!("USER#{}/SES#{}", user(1), session(9))
}

fn entry_key() -> String {
    format!("{}/{}", user(1), entry(9, &user(1)).id)
}

async fn start(tables: &Tables, password_version: u64) -> Result<Option<Gate>, StoreError> {
    let (user, session) = (user(1), new_session(user(1), 9));
    let admission = Admission {
        user: &user,
        session: &session.id,
        ends_at: session.ends_at,
        ended: &[],
        password_version: Some(password_version),
    };
    tables.store.start_session(&session, &admission, &entry(9, &user)).await
}

fn pauses(tables: &Tables) -> Vec<Duration> {
    tables.faults.take_waits().into_iter().filter(|wait| *wait < Duration::from_secs(1)).collect()
}

/// The tables of the statements of a call, without their prefix.
fn named(tables: &Tables, body: &Value) -> Vec<String> {
    let statements = body["Statements"].as_array().unwrap().iter();
    let name = |statement: &Value| {
        statement["Statement"].as_str().unwrap().split('"').nth(1).unwrap().replace(&tables.prefix, "")
    };
    statements.map(name).collect()
}

#[tokio::test]
async fn a_session_starts_with_its_row_and_its_entry_in_one_call() {
    let tables = ann().await;
    tables.faults.take_calls();
    let gate = start(&tables, 1).await.unwrap().unwrap();
    let [call] = tables.faults.take_calls().try_into().unwrap();
    assert_eq!(call.operation, OPERATION);
    assert_eq!(named(&tables, &call.body), WRITTEN);
    assert_eq!(gate.sessions, [(session(9), at(90 * 86_400))].into());
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(gate));
    // The same items as those of single calls.
    let other = ann().await;
    other.store.put_session(&new_session(user(1), 9)).await.unwrap();
    other.store.record(&entry(9, &user(1))).await.unwrap();
    for (table, key) in [("sessions", row_key()), ("audit", entry_key())] {
        assert_eq!(tables.row(table, &key).await, other.row(table, &key).await, "{table}");
    }
}

// R10
#[tokio::test]
async fn a_refused_gate_is_unchanged_and_row_and_entry_are_written() {
    let tables = ann().await;
    let gate = tables.row("gate", &gate_key()).await;
    assert_eq!(start(&tables, 2).await.unwrap(), None);
    assert_eq!(tables.row("gate", &gate_key()).await, gate);
    tables.row("sessions", &row_key()).await;
    tables.row("audit", &entry_key()).await;
}

// R8
#[tokio::test]
async fn a_start_whose_answer_was_lost_is_complete_when_it_is_repeated() {
    let tables = ann().await;
    tables.faults.next(OPERATION, [Fault::LostAnswer]);
    let gate = start(&tables, 1).await.unwrap().unwrap();
    assert_eq!((gate.sessions.len(), tables.faults.count()), (1, 2));
    assert_eq!(tables.count("audit").await, 2, "her registration, and this");
}

#[tokio::test]
async fn exactly_the_statements_that_were_not_executed_are_sent_again() {
    let tables = ann().await;
    let before = tables.row("gate", &gate_key()).await;
    start(&tables, 1).await.unwrap();
    let wanted = tables.all().await;
    for failed in 1..8_usize {
        for code in LATER {
            tables.put("gate", before.clone()).await;
            tables.delete("sessions", &row_key()).await;
            tables.delete("audit", &entry_key()).await;
            tables.faults.take_calls();
            let is_failed = |index: &usize| failed & (1 << index) != 0;
            let codes: Vec<_> = (0..3).map(|index| is_failed(&index).then_some(code)).collect();
            tables.faults.next(OPERATION, [Fault::InPart(codes.clone())]);
            assert!(start(&tables, 1).await.unwrap().is_some(), "{codes:?}");
            let [_, again] = tables.faults.take_calls().try_into().unwrap();
            let left: Vec<_> = (0..3).filter(is_failed).map(|index| WRITTEN[index]).collect();
            assert_eq!(named(&tables, &again.body), left, "{codes:?}");
            assert_eq!((pauses(&tables).len(), tables.all().await), (1, wanted.clone()), "{codes:?}");
        }
    }
}

#[tokio::test]
async fn a_statement_that_is_never_executed_ends_the_call_after_five_times() {
    let tables = ann().await;
    for failed in 0..3 {
        tables.faults.take_calls();
        let first = (0..3).map(|index| (index == failed).then_some("ThrottlingError")).collect();
        let later = std::iter::repeat_with(|| Fault::InPart(vec![Some("ThrottlingError")])).take(4);
        tables.faults.next(OPERATION, std::iter::once(Fault::InPart(first)).chain(later));
        let error = start(&tables, 1).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert_eq!((tables.faults.count(), pauses(&tables).len()), (5, 4));
    }
}

#[tokio::test]
async fn an_error_that_no_retry_fixes_ends_the_call_at_once() {
    let tables = ann().await;
    for (code, is_bug) in NEVER {
        for failed in 0..3 {
            tables.faults.take_calls();
            let codes = (0..3).map(|index| (index == failed).then_some(code)).collect();
            tables.faults.next(OPERATION, [Fault::InPart(codes)]);
            let error = start(&tables, 1).await.unwrap_err();
            assert_eq!(matches!(error, StoreError::Unexpected(_)), is_bug, "{error}");
            assert!(error.to_string().contains(code), "{error}");
            assert_eq!(tables.faults.count(), 1);
        }
    }
}

#[tokio::test]
async fn an_answer_without_an_answer_to_each_statement_is_none() {
    let tables = ann().await;
    tables.faults.next(OPERATION, [Fault::Answer(200, json!({"Responses": [{}]}))]);
    let error = start(&tables, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

#[tokio::test]
async fn a_missing_table_is_named_and_is_no_answer() {
    let tables = ann().await;
    tables.client.delete_table().table_name(tables.name("audit")).send().await.unwrap();
    let error = start(&tables, 1).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("ResourceNotFound")), "{error}");
}
