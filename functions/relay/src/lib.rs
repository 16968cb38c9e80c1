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
use tollgate_platform::{Clock, ConfigError, Env};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    mail_queue_url: Arc<str>,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { mail_queue_url: env.required("MAIL_QUEUE_URL", "the address of the mail queue")?.into() })
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

/// What of an outbox row matters here.
#[derive(Deserialize)]
struct Row {
    pk: MessageId,
    kind: String,
}

/// A record and the message that it asks for.
struct Wanted {
    sequence_number: String,
    id: MessageId,
}

/// Sends a message for each new row. What could not be sent is reported by its sequence number: the stream comes again
/// from the first one on, and a message that was sent twice finds its row claimed.
///
/// # Errors
/// Never: failures are reported record by record.
pub async fn handle(event: Event, state: &State) -> Result<DynamoDbEventResponse, Infallible> {
    let mut wanted = Vec::new();
    let mut failed = Vec::new();
    for record in event.records.into_iter().filter(|record| record.event_name == "INSERT") {
        let sequence_number = record.change.sequence_number.clone().unwrap_or_default();
        match row_of(record) {
            Ok(row) if row.kind == DECOY => {}
            Ok(row) => wanted.push(Wanted { sequence_number, id: row.pk }),
            Err(error) => {
                tracing::error!(sequence_number, error, "unreadable outbox record");
                failed.push(sequence_number);
            }
        }
    }
    for batch in wanted.chunks(BATCH) {
        failed.extend(send(state, batch).await);
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
async fn send(state: &State, batch: &[Wanted]) -> Vec<String> {
    let entries = batch.iter().enumerate().map(|(index, wanted)| {
        let body = serde_json::json!({"id": wanted.id, "v": 1}).to_string();
        SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build()
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
    match state
        .sqs
        .send_message_batch()
        .queue_url(&*state.config.mail_queue_url)
        .set_entries(Some(entries))
        .send()
        .await
    {
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
