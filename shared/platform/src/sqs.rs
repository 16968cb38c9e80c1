//! The batch runner of the functions that SQS calls: each message on its own, the failed ones reported, so that one
//! poison message takes nothing with it (R6).

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use std::fmt::Display;

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

/// A batch of a FIFO queue. Of a group in which a message failed, those that follow are reported as well, so that they come back
/// in their order.
pub struct FifoBatch {
    messages: Vec<FifoMessage>,
}

struct FifoMessage {
    id: String,
    group: String,
    has_failed: bool,
}

impl FifoBatch {
    /// Of the messages of `event`, none of which has failed. They are named by their place in it.
    #[must_use]
    pub fn of(event: &SqsEvent) -> Self {
        let of = |message: &SqsMessage| FifoMessage {
            id: message.message_id.clone().unwrap_or_default(),
            group: message.attributes.get("MessageGroupId").cloned().unwrap_or_default(),
            has_failed: false,
        };
        Self { messages: event.records.iter().map(of).collect() }
    }

    /// Whether two messages are of one group.
    #[must_use]
    pub fn is_one_group(&self, one: usize, other: usize) -> bool {
        self.messages[one].group == self.messages[other].group
    }

    /// Whether this message, or an earlier one of its group, has failed.
    #[must_use]
    pub fn is_stopped(&self, index: usize) -> bool {
        (0..=index).any(|earlier| self.messages[earlier].has_failed && self.is_one_group(earlier, index))
    }

    /// Reports a message as failed.
    pub fn fail(&mut self, index: usize, error: &impl Display) {
        let message = &mut self.messages[index];
        tracing::error!(sqs_message_id = %message.id, %error, "message failed, it will be received again");
        message.has_failed = true;
    }

    /// The messages that are to be received again.
    #[must_use]
    pub fn response(self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for index in (0..self.messages.len()).filter(|index| self.is_stopped(*index)) {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&self.messages[index].id);
            response.batch_item_failures.push(failure);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R6
    #[test]
    fn the_messages_after_a_failed_one_of_its_group_come_back_too() {
        let record =
            |id: &str, group: &str| serde_json::json!({"messageId": id, "attributes": {"MessageGroupId": group}});
        let records = [record("1", "a"), record("2", "a"), record("3", "b"), record("4", "a"), record("5", "b")];
        let event: SqsEvent = serde_json::from_value(serde_json::json!({"Records": records})).unwrap();
        let mut batch = FifoBatch::of(&event);
        assert!(batch.is_one_group(0, 3) && !batch.is_one_group(0, 2));
        batch.fail(1, &"not good");
        assert_eq!([0, 1, 2, 3, 4].map(|index| batch.is_stopped(index)), [false, true, false, true, false]);
        let response = batch.response();
        let failed: Vec<_> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
        assert_eq!(failed, ["2", "4"]);
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
