//! What goes wrong with a call, as a caller is told.

use crate::people::{entry, user};
use crate::tables::Tables;
use crate::wire::Meet;
use serde_json::json;
use tollgate_store::StoreError;

/// What a read, an update, a put and a transaction say when every try of theirs meets this.
async fn errors(meet: impl Fn() -> Meet) -> Vec<StoreError> {
    let (tables, ann) = Tables::with_ann().await;
    for operation in ["GetItem", "UpdateItem", "PutItem", "TransactWriteItems"] {
        tables.wire.next(operation, (0..3).map(|_| meet()));
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
async fn what_is_throttled_down_or_out_of_reach_is_unavailable_after_three_tries() {
    for code in ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"] {
        for error in errors(|| Meet::error(code)).await {
            assert!(matches!(&error, StoreError::Unavailable(text) if text.contains(code)), "{error}");
        }
    }
    for error in errors(|| Meet::Answer(500, json!({"__type": "InternalServerError", "message": "down"}))).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    for error in errors(|| Meet::Answer(503, json!(null))).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    for error in errors(|| Meet::Unreachable).await {
        assert!(matches!(&error, StoreError::Unavailable(text) if text.contains("no connection")), "{error}");
    }
}

// R8
#[tokio::test]
async fn a_call_that_goes_through_at_its_third_try_is_done() {
    let (tables, _) = Tables::with_ann().await;
    let throttled = || Meet::error("ProvisionedThroughputExceededException");
    tables.wire.next("GetItem", [throttled(), Meet::Unreachable]);
    assert!(tables.store.gate(&user(1)).await.unwrap().is_some());
    assert_eq!(tables.wire.count(), 3);
}

/// A call that is not tried again.
async fn refused(code: &str) -> [StoreError; 2] {
    let (tables, ann) = Tables::with_ann().await;
    tables.wire.next("GetItem", [Meet::error(code)]);
    tables.wire.next("TransactWriteItems", [Meet::error(code)]);
    let errors = [tables.store.gate(&user(1)).await.unwrap_err(), tables.store.register(&ann).await.unwrap_err()];
    assert_eq!(tables.wire.count(), 2);
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
