//! The public keys in the gate: the set with the newest key is stored.

use crate::billing::{unavailable, unreachable};
use crate::faults::Fault;
use crate::people::{START, at, at_ms};
use crate::tables::Tables;
use serde_json::json;
use tollgate_store::{CurrentKeySet, PublishedKeySet};

async fn published(tables: &Tables) -> Option<String> {
    tables.store.look_up(&CurrentKeySet).await.unwrap().map(|set| set.jwks)
}

#[tokio::test]
async fn published_keys_are_read_back_unchanged() {
    let tables = Tables::new().await;
    assert_eq!(published(&tables).await, None, "never published");
    tables.store.publish_keys(r#"{"keys":[]}"#, at_ms(5), at(7)).await.unwrap();
    let expected = json!({"pk": "KEYS", "jwks": r#"{"keys":[]}"#, "newest_ms": START * 1000 + 5,
        "es256_ms": (START + 7) * 1000, "v": 1});
    assert_eq!(tables.row("gate", "KEYS").await, expected);
    assert_eq!(published(&tables).await.as_deref(), Some(r#"{"keys":[]}"#));
}

#[tokio::test]
async fn keys_replace_others_unless_those_have_a_newer_one() {
    let tables = Tables::new().await;
    tables.store.publish_keys("first", at_ms(5), at(7)).await.unwrap();
    tables.store.publish_keys("without the oldest", at_ms(5), at(7)).await.unwrap();
    assert_eq!(published(&tables).await.as_deref(), Some("without the oldest"));
    tables.store.publish_keys("newer", at_ms(6), at(7)).await.unwrap();
    assert_eq!(published(&tables).await.as_deref(), Some("newer"));
    // By a process that does not know the new key yet.
    tables.untouched(tables.store.publish_keys("stale", at_ms(5), at(7))).await.unwrap();
}

// R8
#[tokio::test]
async fn keys_are_published_if_the_answer_was_lost() {
    let tables = Tables::new().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    tables.store.publish_keys("first", at(0), at(7)).await.unwrap();
    assert_eq!(tables.faults.count(), 2);
    assert_eq!(published(&tables).await.as_deref(), Some("first"));
}

#[tokio::test]
async fn malformed_keys_are_ignored_and_no_answer_is_unavailable() {
    let tables = Tables::new().await;
    tables.put("gate", json!({"pk": "KEYS", "jwks": 5, "newest_ms": 0, "v": 1})).await;
    assert_eq!(published(&tables).await, None);
    tables.faults.next("UpdateItem", unreachable());
    tables.faults.next("GetItem", unreachable());
    unavailable(tables.untouched(tables.store.publish_keys("first", at(0), at(7))).await);
    unavailable(tables.store.look_up(&CurrentKeySet).await);
    tables.faults.take_calls();
}

// R17
#[tokio::test]
async fn keys_retain_the_time_at_which_es256_was_first_published() {
    let tables = Tables::new().await;
    tables.store.publish_keys("first", at(0), at(7)).await.unwrap();
    tables.store.publish_keys("second", at(1), at(60)).await.unwrap();
    let expected = PublishedKeySet { jwks: "second".to_owned(), es256_since: Some(at(7)) };
    assert_eq!(tables.store.look_up(&CurrentKeySet).await.unwrap(), Some(expected));
}

// R17, R18
#[tokio::test]
async fn keys_of_the_version_before_get_the_time_of_their_es256_keys() {
    let tables = Tables::new().await;
    tables.put("gate", json!({"pk": "KEYS", "jwks": "old", "newest_ms": 0, "v": 1})).await;
    let old = PublishedKeySet { jwks: "old".to_owned(), es256_since: None };
    assert_eq!(tables.store.look_up(&CurrentKeySet).await.unwrap(), Some(old));
    tables.store.publish_keys("new", at(0), at(7)).await.unwrap();
    let new = PublishedKeySet { jwks: "new".to_owned(), es256_since: Some(at(7)) };
    assert_eq!(tables.store.look_up(&CurrentKeySet).await.unwrap(), Some(new));
}
