//! The batch runner of the functions that SQS calls: each message on its own, the failed ones reported, so that one
//! poison message takes nothing with it (R6).

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// Runs `handle` on each message of `event`, one after another. A message that failed is reported, to be received again.
pub async fn batch<F, Fut, E>(event: SqsEvent, handle: F) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let id = message.message_id.clone().unwrap_or_default();
        if let Err(error) = handle(message).await {
            tracing::error!(sqs_message_id = %id, error = %error, "message failed, it will be received again");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// The same for a FIFO queue: of a group in which a message failed, those that follow are reported unseen, so that they come
/// back in their order.
pub async fn batch_in_order<F, Fut, E>(event: SqsEvent, handle: F) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    let stopped = Mutex::new(BTreeSet::new());
    let is_stopped = |group: &str| stopped.lock().unwrap_or_else(PoisonError::into_inner).contains(group);
    let in_order = async |message: SqsMessage| {
        let group = message.attributes.get("MessageGroupId").cloned().unwrap_or_default();
        if is_stopped(&group) {
            return Err("one before it in its group failed".to_owned());
        }
        let done = handle(message).await.map_err(|error| error.to_string());
        if done.is_err() {
            stopped.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
        }
        done
    };
    batch(event, in_order).await
}

#[cfg(test)]
mod tests {
    use super::*;

    // R6
    #[tokio::test]
    async fn of_a_group_in_which_one_failed_what_follows_is_left_and_other_groups_go_on() {
        let record = |id: &str, group: &str, body: &str| serde_json::json!({"messageId": id, "body": body, "attributes": {"MessageGroupId": group}});
        let records =
            [record("1", "a", "good"), record("2", "a", "bad"), record("3", "b", "good"), record("4", "a", "good")];
        let event: SqsEvent = serde_json::from_value(serde_json::json!({"Records": records})).unwrap();
        let seen = Mutex::new(Vec::new());
        let judge = async |message: SqsMessage| {
            seen.lock().unwrap().push(message.message_id.unwrap());
            if message.body.as_deref() == Some("bad") { Err("not good") } else { Ok(()) }
        };
        let response = batch_in_order(event, judge).await;
        let failed: Vec<_> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
        assert_eq!(failed, ["2", "4"]);
        assert_eq!(*seen.lock().unwrap(), ["1", "2", "3"]);
    }

    // R6
    #[tokio::test]
    async fn only_the_messages_that_failed_are_reported() {
        let event = r#"{"Records":[{"messageId":"a","body":"good"},{"messageId":"b","body":"bad"},{"messageId":"c","body":"good"}]}"#;
        let event: SqsEvent = serde_json::from_str(event).unwrap();
        let judge = async |message: SqsMessage| match message.body.as_deref() {
            Some("good") => Ok(()),
            _ => Err("not good"),
        };
        let response = batch(event, judge).await;
        let failed: Vec<_> =
            response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
        assert_eq!(failed, ["b"]);
    }
}
