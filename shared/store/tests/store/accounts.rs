//! Registration, verification of the address, closing.

use crate::faults::Fault;
use crate::people::{at, email, entry, mail, newcomer, secret, session, user, username};
use crate::tables::Tables;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_domain::gate::{Closing, Gate};
use tollgate_domain::onetime::Purpose;
use tollgate_domain::user::{IdentityProvider, Provider};
use tollgate_store::outbox::DECOY;
use tollgate_store::{Claim, NewAccount, OutboxMessage, Registration, RightsChange, StoreError, TakenNames};

const DAY: i64 = 86_400;

/// A verified account from Google without a password.
fn by_google(name: &str, n: u8) -> NewAccount {
    let mut account = newcomer(name, n);
    account.profile.provider = Provider::Google;
    account.profile.email_verified = true;
    account.profile.links.insert(IdentityProvider::Google, "g-1".into());
    NewAccount { credentials: None, verification: None, ..account }
}

fn admin(name: &str, n: u8) -> NewAccount {
    let mut account = newcomer(name, n);
    account.gate.is_admin = true;
    account
}

#[tokio::test]
async fn a_registration_writes_all_items_of_the_account() {
    let tables = Tables::new().await;
    let ann = newcomer("Ann", 1);
    assert_eq!(tables.store.register(&ann).await.unwrap(), Registration::Done);
    assert_eq!(tables.faults.count(), 1, "one call");

    let profile = tables.store.profile(&user(1)).await.unwrap().unwrap();
    assert_eq!((profile.id, profile.provider, profile.email_verified), (user(1), Provider::Local, false));
    assert_eq!((profile.email.as_str(), profile.username.as_str()), ("Ann@example.com", "Ann"));
    assert_eq!((profile.created_at, profile.links.len()), (at(0), 0));
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(ann.gate.clone()));
    assert_eq!(tables.store.user_of_email(&email("ANN@example.com")).await.unwrap(), Some(user(1)));
    let credentials = tables.store.credentials(&email("ann@EXAMPLE.com")).await.unwrap().unwrap();
    assert_eq!((credentials.user_id, credentials.password_version), (user(1), 1));
    assert_eq!(credentials.hash, "hash1");
    let (row, mail) = ann.verification.unwrap();
    assert_eq!(tables.store.onetime(&user(1), Purpose::Verify, &row.id).await.unwrap(), Some(row));
    let Claim::Send(sent) = tables.store.claim_message(&mail.id, "m", at(0)).await.unwrap() else { panic!("no mail") };
    assert_eq!((sent.body, sent.kind), (mail.body, mail.kind));
    assert_eq!(tables.count("audit").await, 1);
    assert_eq!(tables.all().await.len(), 8);
}

#[tokio::test]
async fn a_registration_writes_the_attributes_of_lists_and_searches() {
    let (tables, _) = Tables::with_ann().await;
    let id = user(1).to_string();
    let profile = tables.row("identity", &format!("USER#{id}")).await;
    let wanted = [
        ("id", json!(id)),
        ("list", json!("unproved")),
        ("admin", json!(null)),
        ("closed", json!(null)),
        ("email_initial", json!("a")),
        ("email_key", json!("ann@example.com")),
        ("username_initial", json!("a")),
        ("username_key", json!("ann")),
        ("domain_initial", json!("e")),
        ("domain_key", json!("example.com ann")),
    ];
    for (name, value) in wanted {
        assert_eq!(profile[name], value, "{name}");
    }
    let name = tables.row("identity", "USERNAME#ann").await;
    assert_eq!(name, json!({"pk": "USERNAME#ann", "user_id": id, "v": 1}));
    let address = tables.row("identity", "EMAIL#ann@example.com").await;
    // S14
    let spelled = json!({"pk": "EMAIL#ann@example.com", "user_id": id, "address": "Ann@example.com", "v": 1});
    assert_eq!(address, spelled);
}

#[tokio::test]
async fn every_item_carries_the_version_of_its_shape_and_no_null() {
    let (tables, _) = Tables::with_ann().await;
    for (key, row) in tables.all().await {
        assert_eq!(row["v"], 1, "{key}");
        assert!(row.as_object().unwrap().values().all(|value| !value.is_null()), "{row}");
    }
}

#[tokio::test]
async fn a_provider_account_has_an_identity_and_neither_password_nor_mail() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.register(&by_google("Ann", 1)).await.unwrap(), Registration::Done);
    assert_eq!(tables.store.user_of_identity(IdentityProvider::Google, "g-1").await.unwrap(), Some(user(1)));
    assert_eq!(tables.store.user_of_identity(IdentityProvider::Github, "g-1").await.unwrap(), None);
    let profile = tables.store.profile(&user(1)).await.unwrap().unwrap();
    assert_eq!(profile.links[&IdentityProvider::Google], "g-1");
    assert_eq!(
        [tables.count("credentials").await, tables.count("outbox").await, tables.count("sessions").await],
        [0; 3]
    );
}

// R9
#[tokio::test]
async fn an_address_that_exists_in_another_spelling_is_taken() {
    let (tables, _) = Tables::with_ann().await;
    let mut other = newcomer("Bob", 2);
    other.profile.email = email("aNN@example.com");
    assert_eq!(tables.untouched(tables.store.register(&other)).await.unwrap(), Registration::EmailTaken);
}

#[tokio::test]
async fn an_address_with_credentials_and_no_marker_is_taken() {
    let (tables, _) = Tables::with_ann().await;
    tables.delete("identity", "EMAIL#ann@example.com").await;
    let mut other = newcomer("Bob", 2);
    other.profile.email = email("ann@example.com");
    assert_eq!(tables.untouched(tables.store.register(&other)).await.unwrap(), Registration::EmailTaken);
}

#[tokio::test]
async fn a_name_that_exists_in_another_case_is_taken() {
    let (tables, _) = Tables::with_ann().await;
    let mut other = newcomer("Bob", 2);
    other.profile.username = username("aNN");
    assert_eq!(tables.untouched(tables.store.register(&other)).await.unwrap(), Registration::UsernameTaken);
}

// S22
#[tokio::test]
async fn an_identity_of_another_account_is_taken() {
    let tables = Tables::new().await;
    tables.registered(by_google("Ann", 1)).await;
    let other = by_google("Bob", 2);
    assert_eq!(tables.untouched(tables.store.register(&other)).await.unwrap(), Registration::IdentityTaken);
}

#[tokio::test]
async fn an_existing_user_id_is_a_bug_and_nothing_is_written() {
    let (tables, ann) = Tables::with_ann().await;
    let mut same_id = newcomer("Bob", 1);
    same_id.verification = None;
    let error = tables.untouched(tables.store.register(&same_id)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unexpected(text) if text.contains("Invariant")), "{error}");

    let mut same_row = newcomer("Bob", 2);
    same_row.verification.as_mut().unwrap().0 = ann.verification.unwrap().0;
    let error = tables.untouched(tables.store.register(&same_row)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");

    let mut same_mail = newcomer("Bob", 2);
    same_mail.verification.as_mut().unwrap().1 = mail(1);
    let error = tables.untouched(tables.store.register(&same_mail)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

// R8
#[tokio::test]
async fn a_registration_whose_answer_is_lost_happens_once() {
    let tables = Tables::new().await;
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    assert_eq!(tables.store.register(&admin("Ann", 1)).await.unwrap(), Registration::Done);
    assert_eq!(tables.faults.count(), 2);
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1);
}

// R8
#[tokio::test]
async fn a_lost_answer_of_a_registration_is_not_taken_for_a_conflict() {
    let tables = Tables::new().await;
    let in_progress = || Fault::error("TransactionInProgressException");
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer, in_progress(), in_progress()]);
    let error = tables.store.register(&newcomer("Ann", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn admins_are_counted_and_others_are_not() {
    let tables = Tables::new().await;
    tables.store.register(&newcomer("Ann", 1)).await.unwrap();
    assert!(!tables.store.has_admins().await.unwrap());
    tables.store.register(&admin("Bob", 2)).await.unwrap();
    assert!(tables.store.has_admins().await.unwrap());
    tables.store.register(&admin("Carl", 3)).await.unwrap();
    assert_eq!(tables.row("gate", "ADMINS").await, json!({"pk": "ADMINS", "count": 2, "v": 1}));
}

// S6
#[tokio::test]
async fn registering_a_known_address_reserves_the_name_and_mails_the_owner() {
    let (tables, ann) = Tables::with_ann().await;
    let before = tables.all().await;
    assert!(tables.store.register_known(&username("Bob"), &mail(9), at(0)).await.unwrap());
    let hold = tables.row("limits", "NAME#bob").await;
    assert_eq!(hold, json!({"pk": "NAME#bob", "ttl": at(7 * DAY).as_second(), "v": 1}));
    let Claim::Send(sent) = tables.store.claim_message(&mail(9).id, "m", at(0)).await.unwrap() else {
        panic!("no mail")
    };
    assert_eq!(sent.body, mail(9).body);
    let decoys: Vec<Value> = tables
        .rows("sessions")
        .await
        .into_values()
        .filter(|row| row["pk"] == format!("DECOY#{}", mail(9).id))
        .collect();
    let bytes: Vec<usize> = decoys.iter().map(|row| row["pad"].as_str().unwrap().len()).collect();
    assert_eq!(bytes, [1500, 1500, 1500, 20, 20, 20]);
    assert!(decoys.iter().all(|row| row["ttl"] == at(DAY).as_second()));
    // One more than before: the reservation, the mail, the decoys; as many as a registration writes.
    assert_eq!(tables.all().await.len(), before.len() + 8);
    assert_eq!(tables.store.profile(&ann.profile.id).await.unwrap().unwrap().username.as_str(), "Ann");
}

// S6
#[tokio::test]
async fn a_name_is_reserved_for_seven_days() {
    let (tables, ann) = Tables::with_ann().await;
    let (name, address) = (username("Bob"), email("bob@example.com"));
    assert!(tables.store.register_known(&name, &mail(8), at(0)).await.unwrap());
    let until = 7 * DAY;
    let held = tables.untouched(tables.store.register_known(&username("BOB"), &mail(9), at(until - 1))).await;
    assert!(!held.unwrap(), "reserved to the last second, in any case");
    let taken = async |now: Timestamp| tables.store.find_taken(&name, &address, now).await.unwrap();
    assert_eq!(taken(at(until - 1)).await, TakenNames { username: true, email: None });
    assert_eq!(taken(at(until)).await, TakenNames { username: false, email: None });
    assert!(tables.store.register_known(&name, &mail(9), at(until)).await.unwrap(), "free in the next one");
    assert_eq!(ann.profile.username.as_str(), "Ann");
}

#[tokio::test]
async fn an_existing_mail_id_is_a_bug_in_a_registration_of_a_known_address() {
    let (tables, _) = Tables::with_ann().await;
    let error = tables.untouched(tables.store.register_known(&username("Bob"), &mail(1), at(0))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

#[tokio::test]
async fn a_mailed_secret_is_stored_with_its_mail_until_a_day_after_its_expiry() {
    let (tables, ann) = Tables::with_ann().await;
    let row = secret("r1", Purpose::Reset, &ann.profile);
    tables.store.put_onetime(&row, &mail(5)).await.unwrap();
    assert_eq!(tables.store.onetime(&user(1), Purpose::Reset, "r1").await.unwrap(), Some(row.clone()));
    let stored = tables.row("sessions", &format!("USER#{}/OTP#reset#r1", user(1))).await;
    assert_eq!(stored["ttl"], at(3600 + DAY).as_second());
    assert!(matches!(tables.store.claim_message(&mail(5).id, "m", at(0)).await.unwrap(), Claim::Send(_)));
    assert_eq!(tables.count("sessions").await, 2, "the row of the registration, and this one");

    let error = tables.untouched(tables.store.put_onetime(&row, &mail(6))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "the row is there: {error}");
}

#[tokio::test]
async fn a_secret_for_a_new_address_is_found_by_it_the_newest_first() {
    let (tables, ann) = Tables::with_ann().await;
    let mut row = secret("r1", Purpose::ChangeEmail, &ann.profile);
    row.new_email = Some(email("New@example.com"));
    assert!(tables.store.pending_change(&email("new@example.com")).await.unwrap().is_none());
    for (n, id) in [(5, "r1"), (6, "r2")] {
        row.id = id.into();
        tables.store.put_onetime(&row, &mail(n)).await.unwrap();
        let pending = tables.store.pending_change(&email("NEW@example.com")).await.unwrap().unwrap();
        assert_eq!((pending.user_id, pending.row_id.as_str()), (user(1), id));
    }
    assert_eq!(tables.row("sessions", "ADDRESS#new@example.com/CHANGE").await["ttl"], at(3600 + DAY).as_second());
    assert!(tables.store.pending_change(&email("ann@example.com")).await.unwrap().is_none());
}

// S6
#[tokio::test]
async fn the_requested_number_of_decoys_is_written_and_expires_after_a_day() {
    let tables = Tables::new().await;
    let decoy = OutboxMessage { kind: DECOY.into(), ..mail(3) };
    tables.store.put_decoys(&decoy, 2, at(5)).await.unwrap();
    let rows = tables.rows("sessions").await;
    let keys: Vec<_> = rows.keys().cloned().collect();
    assert_eq!(keys, [0, 1].map(|n| format!("DECOY#{}/{n}", decoy.id)));
    for row in rows.values() {
        assert_eq!((row["ttl"].as_i64(), row["pad"].as_str().unwrap().len()), (Some(at(5 + DAY).as_second()), 400));
    }
    assert_eq!(tables.count("outbox").await, 1);
    let error = tables.untouched(tables.store.put_decoys(&decoy, 1, at(5))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

#[tokio::test]
async fn verification_by_link_verifies_the_address_once_and_keeps_the_row() {
    let (tables, ann) = Tables::with_ann().await;
    let (row, _) = ann.verification.unwrap();
    assert!(tables.store.verify_email(&row, false, &entry(7, &user(1)), at(60)).await.unwrap());
    assert!(tables.store.profile(&user(1)).await.unwrap().unwrap().email_verified);
    assert_eq!(tables.store.onetime(&user(1), Purpose::Verify, &row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(tables.row("sessions", &format!("USER#{}/OTP#verify#verify1", user(1))).await.get("code_used_at"), None);
    assert_eq!(tables.count("audit").await, 2);
    let again = tables.untouched(tables.store.verify_email(&row, false, &entry(8, &user(1)), at(61))).await;
    assert!(!again.unwrap(), "already verified");
}

#[tokio::test]
async fn verification_by_code_uses_the_code_up() {
    let (tables, ann) = Tables::with_ann().await;
    let (row, _) = ann.verification.unwrap();
    assert!(tables.store.verify_email(&row, true, &entry(7, &user(1)), at(60)).await.unwrap());
    let stored = tables.row("sessions", &format!("USER#{}/OTP#verify#verify1", user(1))).await;
    assert_eq!(stored["code_used_at"], at(60).to_string());
    assert!(tables.store.profile(&user(1)).await.unwrap().unwrap().email_verified);
}

// S11
#[tokio::test]
async fn a_used_or_unknown_code_verifies_nothing() {
    let (tables, ann) = Tables::with_ann().await;
    let (row, _) = ann.verification.unwrap();
    let key = format!("USER#{}/OTP#verify#verify1", user(1));
    tables.edit("sessions", &key, |row| row["code_used_at"] = json!(at(1))).await;
    let refused = tables.untouched(tables.store.verify_email(&row, true, &entry(7, &user(1)), at(60))).await;
    assert!(!refused.unwrap(), "another request used it");
    tables.delete("sessions", &key).await;
    let refused = tables.untouched(tables.store.verify_email(&row, true, &entry(7, &user(1)), at(60))).await;
    assert!(!refused.unwrap(), "the row is gone");
}

// S10
#[tokio::test]
async fn verification_of_a_previous_address_has_no_effect() {
    let (tables, ann) = Tables::with_ann().await;
    let (row, _) = ann.verification.unwrap();
    tables
        .edit("identity", &format!("USER#{}", user(1)), |profile| profile["email_key"] = json!("new@example.com"))
        .await;
    let refused = tables.untouched(tables.store.verify_email(&row, false, &entry(7, &user(1)), at(60))).await;
    assert!(!refused.unwrap());
}

#[tokio::test]
async fn an_existing_audit_id_is_a_bug_in_a_verification() {
    let (tables, ann) = Tables::with_ann().await;
    let (row, _) = ann.verification.unwrap();
    let error = tables.untouched(tables.store.verify_email(&row, false, &ann.audit, at(60))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

#[tokio::test]
async fn a_closed_account_has_no_session() {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions.insert(session(1), at(900));
    ann.gate.tier = 2;
    let ann = tables.registered(ann).await;
    let done =
        tables.store.close_account(&ann.gate, Closing::Deactivated, &mail(77), &entry(7, &user(1))).await.unwrap();
    assert_eq!(done, RightsChange::Done);
    let closed =
        Gate { is_active: false, closing: Some(Closing::Deactivated), sessions: [].into(), ..ann.gate.clone() };
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(closed));
    assert_eq!(tables.count("audit").await, 2);
    assert!(tables.row("outbox", &mail(77).id.to_string()).await.get("body").is_some(), "the command for Stripe");
    let again = tables
        .untouched(tables.store.close_account(&ann.gate, Closing::Deactivated, &mail(78), &entry(8, &user(1))))
        .await;
    assert_eq!(again.unwrap(), RightsChange::Changed, "closed before");
}

#[tokio::test]
async fn a_deleted_account_is_not_verified() {
    let (tables, ann) = Tables::with_ann().await;
    let (row, _) = ann.verification.unwrap();
    let done = tables.store.close_account(&ann.gate, Closing::Deleted, &mail(77), &entry(7, &user(1))).await.unwrap();
    assert_eq!(done, RightsChange::Done);
    let refused = tables.untouched(tables.store.verify_email(&row, false, &entry(8, &user(1)), at(60))).await;
    assert!(!refused.unwrap());
}

#[tokio::test]
async fn a_disabled_admin_can_be_deleted_and_is_not_counted() {
    let tables = Tables::new().await;
    let ann = tables.registered(admin("Ann", 1)).await;
    tables.registered(admin("Bob", 2)).await;
    let disabled = tables.store.set_active(&ann.gate, false, &entry(7, &user(1))).await.unwrap();
    assert_eq!(disabled, RightsChange::Done);
    let gate = tables.store.gate(&user(1)).await.unwrap().unwrap();
    let done = tables.store.close_account(&gate, Closing::Deleted, &mail(77), &entry(8, &user(1))).await.unwrap();
    assert_eq!(done, RightsChange::Done);
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1);
}

#[tokio::test]
async fn all_sessions_of_a_user_end_once() {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions.insert(session(1), at(900));
    tables.registered(ann).await;
    let none = BTreeMap::new();
    assert!(tables.store.end_sessions(&user(1), None, &none, &entry(7, &user(1))).await.unwrap());
    let again = tables.untouched(tables.store.end_sessions(&user(1), None, &none, &entry(8, &user(1)))).await;
    assert!(!again.unwrap(), "there is no session");
}

#[tokio::test]
async fn closing_rechecks_a_user_who_became_an_admin() {
    let (tables, ann) = Tables::with_ann().await;
    tables.edit("gate", &format!("USER#{}", user(1)), |gate| gate["is_admin"] = json!(true)).await;
    let refused = tables
        .untouched(tables.store.close_account(&ann.gate, Closing::Deactivated, &mail(77), &entry(7, &user(1))))
        .await;
    assert_eq!(refused.unwrap(), RightsChange::Changed);
}

#[tokio::test]
async fn a_user_who_is_no_longer_admin_is_not_counted_twice() {
    let tables = Tables::new().await;
    let ann = tables.registered(admin("Ann", 1)).await;
    tables.registered(admin("Bob", 2)).await;
    tables.edit("gate", &format!("USER#{}", user(1)), |gate| gate["is_admin"] = json!(false)).await;
    let refused = tables
        .untouched(tables.store.close_account(&ann.gate, Closing::Deactivated, &mail(77), &entry(7, &user(1))))
        .await;
    assert_eq!(refused.unwrap(), RightsChange::Changed);
}

#[tokio::test]
async fn the_last_admin_cannot_close_the_account_and_the_second_last_can() {
    let tables = Tables::new().await;
    let ann = tables.registered(admin("Ann", 1)).await;
    let bob = tables.registered(admin("Bob", 2)).await;
    let done =
        tables.store.close_account(&ann.gate, Closing::Deactivated, &mail(77), &entry(7, &user(1))).await.unwrap();
    assert_eq!(done, RightsChange::Done);
    assert_eq!(tables.row("gate", "ADMINS").await["count"], 1);
    let refused = tables
        .untouched(tables.store.close_account(&bob.gate, Closing::Deactivated, &mail(78), &entry(8, &user(2))))
        .await;
    assert_eq!(refused.unwrap(), RightsChange::LastAdmin);
}

#[tokio::test]
async fn an_existing_audit_id_is_a_bug_in_closing() {
    let (tables, ann) = Tables::with_ann().await;
    let error = tables
        .untouched(tables.store.close_account(&ann.gate, Closing::Deactivated, &mail(77), &ann.audit))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}
