//! Sessions in the gate: how they are added, refused and ended.

use crate::faults::Fault;
use crate::people::{at, entry, mail, newcomer, secret, session, user};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::SessionId;
use tollgate_domain::gate::Gate;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_store::{Admission, Admitted, StoreError};

/// Ann's gate with the sessions `0..count`.
async fn with_sessions(count: u8) -> Tables {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions = (0..count).map(|n| (session(n), at(900))).collect();
    tables.registered(ann).await;
    tables
}

fn key() -> String {
    format!("USER#{}", user(1))
}

async fn admit(
    tables: &Tables,
    new: u8,
    ended: &[SessionId],
    password_version: Option<u64>,
) -> Result<Option<Gate>, StoreError> {
    let (user, session) = (user(1), session(new));
    let admission = Admission { user: &user, session: &session, ends_at: at(5000), ended, password_version };
    tables.store.admit_session(&admission).await
}

#[tokio::test]
async fn an_unknown_user_has_no_gate() {
    let tables = Tables::new().await;
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), None);
    assert!(!tables.store.has_admins().await.unwrap());
}

#[tokio::test]
async fn a_stored_gate_is_read_back_unchanged() {
    let tables = Tables::new().await;
    let mut ann = newcomer("Ann", 1);
    ann.gate.sessions.insert(session(3), at(7));
    ann.gate.tier = 2;
    ann.gate.access_until = Some(at(9));
    ann.gate.features.insert("seats".into(), json!({"max": 3}));
    tables.registered(ann.clone()).await;
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(ann.gate));
}

#[tokio::test]
async fn admitting_a_session_returns_the_gate_after_the_write() {
    let tables = with_sessions(1).await;
    let gate = admit(&tables, 9, &[], Some(1)).await.unwrap().unwrap();
    assert_eq!(gate.sessions, [(session(0), at(900)), (session(9), at(5000))].into());
    assert_eq!(tables.store.gate(&user(1)).await.unwrap(), Some(gate));
    assert_eq!(tables.faults.count(), 2, "a write and this read");
}

#[tokio::test]
async fn the_sessions_that_make_room_end_in_the_same_write() {
    let tables = with_sessions(4).await;
    let gate = admit(&tables, 9, &[session(0), session(2)], None).await.unwrap().unwrap();
    assert_eq!(gate.sessions.into_keys().collect::<Vec<_>>(), [session(1), session(3), session(9)]);
}

#[tokio::test]
async fn the_fiftieth_session_is_admitted_and_the_next_one_is_not() {
    let tables = with_sessions(49).await;
    assert!(admit(&tables, 100, &[], None).await.unwrap().is_some());
    assert_eq!(tables.untouched(admit(&tables, 101, &[], None)).await.unwrap(), None, "fifty were added meanwhile");
    let gate = admit(&tables, 101, &[session(0)], None).await.unwrap().unwrap();
    assert_eq!(gate.sessions.len(), 50, "one made room");
    tables.edit("gate", &key(), |gate| gate["sessions"][session(102).to_string()] = json!(at(900))).await;
    assert_eq!(tables.untouched(admit(&tables, 103, &[session(1)], None)).await.unwrap(), None, "too little room");
}

// S17
#[tokio::test]
async fn a_closed_account_admits_no_session() {
    let tables = with_sessions(1).await;
    tables.edit("gate", &key(), |gate| gate["is_active"] = json!(false)).await;
    assert_eq!(tables.untouched(admit(&tables, 9, &[], None)).await.unwrap(), None);
    tables.delete("gate", &key()).await;
    assert_eq!(tables.untouched(admit(&tables, 9, &[], None)).await.unwrap(), None, "or was deleted");
}

// R10
#[tokio::test]
async fn a_sign_in_with_a_password_that_was_just_changed_is_refused() {
    let tables = with_sessions(1).await;
    tables.edit("gate", &key(), |gate| gate["password_version"] = json!(2)).await;
    assert_eq!(tables.untouched(admit(&tables, 9, &[], Some(1))).await.unwrap(), None);
    assert!(admit(&tables, 9, &[], None).await.unwrap().is_some(), "one by a provider does not check");
}

// R8
#[tokio::test]
async fn a_session_whose_answer_was_lost_is_admitted_once() {
    let tables = with_sessions(48).await;
    tables.faults.next("BatchExecuteStatement", [Fault::LostAnswer]);
    let gate = admit(&tables, 100, &[], Some(1)).await.unwrap().unwrap();
    assert_eq!((gate.sessions.len(), tables.faults.count()), (49, 2));
    // At the fiftieth the gate must be read: it contains the session.
    tables.faults.next("BatchExecuteStatement", [Fault::LostAnswer]);
    assert_eq!(admit(&tables, 101, &[], Some(1)).await.unwrap(), None);
    let gate = tables.store.gate(&user(1)).await.unwrap().unwrap();
    assert!(gate.sessions.len() == 50 && gate.sessions.contains_key(&session(101)));
}

#[tokio::test]
async fn a_gate_of_another_shape_is_corrupt() {
    let tables = with_sessions(1).await;
    tables.edit("gate", &key(), |gate| gate["tier"] = json!("gold")).await;
    let error = tables.store.gate(&user(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "gate", .. }), "{error}");
    let error = admit(&tables, 9, &[], None).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "gate", .. }), "{error}");
}

/// Ann with one session and a mailed code.
async fn with_code() -> (Tables, OneTimeRow) {
    let tables = with_sessions(1).await;
    let row = secret("c1", Purpose::LoginCode, &newcomer("Ann", 1).profile);
    tables.rival.put_onetime(&row, &mail(50)).await.unwrap();
    (tables, row)
}

fn code_key() -> String {
    format!("{}/OTP#login_code#c1", key())
}

async fn admit_by_code(tables: &Tables, row: &OneTimeRow, new: u8) -> Admitted {
    let (user, session) = (user(1), session(new));
    let admission =
        Admission { user: &user, session: &session, ends_at: at(5000), ended: &[], password_version: Some(1) };
    tables.store.admit_by_code(&admission, row, None, at(60)).await.unwrap()
}

// S11
#[tokio::test]
async fn a_code_creates_one_session_and_is_used_up_by_it() {
    let (tables, row) = with_code().await;
    assert_eq!(admit_by_code(&tables, &row, 9).await, Admitted::Done);
    let gate = tables.store.gate(&user(1)).await.unwrap().unwrap();
    assert_eq!(gate.sessions, [(session(0), at(900)), (session(9), at(5000))].into());
    assert_eq!(tables.row("sessions", &code_key()).await["code_used_at"], at(60).to_string());
    assert_eq!(tables.untouched(admit_by_code(&tables, &row, 10)).await, Admitted::CodeUsed, "by another tab");
}

// S11
#[tokio::test]
async fn a_code_for_a_previous_address_creates_no_session() {
    let (tables, row) = with_code().await;
    tables.edit("identity", &key(), |profile| profile["email_key"] = json!("new@example.com")).await;
    assert_eq!(tables.untouched(admit_by_code(&tables, &row, 9)).await, Admitted::CodeUsed);
}

#[tokio::test]
async fn a_code_creates_no_session_if_the_gate_has_changed() {
    let (tables, row) = with_code().await;
    tables.edit("gate", &key(), |gate| gate["password_version"] = json!(2)).await;
    assert_eq!(tables.untouched(admit_by_code(&tables, &row, 9)).await, Admitted::GateChanged, "a new password");
    tables.edit("gate", &key(), |gate| gate["password_version"] = json!(1)).await;
    tables.edit("gate", &key(), |gate| gate["is_active"] = json!(false)).await;
    assert_eq!(tables.untouched(admit_by_code(&tables, &row, 9)).await, Admitted::GateChanged, "closed");
}

#[tokio::test]
async fn a_session_by_code_without_an_answer_is_unavailable() {
    let (tables, row) = with_code().await;
    tables.faults.next("TransactWriteItems", (0..3).map(|_| Fault::Unreachable));
    let (user, session) = (user(1), session(9));
    let admission = Admission { user: &user, session: &session, ends_at: at(1), ended: &[], password_version: None };
    let error = tables.untouched(tables.store.admit_by_code(&admission, &row, None, at(60))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

// S17
#[tokio::test]
async fn a_session_ends_once_with_its_entry() {
    let tables = with_sessions(2).await;
    assert!(tables.store.end_session(&user(1), &session(0), &entry(7, &user(1))).await.unwrap());
    let gate = tables.store.gate(&user(1)).await.unwrap().unwrap();
    assert_eq!(gate.sessions, [(session(1), at(900))].into());
    assert_eq!(tables.count("audit").await, 2);
    let again = tables.untouched(tables.store.end_session(&user(1), &session(0), &entry(8, &user(1)))).await;
    assert!(!again.unwrap(), "it is not live any more");
    let unknown = tables.untouched(tables.store.end_session(&user(5), &session(0), &entry(8, &user(5)))).await;
    assert!(!unknown.unwrap(), "an unknown user");
}

#[tokio::test]
async fn an_end_without_an_answer_is_unavailable() {
    let tables = with_sessions(1).await;
    tables.faults.next("TransactWriteItems", (0..3).map(|_| Fault::Unreachable));
    let done = tables.untouched(tables.store.end_session(&user(1), &session(0), &entry(7, &user(1)))).await;
    assert!(matches!(done, Err(StoreError::Unavailable(_))), "{done:?}");
}
