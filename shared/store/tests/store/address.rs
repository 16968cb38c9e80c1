//! The change of an account's address.

use crate::people::{at, email, entry, mail, newcomer, secret, session, user};
use crate::tables::Tables;
use serde_json::{Value, json};
use tollgate_domain::Email;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::user::IdentityProvider::{Github, Google};
use tollgate_store::{AddressChange, AddressRequest, ChangedAddress, NewAccount, OutboxMessage, StoreError};

/// Ann, who requested another address, and the row that verifies it.
struct Asked {
    tables: Tables,
    ann: NewAccount,
    to: Email,
    row: OneTimeRow,
}

impl Asked {
    async fn with(mut ann: NewAccount) -> Self {
        let tables = Tables::new().await;
        ann.gate.sessions = [(session(1), at(900))].into();
        let ann = tables.registered(ann).await;
        let to = email("New@example.com");
        let row = OneTimeRow { new_email: Some(to.clone()), ..secret("r1", Purpose::ChangeEmail, &ann.profile) };
        tables.rival.put_onetime(&row, &mail(50)).await.unwrap();
        Self { tables, ann, to, row }
    }

    async fn new() -> Self {
        Self::with(newcomer("Ann", 1)).await
    }

    async fn verify(&self) -> Result<ChangedAddress, StoreError> {
        self.verify_with(&mail(60)).await
    }

    async fn verify_with(&self, notice: &OutboxMessage) -> Result<ChangedAddress, StoreError> {
        let change = AddressChange {
            profile: &self.ann.profile,
            credentials: self.ann.credentials.as_ref(),
            password_version: 1,
            session: &session(1),
            to: &self.to,
            row: &self.row,
            notice,
            command: &mail(61),
            audit: &[entry(60, &user(1))],
        };
        self.tables.store.change_address(&change, at(60)).await
    }

    /// The verification after a change of one row of `table`, which must refuse it.
    async fn refused_after(&self, table: &str, key: &str, change: impl FnOnce(&mut Value)) -> ChangedAddress {
        self.tables.edit(table, key, change).await;
        self.tables.untouched(self.verify()).await.unwrap()
    }
}

fn of(prefix: &str) -> String {
    format!("{prefix}#{}", user(1))
}

#[tokio::test]
async fn a_verified_address_replaces_the_old_one_everywhere() {
    let asked = Asked::new().await;
    let before = asked.tables.all().await.len();
    assert_eq!(asked.verify().await.unwrap(), ChangedAddress::Done);
    let store = &asked.tables.store;
    let profile = store.profile(&user(1)).await.unwrap().unwrap();
    assert_eq!((profile.email.as_str(), profile.email_verified), ("New@example.com", true));
    let row = asked.tables.row("identity", &of("USER")).await;
    assert_eq!((&row["email_key"], &row["domain_key"]), (&"new@example.com".into(), &"example.com new".into()));
    assert_eq!(store.user_of_email(&email("new@example.com")).await.unwrap(), Some(user(1)));
    assert_eq!(asked.tables.row("identity", "EMAIL#new@example.com").await["address"], "New@example.com");
    assert_eq!(store.user_of_email(&email("ann@example.com")).await.unwrap(), None, "the old one is free");
    let moved = store.credentials(&email("new@example.com")).await.unwrap().unwrap();
    assert_eq!((moved.user_id, moved.hash.as_str(), moved.password_version), (user(1), "hash1", 1));
    assert!(store.credentials(&email("ann@example.com")).await.unwrap().is_none());
    let used = store.onetime(&user(1), Purpose::ChangeEmail, "r1").await.unwrap().unwrap();
    assert_eq!(used.used_at, Some(at(60)));
    // The notice and the entry are new.
    assert_eq!(asked.tables.all().await.len(), before + 3);
    assert_eq!((asked.tables.count("outbox").await, asked.tables.count("audit").await), (4, 2));
}

#[tokio::test]
async fn an_account_without_password_changes_its_address_too() {
    let asked = Asked::with(NewAccount { credentials: None, ..newcomer("Ann", 1) }).await;
    assert_eq!(asked.verify().await.unwrap(), ChangedAddress::Done);
    assert_eq!(asked.tables.count("credentials").await, 0);
    assert_eq!(asked.tables.store.user_of_email(&asked.to).await.unwrap(), Some(user(1)));
}

// S12
#[tokio::test]
async fn an_address_that_was_registered_in_between_is_taken() {
    let asked = Asked::new().await;
    asked.tables.registered(newcomer("new", 2)).await;
    assert_eq!(asked.tables.untouched(asked.verify()).await.unwrap(), ChangedAddress::Taken);
    asked.tables.delete("identity", "EMAIL#new@example.com").await;
    assert_eq!(asked.tables.untouched(asked.verify()).await.unwrap(), ChangedAddress::Taken, "by its credentials");
}

#[tokio::test]
async fn another_change_of_address_in_between_is_detected() {
    let asked = Asked::new().await;
    let other =
        asked.refused_after("identity", &of("USER"), |profile| profile["email_key"] = json!("other@example.com")).await;
    assert_eq!(other, ChangedAddress::Changed);
}

#[tokio::test]
async fn an_old_address_that_belongs_to_another_account_is_refused() {
    let asked = Asked::new().await;
    let gone =
        asked.refused_after("identity", "EMAIL#ann@example.com", |marker| marker["user_id"] = json!(user(2))).await;
    assert_eq!(gone, ChangedAddress::Changed);
}

#[tokio::test]
async fn a_closed_account_is_refused() {
    let asked = Asked::new().await;
    let closed = asked.refused_after("gate", &of("USER"), |gate| gate["is_active"] = json!(false)).await;
    assert_eq!(closed, ChangedAddress::Changed);
}

#[tokio::test]
async fn a_new_password_in_between_is_detected() {
    let asked = Asked::new().await;
    let changed = asked.refused_after("gate", &of("USER"), |gate| gate["password_version"] = json!(2)).await;
    assert_eq!(changed, ChangedAddress::Changed);
    asked.tables.edit("gate", &of("USER"), |gate| gate["password_version"] = json!(1)).await;
    let changed =
        asked.refused_after("credentials", "ann@example.com", |found| found["password_version"] = json!(2)).await;
    assert_eq!(changed, ChangedAddress::Changed, "in the credentials");
}

#[tokio::test]
async fn credentials_that_belong_to_another_account_are_refused() {
    let asked = Asked::new().await;
    let other = asked.refused_after("credentials", "ann@example.com", |found| found["user_id"] = json!(user(2))).await;
    assert_eq!(other, ChangedAddress::Changed);
}

// S10
#[tokio::test]
async fn a_link_is_valid_once() {
    let asked = Asked::new().await;
    let key = format!("{}/OTP#change_email#r1", of("USER"));
    let used = asked.refused_after("sessions", &key, |row| row["used_at"] = json!(at(1))).await;
    assert_eq!(used, ChangedAddress::Changed);
    asked.tables.delete("sessions", &key).await;
    assert_eq!(asked.tables.untouched(asked.verify()).await.unwrap(), ChangedAddress::Changed, "the row is gone");
}

// B6, S5
#[tokio::test]
async fn an_ended_session_of_the_request_is_refused() {
    let asked = Asked::new().await;
    for sessions in [json!({}), json!({session(2).to_string(): at(900)})] {
        let ended = asked.refused_after("gate", &of("USER"), |gate| gate["sessions"] = sessions).await;
        assert_eq!(ended, ChangedAddress::Changed);
    }
}

// B9, S22
#[tokio::test]
async fn identities_of_another_address_do_not_move_with_the_account() {
    let mut ann = newcomer("Ann", 1);
    ann.profile.links = [(Google, "g-1".to_owned()), (Github, "h-1".to_owned())].into();
    ann.profile.link_emails = [(Github, "new@example.com".to_owned())].into();
    let asked = Asked::with(ann).await;
    assert_eq!(asked.ann.profile.links_to_end(&asked.to), [Google], "its address is not known");
    assert_eq!(asked.verify().await.unwrap(), ChangedAddress::Done);
    let store = &asked.tables.store;
    let profile = store.profile(&user(1)).await.unwrap().unwrap();
    assert_eq!(profile.links, [(Github, "h-1".to_owned())].into());
    assert_eq!(profile.link_emails, [(Github, "new@example.com".to_owned())].into());
    assert_eq!(store.user_of_identity(Google, "g-1").await.unwrap(), None);
    assert_eq!(store.user_of_identity(Github, "h-1").await.unwrap(), Some(user(1)));
}

// B9, S22
#[tokio::test]
async fn a_row_that_was_created_in_between_is_checked_first() {
    let asked = Asked::new().await;
    let linked = asked.refused_after("identity", &of("USER"), |row| row["links"] = json!({"google": "g-1"})).await;
    assert_eq!(linked, ChangedAddress::Changed);
}

// B8, S6
#[tokio::test]
async fn a_request_for_an_address_weighs_the_same_with_a_row_and_with_decoys() {
    for has_row in [true, false] {
        let (tables, ann) = Tables::with_ann().await;
        let to = email("New@example.com");
        let row = OneTimeRow { new_email: Some(to), ..secret("r1", Purpose::ChangeEmail, &ann.profile) };
        let before = (tables.count("sessions").await, tables.count("outbox").await, tables.count("audit").await);
        let request = AddressRequest {
            row: has_row.then_some(&row),
            mail: &mail(60),
            notice: &mail(61),
            audit: &entry(60, &user(1)),
        };
        tables.store.request_address(&request, at(60)).await.unwrap();
        let after = (tables.count("sessions").await, tables.count("outbox").await, tables.count("audit").await);
        assert_eq!(after, (before.0 + 2, before.1 + 2, before.2 + 1), "{has_row}");
        let pending = tables.store.pending_change(row.new_email.as_ref().unwrap()).await.unwrap();
        assert_eq!(pending.is_some(), has_row);
    }
}

#[tokio::test]
async fn an_existing_notice_id_is_a_bug() {
    let asked = Asked::new().await;
    let error = asked.tables.untouched(asked.verify_with(&mail(1))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}
