//! The batch runner of the functions that SQS calls: each message is handled separately and the failed ones are
//! reported, so that a poison message affects no other (R6). The delay of a failed message grows with its receives, so
//! that an outage of hours makes no dead letter (D7).

use crate::Clock;
use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use aws_smithy_types::error::display::DisplayErrorContext;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Display;
use std::sync::Arc;

/// The number of receives after which a message becomes a dead letter, as in the template. With [`retry_delay_seconds`]
/// the last receive is four and a half hours after the first.
pub const MAX_RECEIVES: u32 = 22;
/// The delay of a poison message after each receive: it blocks its group.
const POISON_DELAY_SECONDS: i32 = 60;
/// The longest delay: this long after an outage at most, every message is retried.
const MAX_DELAY_SECONDS: i32 = 15 * 60;
/// After this time no further message of a batch is started. The rest of the function's time is for the current one.
const HANDLING: SignedDuration = SignedDuration::from_secs(30);

/// The delay of a failed message after this number of receives.
#[must_use]
pub fn retry_delay_seconds(receives: u32) -> i32 {
    let doublings = receives.saturating_sub(1).min(8);
    (60 << doublings).min(MAX_DELAY_SECONDS)
}

/// An error of a message.
pub trait MessageError: Display {
    /// Whether no retry can succeed.
    fn is_poison(&self) -> bool;
}

/// The queue that calls the function.
#[derive(Clone)]
pub struct SourceQueue {
    client: aws_sdk_sqs::Client,
    url: Arc<str>,
    clock: Clock,
}

impl SourceQueue {
    /// The queue at this address. It makes no call.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url: &str, clock: Clock) -> Self {
        Self { client: aws_sdk_sqs::Client::new(sdk), url: url.into(), clock }
    }

    /// The time for a batch from now on.
    #[must_use]
    pub fn time_left(&self) -> TimeLeft {
        TimeLeft { clock: self.clock.clone(), begun: self.clock.now() }
    }

    /// Delays messages. If that fails they come back after the queue's own visibility timeout.
    async fn delay(&self, messages: &[Failed]) {
        if messages.is_empty() {
            return;
        }
        let mut request = self.client.change_message_visibility_batch().queue_url(&*self.url);
        for (index, message) in messages.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&message.receipt_handle)
                .visibility_timeout(message.delay_seconds)
                .build();
            match entry {
                Ok(entry) => request = request.entries(entry),
                Err(error) => tracing::warn!(%error, "a message that failed keeps the queue's own visibility"),
            }
        }
        match request.send().await {
            Ok(answer) => {
                for refused in answer.failed {
                    tracing::warn!(code = refused.code, "a message that failed keeps the queue's own visibility");
                }
            }
            Err(error) => {
                let error = DisplayErrorContext(error);
                tracing::warn!(%error, "messages that failed keep the queue's own visibility");
            }
        }
    }
}

/// The time that a function has for a batch.
pub struct TimeLeft {
    clock: Clock,
    begun: Timestamp,
}

impl TimeLeft {
    /// Whether another message may be started: a batch that the runtime ends comes back as a whole, without delays.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.clock.now().duration_since(self.begun) >= HANDLING
    }
}

/// A message that will be received again.
struct Failed {
    id: String,
    receipt_handle: String,
    delay_seconds: i32,
}

fn receives(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn delay_seconds(receives: u32, is_poison: bool) -> i32 {
    if is_poison { POISON_DELAY_SECONDS } else { retry_delay_seconds(receives) }
}

async fn report(failed: Vec<Failed>, queue: &SourceQueue) -> SqsBatchResponse {
    queue.delay(&failed).await;
    let mut response = SqsBatchResponse::default();
    for message in failed {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = message.id;
        response.batch_item_failures.push(failure);
    }
    response
}

fn log(id: &str, error: &impl Display, delay_seconds: i32) {
    tracing::error!(sqs_message_id = %id, %error, delay_seconds, "message failed, it will be received again");
}

/// Runs `handle` on each message of `event`, one after another. Failed messages are reported, to be received again, and
/// so are those for which no time was left.
pub async fn batch<F, Fut, E>(event: SqsEvent, queue: &SourceQueue, handle: F) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: MessageError,
{
    let time_left = queue.time_left();
    let mut failed = Vec::new();
    for message in event.records {
        let (id, receives) = (message.message_id.clone().unwrap_or_default(), receives(&message));
        let receipt_handle = message.receipt_handle.clone().unwrap_or_default();
        let delay_seconds = if time_left.is_over() {
            let delay_seconds = retry_delay_seconds(receives);
            log(&id, &NO_TIME_LEFT, delay_seconds);
            delay_seconds
        } else {
            let Err(error) = handle(message).await else { continue };
            let delay_seconds = delay_seconds(receives, error.is_poison());
            log(&id, &error, delay_seconds);
            delay_seconds
        };
        failed.push(Failed { id, receipt_handle, delay_seconds });
    }
    report(failed, queue).await
}

const NO_TIME_LEFT: &str = "no time was left for it in this batch";

/// A batch of a FIFO queue. The messages after a failed one of the same group are reported as well, so that they come
/// back in order; unless the failed one was received for the last time, and becomes a dead letter.
pub struct FifoBatch {
    messages: Vec<FifoMessage>,
}

struct FifoMessage {
    id: String,
    receipt_handle: String,
    group: String,
    receives: u32,
    /// How long it is delayed, if it has failed.
    failed: Option<i32>,
}

impl FifoBatch {
    /// For the messages of `event`, none of which has failed. They are identified by their position.
    #[must_use]
    pub fn of(event: &SqsEvent) -> Self {
        let of = |message: &SqsMessage| FifoMessage {
            id: message.message_id.clone().unwrap_or_default(),
            receipt_handle: message.receipt_handle.clone().unwrap_or_default(),
            group: message.attributes.get("MessageGroupId").cloned().unwrap_or_default(),
            receives: receives(message),
            failed: None,
        };
        Self { messages: event.records.iter().map(of).collect() }
    }

    /// Whether two messages belong to one group.
    #[must_use]
    pub fn is_one_group(&self, one: usize, other: usize) -> bool {
        self.messages[one].group == self.messages[other].group
    }

    /// Whether this message, or an earlier one of its group that comes back, has failed.
    #[must_use]
    pub fn is_stopped(&self, index: usize) -> bool {
        self.wait(index).is_some()
    }

    /// How long this message is delayed if it is not handled: as long as the one that stops its group.
    fn wait(&self, index: usize) -> Option<i32> {
        let stops = |earlier: &usize| {
            let message = &self.messages[*earlier];
            let comes_back = *earlier == index || message.receives < MAX_RECEIVES;
            message.failed.is_some() && comes_back && self.is_one_group(*earlier, index)
        };
        (0..=index).find(stops).and_then(|earlier| self.messages[earlier].failed)
    }

    /// Reports a message as failed.
    pub fn fail(&mut self, index: usize, error: &impl MessageError) {
        let message = &mut self.messages[index];
        let delay_seconds = delay_seconds(message.receives, error.is_poison());
        log(&message.id, error, delay_seconds);
        message.failed = Some(delay_seconds);
    }

    /// Reports a message for which no time was left.
    pub fn put_off(&mut self, index: usize) {
        let message = &mut self.messages[index];
        let delay_seconds = retry_delay_seconds(message.receives);
        log(&message.id, &NO_TIME_LEFT, delay_seconds);
        message.failed = Some(delay_seconds);
    }

    /// Delays the messages that will be received again, and returns their ids.
    pub async fn report(self, queue: &SourceQueue) -> SqsBatchResponse {
        report(self.failed(), queue).await
    }

    fn failed(&self) -> Vec<Failed> {
        let failed = |(index, message): (usize, &FifoMessage)| {
            let (id, receipt_handle) = (message.id.clone(), message.receipt_handle.clone());
            Some(Failed { id, receipt_handle, delay_seconds: self.wait(index)? })
        };
        self.messages.iter().enumerate().filter_map(failed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::BehaviorVersion;
    use serde_json::{Value, json};
    use std::sync::atomic::{AtomicI64, Ordering};

    struct Bad {
        is_poison: bool,
    }

    impl Display for Bad {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("not good")
        }
    }

    impl MessageError for Bad {
        fn is_poison(&self) -> bool {
            self.is_poison
        }
    }

    const BAD: Bad = Bad { is_poison: false };

    fn event(records: &[Value]) -> SqsEvent {
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    fn record(id: &str, group: &str, receives: u32) -> Value {
        let attributes = json!({"MessageGroupId": group, "ApproximateReceiveCount": receives.to_string()});
        json!({"messageId": id, "receiptHandle": id, "attributes": attributes})
    }

    /// The messages that come back, with their delays.
    fn failed(batch: &FifoBatch) -> Vec<(String, i32)> {
        batch.failed().into_iter().map(|failed| (failed.id, failed.delay_seconds)).collect()
    }

    fn of<const N: usize>(wanted: [(&str, i32); N]) -> Vec<(String, i32)> {
        wanted.map(|(id, delay)| (id.to_owned(), delay)).into()
    }

    /// A queue without an endpoint.
    fn queue(clock: Clock) -> SourceQueue {
        let sdk = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        SourceQueue::new(&sdk, "http://127.0.0.1:1/queue", clock)
    }

    // D7
    #[test]
    fn the_last_receive_is_more_than_four_hours_after_the_first() {
        let delays: Vec<_> = (1..MAX_RECEIVES).map(retry_delay_seconds).collect();
        assert_eq!(delays[..6], [60, 120, 240, 480, 900, 900]);
        let all: i32 = delays.iter().sum();
        assert!((4 * 3600 + 1800..5 * 3600).contains(&all), "{all}");
        // With the duration of a first batch, and the limits of SQS.
        assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]) && retry_delay_seconds(u32::MAX) == 900);
        // A poison message becomes a dead letter sooner: its group waits.
        assert!(POISON_DELAY_SECONDS * i32::try_from(MAX_RECEIVES).unwrap() < 30 * 60);
    }

    // R6, D7
    #[test]
    fn the_messages_after_a_failed_one_of_its_group_come_back_with_it() {
        let records = [("1", "a"), ("2", "a"), ("3", "b"), ("4", "a"), ("5", "b")];
        let mut batch = FifoBatch::of(&event(&records.map(|(id, group)| record(id, group, 3))));
        assert!(batch.is_one_group(0, 3) && !batch.is_one_group(0, 2));
        batch.fail(1, &BAD);
        assert_eq!([0, 1, 2, 3, 4].map(|index| batch.is_stopped(index)), [false, true, false, true, false]);
        assert_eq!(failed(&batch), of([("2", 240), ("4", 240)]));
        batch.put_off(2);
        assert_eq!(failed(&batch), of([("2", 240), ("3", 240), ("4", 240), ("5", 240)]));
    }

    // R6, D7
    #[test]
    fn a_poison_message_stops_its_group_until_its_last_receive() {
        let poison = Bad { is_poison: true };
        for (receives, comes_back) in [(MAX_RECEIVES - 1, of([("1", 60), ("2", 60)])), (MAX_RECEIVES, of([("1", 60)]))]
        {
            // The one after it may have been received less often.
            let records = [record("1", "a", receives), record("2", "a", 1), record("3", "b", receives)];
            let mut batch = FifoBatch::of(&event(&records));
            batch.fail(0, &poison);
            assert_eq!(batch.is_stopped(1), receives < MAX_RECEIVES);
            assert_eq!(failed(&batch), comes_back);
        }
        let records = [record("1", "a", MAX_RECEIVES), record("2", "a", MAX_RECEIVES)];
        let mut batch = FifoBatch::of(&event(&records));
        batch.fail(0, &poison);
        batch.fail(1, &BAD);
        assert_eq!(failed(&batch), of([("1", 60), ("2", 900)]), "each fails by itself");
    }

    // R6
    #[tokio::test]
    async fn only_failed_messages_are_reported_even_if_sqs_does_not_answer() {
        let records = ["good", "bad", "good"].map(|body| json!({"messageId": body, "body": body}));
        let handle = async |message: SqsMessage| match message.body.as_deref() {
            Some("good") => Ok(()),
            _ => Err(BAD),
        };
        let response = batch(event(&records), &queue(Clock::system()), handle).await;
        let failed: Vec<_> =
            response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
        assert_eq!(failed, ["bad"]);
    }

    // D7
    #[tokio::test]
    async fn messages_without_enough_time_are_not_started_and_return() {
        let seconds = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || Timestamp::from_second(read.load(Ordering::Relaxed)).unwrap());
        let records = ["1", "2", "3", "4", "5"].map(|id| json!({"messageId": id}));
        // Each takes as long as the deadline of a hanging call; a function has a minute.
        let hanging = async |_: SqsMessage| {
            seconds.fetch_add(14, Ordering::Relaxed);
            Err(BAD)
        };
        let response = batch(event(&records), &queue(clock), hanging).await;
        assert_eq!((response.batch_item_failures.len(), seconds.load(Ordering::Relaxed)), (5, 3 * 14));
    }
}
