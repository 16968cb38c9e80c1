//! Sessions and their rotation, and the rows of mailed secrets.

use crate::faults::Fault;
use crate::people::{START, at, at_ms, email, mail, new_session, newcomer, request, secret, session, user};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::SessionId;
use tollgate_domain::onetime::{OneTimeRow, Purpose};
use tollgate_domain::session::Rotation;
use tollgate_store::{Consistency, NewSession, SessionRow, StoreError, TokenRotation};

const IDLE: u32 = 1000;
const START_MS: i64 = START * 1000;
const DAY: i64 = 86_400;

/// Session 1 of user 1, which ends after ninety days.
async fn signed_in() -> Tables {
    let tables = Tables::new().await;
    tables.store.put_session(&new_session(user(1), 1)).await.unwrap();
    tables.faults.take_calls();
    tables
}

fn key() -> String {
    format!("USER#{}/SES#{}", user(1), session(1))
}

async fn row(tables: &Tables) -> SessionRow {
    tables.store.session(&user(1), &session(1)).await.unwrap().unwrap()
}

/// Rotates token `from` in request `by`.
async fn show(tables: &Tables, from: u64, nonce: &str, by: u8, ms: i64) -> TokenRotation {
    let (user, session, request) = (user(1), session(1), request(by));
    tables.store.rotate_session(&user, &session, (from, nonce), IDLE, &request, at_ms(ms)).await.unwrap()
}

async fn rotate(tables: &Tables, from: u64, by: u8, ms: i64) -> TokenRotation {
    show(tables, from, "nonce", by, ms).await
}

#[tokio::test]
async fn a_session_is_stored_until_a_day_after_its_end() {
    let tables = signed_in().await;
    let stored = tables.row("sessions", &key()).await;
    let end = START + 90 * DAY;
    let expected = json!({"pk": format!("USER#{}", user(1)), "sk": format!("SES#{}", session(1)), "id": session(1),
        "nonce_hash": "nonce", "n": 0, "rotated_ms": START_MS, "ends_ms": end * 1000, "created_at": at(0),
        "ip": "192.0.2.1", "user_agent": "a browser", "amr": ["pwd"], "ttl": end + DAY, "v": 1});
    assert_eq!(stored, expected);
    let row = row(&tables).await;
    assert_eq!(row.rotation(), Rotation { n: 0, rotated_at: at(0), ends_at: at(90 * DAY) });
    assert_eq!((row.id, row.created_at, row.by), (session(1), at(0), None));
    assert_eq!((row.ip.as_deref(), row.user_agent.as_deref()), (Some("192.0.2.1"), Some("a browser")));
    assert_eq!(row.amr, ["pwd"]);
}

// R18
#[tokio::test]
async fn a_session_of_the_version_before_is_read_without_its_sign_in_method() {
    let tables = signed_in().await;
    tables.edit("sessions", &key(), |row| drop(row.as_object_mut().unwrap().remove("amr"))).await;
    assert!(row(&tables).await.amr.is_empty());
}

#[tokio::test]
async fn a_session_with_times_beyond_the_calendar_has_ended() {
    let tables = signed_in().await;
    tables.edit("sessions", &key(), |row| row["ends_ms"] = json!(i64::MAX)).await;
    assert_eq!(row(&tables).await.rotation().ends_at, jiff::Timestamp::UNIX_EPOCH);
}

// S18
#[tokio::test]
async fn a_token_is_rotated_by_one_write_that_returns_the_new_row() {
    let tables = signed_in().await;
    for n in 0..3 {
        let TokenRotation::Done(done) = rotate(&tables, n, 7, 5 + i64::try_from(n).unwrap()).await else {
            panic!("{n}")
        };
        assert_eq!((done.n, done.rotated_ms), (n + 1, START_MS + 5 + i64::try_from(n).unwrap()));
        assert_eq!(done.by, Some(request(7).bare()));
        assert_eq!(tables.faults.count(), 1);
    }
    assert_eq!(row(&tables).await.n, 3);
}

// S18
#[tokio::test]
async fn a_stale_token_changes_nothing_and_returns_the_row() {
    let tables = signed_in().await;
    rotate(&tables, 0, 7, 5).await;
    for n in [0, 2, u64::MAX] {
        let TokenRotation::Stale(found) = tables.untouched(rotate(&tables, n, 8, 6)).await else { panic!("{n}") };
        assert_eq!((found.n, found.rotated_ms), (1, START_MS + 5));
    }
}

// S18
#[tokio::test]
async fn a_token_of_another_nonce_or_of_no_session_is_unknown() {
    let tables = signed_in().await;
    let unknown = tables.untouched(show(&tables, 0, "other", 7, 5)).await;
    assert!(matches!(unknown, TokenRotation::Unknown), "{unknown:?}");
    tables.delete("sessions", &key()).await;
    let unknown = tables.untouched(rotate(&tables, 0, 7, 5)).await;
    assert!(matches!(unknown, TokenRotation::Unknown), "{unknown:?}");
}

// S18
#[tokio::test]
async fn an_idle_token_ends_to_the_millisecond_and_with_its_session() {
    let tables = signed_in().await;
    let idle_ms = i64::from(IDLE) * 1000;
    let ended = tables.untouched(rotate(&tables, 0, 7, idle_ms)).await;
    assert!(matches!(ended, TokenRotation::Stale(_)), "idle too long: {ended:?}");
    assert!(matches!(rotate(&tables, 0, 7, idle_ms - 1).await, TokenRotation::Done(_)));

    tables.edit("sessions", &key(), |row| row["ends_ms"] = json!(START_MS + idle_ms + 50)).await;
    let ended = tables.untouched(rotate(&tables, 1, 8, idle_ms + 50)).await;
    assert!(matches!(ended, TokenRotation::Stale(_)), "its session ended: {ended:?}");
    assert!(matches!(rotate(&tables, 1, 8, idle_ms + 49).await, TokenRotation::Done(_)));
}

// R8, R10
#[tokio::test]
async fn a_rotation_whose_answer_was_lost_happens_once() {
    let tables = signed_in().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    let TokenRotation::Done(done) = rotate(&tables, 0, 7, 5).await else { panic!("not done") };
    assert_eq!((done.n, row(&tables).await.n, tables.faults.count()), (1, 1, 3));
}

// R8
#[tokio::test]
async fn a_rotation_by_another_request_is_not_reported_as_this_one() {
    let tables = signed_in().await;
    rotate(&tables, 0, 7, 5).await;
    let other = rotate(&tables, 0, 8, 5).await;
    assert!(matches!(other, TokenRotation::Stale(_)), "another request rotated it: {other:?}");
    let older = rotate(&tables, 5, 7, 5).await;
    assert!(matches!(older, TokenRotation::Stale(_)), "this request rotated it, with another token: {older:?}");
}

#[tokio::test]
async fn a_session_of_another_shape_is_corrupt_and_no_answer_is_unavailable() {
    let tables = signed_in().await;
    tables.edit("sessions", &key(), |row| row["created_at"] = json!("then")).await;
    let (user, session) = (user(1), session(1));
    for from in [0, 5] {
        let rotated = tables.store.rotate_session(&user, &session, (from, "nonce"), IDLE, &request(7), at(1)).await;
        assert!(matches!(rotated, Err(StoreError::Corrupt { table: "sessions", .. })), "{rotated:?}");
    }
    let read = tables.store.session(&user, &session).await;
    assert!(matches!(read, Err(StoreError::Corrupt { table: "sessions", .. })), "{read:?}");
    tables.faults.next("UpdateItem", (0..3).map(|_| Fault::Unreachable));
    let rotated = tables.store.rotate_session(&user, &session, (0, "nonce"), IDLE, &request(7), at(1)).await;
    assert!(matches!(rotated, Err(StoreError::Unavailable(_))), "{rotated:?}");
}

#[tokio::test]
async fn sessions_are_returned_as_requested_without_deleted_ones() {
    let tables = signed_in().await;
    for n in [2, 3] {
        tables.store.put_session(&new_session(user(1), n)).await.unwrap();
    }
    tables.store.put_session(&new_session(user(2), 4)).await.unwrap();
    tables.faults.take_calls();
    let asked = [3, 9, 1, 4].map(session);
    let found = tables.store.sessions(&user(1), &asked, Consistency::Strong).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [session(3), session(1)]);
    let calls = tables.faults.take_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].body["ConsistentRead"], true);
    let found = tables.store.sessions(&user(1), &asked, Consistency::Eventual).await.unwrap();
    assert_eq!((found.len(), &tables.faults.take_calls()[0].body["ConsistentRead"]), (2, &json!(false)));
    assert!(tables.store.sessions(&user(1), &[], Consistency::Strong).await.unwrap().is_empty());
    assert_eq!(tables.faults.count(), 0, "no ids, no call");
    assert!(tables.store.session(&user(1), &session(4)).await.unwrap().is_none(), "of another user");
}

#[tokio::test]
async fn live_sessions_are_read_without_the_ended_ones_between_them() {
    let tables = signed_in().await;
    let made_at = |n| SessionId::new(at(n), [7; 10]);
    for n in 1..=200 {
        tables.store.put_session(&NewSession { id: made_at(n), ..new_session(user(1), 1) }).await.unwrap();
    }
    tables.faults.take_calls();
    let asked = [200, 199, 1].map(made_at);
    let found = tables.store.sessions(&user(1), &asked, Consistency::Strong).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), asked);
    let calls = tables.faults.take_calls();
    let operations: Vec<_> = calls.iter().map(|call| (call.operation.as_str(), call.body["Limit"].as_u64())).collect();
    assert_eq!(operations, [("Query", Some(6)), ("GetItem", None)]);
}

#[tokio::test]
async fn sessions_without_an_answer_are_unavailable() {
    let tables = signed_in().await;
    tables.faults.next("Query", (0..3).map(|_| Fault::Unreachable));
    let read = tables.store.sessions(&user(1), &[session(1)], Consistency::Strong).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
}

/// User 1 with reset links `a` and `b`, and a code `c`.
async fn mailed() -> Tables {
    let tables = Tables::new().await;
    let ann = newcomer("Ann", 1).profile;
    for (n, id, purpose) in [(1, "b", Purpose::Reset), (2, "a", Purpose::Reset), (3, "c", Purpose::LoginCode)] {
        tables.rival.put_onetime(&secret(id, purpose, &ann), &mail(n)).await.unwrap();
    }
    tables
}

fn code() -> OneTimeRow {
    secret("c", Purpose::LoginCode, &newcomer("Ann", 1).profile)
}

fn code_key() -> String {
    format!("USER#{}/OTP#login_code#c", user(1))
}

// S10
#[tokio::test]
async fn a_row_is_found_by_user_purpose_and_id() {
    let tables = mailed().await;
    let found = tables.store.onetime(&user(1), Purpose::Reset, "a").await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.purpose), ("a", Purpose::Reset));
    for (of, purpose, id) in [(2, Purpose::Reset, "a"), (1, Purpose::Verify, "a"), (1, Purpose::Reset, "c")] {
        assert!(tables.store.onetime(&user(of), purpose, id).await.unwrap().is_none(), "{of} {purpose:?} {id}");
    }
}

// S11
#[tokio::test]
async fn the_newest_row_of_a_purpose_is_the_last_by_id() {
    let tables = mailed().await;
    let newest = |of, purpose| {
        let store = &tables.store;
        async move { store.newest_onetime(&user(of), purpose).await.unwrap().map(|row| row.id) }
    };
    assert_eq!(newest(1, Purpose::Reset).await.as_deref(), Some("b"));
    assert_eq!(newest(1, Purpose::LoginCode).await.as_deref(), Some("c"));
    assert_eq!(newest(1, Purpose::Verify).await, None);
    assert_eq!(newest(2, Purpose::Reset).await, None);
    let call = &tables.faults.take_calls()[0];
    assert_eq!((&call.body["Limit"], &call.body["ConsistentRead"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn rows_of_another_shape_are_corrupt() {
    let tables = mailed().await;
    tables.edit("sessions", &code_key(), |row| row["expires_at"] = json!("then")).await;
    let corrupt =
        |error: StoreError| assert!(matches!(error, StoreError::Corrupt { table: "sessions", .. }), "{error}");
    corrupt(tables.store.onetime(&user(1), Purpose::LoginCode, "c").await.unwrap_err());
    corrupt(tables.store.newest_onetime(&user(1), Purpose::LoginCode).await.unwrap_err());
    corrupt(tables.store.count_try(Some(code()), &request(1), at(0)).await.unwrap_err());
    tables.put("sessions", json!({"pk": "ADDRESS#new@example.com", "sk": "CHANGE", "v": 1})).await;
    corrupt(tables.store.pending_change(&email("new@example.com")).await.unwrap_err());
}

async fn count(tables: &Tables, by: u8) -> Option<u32> {
    let counted = tables.store.count_try(Some(code()), &request(by), at(0)).await.unwrap();
    counted.map(|row| row.tries)
}

// S11
#[tokio::test]
async fn five_tries_are_counted_and_no_more() {
    let tables = mailed().await;
    for n in 1..=5 {
        assert_eq!(count(&tables, n).await, Some(n.into()));
    }
    assert_eq!(tables.untouched(count(&tables, 6)).await, None);
    assert_eq!(tables.row("sessions", &code_key()).await["tries"], 5);
}

// S11
#[tokio::test]
async fn no_attempt_counts_on_a_code_that_was_used_or_deleted() {
    for field in ["used_at", "code_used_at"] {
        let tables = mailed().await;
        tables.edit("sessions", &code_key(), |row| row[field] = json!(at(1))).await;
        assert_eq!(tables.untouched(count(&tables, 1)).await, None, "{field}");
    }
    let tables = mailed().await;
    tables.delete("sessions", &code_key()).await;
    assert_eq!(tables.untouched(count(&tables, 1)).await, None, "gone");
}

// R8
#[tokio::test]
async fn a_last_code_attempt_whose_answer_was_lost_counts_once() {
    let tables = mailed().await;
    for n in 1..=5 {
        tables.faults.next("UpdateItem", [Fault::LostAnswer]);
        assert_eq!(count(&tables, n).await, Some(n.into()));
    }
    assert_eq!(tables.row("sessions", &code_key()).await["tries"], 5);
}

// S6
#[tokio::test]
async fn without_a_row_the_same_write_is_made_on_a_decoy() {
    let expired = OneTimeRow { code_expires_at: at(0), ..code() };
    for row in [None, Some(expired)] {
        let tables = mailed().await;
        let before = tables.row("sessions", &code_key()).await;
        assert_eq!(tables.store.count_try(row, &request(9), at(5)).await.unwrap(), None);
        assert_eq!(tables.row("sessions", &code_key()).await, before);
        let decoy = tables.row("sessions", &format!("DECOY#{}/try", request(9))).await;
        assert_eq!((&decoy["ttl"], &decoy["tries"]), (&json!(START + 5 + DAY), &json!(1)));
        assert_eq!(tables.faults.count(), 1);
    }
}

#[tokio::test]
async fn a_try_without_an_answer_is_unavailable() {
    let tables = mailed().await;
    tables.faults.next("UpdateItem", (0..3).map(|_| Fault::Unreachable));
    let error = tables.store.count_try(Some(code()), &request(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
