//! Entries that are not part of a change.

use crate::faults::Fault;
use crate::people::{at, entry, request, user};
use crate::tables::Tables;
use jiff::SignedDuration;
use serde_json::json;
use tollgate_domain::AuditId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_store::{AuditFilter, PageOf};

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

// E7
#[tokio::test]
async fn entries_of_a_user_about_themselves_are_listed_by_actor() {
    let tables = Tables::new().await;
    let id = user(1);
    let made = |n: u8, seconds| AuditId::new(id.made_at() + SignedDuration::from_secs(seconds), [n; 10]);
    let registered = AuditEntry { id: made(1, 0), actor_id: Some(id), action: Action::Registered, ..entry(3, &id) };
    let signed_in = AuditEntry { id: made(2, 1), action: Action::SignedIn, ..registered.clone() };
    // Written as by an earlier version: in the index of actors as well.
    let of_before = AuditEntry { id: made(3, 0), ..registered.clone() };
    let about_another = AuditEntry { id: made(4, 2), ..entry(3, &user(2)) };
    let about_another = AuditEntry { actor_id: Some(id), ..about_another };
    let by_another = AuditEntry { id: made(5, 3), actor_id: Some(user(2)), ..signed_in.clone() };
    for entry in [&registered, &signed_in, &of_before, &about_another, &by_another] {
        tables.store.record(entry).await.unwrap();
    }
    for entry in [&registered, &signed_in] {
        let stored = tables.row("audit", &format!("{id}/{}", entry.id)).await;
        assert_eq!((stored.get("actor_id"), &stored["by_target"]), (None, &json!(true)));
    }
    tables
        .edit("audit", &format!("{id}/{}", of_before.id), |row| {
            row["actor_id"] = json!(id);
            row.as_object_mut().unwrap().remove("by_target");
        })
        .await;
    let by = AuditFilter { actor_id: Some(id), ..AuditFilter::default() };
    let about = AuditFilter { target_id: Some(id.to_string()), ..by.clone() };
    let own = vec![signed_in, of_before, registered];
    for (filter, expected) in [(by, [vec![about_another], own.clone()].concat()), (about, own)] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = PageOf { after: after.as_deref(), limit: 1 };
            let listed = tables.store.entries(&filter, page).await.unwrap();
            found.extend(listed.items);
            after = listed.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "each once, whole");
    }
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
async fn an_entry_whose_answer_was_lost_exists_once() {
    let tables = Tables::new().await;
    tables.faults.next("PutItem", [Fault::LostAnswer]);
    tables.store.record(&entry(3, &user(1))).await.unwrap();
    assert_eq!((tables.faults.count(), tables.count("audit").await), (2, 1));
}
