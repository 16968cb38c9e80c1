//! Profiles and credentials: single reads.

use crate::faults::Fault;
use crate::people::{at, email, newcomer, user, username};
use crate::tables::Tables;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_domain::user::{IdentityProvider, Provider};
use tollgate_store::{StoreError, TakenNames};

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let tables = Tables::new().await;
    assert!(tables.store.profile(&user(1)).await.unwrap().is_none());
    assert!(tables.store.user_of_email(&email("ann@example.com")).await.unwrap().is_none());
    assert!(tables.store.credentials(&email("ann@example.com")).await.unwrap().is_none());
    assert!(tables.store.user_of_identity(IdentityProvider::Google, "g-1").await.unwrap().is_none());
}

#[tokio::test]
async fn a_user_has_the_values_of_the_profile() {
    let mut account = newcomer("Ann", 1);
    account.profile.is_admin = true;
    account.profile.provider = Provider::Github;
    account.profile.is_active = false;
    account.profile.locale = Some("de".into());
    let user = account.profile.clone().into_user();
    let shown = json!({"id": account.profile.id, "email": "Ann@example.com", "username": "Ann", "provider": "github",
        "email_verified": false, "is_active": false, "is_admin": true, "created_at": at(0), "locale": "de"});
    assert_eq!(serde_json::to_value(user).unwrap(), shown);
}

#[tokio::test]
async fn every_read_is_consistent() {
    let (tables, _) = Tables::with_ann().await;
    tables.store.profile(&user(1)).await.unwrap();
    tables.store.gate(&user(1)).await.unwrap();
    tables.store.user_of_email(&email("ann@example.com")).await.unwrap();
    tables.store.credentials(&email("ann@example.com")).await.unwrap();
    let calls = tables.faults.take_calls();
    assert_eq!(calls.len(), 4);
    for call in calls {
        assert_eq!((call.operation.as_str(), &call.body["ConsistentRead"]), ("GetItem", &json!(true)), "{call:?}");
    }
}

#[tokio::test]
async fn items_of_another_shape_are_corrupt_and_the_table_is_named() {
    let (tables, _) = Tables::with_ann().await;
    tables.edit("identity", &format!("USER#{}", user(1)), |row| row["email"] = json!("nobody")).await;
    let error = tables.store.profile(&user(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
    // S28
    assert!(!error.to_string().contains("nobody"), "never its content: {error}");
    tables.edit("identity", "EMAIL#ann@example.com", |row| row["user_id"] = json!("usr_1")).await;
    let error = tables.store.user_of_email(&email("ann@example.com")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
    tables.edit("credentials", "ann@example.com", |row| row["password_version"] = json!("one")).await;
    let error = tables.store.credentials(&email("ann@example.com")).await.err().unwrap();
    assert!(matches!(error, StoreError::Corrupt { table: "credentials", .. }), "{error}");
    tables.put("identity", json!({"pk": "OAUTH#google#g-1", "v": 1})).await;
    let error = tables.store.user_of_identity(IdentityProvider::Google, "g-1").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
}

// S9
#[tokio::test]
async fn a_stronger_hash_replaces_only_the_hash_that_it_was_computed_from() {
    let (tables, _) = Tables::with_ann().await;
    let ann = email("ann@example.com");
    tables.store.renew_hash(&ann, "hash1", "stronger").await.unwrap();
    assert_eq!(tables.store.credentials(&ann).await.unwrap().unwrap().hash, "stronger");
    tables.untouched(tables.store.renew_hash(&ann, "hash1", "of the old password")).await.unwrap();
    tables.untouched(tables.store.renew_hash(&email("bob@example.com"), "hash1", "x")).await.unwrap();
    tables.faults.next("UpdateItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.renew_hash(&ann, "stronger", "x").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn a_name_and_an_address_are_looked_up_in_one_call() {
    let (tables, _) = Tables::with_ann().await;
    for (name, address, taken) in [
        ("bob", "bob@example.com", TakenNames { username: false, email: None }),
        ("ANN", "bob@example.com", TakenNames { username: true, email: None }),
        ("bob", "aNN@example.com", TakenNames { username: false, email: Some(email("Ann@example.com")) }),
        ("ann", "ann@example.com", TakenNames { username: true, email: Some(email("Ann@example.com")) }),
    ] {
        assert_eq!(
            tables.store.find_taken(&username(name), &email(address), at(0)).await.unwrap(),
            taken,
            "{name} {address}"
        );
        assert_eq!(tables.faults.count(), 1);
    }
}

#[tokio::test]
async fn a_lookup_with_unprocessed_keys_is_unavailable() {
    let (tables, _) = Tables::with_ann().await;
    let remaining =
        json!({"Responses": {}, "UnprocessedKeys": {tables.name("limits"): {"Keys": [{"pk": {"S": "NAME#bob"}}]}}});
    tables.faults.next("BatchGetItem", (0..5).map(|_| Fault::Answer(200, remaining.clone())));
    let error = tables.store.find_taken(&username("bob"), &email("bob@example.com"), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn the_addresses_of_many_users_are_read_in_one_call() {
    let (tables, ann) = Tables::with_ann().await;
    let (address, ann, missing) = (ann.profile.email, ann.profile.id, user(9));
    let calls = tables.faults.count();
    let emails = tables.store.emails_of(&BTreeSet::from([ann, missing])).await.unwrap();
    assert_eq!(emails, BTreeMap::from([(ann, address.clone())]));
    assert_eq!(tables.faults.count(), calls + 1);
    assert!(tables.store.emails_of(&BTreeSet::new()).await.unwrap().is_empty());
    assert_eq!(tables.faults.count(), 0, "without users there is no call");
    let key = json!({"pk": {"S": format!("USER#{ann}")}});
    let unread =
        || Fault::Answer(200, json!({"Responses": {}, "UnprocessedKeys": {tables.name("identity"): {"Keys": [key]}}}));
    tables.faults.next("BatchGetItem", [unread()]);
    let emails = tables.store.emails_of(&BTreeSet::from([ann])).await.unwrap();
    assert_eq!(emails, BTreeMap::from([(ann, address)]), "an omitted key is requested again");
    tables.faults.next("BatchGetItem", [unread(), unread(), unread(), unread(), unread()]);
    let error = tables.store.emails_of(&BTreeSet::from([ann])).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn an_address_marker_of_another_shape_is_corrupt() {
    let (tables, _) = Tables::with_ann().await;
    tables.edit("identity", "EMAIL#ann@example.com", |row| row["address"] = json!(5)).await;
    let error = tables.store.find_taken(&username("bob"), &email("ann@example.com"), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "identity", .. }), "{error}");
}
