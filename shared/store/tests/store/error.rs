//! The errors of calls, as callers get them.

use crate::faults::Fault;
use crate::people::{entry, user};
use crate::tables::Tables;
use serde_json::json;
use tollgate_store::StoreError;

/// The errors of a read, an update, a put and a transaction when each of their attempts meets this.
async fn errors(fault: impl Fn() -> Fault) -> Vec<StoreError> {
    let (tables, ann) = Tables::with_ann().await;
    for operation in ["GetItem", "UpdateItem", "PutItem", "TransactWriteItems"] {
        tables.faults.next(operation, (0..3).map(|_| fault()));
    }
    let store = &tables.store;
    let (read, renewed, recorded, registered) = tables
        .untouched(async {
            let read = store.gate(&user(1)).await.map(drop);
            let renewed = store.renew_hash(&ann.profile.email, "hash1", "new").await;
            let recorded = store.record(&entry(9, &user(1))).await;
            (read, renewed, recorded, store.register(&ann).await.map(drop))
        })
        .await;
    [read, renewed, recorded, registered].into_iter().map(Result::unwrap_err).collect()
}

// R8
#[tokio::test]
async fn a_throttled_or_unreachable_table_is_unavailable_after_three_attempts() {
    for code in ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"] {
        for error in errors(|| Fault::error(code)).await {
            assert!(matches!(&error, StoreError::Unavailable(text) if text.contains(code)), "{error}");
        }
    }
    for error in errors(|| Fault::Answer(500, json!({"__type": "InternalServerError", "message": "down"}))).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    for error in errors(|| Fault::Answer(503, json!(null))).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    for error in errors(|| Fault::Unreachable).await {
        assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("no connection")), "{error}");
    }
}

// R8
#[tokio::test]
async fn a_call_that_succeeds_on_its_third_attempt_is_done() {
    let (tables, _) = Tables::with_ann().await;
    let throttled = || Fault::error("ProvisionedThroughputExceededException");
    tables.faults.next("GetItem", [throttled(), Fault::Unreachable]);
    assert!(tables.store.gate(&user(1)).await.unwrap().is_some());
    assert_eq!(tables.faults.count(), 3);
}

/// A call that is not retried.
async fn refused(code: &str) -> [StoreError; 2] {
    let (tables, ann) = Tables::with_ann().await;
    tables.faults.next("GetItem", [Fault::error(code)]);
    tables.faults.next("TransactWriteItems", [Fault::error(code)]);
    let errors = [tables.store.gate(&user(1)).await.unwrap_err(), tables.store.register(&ann).await.unwrap_err()];
    assert_eq!(tables.faults.count(), 2);
    errors
}

#[tokio::test]
async fn a_missing_permission_or_table_is_unavailable_and_named() {
    for code in ["AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException"] {
        for error in refused(code).await {
            assert!(matches!(&error, StoreError::Unavailable(text) if text.contains(code)), "{error}");
        }
    }
    let tables = Tables::none().await;
    let error = tables.store.gate(&user(1)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("ResourceNotFoundException")), "{error}");
}

#[tokio::test]
async fn a_call_that_dynamodb_cannot_read_is_a_bug() {
    for code in ["ValidationException", "SerializationException"] {
        for error in refused(code).await {
            assert!(matches!(&error, StoreError::Unexpected(text) if text.contains(code)), "{error}");
        }
    }
}
