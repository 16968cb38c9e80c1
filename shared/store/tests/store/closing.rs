//! Removal of unverified accounts, and erasure of deleted ones, step by step.

use crate::faults::Fault;
use crate::people::{at, email, entry, mail, new_session, newcomer, secret, session};
use crate::tables::Tables;
use serde_json::json;
use std::collections::BTreeSet;
use tollgate_domain::UserId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::gate::{Closing, Gate};
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::user::IdentityProvider;
use tollgate_store::{NewAccount, Profile, RightsChange, StoreError};

const DAY: i64 = 86_400;

/// `newcomer`, who registers this number of seconds after the start.
fn newcomer_at(name: &str, n: u8, seconds: i64) -> NewAccount {
    let mut account = newcomer(name, n);
    let id = UserId::new(at(seconds), [n; 10]);
    account.profile.id = id;
    account.profile.created_at = at(seconds);
    account.gate.user_id = id;
    account.credentials.as_mut().unwrap().user_id = id;
    account.verification = None;
    account.audit = entry(n, &id);
    account
}

fn removal(of: &Profile) -> AuditEntry {
    AuditEntry { actor_id: None, action: Action::Deleted, ..entry(99, &of.id) }
}

/// The names that are found up to a time, and the number of pages.
async fn found(tables: &Tables, until: i64) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = tables.store.unverified_accounts(at(until), after.as_deref()).await.unwrap();
        pages += 1;
        assert!(pages <= 20, "it never ends");
        names.extend(page.items.iter().map(|profile| profile.username.as_str().to_owned()));
        after = page.next;
        if after.is_none() {
            return (names, pages);
        }
    }
}

// S23
#[tokio::test]
async fn unverified_accounts_are_listed_by_registration_without_verified_ones() {
    let tables = Tables::new().await;
    for (name, n, seconds) in [("dan", 4, 40 * DAY), ("ann", 1, 0), ("cem", 3, DAY), ("bob", 2, 5)] {
        tables.registered(newcomer_at(name, n, seconds)).await;
    }
    let eve = tables.registered(newcomer_at("eve", 5, 7)).await;
    let (row, _) = newcomer("eve", 5).verification.unwrap();
    let row = OneTimeRow { user_id: eve.profile.id, ..row };
    assert!(tables.store.verify_email(&row, false, &entry(6, &eve.profile.id), at(8)).await.unwrap());
    for (until, names) in [
        (-1, &[][..]),
        (4, &["ann"]),
        (5, &["ann", "bob"]),
        (39 * DAY, &["ann", "bob", "cem"]),
        (40 * DAY, &["ann", "bob", "cem", "dan"]),
    ] {
        assert_eq!(found(&tables, until).await.0, names, "{until}");
    }
}

// R13
#[tokio::test]
async fn a_list_of_several_pages_continues_after_the_last_item() {
    let tables = Tables::new().await;
    let row = {
        let ann = tables.registered(newcomer_at("ann", 1, 0)).await.profile;
        tables.row("identity", &format!("USER#{}", ann.id)).await
    };
    // All have the same time: the time alone is not a position.
    for n in 2..=150 {
        let mut row = row.clone();
        let id = UserId::new(at(0), [n; 10]);
        row["id"] = json!(id);
        row["pk"] = json!(format!("USER#{id}"));
        row["username"] = json!(format!("user{n}"));
        tables.put("identity", row).await;
    }
    let (names, pages) = found(&tables, 0).await;
    assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len(), pages), (150, 150, 2));
}

// S23
#[tokio::test]
async fn removing_an_account_removes_markers_password_and_gate_and_audits_it() {
    let tables = Tables::new().await;
    tables.registered(newcomer("bob", 2)).await;
    let others = tables.all().await;
    let ann = tables.registered(newcomer("Ann", 1)).await.profile;
    tables.faults.take_calls();
    assert!(tables.store.remove_unverified(&ann, &removal(&ann)).await.unwrap());
    assert_eq!(tables.faults.count(), 1);
    let mut closing = tables.all().await;
    closing.retain(|key, _| !others.contains_key(key));
    let closing: Vec<_> = closing.into_keys().collect();
    // Items that expire, and the audit trail.
    assert_eq!(closing.len(), 4, "{closing:?}");
    assert!(
        closing.iter().all(|key| ["audit", "audit", "outbox", "sessions"].iter().any(|table| key.starts_with(table)))
    );
    tables.registered(newcomer("ANN", 3)).await;
}

// S23
#[tokio::test]
async fn a_changed_account_is_not_removed() {
    let (tables, ann) = Tables::with_ann().await;
    let ann = ann.profile;
    let profile = format!("USER#{}", ann.id);
    let refused = async |table: &str, key: &str, name: &str, value: serde_json::Value| {
        let before = tables.row(table, key).await;
        tables.edit(table, key, |row| row[name] = value).await;
        let is_removed = tables.untouched(tables.store.remove_unverified(&ann, &removal(&ann))).await.unwrap();
        assert!(!is_removed, "{table} {key} {name}");
        tables.put(table, before).await;
    };
    refused("identity", &profile, "email_verified", json!(true)).await;
    refused("identity", &profile, "email_key", json!("else@example.com")).await;
    refused("identity", "EMAIL#ann@example.com", "user_id", json!("usr_else")).await;
    refused("identity", "USERNAME#ann", "user_id", json!("usr_else")).await;
    refused("gate", &profile, "is_admin", json!(true)).await;
    assert!(tables.store.remove_unverified(&ann, &removal(&ann)).await.unwrap());
    let again = tables.untouched(tables.store.remove_unverified(&ann, &removal(&ann))).await.unwrap();
    assert!(!again, "it was deleted");
}

#[tokio::test]
async fn an_account_without_a_password_is_removed_too() {
    let (tables, ann) = Tables::with_ann().await;
    tables.delete("credentials", "ann@example.com").await;
    assert!(tables.store.remove_unverified(&ann.profile, &removal(&ann.profile)).await.unwrap());
    assert_eq!(tables.count("identity").await, 0);
}

// R8
#[tokio::test]
async fn a_removal_whose_answer_was_lost_happens_once() {
    let (tables, ann) = Tables::with_ann().await;
    tables.faults.next("TransactWriteItems", (0..3).map(|_| Fault::Unreachable));
    let error =
        tables.untouched(tables.store.remove_unverified(&ann.profile, &removal(&ann.profile))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert!(tables.store.remove_unverified(&ann.profile, &removal(&ann.profile)).await.unwrap());
    tables.faults.take_calls();
}

#[tokio::test]
async fn a_malformed_profile_is_corrupt_and_a_page_without_answer_unavailable() {
    let (tables, ann) = Tables::with_ann().await;
    tables.faults.next("Query", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.unverified_accounts(at(0), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.edit("identity", &format!("USER#{}", ann.profile.id), |row| row["created_at"] = json!("long ago")).await;
    let error = tables.store.unverified_accounts(at(0), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
}

/// Ann, who has an identity at Google, two sessions, a link to another address, and who deletes the account.
async fn deleted() -> (Tables, Profile) {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.profile.links.insert(IdentityProvider::Google, "g-1".into());
    ann.profile.email_verified = true;
    let ann = tables.registered(ann).await;
    for n in [1, 2] {
        tables.rival.put_session(&new_session(ann.profile.id, n)).await.unwrap();
    }
    let wanted = Some(email("new@example.com"));
    let row = OneTimeRow { new_email: wanted, ..secret("change", Purpose::ChangeEmail, &ann.profile) };
    tables.rival.put_onetime(&row, &mail(9)).await.unwrap();
    let closing =
        tables.store.close_account(&ann.gate, Closing::Deleted, &mail(7), &entry(7, &ann.profile.id)).await.unwrap();
    assert_eq!(closing, RightsChange::Done);
    tables.faults.take_calls();
    (tables, ann.profile)
}

// S17
#[tokio::test]
async fn a_deleted_account_is_no_admin_and_is_listed_only_for_erasure() {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    (ann.gate.is_admin, ann.profile.is_admin) = (true, true);
    ann.gate.sessions.insert(session(1), at(900));
    let ann = tables.registered(ann).await;
    tables.edit("gate", "ADMINS", |row| row["count"] = json!(2)).await;
    let (log, by) = (entry(7, &ann.profile.id), mail(7));
    assert_eq!(tables.store.close_account(&ann.gate, Closing::Deleted, &by, &log).await.unwrap(), RightsChange::Done);
    let closed = Gate {
        is_active: false,
        is_admin: false,
        closing: Some(Closing::Deleted),
        sessions: [].into(),
        ..ann.gate.clone()
    };
    assert_eq!(tables.store.gate(&ann.profile.id).await.unwrap(), Some(closed));
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1);
    let profile = tables.row("identity", &format!("USER#{}", ann.profile.id)).await;
    assert_eq!((&profile["is_active"], &profile["is_admin"]), (&json!(false), &json!(false)));
    assert_eq!(profile["closed"], "deleted");
    for gone in ["list", "admin", "email_initial", "username_initial", "domain_initial"] {
        assert_eq!(profile.get(gone), None, "{gone}");
    }
    let due = tables.store.deleted(None).await.unwrap();
    assert_eq!((due.items.len(), due.next), (1, None));
    let again = tables
        .untouched(tables.store.close_account(&ann.gate, Closing::Deleted, &mail(8), &entry(8, &ann.profile.id)))
        .await;
    assert_eq!(again.unwrap(), RightsChange::Changed);
}

#[tokio::test]
async fn each_step_of_an_erasure_can_be_repeated() {
    let (tables, ann) = deleted().await;
    let store = &tables.store;
    let keys = async |table: &str| tables.rows(table).await.into_keys().collect::<Vec<_>>();
    let profile = format!("USER#{}", ann.id);
    for _ in 0..2 {
        store.free_names(&ann).await.unwrap();
        assert_eq!(keys("identity").await, std::slice::from_ref(&profile));
        assert_eq!(tables.count("credentials").await, 0);
    }
    for _ in 0..2 {
        store.forget_sessions(&ann.id).await.unwrap();
        assert_eq!(keys("sessions").await, Vec::<String>::new());
    }
    store.forget_customer(&ann.id).await.unwrap();
    assert_eq!(tables.count("billing").await, 0, "a user without a checkout does not become a customer");
    assert_eq!(store.deleted(None).await.unwrap().items.len(), 1, "not before the last step");
    for _ in 0..2 {
        store.forget_user(&ann.id, at(60)).await.unwrap();
        assert_eq!(store.deleted(None).await.unwrap().items.len(), 0);
        assert_eq!(keys("identity").await, [format!("ERASED#{}", ann.id)]);
    }
    assert_eq!(store.erased(at(59), None).await.unwrap().items, []);
    assert_eq!(store.erased(at(60), None).await.unwrap().items, [ann.id], "for a second check");
    for _ in 0..2 {
        store.forget_erasure(&ann.id).await.unwrap();
        assert_eq!(tables.count("identity").await, 0);
    }
    assert!(store.gate(&ann.id).await.unwrap().is_some(), "the id stays");
}

#[tokio::test]
async fn markers_of_another_account_are_not_removed() {
    let (tables, ann) = deleted().await;
    tables.store.free_names(&ann).await.unwrap();
    let mut second = newcomer("Ann", 2);
    second.profile.links.insert(IdentityProvider::Google, "g-1".into());
    let second = tables.registered(second).await.profile;
    let wanted = Some(email("new@example.com"));
    let row = OneTimeRow { new_email: wanted, ..secret("other", Purpose::ChangeEmail, &second) };
    tables.rival.put_onetime(&row, &mail(19)).await.unwrap();
    tables.untouched(tables.store.free_names(&ann)).await.unwrap();
    tables.store.forget_sessions(&ann.id).await.unwrap();
    let pending = tables.store.pending_change(&email("new@example.com")).await.unwrap().unwrap();
    assert_eq!(pending.user_id, second.id);
}

// S31
#[tokio::test]
async fn only_the_keys_of_a_deleted_accounts_sessions_are_read() {
    let (tables, ann) = deleted().await;
    tables.store.forget_sessions(&ann.id).await.unwrap();
    let calls = tables.faults.take_calls();
    assert_eq!(calls[0].operation, "Query");
    assert_eq!(calls[0].body["ProjectionExpression"], "pk, sk, new_email");
    assert_eq!(calls[0].body["Select"], "SPECIFIC_ATTRIBUTES");
    assert!(calls[1..].iter().all(|call| call.operation == "DeleteItem"));
}

#[tokio::test]
async fn a_step_without_an_answer_is_unavailable() {
    let (tables, ann) = deleted().await;
    let unreachable = || (0..3).map(|_| Fault::Unreachable);
    for step in 0..3 {
        tables.faults.next(["DeleteItem", "Query", "DeleteItem"][step], unreachable());
        let done = match step {
            0 => tables.store.free_names(&ann).await,
            1 => tables.store.forget_sessions(&ann.id).await,
            _ => tables.store.forget_erasure(&ann.id).await,
        };
        assert!(matches!(done, Err(StoreError::Unavailable(_))), "{step}: {done:?}");
    }
}
