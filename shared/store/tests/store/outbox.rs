//! The states of a message: claimed, released, sent or parked.

use crate::faults::Fault;
use crate::people::{START, at, at_ms, mail, message, user};
use crate::tables::Tables;
use serde_json::json;
use tollgate_domain::MessageId;
use tollgate_domain::billing::{Command, UserCommand};
use tollgate_store::outbox::{COMMAND, DECOY};
use tollgate_store::{Claim, OutboxMessage, StoreError};

/// Fifteen minutes, the duration of a claim.
const LAPSE_MS: i64 = 15 * 60 * 1000;

/// A pending message.
async fn waiting() -> Tables {
    let tables = Tables::new().await;
    tables.rival.put_decoys(&mail(1), 0, at(0)).await.unwrap();
    tables
}

fn key() -> String {
    message(1).to_string()
}

async fn claim(tables: &Tables, holder: &str, ms: i64) -> Claim {
    tables.store.claim_message(&message(1), holder, at_ms(ms)).await.unwrap()
}

#[tokio::test]
async fn a_message_retains_its_content_for_35_days_and_a_decoy_for_one() {
    let tables = waiting().await;
    let expected = json!({"pk": key(), "id": key(), "kind": "mail", "body": r#"{"n":1}"#, "created_at": at(0),
        "state": "pending", "ttl": START + 35 * 86_400, "v": 1});
    assert_eq!(tables.row("outbox", &key()).await, expected);
    tables.store.put_decoys(&OutboxMessage { kind: DECOY.into(), ..mail(2) }, 0, at(0)).await.unwrap();
    assert_eq!(tables.row("outbox", &message(2).to_string()).await["ttl"], START + 86_400);
}

#[tokio::test]
async fn a_claim_returns_the_message() {
    let tables = waiting().await;
    let Claim::Send(sent) = claim(&tables, "sqs-1", 5).await else { panic!("not claimed") };
    assert_eq!((sent.id, sent.created_at), (message(1), at(0)));
    assert_eq!((sent.kind, sent.body), (mail(1).kind, mail(1).body));
    let row = tables.row("outbox", &key()).await;
    assert_eq!((&row["state"], &row["claimed_by"]), (&json!("claimed"), &json!("sqs-1")));
    assert_eq!(row["claimed_ms"], START * 1000 + 5);
}

// R1
#[tokio::test]
async fn a_claim_is_renewed_by_its_message_and_taken_over_after_its_expiry() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    let held = tables.untouched(claim(&tables, "sqs-2", 1)).await;
    assert!(matches!(held, Claim::HeldByAnother), "{held:?}");
    assert!(matches!(claim(&tables, "sqs-1", 10).await, Claim::Send(_)), "a later receive");
    let held = tables.untouched(claim(&tables, "sqs-2", 10 + LAPSE_MS - 1)).await;
    assert!(matches!(held, Claim::HeldByAnother), "{held:?}");
    assert!(matches!(claim(&tables, "sqs-2", 10 + LAPSE_MS).await, Claim::Send(_)), "a redrive");
}

// R8
#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_held() {
    let tables = waiting().await;
    tables.faults.next("UpdateItem", [Fault::LostAnswer]);
    assert!(matches!(claim(&tables, "sqs-1", 0).await, Claim::Send(_)));
}

#[tokio::test]
async fn a_released_claim_can_be_taken_by_any_receiver() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    tables.untouched(tables.store.release_message(&message(1), "sqs-2")).await.unwrap();
    let waiting = {
        tables.store.release_message(&message(1), "sqs-1").await.unwrap();
        tables.row("outbox", &key()).await
    };
    assert_eq!(
        (&waiting["state"], waiting.get("claimed_by"), waiting.get("claimed_ms")),
        (&json!("pending"), None, None)
    );
    tables.untouched(tables.store.release_message(&message(1), "sqs-1")).await.unwrap();
    assert!(matches!(claim(&tables, "sqs-2", 1).await, Claim::Send(_)));
}

// R1
#[tokio::test]
async fn a_sent_message_is_never_sent_again_and_has_no_content() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    tables.store.mark_sent(&message(1), at(9)).await.unwrap();
    let expected = json!({"pk": key(), "id": key(), "kind": "mail", "created_at": at(0), "state": "sent",
        "closed_at": at(9), "ttl": START + 35 * 86_400, "v": 1});
    assert_eq!(tables.row("outbox", &key()).await, expected);
    for holder in ["sqs-1", "sqs-2"] {
        let done = tables.untouched(claim(&tables, holder, LAPSE_MS)).await;
        assert!(matches!(done, Claim::AlreadyDone), "{done:?}");
    }
    tables.untouched(tables.store.release_message(&message(1), "sqs-1")).await.unwrap();
}

// R15
#[tokio::test]
async fn a_parked_message_retains_the_reason_and_has_no_content() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    tables.store.park_message(&message(1), "refused by SES", at(9)).await.unwrap();
    let expected = json!({"pk": key(), "id": key(), "kind": "mail", "created_at": at(0), "state": "parked",
        "reason": "refused by SES", "closed_at": at(9), "ttl": START + 35 * 86_400, "v": 1});
    assert_eq!(tables.row("outbox", &key()).await, expected);
    assert!(matches!(claim(&tables, "sqs-1", 1).await, Claim::AlreadyDone));
}

#[tokio::test]
async fn a_command_is_a_message_that_states_its_action() {
    let command = Command::User(UserCommand { user_id: user(1), email: None, ends_checkouts: true });
    let message = OutboxMessage::of_command(&command, message(1), at(5)).unwrap();
    assert_eq!((message.id, message.kind.as_str(), message.created_at), (self::message(1), COMMAND, at(5)));
    assert_eq!(serde_json::from_str::<Command>(&message.body).unwrap(), command);
}

async fn pass_on(tables: &Tables) -> Result<(), StoreError> {
    tables.store.continue_message(&message(1), &mail(2), at(9)).await
}

#[tokio::test]
async fn a_message_that_was_done_in_part_passes_the_rest_to_the_next() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    pass_on(&tables).await.unwrap();
    let done = json!({"pk": key(), "id": key(), "kind": "mail", "created_at": at(0), "state": "sent",
        "closed_at": at(9), "ttl": START + 35 * 86_400, "v": 1});
    assert_eq!(tables.row("outbox", &key()).await, done);
    let next = message(2).to_string();
    let expected = json!({"pk": next, "id": next, "kind": "mail", "body": r#"{"n":2}"#, "created_at": at(0),
        "state": "pending", "ttl": START + 35 * 86_400, "v": 1});
    assert_eq!(tables.row("outbox", &next).await, expected);
    assert!(matches!(claim(&tables, "sqs-1", LAPSE_MS).await, Claim::AlreadyDone));
}

#[tokio::test]
async fn a_message_without_a_claim_cannot_be_continued() {
    let tables = waiting().await;
    tables.untouched(pass_on(&tables)).await.unwrap();
    claim(&tables, "sqs-1", 0).await;
    tables.store.mark_sent(&message(1), at(8)).await.unwrap();
    tables.untouched(pass_on(&tables)).await.unwrap();
}

#[tokio::test]
async fn a_continuation_that_already_exists_is_a_bug() {
    let tables = waiting().await;
    tables.rival.put_decoys(&mail(2), 0, at(0)).await.unwrap();
    claim(&tables, "sqs-1", 0).await;
    let error = tables.untouched(pass_on(&tables)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected(_)), "{error}");
}

// R8
#[tokio::test]
async fn a_continuation_is_written_once_if_the_answer_was_lost_else_not_at_all() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    tables.faults.next("TransactWriteItems", (0..3).map(|_| Fault::Unreachable));
    let error = tables.untouched(pass_on(&tables)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    tables.faults.next("TransactWriteItems", [Fault::LostAnswer]);
    pass_on(&tables).await.unwrap();
    assert_eq!(tables.count("outbox").await, 2);
    tables.faults.take_calls();
}

#[tokio::test]
async fn a_missing_message_is_not_claimed_and_cannot_be_closed() {
    let tables = waiting().await;
    let none = tables.untouched(tables.store.claim_message(&message(2), "sqs-1", at(0))).await.unwrap();
    assert!(matches!(none, Claim::AlreadyDone), "{none:?}");
    tables.untouched(tables.store.release_message(&message(2), "sqs-1")).await.unwrap();
    for done in [
        tables.untouched(tables.store.mark_sent(&message(2), at(0))).await,
        tables.untouched(tables.store.park_message(&message(2), "x", at(0))).await,
    ] {
        assert!(matches!(done, Err(StoreError::Unexpected(_))), "a bug, and not to be tried again: {done:?}");
    }
}

#[tokio::test]
async fn a_message_of_another_shape_is_corrupt() {
    let tables = waiting().await;
    tables.edit("outbox", &key(), |row| row["created_at"] = json!("long ago")).await;
    let error = tables.store.claim_message(&message(1), "sqs-1", at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "outbox", .. }), "{error}");
}

#[tokio::test]
async fn a_message_without_an_answer_is_unavailable() {
    let tables = waiting().await;
    tables.faults.next("UpdateItem", (0..6).map(|_| Fault::Unreachable));
    let error = tables.store.release_message(&message(1), "sqs-1").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let error = tables.store.mark_sent(&message(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

/// The messages older than `older_than` that are pending and not claimed at `now`, in order.
async fn unsent(tables: &Tables, older_than: i64, now: i64) -> Vec<MessageId> {
    let page = tables.store.unsent(at(older_than), at(now), None).await.unwrap();
    assert_eq!(page.next, None);
    let mut ids: Vec<_> = page.items.into_iter().map(|message| message.unwrap().id).collect();
    ids.sort_unstable();
    ids
}

// R13
#[tokio::test]
async fn old_pending_messages_are_listed_with_their_content_without_decoys() {
    let tables = waiting().await;
    tables.rival.put_decoys(&OutboxMessage { created_at: at(5), ..mail(2) }, 0, at(0)).await.unwrap();
    tables.rival.put_decoys(&OutboxMessage { kind: DECOY.into(), ..mail(3) }, 0, at(0)).await.unwrap();
    assert_eq!(unsent(&tables, -1, 0).await, []);
    assert_eq!(unsent(&tables, 0, 0).await, [message(1)]);
    assert_eq!(unsent(&tables, 5, 5).await, [message(1), message(2)]);
    let found = tables.store.unsent(at(0), at(0), None).await.unwrap().items.pop().unwrap().unwrap();
    assert_eq!((found.kind, found.body, found.created_at), (mail(1).kind, mail(1).body, at(0)));
}

// R13
#[tokio::test]
async fn a_claimed_message_is_pending_after_expiry_and_a_sent_one_is_not() {
    let tables = waiting().await;
    claim(&tables, "sqs-1", 0).await;
    let lapse = LAPSE_MS / 1000;
    assert_eq!(unsent(&tables, 0, lapse - 1).await, []);
    assert_eq!(unsent(&tables, 0, lapse).await, [message(1)]);
    tables.store.release_message(&message(1), "sqs-1").await.unwrap();
    assert_eq!(unsent(&tables, 0, 1).await, [message(1)]);
    claim(&tables, "sqs-1", 0).await;
    tables.store.mark_sent(&message(1), at(1)).await.unwrap();
    tables.rival.put_decoys(&mail(2), 0, at(0)).await.unwrap();
    tables.store.park_message(&message(2), "refused by SES", at(1)).await.unwrap();
    assert_eq!(unsent(&tables, 0, lapse).await, []);
}

#[tokio::test]
async fn the_list_of_pending_messages_continues_after_the_last_item() {
    let tables = waiting().await;
    let first = json!({"Items": [], "LastEvaluatedKey": {"pk": {"S": "msg_last"}}});
    tables.faults.next("Scan", [Fault::Answer(200, first)]);
    let page = tables.store.unsent(at(0), at(0), None).await.unwrap();
    assert!(page.items.is_empty(), "an empty page, and more follows");
    assert_eq!(page.next.as_deref(), Some("msg_last"));
    tables.store.unsent(at(0), at(0), page.next.as_deref()).await.unwrap();
    let calls = tables.faults.take_calls();
    assert_eq!(calls[1].body["ExclusiveStartKey"], json!({"pk": {"S": "msg_last"}}));
}

// R6
#[tokio::test]
async fn a_malformed_message_hides_no_other_pending_one() {
    let tables = waiting().await;
    tables.rival.put_decoys(&mail(2), 0, at(0)).await.unwrap();
    tables.edit("outbox", &key(), |row| row["id"] = json!("none")).await;
    let items = tables.store.unsent(at(0), at(0), None).await.unwrap().items;
    let (good, bad): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
    assert_eq!(good.into_iter().map(|message| message.unwrap().id).collect::<Vec<_>>(), [message(2)]);
    assert!(matches!(bad[..], [Err(StoreError::Corrupt { table: "outbox", .. })]), "{bad:?}");
}

#[tokio::test]
async fn a_message_with_an_id_is_put_once_and_known_from_then_on() {
    let tables = Tables::new().await;
    assert!(!tables.store.is_message_known(&message(1)).await.unwrap());
    tables.store.put_message_once(&mail(1)).await.unwrap();
    assert!(tables.store.is_message_known(&message(1)).await.unwrap());
    tables.store.mark_sent(&message(1), at(1)).await.unwrap();
    tables.untouched(tables.store.put_message_once(&mail(1))).await.unwrap();
    assert!(tables.store.is_message_known(&message(1)).await.unwrap(), "although it was sent");
}
