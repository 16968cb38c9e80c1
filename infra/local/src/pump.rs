//! The event sources: the outbox's stream calls `relay`, a queue calls its consumer, with the events that Lambda sends.

use crate::clock::LocalClock;
use crate::drawer::{Drawer, request_of};
use crate::faults::Wire;
use crate::invocation::invoke;
use crate::queues::{Message, Queue};
use aws_lambda_events::event::dynamodb;
use aws_lambda_events::event::sqs::SqsEvent;
use dynoxide::Database;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How many messages one invocation gets.
const BATCH: usize = 10;
/// How long a batch that failed waits before the stream is read again.
const STREAM_PAUSE: Duration = Duration::from_secs(1);
const POSITION: (&str, &str) = ("stream", "outbox");

/// Everything that carries messages from one function to the next.
pub struct Pumps {
    database: Database,
    drawer: Drawer,
    queues: Arc<Vec<Queue>>,
    clock: LocalClock,
    wire: Wire,
    relay: tollgate_relay::State,
    mailer: tollgate_mailer::State,
    stream_arn: String,
    /// One invocation of each source at a time.
    stream: Mutex<()>,
    mail: Mutex<()>,
}

/// An event source that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("event source: {0}")]
pub struct PumpError(String);

fn failed(error: impl std::fmt::Display) -> PumpError {
    PumpError(error.to_string())
}

/// What one turn of a source came to.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    handled: usize,
    failed: usize,
}

impl Pumps {
    /// Puts the sources together; the outbox's table is there already.
    ///
    /// # Errors
    /// When the table has no stream.
    pub fn new(
        database: Database,
        drawer: Drawer,
        queues: Arc<Vec<Queue>>,
        clock: LocalClock,
        wire: Wire,
        (relay, mailer): (tollgate_relay::State, tollgate_mailer::State),
        outbox_table: &str,
    ) -> Result<Self, PumpError> {
        let table =
            database.describe_table(request_of(json!({"TableName": outbox_table})).map_err(failed)?).map_err(failed)?;
        let table = serde_json::to_value(table).map_err(failed)?;
        let arn = table.pointer("/Table/LatestStreamArn").and_then(Value::as_str);
        let stream_arn = arn.ok_or_else(|| failed("the outbox has no stream"))?.to_owned();
        Ok(Self {
            database,
            drawer,
            queues,
            clock,
            wire,
            relay,
            mailer,
            stream_arn,
            stream: Mutex::default(),
            mail: Mutex::default(),
        })
    }

    /// Runs the sources for as long as the stack runs.
    pub fn start(self: &Arc<Self>) -> [tokio::task::JoinHandle<()>; 2] {
        let (stream, mail) = (Arc::clone(self), Arc::clone(self));
        [tokio::spawn(async move { stream.run_stream().await }), tokio::spawn(async move { mail.run_mail().await })]
    }

    async fn run_stream(&self) {
        loop {
            match self.stream_turn().await {
                Ok(Turn { handled: 0, failed: 0 }) => self.wire.write().await,
                Ok(Turn { failed: 0, .. }) => {}
                Ok(_) => self.clock.clone().sleep_for(STREAM_PAUSE).await,
                Err(error) => {
                    tracing::error!(%error, "stream");
                    self.clock.clone().sleep_for(STREAM_PAUSE).await;
                }
            }
        }
    }

    async fn run_mail(&self) {
        let queue = self.mail_queue();
        loop {
            let turn = self.mail_turn(false).await;
            if let Err(error) = &turn {
                tracing::error!(%error, "queue");
            }
            if turn.is_ok_and(|turn| turn.handled + turn.failed > 0) {
                continue;
            }
            let back_in = queue.next_return().map(|at| at.duration_since(self.clock.now()));
            let wait = back_in
                .map_or(Duration::from_secs(3600), |left| left.max(SignedDuration::from_millis(10)).unsigned_abs());
            tokio::select! {
                () = queue.arrivals.notified() => {}
                () = self.clock.clone().sleep_for(wait) => {}
            }
        }
    }

    fn mail_queue(&self) -> &Queue {
        &self.queues[0]
    }

    /// Works until nothing is left to do: retries fall due at once, the clock stands still.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub async fn drain(&self) -> Result<usize, PumpError> {
        let mut handled = 0;
        loop {
            let stream = self.stream_turn().await?;
            let mail = self.mail_turn(true).await?;
            handled += stream.handled + mail.handled;
            let idle = stream.handled + stream.failed + mail.handled + mail.failed == 0;
            if idle && !self.queues.iter().any(Queue::has_work) {
                return Ok(handled);
            }
        }
    }

    /// Does `work` while no message moves on.
    pub async fn held<F: Future>(&self, work: F) -> F::Output {
        let (_stream, _mail) = (self.stream.lock().await, self.mail.lock().await);
        work.await
    }

    /// All that the stream has carried, as text.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn dump(&self) -> Result<String, PumpError> {
        Ok(self.records_after(None, 1000)?.iter().map(Value::to_string).collect())
    }

    /// Hands the next records of the stream to `relay`; those that it reports stay where they are.
    async fn stream_turn(&self) -> Result<Turn, PumpError> {
        let _alone = self.stream.lock().await;
        let position = self.drawer.get(POSITION.0, POSITION.1).map_err(failed)?;
        let records = self.records_after(position, BATCH)?;
        let inserts: Vec<&Value> = records.iter().filter(|record| record["eventName"] == "INSERT").collect();
        let sequence = |record: &Value| {
            record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let Some(last) = records.last() else { return Ok(Turn::default()) };
        let failed_at = if inserts.is_empty() { None } else { self.invoke_relay(&inserts).await };
        // The lowest sequence number that is reported counts; what stands before it is done.
        let Some(failed_at) = failed_at else {
            self.drawer.put(POSITION.0, POSITION.1, &sequence(last)).map_err(failed)?;
            return Ok(Turn { handled: inserts.len().max(1), failed: 0 });
        };
        let done = records.iter().take_while(|record| sequence(record) != failed_at).count();
        if let Some(before) = done.checked_sub(1).and_then(|index| records.get(index)) {
            self.drawer.put(POSITION.0, POSITION.1, &sequence(before)).map_err(failed)?;
        }
        Ok(Turn { handled: done, failed: records.len() - done })
    }

    /// Calls `relay`; the first sequence number that failed, if any.
    async fn invoke_relay(&self, inserts: &[&Value]) -> Option<String> {
        let first =
            inserts.first().and_then(|record| record.pointer("/dynamodb/SequenceNumber")?.as_str().map(str::to_owned));
        let event = match serde_json::from_value::<dynamodb::Event>(json!({"Records": inserts})) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "stream record");
                return first;
            }
        };
        let state = self.relay.clone();
        let done = invoke(async move { tollgate_relay::handle(event, &state).await }).await;
        let Some(Ok(response)) = done else {
            return first; // the whole batch
        };
        let response = serde_json::to_value(response).unwrap_or_default();
        let reported: Vec<&str> = response["batchItemFailures"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|failure| failure["itemIdentifier"].as_str().unwrap_or_default())
            .collect();
        let is_reported = |record: &&&Value| {
            reported.contains(&record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default())
        };
        inserts
            .iter()
            .find(is_reported)
            .and_then(|record| record.pointer("/dynamodb/SequenceNumber")?.as_str().map(str::to_owned))
    }

    /// The records after `position`, else from the stream's beginning.
    fn records_after(&self, position: Option<String>, most: usize) -> Result<Vec<Value>, PumpError> {
        let stream = request_of(json!({"StreamArn": self.stream_arn})).map_err(failed)?;
        let stream = serde_json::to_value(self.database.describe_stream(stream).map_err(failed)?).map_err(failed)?;
        let shard = stream.pointer("/StreamDescription/Shards/0/ShardId").and_then(Value::as_str);
        let mut request = json!({"StreamArn": self.stream_arn, "ShardId": shard.unwrap_or_default(), "ShardIteratorType": "TRIM_HORIZON"});
        if let Some(position) = position {
            request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
            request["SequenceNumber"] = json!(position);
        }
        let iterator = self.database.get_shard_iterator(request_of(request).map_err(failed)?).map_err(failed)?;
        let request = json!({"ShardIterator": iterator.shard_iterator.unwrap_or_default(), "Limit": most});
        let page = self.database.get_records(request_of(request).map_err(failed)?).map_err(failed)?;
        page.records.iter().map(|record| serde_json::to_value(record).map_err(failed)).collect()
    }

    /// Hands the next messages of the queue to the mailer; those that it reports come back after their visibility.
    async fn mail_turn(&self, at_once: bool) -> Result<Turn, PumpError> {
        let _alone = self.mail.lock().await;
        let queue = self.mail_queue();
        let messages = queue.receive(BATCH, at_once).map_err(failed)?;
        if messages.is_empty() {
            return Ok(Turn::default());
        }
        let records: Vec<Value> = messages.iter().map(|message| sqs_record(queue.name(), message)).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).map_err(failed)?;
        let state = self.mailer.clone();
        let done = invoke(async move { tollgate_mailer::handle(event, &state).await }).await;
        let Some(Ok(response)) = done else {
            return Ok(Turn { handled: 0, failed: messages.len() }); // the whole batch comes back
        };
        let is_failed =
            |message: &&Message| response.batch_item_failures.iter().any(|f| f.item_identifier == message.id);
        let (failures, handled): (Vec<_>, Vec<_>) = messages.iter().partition(is_failed);
        for message in &handled {
            queue.delete(&message.id).map_err(failed)?;
        }
        Ok(Turn { handled: handled.len(), failed: failures.len() })
    }
}

fn sqs_record(queue: &str, message: &Message) -> Value {
    let mut attributes = json!({
        "ApproximateReceiveCount": message.receives.to_string(),
        "SentTimestamp": message.sent_at.as_millisecond().to_string(),
        "SenderId": "local",
        "ApproximateFirstReceiveTimestamp": message.sent_at.as_millisecond().to_string(),
    });
    if let Some(group) = &message.group {
        attributes["MessageGroupId"] = json!(group);
    }
    json!({
        "messageId": message.id, "receiptHandle": message.id, "body": message.body, "attributes": attributes,
        "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "local",
        "eventSourceARN": format!("arn:aws:sqs:local:000000000000:{queue}"),
    })
}
