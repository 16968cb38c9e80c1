//! Transactions that are cancelled: by a condition, by another transaction, by a limit.

use crate::faults::Fault;
use crate::people::{at, entry, mail, newcomer, session, user};
use crate::tables::Tables;
use tollgate_store::StoreError;

/// The end of a session, whose transaction of two items meets these; and how many tries there were.
async fn end(planned: impl IntoIterator<Item = Fault>) -> (Result<bool, StoreError>, usize) {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions = [(session(1), at(900))].into();
    tables.registered(ann).await;
    tables.faults.next("TransactWriteItems", planned);
    let ended = tables.store.end_session(&user(1), &session(1), &entry(7, &user(1))).await;
    let calls = tables.faults.take_calls();
    let lives = tables.store.gate(&user(1)).await.unwrap().unwrap().sessions.contains_key(&session(1));
    assert_ne!(matches!(ended, Ok(true)), lives, "what the answer says is what is there");
    (ended, calls.len())
}

// R8
#[tokio::test]
async fn a_transaction_that_meets_others_is_tried_four_times() {
    for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
        for reasons in [["None", code], [code, "None"]] {
            let (ended, tries) = end((0..3).map(|_| Fault::canceled(&reasons))).await;
            assert!(ended.unwrap());
            assert_eq!(tries, 4, "{code}");
            let (ended, tries) = end((0..4).map(|_| Fault::canceled(&reasons))).await;
            let error = ended.unwrap_err();
            assert!(matches!(&error, StoreError::Unavailable(text) if text.contains(code)), "{error}");
            assert_eq!(tries, 4, "{code}");
        }
    }
}

// R8
#[tokio::test]
async fn conflicting_transactions_back_off_randomly_and_exponentially() {
    let tables = Tables::new().await;
    let mut longest = [0; 3];
    for _ in 0..40 {
        tables.faults.next("TransactWriteItems", (0..4).map(|_| Fault::canceled(&["TransactionConflict"])));
        tables.store.put_decoys(&mail(1), 0, at(0)).await.unwrap_err();
        // Longer ones are time limits of the SDK's.
        let waits = tables.faults.take_waits().into_iter().map(|wait| wait.as_millis()).filter(|ms| *ms < 1000);
        let waits: Vec<_> = waits.collect();
        assert!(waits.len() == 3 && waits[0] < 50 && waits[1] < 100 && waits[2] < 200, "{waits:?}");
        longest = std::array::from_fn(|n| longest[n].max(waits[n]));
    }
    // All forty of a kind in the first half: once in 2^40 runs.
    assert!(longest[0] >= 25 && longest[1] >= 50 && longest[2] >= 100, "{longest:?}");
    tables.faults.take_calls();
}

// R8
#[tokio::test]
async fn a_failed_condition_takes_precedence_over_a_conflict() {
    for reasons in [["ConditionalCheckFailed", "TransactionConflict"], ["ConditionalCheckFailed", "None"]] {
        let (ended, tries) = end([Fault::canceled(&reasons)]).await;
        assert!(!ended.unwrap());
        assert_eq!(tries, 1);
    }
}

#[tokio::test]
async fn a_condition_that_cannot_fail_and_did_is_a_bug_and_named() {
    let (ended, _) = end([Fault::canceled(&["None", "ConditionalCheckFailed"])]).await;
    let error = ended.unwrap_err();
    assert!(matches!(&error, StoreError::Unexpected(text) if text.contains("audit")), "{error}");
}

#[tokio::test]
async fn permanent_errors_are_attempted_once() {
    let (ended, tries) = end([Fault::canceled(&["ValidationError", "None"])]).await;
    let error = ended.unwrap_err();
    assert!(matches!(&error, StoreError::Unexpected(text) if text.contains("ValidationError")), "{error}");
    assert_eq!(tries, 1);
    let (ended, tries) = end([Fault::canceled(&["ItemCollectionSizeLimitExceeded", "None"])]).await;
    let error = ended.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("ItemCollection")), "{error}");
    assert_eq!(tries, 1);
}

// R8
#[tokio::test]
async fn a_retry_reuses_the_token_after_a_lost_answer_but_not_after_a_conflict() {
    let tables = Tables::new().await;
    let conflict = Fault::canceled(&["TransactionConflict"]);
    tables.faults.next("TransactWriteItems", [conflict, Fault::LostAnswer]);
    tables.store.put_decoys(&mail(1), 1, at(0)).await.unwrap();
    let tokens: Vec<_> =
        tables.faults.take_calls().into_iter().map(|call| call.body["ClientRequestToken"].clone()).collect();
    assert!(tokens.len() == 3 && tokens[0] != tokens[1] && tokens[1] == tokens[2], "{tokens:?}");
}
