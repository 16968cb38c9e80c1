//! Passwords that replace others.

use crate::people::{at, email, entry, mail, newcomer, secret, session, user};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_store::{NewAccount, NewPassword, StoreError};

/// Ann with two sessions, a reset link, and a new password.
struct Case {
    tables: Tables,
    ann: NewAccount,
    row: OneTimeRow,
    audit: [AuditEntry; 2],
}

impl Case {
    async fn with(mut ann: NewAccount) -> Self {
        let tables = Tables::new().await;
        ann.gate.sessions = [(session(1), at(900)), (session(2), at(900))].into();
        let ann = tables.registered(ann).await;
        let row = secret("r1", Purpose::Reset, &ann.profile);
        tables.rival.put_onetime(&row, &mail(50)).await.unwrap();
        Self { tables, ann, row, audit: [entry(60, &user(1)), entry(61, &user(1))] }
    }

    async fn new() -> Self {
        Self::with(newcomer("Ann", 1)).await
    }

    fn password(&self) -> NewPassword<'_> {
        NewPassword {
            user_id: user(1),
            email: &self.ann.profile.email,
            hash: "new".into(),
            replaces_version: 1,
            notice: mail(60),
            audit: &self.audit,
        }
    }

    async fn reset(&self, verifies: bool) -> Result<bool, StoreError> {
        self.tables.store.reset_password(&self.password(), &self.row, verifies, at(60)).await
    }

    async fn change(&self) -> Result<bool, StoreError> {
        self.tables.store.change_password(&self.password(), (&session(2), at(900))).await
    }

    /// Checks that a reset and a change are refused, and that nothing is written.
    async fn assert_refused(&self, why: &str) {
        assert!(!self.tables.untouched(self.reset(false)).await.unwrap(), "reset: {why}");
        assert!(!self.tables.untouched(self.change()).await.unwrap(), "change: {why}");
    }

    /// Hash and version of the credentials, and the gate's version.
    async fn versions(&self) -> (String, u64, u64) {
        let found = self.tables.store.credentials(&email("ann@example.com")).await.unwrap().unwrap();
        assert_eq!(found.user_id, user(1));
        let gate = self.tables.store.gate(&user(1)).await.unwrap().unwrap();
        (found.hash, found.password_version, gate.password_version)
    }
}

fn gate_key() -> String {
    format!("USER#{}", user(1))
}

// S17, R10
#[tokio::test]
async fn a_reset_ends_every_session_and_uses_the_link_up() {
    let case = Case::new().await;
    let before = case.tables.all().await.len();
    assert!(case.reset(false).await.unwrap());
    assert_eq!(case.versions().await, ("new".into(), 2, 2));
    let store = &case.tables.store;
    assert!(store.gate(&user(1)).await.unwrap().unwrap().sessions.is_empty());
    assert_eq!(store.onetime(&user(1), Purpose::Reset, "r1").await.unwrap().unwrap().used_at, Some(at(60)));
    assert!(!store.profile(&user(1)).await.unwrap().unwrap().email_verified, "it verifies only on request");
    assert_eq!((case.tables.count("outbox").await, case.tables.count("audit").await), (3, 3));
    assert_eq!(case.tables.all().await.len(), before + 3, "a notice and two entries");
}

// S23
#[tokio::test]
async fn a_reset_verifies_the_address_that_it_was_mailed_to() {
    let case = Case::new().await;
    assert!(case.reset(true).await.unwrap());
    assert!(case.tables.store.profile(&user(1)).await.unwrap().unwrap().email_verified);
}

#[tokio::test]
async fn a_verifying_reset_is_refused_if_the_address_was_verified_or_changed() {
    for (field, value) in [("email_verified", json!(true)), ("email_key", json!("new@example.com"))] {
        let case = Case::new().await;
        case.tables.edit("identity", &gate_key(), |profile| profile[field] = value).await;
        assert!(!case.tables.untouched(case.reset(true)).await.unwrap(), "{field}");
    }
}

// S10
#[tokio::test]
async fn a_reset_link_is_valid_once() {
    let case = Case::new().await;
    let key = format!("{}/OTP#reset#r1", gate_key());
    case.tables.edit("sessions", &key, |row| row["used_at"] = json!(at(1))).await;
    assert!(!case.tables.untouched(case.reset(false)).await.unwrap());
    case.tables.delete("sessions", &key).await;
    assert!(!case.tables.untouched(case.reset(false)).await.unwrap(), "the row is gone");
}

// R10
#[tokio::test]
async fn a_change_keeps_only_its_own_session() {
    let case = Case::new().await;
    assert!(case.change().await.unwrap());
    assert_eq!(case.versions().await, ("new".into(), 2, 2));
    let gate = case.tables.store.gate(&user(1)).await.unwrap().unwrap();
    assert_eq!(gate.sessions, [(session(2), at(900))].into());
    assert_eq!((case.tables.count("outbox").await, case.tables.count("audit").await), (3, 3));
}

#[tokio::test]
async fn a_change_in_a_session_that_has_ended_is_refused() {
    let case = Case::new().await;
    case.tables.rival.end_session(&user(1), &session(2), &entry(70, &user(1))).await.unwrap();
    assert!(!case.tables.untouched(case.change()).await.unwrap());
}

#[tokio::test]
async fn another_new_password_in_between_is_detected() {
    let case = Case::new().await;
    case.tables.edit("gate", &gate_key(), |gate| gate["password_version"] = json!(2)).await;
    case.assert_refused("in the gate").await;
    case.tables.edit("gate", &gate_key(), |gate| gate["password_version"] = json!(1)).await;
    case.tables.edit("credentials", "ann@example.com", |found| found["password_version"] = json!(2)).await;
    case.assert_refused("in the credentials").await;
}

#[tokio::test]
async fn a_closed_account_gets_no_password() {
    let case = Case::new().await;
    case.tables.edit("gate", &gate_key(), |gate| gate["is_active"] = json!(false)).await;
    case.assert_refused("closed").await;
}

#[tokio::test]
async fn a_reset_for_an_address_of_another_account_sets_no_password() {
    let case = Case::new().await;
    case.tables.edit("credentials", "ann@example.com", |found| found["user_id"] = json!(user(2))).await;
    case.assert_refused("of another user").await;
}

#[tokio::test]
async fn a_provider_account_gets_a_first_password() {
    let case = Case::with(NewAccount { credentials: None, ..newcomer("Ann", 1) }).await;
    assert!(case.reset(false).await.unwrap());
    assert_eq!(case.versions().await, ("new".into(), 2, 2));
    assert_eq!(case.tables.row("credentials", "ann@example.com").await["v"], 1);
}

#[tokio::test]
async fn an_existing_notice_id_is_a_bug() {
    let case = Case::new().await;
    let password = NewPassword { notice: mail(1), ..case.password() };
    let reset = case.tables.store.reset_password(&password, &case.row, false, at(60));
    let error = case.tables.untouched(reset).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}
