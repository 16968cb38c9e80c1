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

#[cfg(test)]
mod tests {
    use super::*;

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
