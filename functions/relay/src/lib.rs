//! The `relay` function: puts each new message of the outbox on its queue. It reads no table: the stream contains the
//! rows.
//!
//! It cannot name the tables, because its manifest has no store:
//!
//! ```
//! use tollgate_outbox::Sender;
//! ```
//!
//! ```compile_fail
//! use tollgate_store::Store;
//! ```

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use serde::Deserialize;
use std::convert::Infallible;
use tollgate_domain::MessageId;
use tollgate_outbox::{QueueMessage, Queues, Sender};
use tollgate_platform::{Clock, ConfigError, Env};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    queues: Queues,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { queues: Queues::from_env(env)? })
    }
}

/// The state that invocations share.
#[derive(Debug, Clone)]
pub struct State {
    sender: Sender,
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, _: Clock) -> Self {
        Self { sender: Sender::new(config.queues, sdk) }
    }
}

/// The attributes of an outbox row that are used here.
#[derive(Deserialize)]
struct Row {
    pk: MessageId,
    kind: String,
    #[serde(default)]
    body: String,
}

/// Sends a message for each new row. Messages that could not be sent are reported by their sequence number: the stream
/// repeats from the first one on, and a message that was sent twice finds its row claimed.
///
/// # Errors
/// Never: failures are reported record by record.
pub async fn handle(event: Event, state: &State) -> Result<DynamoDbEventResponse, Infallible> {
    let (mut numbers, mut queue_messages) = (Vec::new(), Vec::new());
    let mut failed = Vec::new();
    for record in event.records.into_iter().filter(|record| record.event_name == "INSERT") {
        let sequence_number = record.change.sequence_number.clone().unwrap_or_default();
        match queue_message_of(record) {
            Ok(Some(queue_message)) => {
                numbers.push(sequence_number);
                queue_messages.push(queue_message);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(sequence_number, error, "unreadable outbox record");
                failed.push(sequence_number);
            }
        }
    }
    let unsent = state.sender.send(&queue_messages).await;
    let not_sent =
        numbers.into_iter().zip(&queue_messages).filter(|(_, queue_message)| unsent.contains(&queue_message.id));
    failed.extend(not_sent.map(|(sequence_number, _)| sequence_number));
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|sequence_number| {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(sequence_number);
            failure
        })
        .collect();
    Ok(response)
}

/// The queue message of a record; `None` for a decoy.
fn queue_message_of(record: EventRecord) -> Result<Option<QueueMessage>, String> {
    let row: Row = serde_dynamo::from_item(record.change.new_image).map_err(|error| error.to_string())?;
    QueueMessage::of(row.pk, &row.kind, &row.body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record(sequence_number: &str, name: &str, image: Value) -> Value {
        json!({
            "eventID": sequence_number, "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_800_000_000, "Keys": {}, "NewImage": image, "SequenceNumber": sequence_number,
                "SizeBytes": 1, "StreamViewType": "NEW_IMAGE",
            },
        })
    }

    fn row(kind: &str) -> Value {
        json!({"pk": {"S": "msg_00000000000070008000000000000000"}, "kind": {"S": kind}, "state": {"S": "pending"}})
    }

    /// The reported sequence numbers; every call to SQS fails, because no server answers.
    async fn reported(records: Vec<Value>) -> Vec<String> {
        let sdk = tollgate_platform::aws::defaults(SdkConfig::builder()).build();
        let config = Config::from_env(&Env::from_pairs([
            ("MAIL_QUEUE_URL", "http://127.0.0.1:1/mail"),
            ("STRIPE_QUEUE_URL", "http://127.0.0.1:1/stripe.fifo"),
            ("REPORTS_QUEUE_URL", "http://127.0.0.1:1/reports"),
        ]))
        .unwrap();
        let state = State::new(config, &sdk, Clock::system());
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let Ok(response) = handle(event, &state).await;
        response.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
    }

    // S6
    #[tokio::test]
    async fn decoys_and_changes_of_rows_send_no_message() {
        let quiet = vec![
            record("1", "INSERT", row("decoy")),
            record("2", "MODIFY", row("verify")),
            record("3", "REMOVE", json!({})),
        ];
        assert!(reported(quiet).await.is_empty());
    }

    // R6
    #[tokio::test]
    async fn a_record_that_cannot_be_read_or_sent_is_reported_and_never_dropped() {
        let records = vec![
            record("1", "INSERT", row("decoy")),
            record("2", "INSERT", json!({"pk": {"S": "nonsense"}, "kind": {"S": "verify"}})),
            record("3", "INSERT", json!({})),
            record("4", "INSERT", row("command")),
        ];
        assert_eq!(reported(records).await, ["2", "3", "4"]);
        assert_eq!(reported(vec![record("4", "INSERT", row("verify"))]).await, ["4"], "SQS is out of reach");
    }
}
