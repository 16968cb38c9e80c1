//! The event sources: the outbox's stream calls `relay`, a queue calls its consumer, with the events that Lambda sends.

use crate::clock::LocalClock;
use crate::documents::{Documents, request_of};
use crate::engine::{POSITION, RECORDS_KEPT};
use crate::faults::FaultInjector;
use crate::functions::Function;
use crate::invocation::invoke;
use crate::queues::{Message, Queue};
use crate::webhooks::Webhooks;
use dynoxide::Database;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// How many messages one invocation gets.
const BATCH: usize = 10;
/// How long a batch that failed waits before the stream is read again.
const STREAM_PAUSE: Duration = Duration::from_secs(1);
/// The number of retries after which a record of the stream is given up, as in the template.
pub const STREAM_RETRIES: u32 = 100;

/// The event sources: they pass messages from one function to the next.
pub struct EventSources {
    database: Database,
    documents: Documents,
    queues: Arc<Vec<Queue>>,
    clock: LocalClock,
    fault_injector: FaultInjector,
    relay: Function,
    consumers: Vec<Consumer>,
    webhooks: Option<Webhooks>,
    stream_arn: String,
    shard: String,
    /// Each source makes one invocation at a time.
    stream: Mutex<Stream>,
}

/// The position in the stream, and how often the next record has failed.
#[derive(Default)]
struct Stream {
    position: Option<String>,
    record: String,
    failed: u32,
}

/// A function that a queue calls.
struct Consumer {
    queue: usize,
    function: Function,
    turn: Mutex<()>,
}

/// The functions that the event sources call.
pub struct Sources {
    /// The function that the outbox's stream calls.
    pub relay: Function,
    /// The function of each queue, by the queue's name.
    pub consumers: Vec<(&'static str, Function)>,
    /// The fake Stripe that sends webhooks, if it is used.
    pub webhooks: Option<Webhooks>,
}

/// An event source that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("event source: {0}")]
pub struct EventSourceError(String);

fn failed(error: impl std::fmt::Display) -> EventSourceError {
    EventSourceError(error.to_string())
}

/// The result of one turn of an event source.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    handled: usize,
    failed: usize,
}

impl Turn {
    fn and(self, other: Self) -> Self {
        Self { handled: self.handled + other.handled, failed: self.failed + other.failed }
    }
}

impl EventSources {
    /// Creates the sources; the outbox's table must exist.
    ///
    /// # Errors
    /// When the table has no stream, or there is no such queue.
    pub fn new(
        database: Database,
        queues: Arc<Vec<Queue>>,
        clock: LocalClock,
        fault_injector: FaultInjector,
        sources: Sources,
        outbox_table: &str,
    ) -> Result<Self, EventSourceError> {
        let table =
            database.describe_table(request_of(json!({"TableName": outbox_table})).map_err(failed)?).map_err(failed)?;
        let table = serde_json::to_value(table).map_err(failed)?;
        let arn = table.pointer("/Table/LatestStreamArn").and_then(Value::as_str);
        let stream_arn = arn.ok_or_else(|| failed("the outbox has no stream"))?.to_owned();
        let stream = request_of(json!({"StreamArn": stream_arn})).map_err(failed)?;
        let stream = serde_json::to_value(database.describe_stream(stream).map_err(failed)?).map_err(failed)?;
        let shard = stream.pointer("/StreamDescription/Shards/0/ShardId").and_then(Value::as_str);
        let shard = shard.ok_or_else(|| failed("the outbox's stream has no shard"))?.to_owned();
        // Stored beside the records and nothing else: the engine removes the records that this position passes.
        let documents = Documents::open(database.clone()).map_err(failed)?;
        let position = documents.get(POSITION.0, POSITION.1).map_err(failed)?;
        let consumer = |(name, function): (&str, Function)| {
            let queue = queues.iter().position(|queue| queue.name() == name);
            let queue = queue.ok_or_else(|| failed(format!("no queue is called {name}")))?;
            Ok(Consumer { queue, function, turn: Mutex::default() })
        };
        let consumers = sources.consumers.into_iter().map(consumer).collect::<Result<_, EventSourceError>>()?;
        Ok(Self {
            database,
            documents,
            queues,
            clock,
            fault_injector,
            relay: sources.relay,
            consumers,
            webhooks: sources.webhooks,
            stream_arn,
            shard,
            stream: Mutex::new(Stream { position, ..Stream::default() }),
        })
    }

    /// Runs the sources for as long as the stack runs.
    pub fn start(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        let stream = Arc::clone(self);
        let mut running = vec![tokio::spawn(async move { stream.run_stream().await })];
        for index in 0..self.consumers.len() {
            let queue = Arc::clone(self);
            running.push(tokio::spawn(async move { queue.run_queue(&queue.consumers[index]).await }));
        }
        let stripe = Arc::clone(self);
        running.push(tokio::spawn(async move {
            if let Some(webhooks) = &stripe.webhooks {
                webhooks.run().await;
            }
        }));
        running
    }

    async fn run_stream(&self) {
        loop {
            match self.stream_turn().await {
                Ok(Turn { handled: 0, failed: 0 }) => self.fault_injector.write().await,
                Ok(Turn { failed: 0, .. }) => {}
                Ok(_) => self.clock.clone().sleep_for(STREAM_PAUSE).await,
                Err(error) => {
                    tracing::error!(%error, "stream");
                    self.clock.clone().sleep_for(STREAM_PAUSE).await;
                }
            }
        }
    }

    async fn run_queue(&self, consumer: &Consumer) {
        let queue = &self.queues[consumer.queue];
        loop {
            let turn = self.queue_turn(consumer, false).await;
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

    /// Runs until no work remains: retries are due at once, and the clock does not move.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub async fn drain(&self) -> Result<usize, EventSourceError> {
        let mut handled = 0;
        loop {
            let mut turn = self.stream_turn().await?;
            for consumer in &self.consumers {
                turn = turn.and(self.queue_turn(consumer, true).await?);
            }
            let mut are_webhooks_done = true;
            if let Some(webhooks) = &self.webhooks {
                let (sent, refused) = webhooks.turn(true).await;
                turn = turn.and(Turn { handled: sent, failed: refused });
                are_webhooks_done = webhooks.pending() == 0;
            }
            handled += turn.handled;
            let is_idle = turn.handled + turn.failed == 0;
            let is_quiet = is_idle && are_webhooks_done && !self.queues.iter().any(Queue::has_work);
            // Another task may have written to the outbox after the stream was read.
            if is_quiet && self.is_stream_read().await? {
                return Ok(handled);
            }
        }
    }

    /// Runs until nothing is due: delayed messages stay delayed, and a batch of the stream that failed is not repeated.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub async fn run_due(&self) -> Result<(), EventSourceError> {
        let mut has_stream_failed = false;
        loop {
            let mut turn = Turn::default();
            if !has_stream_failed {
                turn = self.stream_turn().await?;
                has_stream_failed = turn.failed > 0;
            }
            // Before the queues: it waits for an event that another task is sending.
            if let Some(webhooks) = &self.webhooks {
                let (sent, refused) = webhooks.turn(false).await;
                turn = turn.and(Turn { handled: sent, failed: refused });
            }
            for consumer in &self.consumers {
                turn = turn.and(self.queue_turn(consumer, false).await?);
            }
            if turn.handled + turn.failed == 0 && (has_stream_failed || self.is_stream_read().await?) {
                return Ok(());
            }
        }
    }

    async fn is_stream_read(&self) -> Result<bool, EventSourceError> {
        let stream = self.stream.lock().await;
        Ok(self.records_after(stream.position.as_deref(), 1)?.is_empty())
    }

    /// Does `work` while no message is processed.
    pub async fn held<F: Future>(&self, work: F) -> F::Output {
        let _stream = self.stream.lock().await;
        let mut queues = Vec::with_capacity(self.consumers.len());
        for consumer in &self.consumers {
            queues.push(consumer.turn.lock().await);
        }
        let _webhooks = match &self.webhooks {
            Some(webhooks) => Some(webhooks.hold().await),
            None => None,
        };
        work.await
    }

    /// The oldest records that the stream still holds, as text.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn dump(&self) -> Result<String, EventSourceError> {
        Ok(self.records_after(None, RECORDS_KEPT)?.iter().map(Value::to_string).collect())
    }

    /// Passes the next records of the stream to `relay`; those that it reports stay until they are given up.
    async fn stream_turn(&self) -> Result<Turn, EventSourceError> {
        let mut stream = self.stream.lock().await;
        let records = self.records_after(stream.position.as_deref(), BATCH)?;
        let inserts: Vec<&Value> = records.iter().filter(|record| record["eventName"] == "INSERT").collect();
        let sequence = |record: &Value| {
            record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let Some(last) = records.last() else { return Ok(Turn::default()) };
        let failed_at = if inserts.is_empty() { None } else { self.invoke_relay(&inserts).await };
        // The lowest reported sequence number counts; the records before it are done.
        let Some(failed_at) = failed_at else {
            self.take(&mut stream, sequence(last))?;
            return Ok(Turn { handled: inserts.len().max(1), failed: 0 });
        };
        let mut done = records.iter().take_while(|record| sequence(record) != failed_at).count();
        if stream.record != failed_at {
            (stream.record, stream.failed) = (failed_at, 0);
        }
        stream.failed += 1;
        if stream.failed > STREAM_RETRIES {
            tracing::error!(sequence_number = stream.record, "relay gave a record up");
            done += 1;
        }
        if let Some(before) = done.checked_sub(1).and_then(|index| records.get(index)) {
            self.take(&mut stream, sequence(before))?;
        }
        Ok(Turn { handled: done, failed: records.len() - done })
    }

    /// Calls `relay`; the first sequence number that failed, if any.
    async fn invoke_relay(&self, inserts: &[&Value]) -> Option<String> {
        let sequence = |record: &&Value| record.pointer("/dynamodb/SequenceNumber")?.as_str().map(str::to_owned);
        let Some(reported) = reported(&self.relay, json!({"Records": inserts})).await else {
            return inserts.first().and_then(sequence); // the whole batch
        };
        inserts.iter().filter_map(sequence).find(|number| reported.contains(number))
    }

    /// Stores the position: the stream is handled up to this record.
    fn take(&self, stream: &mut Stream, position: String) -> Result<(), EventSourceError> {
        self.documents.put(POSITION.0, POSITION.1, &position).map_err(failed)?;
        stream.position = Some(position);
        Ok(())
    }

    /// The records after `position`, else from the stream's beginning.
    fn records_after(&self, position: Option<&str>, most: usize) -> Result<Vec<Value>, EventSourceError> {
        let mut request =
            json!({"StreamArn": self.stream_arn, "ShardId": self.shard, "ShardIteratorType": "TRIM_HORIZON"});
        if let Some(position) = position {
            request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
            request["SequenceNumber"] = json!(position);
        }
        let iterator = self.database.get_shard_iterator(request_of(request).map_err(failed)?).map_err(failed)?;
        let request = json!({"ShardIterator": iterator.shard_iterator.unwrap_or_default(), "Limit": most});
        let page = self.database.get_records(request_of(request).map_err(failed)?).map_err(failed)?;
        page.records.iter().map(|record| serde_json::to_value(record).map_err(failed)).collect()
    }

    /// Passes the next messages of a queue to its function; those that it reports come back after their visibility
    /// timeout.
    async fn queue_turn(&self, consumer: &Consumer, at_once: bool) -> Result<Turn, EventSourceError> {
        let _alone = consumer.turn.lock().await;
        let queue = &self.queues[consumer.queue];
        let messages = queue.receive(BATCH, at_once).map_err(failed)?;
        if messages.is_empty() {
            return Ok(Turn::default());
        }
        let records: Vec<Value> = messages.iter().map(|message| sqs_record(queue.name(), message)).collect();
        let Some(reported) = reported(&consumer.function, json!({"Records": records})).await else {
            return Ok(Turn { handled: 0, failed: messages.len() }); // the whole batch comes back
        };
        let is_failed = |message: &&Message| reported.contains(&message.id);
        let (failures, handled): (Vec<_>, Vec<_>) = messages.iter().partition(is_failed);
        for message in &handled {
            queue.delete(&message.id).map_err(failed)?;
        }
        Ok(Turn { handled: handled.len(), failed: failures.len() })
    }
}

/// Calls `function` with a batch and returns what it reports as failed. `None` where it gave no answer: all of it
/// failed.
async fn reported(function: &Function, event: Value) -> Option<Vec<String>> {
    let answer = match invoke(function(event)).await? {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(error, "event source");
            return None;
        }
    };
    let failures = answer["batchItemFailures"].as_array().cloned().unwrap_or_default();
    let identifier = |failure: &Value| failure["itemIdentifier"].as_str().map(str::to_owned);
    Some(failures.iter().filter_map(identifier).collect())
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
        "messageId": message.id, "receiptHandle": message.receipt_handle(), "body": message.body, "attributes": attributes,
        "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "local",
        "eventSourceARN": format!("arn:aws:sqs:local:000000000000:{queue}"),
    })
}
