//! Entries that are part of no change.

use crate::people::{at, entry, request, user};
use crate::tables::Tables;
use crate::wire::Meet;
use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};

#[tokio::test]
async fn an_entry_is_keyed_by_its_target_and_listed_by_actor_and_action() {
    let tables = Tables::new().await;
    let entry = AuditEntry {
        actor_id: Some(user(2)),
        action: Action::SignedIn,
        before: Some(json!({"a": 1})),
        after: Some(json!({"b": [true]})),
        ip: Some("192.0.2.1".into()),
        request_id: Some(request(4)),
        ..entry(3, &user(1))
    };
    tables.store.record(&entry).await.unwrap();
    let (target, id) = (user(1).to_string(), entry.id.to_string());
    let stored = tables.row("audit", &format!("{target}/{id}")).await;
    let expected = json!({
        "pk": target, "sk": id, "list": "entries", "v": 1, "id": id, "actor_id": user(2), "action": "user.signed_in",
        "target_id": target, "before": {"a": 1}, "after": {"b": [true]}, "ip": "192.0.2.1",
        "request_id": request(4), "created_at": at(0),
    });
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn an_entry_without_target_or_actor_has_a_partition_of_its_own() {
    let tables = Tables::new().await;
    let entry = AuditEntry { target_id: None, actor_id: None, ..entry(3, &user(1)) };
    tables.store.record(&entry).await.unwrap();
    let stored = tables.row("audit", &format!("-/{}", entry.id)).await;
    assert_eq!((stored.get("target_id"), stored.get("actor_id")), (None, None));
}

// R8
#[tokio::test]
async fn an_entry_whose_answer_was_lost_is_there_once() {
    let tables = Tables::new().await;
    tables.wire.next("PutItem", [Meet::LostAnswer]);
    tables.store.record(&entry(3, &user(1))).await.unwrap();
    assert_eq!((tables.wire.count(), tables.count("audit").await), (2, 1));
}
