//! Accounts that nobody has proved: how they are found, and how they go.

use crate::people::{START, at, entry, newcomer};
use crate::tables::Tables;
use crate::wire::Meet;
use jiff::Timestamp;
use serde_json::json;
use tollgate_domain::UserId;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_store::{NewAccount, Profile, RegistrationPlace, StoreError};

const DAY: i64 = 86_400;

/// `newcomer`, who registers so many seconds after the start.
fn newcomer_at(name: &str, n: u8, seconds: i64) -> NewAccount {
    let mut account = newcomer(name, n);
    let id = UserId::new(at(seconds), [n; 10]);
    account.profile.id = id;
    account.profile.created_at = at(seconds);
    account.gate.user_id = id;
    account.credentials.as_mut().unwrap().user_id = id;
    account.proof = None;
    account.audit = entry(n, &id);
    account
}

fn removal(of: &Profile) -> AuditEntry {
    AuditEntry { actor_id: None, action: Action::Deleted, ..entry(99, &of.id) }
}

/// The names that are found from one place to a time, and how many pages that took.
async fn found(tables: &Tables, from: RegistrationPlace, until: Timestamp) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut place) = (Vec::new(), 0, Some(from));
    while let Some(from) = place {
        let page = tables.store.unproved(&from, until).await.unwrap();
        pages += 1;
        assert!(pages <= 20, "it never ends");
        names.extend(page.items.iter().map(|profile| profile.username.as_str().to_owned()));
        place = page.next;
    }
    (names, pages)
}

async fn names(tables: &Tables, from: i64, until: i64) -> Vec<String> {
    found(tables, RegistrationPlace::new(at(from)), at(until)).await.0
}

// S23
#[tokio::test]
async fn unproved_accounts_are_found_in_the_order_of_their_registration_month_by_month_and_proved_ones_are_not() {
    let tables = Tables::new().await;
    // The start is the last day of a month.
    for (name, n, seconds) in [("dan", 4, 40 * DAY), ("ann", 1, 0), ("cem", 3, DAY), ("bob", 2, 5)] {
        tables.registered(newcomer_at(name, n, seconds)).await;
    }
    let proved = tables.registered(newcomer_at("eve", 5, 7)).await.profile.id;
    tables.edit("identity", &format!("USER#{proved}"), |row| row["email_verified"] = json!(true)).await;
    assert_eq!(names(&tables, -100 * DAY, 50 * DAY).await, ["ann", "bob", "cem", "dan"]);
    assert_eq!(names(&tables, 0, 5).await, ["ann", "bob"], "both ends count");
    assert_eq!(names(&tables, 1, 4).await, Vec::<String>::new());
    assert_eq!(names(&tables, 6, 50 * DAY).await, ["cem", "dan"]);
    assert_eq!(names(&tables, DAY + 1, 40 * DAY - 1).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_month_without_anybody_is_one_page() {
    let tables = Tables::new().await;
    let (names, pages) = found(&tables, RegistrationPlace::new(at(-1)), at(62 * DAY)).await;
    assert_eq!((names.len(), pages), (0, 3), "November, December and January");
}

// R13
#[tokio::test]
async fn more_than_one_page_of_a_month_is_gone_on_with_after_the_last_that_was_seen() {
    let tables = Tables::new().await;
    let row = {
        let ann = tables.registered(newcomer_at("ann", 1, 0)).await.profile;
        tables.row("identity", &format!("USER#{}", ann.id)).await
    };
    // All of one moment: the time alone does not tell where it goes on.
    for n in 2..=150 {
        let mut row = row.clone();
        let id = UserId::new(at(0), [n; 10]);
        row["id"] = json!(id);
        row["pk"] = json!(format!("USER#{id}"));
        row["username"] = json!(format!("user{n}"));
        tables.put("identity", row).await;
    }
    let page = tables.store.unproved(&RegistrationPlace::new(at(-5)), at(0)).await.unwrap();
    let next = page.next.unwrap();
    assert_eq!((page.items.len(), next.time()), (100, at(0)));
    assert_eq!(found(&tables, next, at(0)).await.0.len(), 50);
    let (all, pages) = found(&tables, RegistrationPlace::new(next.time()), at(0)).await;
    assert_eq!((all.len(), pages), (150, 2), "a place that was kept comes before all of that moment");
}

// S23
#[tokio::test]
async fn an_account_goes_with_its_markers_its_password_and_its_gate_and_leaves_an_entry() {
    let tables = Tables::new().await;
    tables.registered(newcomer("bob", 2)).await;
    let others = tables.all().await;
    let ann = tables.registered(newcomer("Ann", 1)).await.profile;
    tables.wire.take_calls();
    assert!(tables.store.remove_unproved(&ann, &removal(&ann)).await.unwrap());
    assert_eq!(tables.wire.count(), 1);
    let mut left = tables.all().await;
    left.retain(|key, _| !others.contains_key(key));
    let left: Vec<_> = left.into_keys().collect();
    // What ends by itself, and the trail.
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(left.iter().all(|key| ["audit", "audit", "outbox", "sessions"].iter().any(|table| key.starts_with(table))));
    tables.registered(newcomer("ANN", 3)).await;
}

// S23
#[tokio::test]
async fn an_account_that_is_not_what_it_was_stays_whole() {
    let (tables, ann) = Tables::with_ann().await;
    let ann = ann.profile;
    let profile = format!("USER#{}", ann.id);
    let refused = async |table: &str, key: &str, name: &str, value: serde_json::Value| {
        let before = tables.row(table, key).await;
        tables.edit(table, key, |row| row[name] = value).await;
        let is_removed = tables.untouched(tables.store.remove_unproved(&ann, &removal(&ann))).await.unwrap();
        assert!(!is_removed, "{table} {key} {name}");
        tables.put(table, before).await;
    };
    refused("identity", &profile, "email_verified", json!(true)).await;
    refused("identity", &profile, "email_key", json!("else@example.com")).await;
    refused("identity", "EMAIL#ann@example.com", "user_id", json!("usr_else")).await;
    refused("identity", "USERNAME#ann", "user_id", json!("usr_else")).await;
    refused("gate", &profile, "is_admin", json!(true)).await;
    assert!(tables.store.remove_unproved(&ann, &removal(&ann)).await.unwrap());
    let again = tables.untouched(tables.store.remove_unproved(&ann, &removal(&ann))).await.unwrap();
    assert!(!again, "it is gone");
}

#[tokio::test]
async fn an_account_without_a_password_goes_too() {
    let (tables, ann) = Tables::with_ann().await;
    tables.delete("credentials", "ann@example.com").await;
    assert!(tables.store.remove_unproved(&ann.profile, &removal(&ann.profile)).await.unwrap());
    assert_eq!(tables.count("identity").await, 0);
}

// R8
#[tokio::test]
async fn an_account_goes_once_though_the_answer_was_lost_and_not_at_all_without_one() {
    let (tables, ann) = Tables::with_ann().await;
    tables.wire.next("TransactWriteItems", (0..3).map(|_| Meet::Unreachable));
    let error = tables.untouched(tables.store.remove_unproved(&ann.profile, &removal(&ann.profile))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.wire.next("TransactWriteItems", [Meet::LostAnswer]);
    assert!(tables.store.remove_unproved(&ann.profile, &removal(&ann.profile)).await.unwrap());
    tables.wire.take_calls();
}

#[tokio::test]
async fn a_profile_of_another_shape_is_corrupt_and_a_page_without_an_answer_unavailable() {
    let (tables, ann) = Tables::with_ann().await;
    tables.wire.next("Query", (0..3).map(|_| Meet::Unreachable));
    let from = RegistrationPlace::new(at(0));
    let error = tables.store.unproved(&from, at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.edit("identity", &format!("USER#{}", ann.profile.id), |row| row["created_at"] = json!("long ago")).await;
    let error = tables.store.unproved(&from, at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
}

#[test]
fn a_place_tells_from_when_on_nothing_was_seen() {
    assert_eq!(RegistrationPlace::new(at(7)).time().as_second(), START + 7);
}
