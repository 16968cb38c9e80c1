//! The `relay` function: puts each new message of the outbox on its queue. It reads no table: the stream brings the rows.

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_smithy_types::error::display::DisplayErrorContext;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use tollgate_domain::MessageId;
use tollgate_domain::billing::Order;
use tollgate_platform::{Clock, ConfigError, Env};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    mail_queue_url: Arc<str>,
    stripe_queue_url: Arc<str>,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            mail_queue_url: env.required("MAIL_QUEUE_URL", "the address of the mail queue")?.into(),
            stripe_queue_url: env.required("STRIPE_QUEUE_URL", "the address of the queue of Stripe's events")?.into(),
        })
    }
}

/// What every invocation shares.
#[derive(Debug, Clone)]
pub struct State {
    config: Config,
    sqs: Client,
}

impl State {
    /// Puts the clients together. No call is made.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, _: Clock) -> Self {
        Self { config, sqs: Client::new(sdk) }
    }
}

/// SQS takes so many messages in one call.
const BATCH: usize = 10;
/// A row that is never sent.
const DECOY: &str = "decoy";
/// A row that asks for something at Stripe.
const ORDER: &str = "order";

/// What of an outbox row matters here.
#[derive(Deserialize)]
struct Row {
    pk: MessageId,
    kind: String,
    #[serde(default)]
    body: String,
}

/// A record and the message that it asks for.
struct Wanted {
    sequence_number: String,
    id: MessageId,
    /// The line it stands in; a mail stands in none.
    group: Option<String>,
}

/// Sends a message for each new row. What could not be sent is reported by its sequence number: the stream comes again
/// from the first one on, and a message that was sent twice finds its row claimed.
///
/// # Errors
/// Never: failures are reported record by record.
pub async fn handle(event: Event, state: &State) -> Result<DynamoDbEventResponse, Infallible> {
    let (mut mails, mut orders) = (Vec::new(), Vec::new());
    let mut failed = Vec::new();
    for record in event.records.into_iter().filter(|record| record.event_name == "INSERT") {
        let sequence_number = record.change.sequence_number.clone().unwrap_or_default();
        match row_of(record) {
            Ok(row) if row.kind == DECOY => {}
            Ok(row) if row.kind == ORDER => match serde_json::from_str::<Order>(&row.body) {
                Ok(order) => orders.push(Wanted { sequence_number, id: row.pk, group: Some(order.line()) }),
                Err(error) => {
                    tracing::error!(sequence_number, %error, "unreadable order");
                    failed.push(sequence_number);
                }
            },
            Ok(row) => mails.push(Wanted { sequence_number, id: row.pk, group: None }),
            Err(error) => {
                tracing::error!(sequence_number, error, "unreadable outbox record");
                failed.push(sequence_number);
            }
        }
    }
    for (queue_url, wanted) in [(&state.config.mail_queue_url, mails), (&state.config.stripe_queue_url, orders)] {
        for batch in wanted.chunks(BATCH) {
            failed.extend(send(state, queue_url, batch).await);
        }
    }
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

fn row_of(record: EventRecord) -> Result<Row, String> {
    serde_dynamo::from_item(record.change.new_image).map_err(|error| error.to_string())
}

/// Sends one batch; the sequence numbers of what was not taken.
async fn send(state: &State, queue_url: &str, batch: &[Wanted]) -> Vec<String> {
    let entries = batch.iter().enumerate().map(|(index, wanted)| {
        let body = serde_json::json!({"id": wanted.id, "v": 1}).to_string();
        SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(body)
            .set_message_group_id(wanted.group.clone())
            .set_message_deduplication_id(wanted.group.as_ref().map(|_| wanted.id.to_string()))
            .build()
    });
    let entries: Result<Vec<_>, _> = entries.collect();
    let all = || batch.iter().map(|wanted| wanted.sequence_number.clone()).collect();
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            tracing::error!(%error, "messages not built");
            return all();
        }
    };
    match state.sqs.send_message_batch().queue_url(queue_url).set_entries(Some(entries)).send().await {
        Ok(answer) => answer
            .failed
            .iter()
            .filter_map(|entry| entry.id.parse::<usize>().ok().and_then(|index| batch.get(index)))
            .map(|wanted| wanted.sequence_number.clone())
            .collect(),
        Err(error) => {
            tracing::error!(error = %DisplayErrorContext(&error), count = batch.len(), "messages not sent");
            all()
        }
    }
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

    /// The sequence numbers that are reported; every call to SQS fails, there is nothing behind it.
    async fn reported(records: Vec<Value>) -> Vec<String> {
        let sdk = tollgate_platform::aws::defaults(SdkConfig::builder()).build();
        let config = Config::from_env(&Env::from_pairs([
            ("MAIL_QUEUE_URL", "http://127.0.0.1:1/mail"),
            ("STRIPE_QUEUE_URL", "http://127.0.0.1:1/stripe.fifo"),
        ]))
        .unwrap();
        let state = State::new(config, &sdk, Clock::system());
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let Ok(response) = handle(event, &state).await;
        response.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
    }

    // S6
    #[tokio::test]
    async fn decoys_and_changes_of_rows_ask_for_nothing() {
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
            record("4", "INSERT", row("order")),
        ];
        assert_eq!(reported(records).await, ["2", "3", "4"]);
        assert_eq!(reported(vec![record("4", "INSERT", row("verify"))]).await, ["4"], "SQS is out of reach");
    }
}
